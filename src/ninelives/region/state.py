"""The records in memory, and the one way to change them: a transaction that is committed before anyone sees it.

Readers get the mappings themselves; records are immutable, and everything runs on one event loop.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

from ninelives.model.ecs import (
    AccountSetting,
    Cluster,
    Deployment,
    Service,
    ServiceDeployment,
    ServiceEvent,
    ServiceRevision,
    Task,
    TaskDefinition,
)
from ninelives.model.elbv2 import Listener, LoadBalancer, Rule, Target, TargetGroup
from ninelives.model.events import BusEvent
from ninelives.region.ecs_definition_defaults import as_read_now
from ninelives.region.ports import RECORD_TYPES, Record, Store

R = TypeVar("R")

ROUTED: tuple[type[Any], ...] = (LoadBalancer, Listener, Rule, TargetGroup, Target)
"""Kinds that what the data plane serves is made of."""

OwnedByService = Deployment | ServiceDeployment | ServiceEvent | ServiceRevision | Task
OWNED_BY_SERVICES: tuple[type[Any], ...] = OwnedByService.__args__
"""Kinds that are found by their service too: each look at one service would else go through the records of all."""


class Transition(NamedTuple):
    """What a transaction does to one record; None where there is none before or after."""

    before: Record | None
    after: Record | None


class State:
    """Every record of the region by kind and key, written through to the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tables: dict[type[Any], dict[str, Any]] = {kind: {} for kind in RECORD_TYPES}
        self._by_service: dict[tuple[type[Any], str], dict[str, Any]] = {}
        self._open: Changes | None = None
        self._watchers: list[Watcher] = []
        self.routing_version = 0
        """Grows whenever a record of the kinds that are routed has changed."""
        for record in store.load():
            self._keep(as_read_now(record) if isinstance(record, TaskDefinition) else record)

    @property
    def clusters(self) -> Mapping[str, Cluster]:
        return self._tables[Cluster]

    @property
    def task_definitions(self) -> Mapping[str, TaskDefinition]:
        return self._tables[TaskDefinition]

    @property
    def services(self) -> Mapping[str, Service]:
        return self._tables[Service]

    @property
    def revisions(self) -> Mapping[str, ServiceRevision]:
        return self._tables[ServiceRevision]

    @property
    def deployments(self) -> Mapping[str, Deployment]:
        return self._tables[Deployment]

    @property
    def service_deployments(self) -> Mapping[str, ServiceDeployment]:
        return self._tables[ServiceDeployment]

    @property
    def tasks(self) -> Mapping[str, Task]:
        return self._tables[Task]

    @property
    def events(self) -> Mapping[str, ServiceEvent]:
        return self._tables[ServiceEvent]

    @property
    def load_balancers(self) -> Mapping[str, LoadBalancer]:
        return self._tables[LoadBalancer]

    @property
    def target_groups(self) -> Mapping[str, TargetGroup]:
        return self._tables[TargetGroup]

    @property
    def listeners(self) -> Mapping[str, Listener]:
        return self._tables[Listener]

    @property
    def rules(self) -> Mapping[str, Rule]:
        return self._tables[Rule]

    @property
    def targets(self) -> Mapping[str, Target]:
        return self._tables[Target]

    @property
    def account_settings(self) -> Mapping[str, AccountSetting]:
        return self._tables[AccountSetting]

    @property
    def bus_events(self) -> Mapping[str, BusEvent]:
        """Events that no target has got yet, the oldest first."""
        return self._tables[BusEvent]

    def of_service(self, kind: type[R], service_arn: str) -> list[R]:
        """Records of ``kind`` that belong to a service, in order of creation."""
        assert kind in OWNED_BY_SERVICES, kind
        return list(self._by_service.get((kind, service_arn), {}).values())

    def watch(self, watcher: "Watcher") -> None:
        """Show ``watcher`` every transaction before it is committed; what it puts is committed with it, or not at all."""
        self._watchers.append(watcher)

    @contextmanager
    def transaction(self) -> Iterator["Changes"]:
        """Collect puts and deletes; commit them together at the end, or none of them on an exception.

        Readers see the changes only after the commit. Transactions do not nest.
        """
        assert self._open is None, "a transaction inside a transaction"
        self._open = changes = Changes()
        try:
            yield changes
            self._show(changes)
        finally:
            self._open = None
        self._commit(changes)

    def _show(self, changes: "Changes") -> None:
        if not self._watchers:
            return
        transitions = [Transition(self._tables[kind].get(key), after) for (kind, key), after in changes.puts.items()]
        transitions += [Transition(self._tables[kind].get(key), None) for kind, key in changes.deletes]
        for watcher in self._watchers:
            watcher(transitions, changes)

    def _commit(self, changes: "Changes") -> None:
        if not changes.puts and not changes.deletes:
            return
        self._store.commit(list(changes.puts.values()), list(changes.deletes))
        for record in changes.puts.values():
            self._keep(record)
        for kind, key in changes.deletes:
            self._drop(kind, key)
        if any(kind in ROUTED for kind, _ in (*changes.puts, *changes.deletes)):
            self.routing_version += 1

    def _keep(self, record: Record) -> None:
        kind = type(record)
        self._tables[kind][record.key] = record
        if isinstance(record, OWNED_BY_SERVICES) and record.service_arn:
            self._by_service.setdefault((kind, record.service_arn), {})[record.key] = record

    def _drop(self, kind: type[Any], key: str) -> None:
        record = self._tables[kind].pop(key, None)
        if kind not in OWNED_BY_SERVICES or record is None or record.service_arn is None:
            return
        siblings = self._by_service[kind, record.service_arn]
        del siblings[key]
        if not siblings:
            del self._by_service[kind, record.service_arn]


class Changes:
    """What one transaction will do; the last word on a key wins."""

    def __init__(self) -> None:
        self.puts: dict[tuple[type[Any], str], Record] = {}
        self.deletes: dict[tuple[type[Any], str], None] = {}

    def put(self, *records: Record) -> None:
        for record in records:
            name = (type(record), record.key)
            self.deletes.pop(name, None)
            self.puts[name] = record

    def delete(self, *records: Record) -> None:
        for record in records:
            name = (type(record), record.key)
            self.puts.pop(name, None)
            self.deletes[name] = None


Watcher = Callable[[Sequence[Transition], Changes], None]
"""Sees what a transaction does, in the order in which it was put together, and may put more into it."""
