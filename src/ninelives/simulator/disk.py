"""The disk: records that outlive control planes, and the ``Store`` by which one of them reads and writes it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ninelives.region.ports import RECORD_TYPES, Record
from ninelives.simulator.event_loop import Process
from ninelives.simulator.faults import Fates
from ninelives.simulator.options import Fault

Name = tuple[type[Any], str]
"""Kind and key of a record."""


class Disk:
    """What was committed, by kind, in the order in which it was first written.

    ``written`` hears of each transaction: what the touched records were before (None: not there), and what they are now.
    """

    def __init__(self) -> None:
        self.tables: dict[type[Any], dict[str, Any]] = {kind: {} for kind in RECORD_TYPES}
        self.written: Callable[[Mapping[Name, Record | None], Mapping[Name, Record | None]], None] = lambda _b, _a: None

    def write(self, puts: Sequence[Record], deletes: Sequence[Name]) -> None:
        after: dict[Name, Record | None] = {(type(record), record.key): record for record in puts}
        after |= dict.fromkeys(deletes)
        before = {(kind, key): self.tables[kind].get(key) for kind, key in after}
        for (kind, key), record in after.items():
            if record is None:
                self.tables[kind].pop(key, None)
            else:
                self.tables[kind][key] = record
        self.written(before, after)


class SimulatedStore:
    """Commits whole or not at all; its process may die before and after."""

    def __init__(self, disk: Disk, process: Process, fates: Fates) -> None:
        self._disk = disk
        self._process = process
        self._fates = fates

    def load(self) -> Iterable[Record]:
        return [record for table in self._disk.tables.values() for record in table.values()]

    def commit(self, puts: Sequence[Record], deletes: Sequence[Name]) -> None:
        self._fates.action(self._process, "before a commit")
        self._fates.refuse(Fault.DISK_IS_FULL, 0.05, "database or disk is full")
        self._disk.write(puts, deletes)
        self._fates.action(self._process, "after a commit")

    def close(self) -> None:
        """Nothing is open."""
