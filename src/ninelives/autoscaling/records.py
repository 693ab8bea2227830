"""Targets, policies, scheduled actions and activities, written through to SQLite; bodies are JSON in the records' shape."""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from ninelives.model.scaling import ScalableTarget, ScalingActivity, ScalingPolicy, ScheduledAction

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Record = ScalableTarget | ScalingPolicy | ScheduledAction | ScalingActivity

ACTIVITIES_KEPT: Final = timedelta(weeks=6)
"""Source: ``DescribeScalingActivities``."""
ACTIVITIES_MAX: Final = 500
"""Of one target; the oldest go first."""

KINDS: Final[Mapping[str, type[Any]]] = {
    kind.__name__: kind for kind in (ScalableTarget, ScalingPolicy, ScheduledAction, ScalingActivity)
}


@cache
def _adapter(kind: str) -> "TypeAdapter[Any]":
    from pydantic import TypeAdapter  # a third of the region's start, and a region without scaling never needs it

    return TypeAdapter(KINDS[kind])


class ScalingRecords:
    """All of it in memory, by key; each change is in the file before anyone sees it."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self.targets: dict[str, ScalableTarget] = {}
        """By resource id."""
        self.policies: dict[str, ScalingPolicy] = {}
        self.actions: dict[str, ScheduledAction] = {}
        self._activities: dict[str, list[ScalingActivity]] = {}
        """By resource id, the oldest first."""
        rows = database.execute("SELECT kind, body FROM record ORDER BY rowid").fetchall()
        found = [_adapter(kind).validate_json(body) for kind, body in rows]
        for record in sorted(found, key=lambda one: one.sequence if isinstance(one, ScalingActivity) else 0):
            self._keep(record)
        self._last_sequence = max((one.sequence for some in self._activities.values() for one in some), default=0)

    def next_sequence(self) -> int:
        self._last_sequence += 1
        return self._last_sequence

    def put(self, record: Record) -> None:
        kind = type(record).__name__
        self._database.execute(
            "INSERT INTO record (kind, key, body) VALUES (?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body",
            (kind, record.key, _adapter(kind).dump_json(record)),
        )
        self._keep(record)

    def delete(self, *records: Record) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        for record in records:
            self._database.execute("DELETE FROM record WHERE kind = ? AND key = ?", (type(record).__name__, record.key))
        self._database.execute("COMMIT")
        for record in records:
            self._forget(record)

    def policies_of(self, resource_id: str) -> list[ScalingPolicy]:
        return [one for one in self.policies.values() if one.resource_id == resource_id]

    def actions_of(self, resource_id: str) -> list[ScheduledAction]:
        return [one for one in self.actions.values() if one.resource_id == resource_id]

    def policy_by_arn(self, arn: str) -> ScalingPolicy | None:
        return next((one for one in self.policies.values() if one.arn == arn), None)

    def activities_of(self, resource_id: str) -> Sequence[ScalingActivity]:
        """The oldest first."""
        return self._activities.get(resource_id, ())

    def activities(self) -> list[ScalingActivity]:
        """Of all targets, the newest first."""
        return sorted((one for some in self._activities.values() for one in some), key=lambda one: -one.sequence)

    def trim(self, resource_id: str, now: datetime) -> None:
        """Forget the activities of a target that are too old or too many."""
        known = self._activities.get(resource_id, [])
        kept = [one for one in known if one.start_time >= now - ACTIVITIES_KEPT][-ACTIVITIES_MAX:]
        if len(kept) < len(known):
            self.delete(*known[: len(known) - len(kept)])

    def _keep(self, record: Record) -> None:
        match record:
            case ScalableTarget():
                self.targets[record.key] = record
            case ScalingPolicy():
                self.policies[record.key] = record
            case ScheduledAction():
                self.actions[record.key] = record
            case ScalingActivity():
                known = self._activities.setdefault(record.resource_id, [])
                place = next((number for number, one in enumerate(known) if one.id == record.id), None)
                if place is None:
                    known.append(record)
                else:
                    known[place] = record

    def _forget(self, record: Record) -> None:
        match record:
            case ScalableTarget():
                self.targets.pop(record.key, None)
            case ScalingPolicy():
                self.policies.pop(record.key, None)
            case ScheduledAction():
                self.actions.pop(record.key, None)
            case ScalingActivity():
                known = self._activities.get(record.resource_id, [])
                self._activities[record.resource_id] = [one for one in known if one.id != record.id]
