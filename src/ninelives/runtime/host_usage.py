"""What host processes with all their descendants use, from /proc.

Memory is what is resident and not a file's, as the supervisor counts it for a task's limit.
"""

import asyncio
import os
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, TypeVar

from ninelives.region.ports import ContainerUsage

K = TypeVar("K", bound=Hashable)

PROC: Final = Path("/proc")
TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")

# Places in /proc/PID/stat after the command's name. Source: proc(5).
PARENT, FIRST_TIME, LAST_TIME = 1, 11, 14
"""The times are: own user, own system, and both of children that were waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessTable:
    """Which processes there were at one moment, and what each had used of the CPU. Many may ask one table."""

    ticks: Mapping[int, int]
    children: Mapping[int, Sequence[int]]

    def tree(self, roots: Collection[int]) -> list[int]:
        """Those of ``roots`` that there are, and all that descend from them."""
        return [pid for root in roots if root in self.ticks for pid in self._descendants(root)]

    def _descendants(self, root: int) -> Iterator[int]:
        yield root
        for child in self.children.get(root, ()):
            yield from self._descendants(child)


def read_processes(proc: Path = PROC) -> ProcessTable:
    """All processes there are now. It blocks for milliseconds, the longer the more there are."""
    ticks: dict[int, int] = {}
    children: dict[int, list[int]] = defaultdict(list)
    for entry in os.scandir(proc):
        if not entry.name.isdigit():
            continue
        try:
            stat = Path(entry.path, "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # it has gone
        fields = stat.rpartition(")")[2].split()
        pid = int(entry.name)
        ticks[pid] = sum(map(int, fields[FIRST_TIME : LAST_TIME + 1]))
        children[int(fields[PARENT])].append(pid)
    return ProcessTable(ticks=ticks, children=children)


class SharedTable:
    """One look at the processes serves all who ask meanwhile, whatever their number. ``look`` takes it."""

    def __init__(self, look: Callable[[], Awaitable[ProcessTable]]) -> None:
        self._look = look
        self._looking: asyncio.Future[ProcessTable] | None = None
        self._began = 0.0

    async def table(self, *, oldest: timedelta) -> ProcessTable:
        """The processes as they were that long ago at most."""
        now = asyncio.get_running_loop().time()
        if self._looking is None or now - self._began >= oldest.total_seconds():
            self._began = now
            self._looking = asyncio.ensure_future(self._look())
        return await asyncio.shield(self._looking)


def usage_of_trees(roots: Mapping[K, Collection[int]], table: ProcessTable, proc: Path = PROC) -> dict[K, ContainerUsage]:
    """What all that descends from the supervisors ``roots`` has used, by the same keys. It blocks for a moment.

    What a process has used that has ended is its parent's once it was waited for; so a supervisor's tree loses none. The
    supervisors' own memory is not the container's.
    """
    found = {}
    for key, pids in roots.items():
        tree = table.tree(pids)
        if tree:
            transferred = [_transferred_bytes(proc, pid) for pid in tree]
            found[key] = ContainerUsage(
                cpu=timedelta(seconds=sum(table.ticks[pid] for pid in tree) / TICKS_PER_SECOND),
                memory_bytes=sum(_resident_bytes(proc, pid) for pid in tree if pid not in pids),
                read_bytes=sum(read for read, _ in transferred),
                written_bytes=sum(written for _, written in transferred),
            )
    return found


def memory_of_trees(roots: Mapping[K, Collection[int]], table: ProcessTable, proc: Path = PROC) -> dict[K, int]:
    """The bytes that they use now."""
    trees = {key: table.tree(pids) for key, pids in roots.items()}
    return {key: sum(_resident_bytes(proc, pid) for pid in tree) for key, tree in trees.items() if tree}


def _resident_bytes(proc: Path, pid: int) -> int:
    try:
        fields = (proc / str(pid) / "statm").read_text(encoding="ascii").split()
    except OSError:
        return 0
    return (int(fields[1]) - int(fields[2])) * PAGE_BYTES


def _transferred_bytes(proc: Path, pid: int) -> tuple[int, int]:
    """Read from and written to block devices; nothing is known of another user's process."""
    try:
        lines = (proc / str(pid) / "io").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0, 0
    told = dict(line.split(": ", 1) for line in lines)
    return int(told["read_bytes"]), max(0, int(told["write_bytes"]) - int(told["cancelled_write_bytes"]))
