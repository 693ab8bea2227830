"""All stacks in memory; each change is in the store before anyone sees it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from ninelives.stacks.records import ChangeSet, Detection, Event, Record, Resource, Stack

KEPT_AFTER_DELETION: Final = timedelta(days=90)
"""Source: ``cloudformation`` ``ListStacks``."""


class Store(Protocol):
    """Durable records and events. ``commit`` is one transaction."""

    def load(self) -> Iterable[Record]: ...

    def commit(self, puts: Sequence[Record], deletes: Sequence[Record], events: Sequence[Event]) -> None: ...

    def events(self, stack_id: str) -> Iterator[Event]:
        """A stack's events, the newest first."""

    def forget_events(self, stack_id: str) -> None: ...

    def close(self) -> None: ...


class State:
    """``stacks``, ``change_sets`` are by their ids, ``resources`` by their keys."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.stacks: dict[str, Stack] = {}
        self.resources: dict[str, dict[str, Resource]] = defaultdict(dict)
        """By the stack's id, then by key."""
        self.change_sets: dict[str, ChangeSet] = {}
        self.detections: dict[str, Detection] = {}
        """The newest looks for drift, by id."""
        for record in store.load():
            self._keep(record)

    def commit(self, *puts: Record, deletes: Sequence[Record] = (), events: Sequence[Event] = ()) -> None:
        self._store.commit(puts, deletes, events)
        for record in deletes:
            self._drop(record)
        for record in puts:
            self._keep(record)

    def _keep(self, record: Record) -> None:
        match record:
            case Stack():
                self.stacks[record.key] = record
            case Resource():
                self.resources[record.stack_id][record.key] = record
            case ChangeSet():
                self.change_sets[record.key] = record

    def _drop(self, record: Record) -> None:
        match record:
            case Stack():
                self.stacks.pop(record.key, None)
            case Resource():
                self.resources[record.stack_id].pop(record.key, None)
            case ChangeSet():
                self.change_sets.pop(record.key, None)

    def find(self, name_or_id: str) -> Stack | None:
        """A stack by its id, or by the name of one that is not deleted."""
        if name_or_id in self.stacks:
            return self.stacks[name_or_id]
        return next((one for one in self.stacks.values() if one.name == name_or_id and not one.is_deleted), None)

    def resources_of(self, stack_id: str) -> list[Resource]:
        """All that a stack has, what is gone included."""
        return list(self.resources[stack_id].values())

    def live_resources(self, stack_id: str) -> list[Resource]:
        return [one for one in self.resources_of(stack_id) if not one.status.is_gone]

    def parent_of(self, stack_id: str) -> Stack | None:
        """The stack of which a stack is a resource."""
        for owner, resources in self.resources.items():
            if owner in self.stacks and any(one.physical_id == stack_id for one in resources.values()):
                return self.stacks[owner]
        return None

    def root_of(self, stack_id: str) -> Stack | None:
        """The stack at the top of those that a stack is nested in; None for one that is nested in none."""
        above = parent = self.parent_of(stack_id)
        while parent is not None:
            above, parent = parent, self.parent_of(parent.stack_id)
        return above

    def change_sets_of(self, stack_id: str) -> list[ChangeSet]:
        return [one for one in self.change_sets.values() if one.stack_id == stack_id]

    def events(self, stack_id: str) -> Iterator[Event]:
        return self._store.events(stack_id)

    def exports(self, *, but: str = "") -> Mapping[str, tuple[str, str]]:
        """Value and stack of all exports, by name, without those of the stack ``but``."""
        return {
            output.export_name: (output.value, stack.stack_id)
            for stack in self.stacks.values()
            if not stack.is_deleted and stack.stack_id != but
            for output in stack.outputs
            if output.export_name is not None
        }

    def importers(self, *, but: str = "") -> Mapping[str, list[str]]:
        """The names of the stacks that use each export, by the export's name."""
        found: dict[str, list[str]] = defaultdict(list)
        for stack in self.stacks.values():
            if not stack.is_deleted and stack.stack_id != but:
                for name in stack.imports:
                    found[name].append(stack.name)
        return found

    def forget_old(self, now: datetime) -> None:
        """Drop what was deleted long ago."""
        for stack in list(self.stacks.values()):
            if stack.deleted_at is not None and now - stack.deleted_at > KEPT_AFTER_DELETION:
                gone: list[Record] = [stack, *self.resources_of(stack.stack_id), *self.change_sets_of(stack.stack_id)]
                self.commit(deletes=gone)
                self._store.forget_events(stack.stack_id)

    def close(self) -> None:
        self._store.close()
