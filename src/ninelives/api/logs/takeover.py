"""Logs of a state folder from before the region kept them itself: moto's records and their journal, taken over once.

All of it is written in one transaction with the names of the files, which are put aside afterwards: killed before that, it
begins anew; killed between, nothing of it comes twice. moto is not imported for it: of what it pickled only plain members are
read. Events of another region than this, and what cannot be read, stay where they are, and the log says so.
"""

import contextlib
import io
import json
import logging
import pickle
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import quote

from ninelives.model.arns import Place
from ninelives.model.logs import LogGroup, TakenOver
from ninelives.telemetry.logs import AlreadyThere, LogStore
from ninelives.telemetry.logs.intake import Event

log = logging.getLogger(__name__)

JOURNAL: Final = "logs.journal"
TAKEN: Final = ".taken-over"
EVENTS_AT_ONCE: Final = 5_000
PLAIN: Final[Mapping[str, frozenset[str]]] = {
    "builtins": frozenset({"bytearray", "complex", "dict", "frozenset", "list", "object", "set", "tuple"}),
    "collections": frozenset({"OrderedDict", "defaultdict", "deque"}),
    "copyreg": frozenset({"__newobj__", "_reconstructor"}),
    "datetime": frozenset({"date", "datetime", "timedelta", "timezone"}),
}
"""By module, the classes that are made as they are."""


def take_over(directory: Path, place: Place, store: LogStore) -> None:
    """Bring the logs that moto's records in ``directory`` hold into ``store``; a second time, nothing is done."""
    journal = directory / JOURNAL
    records = directory / f"logs@{quote(place.region, safe='')}.records"
    found = {path: _stamp(path) for path in (journal, records) if path.exists()}
    if found and not {one.key for one in store.records(TakenOver)}.issuperset(found.values()):
        with store.whole():
            _bring(journal, records, place, store)
            for stamp in found.values():
                store.put_record(TakenOver(key=stamp))
    for path in found:
        path.replace(path.with_name(path.name + TAKEN))


def _stamp(path: Path) -> str:
    """Which file it is; written anew it is another."""
    told = path.stat()
    return f"{path.name} {told.st_size} {told.st_mtime_ns}"


def _bring(journal: Path, records: Path, place: Place, store: LogStore) -> None:
    groups, filters = _read_groups(records)
    count = 0
    for name, (group, streams) in groups.items():
        with contextlib.suppress(AlreadyThere):  # a version that does not know of this file has written it anew
            store.create_group(group)
        for stream in streams:
            with contextlib.suppress(AlreadyThere):
                store.create_stream(_known(store, name), stream, group.created_ms)
    for region, name, stream, ingested_ms, events in _read_journal(journal):
        if region != place.region:
            log.error("log events of %s in region %s stay in %s: this region is %s", name, region, journal, place.region)
            continue
        count += _append(store, name, stream, events, ingested_ms)
    log.info(
        "%d log events in %d groups were taken over from moto's records, which stay as *%s; metric filters (%d) are not",
        count,
        len(groups),
        TAKEN,
        filters,
    )


def _append(store: LogStore, name: str, stream: str, events: Sequence[Event], ingested_ms: int) -> int:
    """Write events to a stream, which is made where the records did not tell of it."""
    group = store.group(name)
    if group is None:
        store.create_group(LogGroup(id=0, name=name, created_ms=ingested_ms))
    group = _known(store, name)
    if store.stream(group, stream) is None:
        store.create_stream(group, stream, ingested_ms)
    found = store.stream(group, stream)
    assert found is not None, "just made"
    for start in range(0, len(events), EVENTS_AT_ONCE):
        store.append([(group, found, events[start : start + EVENTS_AT_ONCE])], ingested_ms)
    return len(events)


def _known(store: LogStore, name: str) -> LogGroup:
    group = store.group(name)
    assert group is not None, "just made"
    return group


def _read_groups(path: Path) -> tuple[dict[str, tuple[LogGroup, Sequence[str]]], int]:
    """Groups by name, each with its streams; and how many metric filters there were."""
    try:
        _, _, dumped = path.read_bytes().partition(b"\n")
        members = _Unpickler(io.BytesIO(dumped)).load()
        tags = vars(members["tagger"]).get("tags", {}) if "tagger" in members else {}
        groups = {name: _group(name, vars(one), tags) for name, one in members["groups"].items()}
        return groups, len(vars(members["filters"]).get("metric_filters", ())) if "filters" in members else 0
    except FileNotFoundError:
        return {}, 0
    except Exception as error:  # noqa: BLE001 whatever another version wrote
        log.error("%s cannot be read (%s: %s): retention and tags of its groups are lost", path, type(error).__name__, error)  # noqa: TRY400
        return {}, 0


def _group(name: str, found: Mapping[str, Any], tags: Mapping[str, Mapping[str, str]]) -> tuple[LogGroup, Sequence[str]]:
    created_at = found.get("creation_time")
    retention = found.get("retention_in_days")
    group = LogGroup(
        id=0,
        name=name,
        created_ms=int(created_at.timestamp() * 1000) if isinstance(created_at, datetime) else 0,
        retention_days=int(retention) if retention else None,
        kms_key_id=found.get("kms_key_id"),
        tags=dict(tags.get(found.get("arn", ""), {})),
    )
    return group, list(found.get("streams", {}))


def _read_journal(path: Path) -> Iterator[tuple[str, str, str, int, Sequence[Event]]]:
    if not path.exists():
        return
    with path.open("rb") as journal:
        for line in journal:
            try:
                region, group, stream, ingested_ms, events = json.loads(line)
            except ValueError:
                log.warning("A line of %s is damaged and was left out.", path)
                continue
            yield region, group, stream, ingested_ms, [(at_ms, message) for at_ms, message in events if message]


class _Record:
    """Stands for any class or function of moto's: its members are kept, and nothing of it is run."""

    def __new__(cls, *_: Any, **__: Any) -> Self:
        return object.__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        """Whatever it was made of is told by its state."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if name in PLAIN.get(module, ()):
            return super().find_class(module, name)
        return _Record

    def persistent_load(self, pid: Any) -> Any:
        """Other backends."""
        del pid
