"""Logs of a state folder from when moto kept them are there in the new one, and moto's are put aside."""

import json
import logging
import pickle
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from running_door import PLACE

from ninelives.api.logs import take_over
from ninelives.api.moto_records import BackendKey, MotoRecords
from ninelives.api.moto_worker import MotoWorker
from ninelives.telemetry.logs import LogStore, Stretch
from ninelives.telemetry.logs.schema import open_to_write

pytestmark = [pytest.mark.usefixtures("fresh_moto"), pytest.mark.filterwarnings("ignore")]

AT_MS = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp() * 1000)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """moto's records of two groups, and a journal whose last line was cut short."""
    worker = MotoWorker(place=PLACE, directory=None)
    for name in ("cats", "empty"):
        worker.call("logs", "CreateLogGroup", {"logGroupName": name, "tags": {"team": name}})
        worker.call("logs", "CreateLogStream", {"logGroupName": name, "logStreamName": "s"})
    worker.call("logs", "PutRetentionPolicy", {"logGroupName": "cats", "retentionInDays": 90})
    key = BackendKey("logs", PLACE.region)
    MotoRecords(tmp_path).write(key, worker.load().dump(key))
    lines = [
        [PLACE.region, "cats", "s", AT_MS, [[AT_MS, "one"], [AT_MS + 1, "two"]]],
        [PLACE.region, "untold", "t", AT_MS, [[AT_MS, "three"]]],
        ["us-east-1", "cats", "s", AT_MS, [[AT_MS, "elsewhere"]]],
    ]
    (tmp_path / "logs.journal").write_text(
        "".join(json.dumps(line) + "\n" for line in lines) + '["eu-west-1", "cats", "s", 1, [[2'
    )
    return tmp_path


def messages(store: LogStore, name: str) -> list[str]:
    group = store.group(name)
    assert group is not None
    return [one.message for one in store.events(group, Stretch(), limit=100)]


def test_groups_streams_and_events_are_taken_over_once(directory: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = LogStore(open_to_write(None))
    with caplog.at_level(logging.INFO):
        take_over(directory, PLACE, store)
        take_over(directory, PLACE, store)

    cats, empty = store.group("cats"), store.group("empty")
    assert cats is not None
    assert empty is not None
    assert (cats.retention_days, cats.tags, empty.tags) == (90, {"team": "cats"}, {"team": "empty"})
    assert [one.name for one in store.streams(empty)] == ["s"]
    assert (messages(store, "cats"), messages(store, "untold")) == (["one", "two"], ["three"])
    said = [record.getMessage() for record in caplog.records]
    assert [line for line in said if "3 log events in 2 groups were taken over" in line]
    assert [line for line in said if "region us-east-1 stay in" in line]
    assert sorted(path.name for path in directory.iterdir()) == [
        "logs.journal.taken-over",
        f"logs@{PLACE.region}.records.taken-over",
    ]
    assert MotoRecords(directory).names() == frozenset()


def test_one_that_was_cut_short_begins_anew(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LogStore(open_to_write(None))
    append, left = store.append, iter([True])

    def killed(*arguments: Any) -> Any:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return append(*arguments)

    monkeypatch.setattr(store, "append", killed)
    with pytest.raises(KeyboardInterrupt):
        take_over(directory, PLACE, store)
    assert store.groups() == []
    monkeypatch.undo()
    take_over(directory, PLACE, store)

    assert (messages(store, "cats"), messages(store, "untold")) == (["one", "two"], ["three"])


@pytest.mark.parametrize("left", [("logs.journal",), (f"logs@{PLACE.region}.records",)])
def test_one_that_was_killed_before_the_files_were_put_aside_loses_and_doubles_nothing(
    directory: Path, left: tuple[str, ...]
) -> None:
    store = LogStore(open_to_write(None))
    take_over(directory, PLACE, store)
    for name in left:
        (directory / f"{name}.taken-over").replace(directory / name)
    take_over(directory, PLACE, store)

    assert (messages(store, "cats"), messages(store, "untold")) == (["one", "two"], ["three"])
    assert not any((directory / name).exists() for name in left)


def test_what_a_version_of_before_writes_later_is_added(directory: Path) -> None:
    store = LogStore(open_to_write(None))
    take_over(directory, PLACE, store)
    (directory / f"logs@{PLACE.region}.records.taken-over").replace(directory / f"logs@{PLACE.region}.records")
    (directory / "logs.journal").write_text(json.dumps([PLACE.region, "cats", "s", AT_MS, [[AT_MS + 2, "four"]]]) + "\n")
    take_over(directory, PLACE, store)

    assert messages(store, "cats") == ["one", "two", "four"]


def test_nothing_that_a_pickle_names_is_run(directory: Path, tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> Any:
            return open, (str(tmp_path / "made"), "w")

    (directory / f"logs@{PLACE.region}.records").write_bytes(b"{}\n" + pickle.dumps({"groups": {}, "filters": Harm()}))
    take_over(directory, PLACE, LogStore(open_to_write(None)))

    assert not (tmp_path / "made").exists()


def test_records_that_cannot_be_read_cost_no_event(directory: Path, caplog: pytest.LogCaptureFixture) -> None:
    (directory / f"logs@{PLACE.region}.records").write_bytes(b"{}\nno pickle")
    store = LogStore(open_to_write(None))
    take_over(directory, PLACE, store)

    assert messages(store, "cats") == ["one", "two"]
    assert "retention and tags of its groups are lost" in caplog.text


def test_nothing_of_what_moto_pickled_is_run(directory: Path) -> None:
    import os
    import pickle

    class Bad:
        def __reduce__(self) -> Any:
            return os.system, (f"touch {directory}/ran",)

    (directory / f"logs@{PLACE.region}.records").write_bytes(b"{}\n" + pickle.dumps({"groups": {}, "x": Bad()}))
    take_over(directory, PLACE, LogStore(open_to_write(None)))

    assert not (directory / "ran").exists()
