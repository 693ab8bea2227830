"""When lifecycle policies are carried out, and what is gone then: records, and bytes on disk."""

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from test_registry_garbage import files, push_blob, push_image

from ninelives.registry import ImageAction, LifecycleRuns, Registry
from ninelives.registry.lifecycle_runs import DAILY, SOON
from ninelives.registry.names import digest_of
from ninelives.registry.registry import GRACE

Advance = Callable[[timedelta], None]

KEEP_ONE = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1},
                "action": {"type": "expire"},
            }
        ]
    }
)


@pytest.fixture
def runs(registry: Registry) -> LifecycleRuns:
    return LifecycleRuns(registry, scaled=lambda wait: wait)


def put_policy(registry: Registry, text: str = KEEP_ONE) -> None:
    found = registry.repository("cats")
    registry.change_repository(replace(found, lifecycle_policy=text, lifecycle_policy_at=registry.now()))


def tags(registry: Registry) -> list[str]:
    return registry.tags("cats")


def test_a_policy_runs_soon_after_it_was_put_and_then_once_a_day(
    registry: Registry, runs: LifecycleRuns, advance: Advance
) -> None:
    push_image(registry, b"1", tag="1")
    advance(timedelta(seconds=1))
    push_image(registry, b"2", tag="2")
    assert runs.carry_out_what_is_due() == GRACE, "no policy, nothing to do"
    put_policy(registry)

    assert runs.carry_out_what_is_due() == SOON
    assert tags(registry) == ["1", "2"]
    advance(SOON)
    assert runs.carry_out_what_is_due() == GRACE
    assert tags(registry) == ["2"]
    assert registry.repository("cats").lifecycle_evaluated_at == registry.now()

    push_image(registry, b"3", tag="3")
    advance(DAILY - timedelta(minutes=20))
    assert runs.carry_out_what_is_due() == timedelta(minutes=20)
    assert tags(registry) == ["2", "3"]
    advance(timedelta(minutes=20))
    runs.carry_out_what_is_due()
    assert tags(registry) == ["3"]


def test_what_expires_frees_the_disk_of_what_only_it_had(
    registry: Registry, runs: LifecycleRuns, advance: Advance, tmp_path: Path
) -> None:
    push_image(registry, b"base", b"first", tag="1")
    advance(timedelta(seconds=1))
    push_image(registry, b"base", b"second", tag="2")
    before = files(tmp_path)
    put_policy(registry)
    advance(SOON)

    runs.carry_out_what_is_due()

    assert len(before - files(tmp_path)) == 1, "the first image's own layer"
    assert registry.blob_size("cats", next(iter(before - files(tmp_path)))) is None


def test_the_time_of_the_last_run_outlives_a_restart(
    registry: Registry, runs: LifecycleRuns, advance: Advance, open_registry: Callable[[], Registry]
) -> None:
    put_policy(registry)
    advance(SOON)
    runs.carry_out_what_is_due()
    again = open_registry()

    assert again.repository("cats").lifecycle_evaluated_at == again.now()
    assert LifecycleRuns(again, scaled=lambda wait: wait / 48).carry_out_what_is_due() == DAILY / 48


def test_what_a_push_left_behind_is_collected_within_the_hour(
    registry: Registry, runs: LifecycleRuns, advance: Advance, tmp_path: Path
) -> None:
    left = push_blob(registry, b"whose manifest never came")
    runs.carry_out_what_is_due()
    assert files(tmp_path) == {left}

    advance(GRACE + timedelta(seconds=1))
    runs.carry_out_what_is_due()

    assert not files(tmp_path)


def test_the_files_that_go_are_told(registry: Registry) -> None:
    told: list[str] = []
    registry.watch_files(told.extend)
    digest = push_image(registry, b"only its")

    registry.blob("cats", digest_of(b"only its"))  # a task pulls it: no reason to spare it
    registry.delete_image(registry.image("cats", digest=digest))

    assert set(told) == {digest_of(b"{}"), digest_of(b"only its")}


def test_each_push_and_deletion_is_told_a_tag_at_a_time(registry: Registry) -> None:
    told: list[ImageAction] = []
    registry.watch(told.append)

    digest = push_image(registry, b"1", tag="1")
    push_image(registry, b"1", tag="one")
    bare = push_image(registry, b"2")
    registry.delete_image(registry.image("cats", digest=digest))
    registry.delete_image(registry.image("cats", digest=bare))

    assert [(one.action, one.tag) for one in told] == [
        ("PUSH", "1"), ("PUSH", "one"), ("PUSH", None), ("DELETE", "1"), ("DELETE", "one"), ("DELETE", None),
    ]  # fmt: skip
    assert {one.digest for one in told} == {digest, bare}


def test_a_policy_that_is_put_wakes_the_run_that_sleeps(registry: Registry) -> None:
    runs = LifecycleRuns(registry, scaled=lambda wait: wait)
    looked: asyncio.Queue[timedelta] = asyncio.Queue()
    once = runs.carry_out_what_is_due

    def look() -> timedelta:
        wait = once()
        looked.put_nowait(wait)
        return wait

    runs.carry_out_what_is_due = look  # type: ignore[method-assign]

    async def sleeps_and_wakes() -> list[timedelta]:
        running = asyncio.create_task(runs.run())
        first = await looked.get()
        put_policy(registry)
        runs.look_again()
        second = await looked.get()
        running.cancel()
        return [first, second]

    assert asyncio.run(sleeps_and_wakes()) == [GRACE, SOON]


TO_ARCHIVE = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {"tagStatus": "any", "countType": "sinceImagePulled", "countUnit": "days", "countNumber": 30},
                "action": {"type": "transition", "targetStorageClass": "archive"},
            }
        ]
    }
)


def test_what_was_not_pulled_for_long_is_archived_and_comes_back_when_it_is_pushed_again(
    registry: Registry, runs: LifecycleRuns, advance: Advance, tmp_path: Path
) -> None:
    push_image(registry, b"1", tag="1")
    before = files(tmp_path)
    put_policy(registry, TO_ARCHIVE)
    advance(timedelta(days=31))

    runs.carry_out_what_is_due()

    archived = registry.image("cats", tag="1")
    assert archived.is_archived
    assert files(tmp_path) == before
    push_image(registry, b"1", tag="1")
    assert not registry.image("cats", tag="1").is_archived
    advance(DAILY)
    runs.carry_out_what_is_due()
    assert not registry.image("cats", tag="1").is_archived, "its days count anew"


def test_a_registry_of_the_version_before_is_opened_with_its_images(
    registry: Registry, tmp_path: Path, open_registry: Callable[[], Registry]
) -> None:
    digest = push_image(registry, b"1", tag="1")
    registry.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "registry" / "registry.sqlite")) as catalog:
        for column in ("archived_at", "activated_at"):
            catalog.execute(f"ALTER TABLE manifest DROP COLUMN {column}")
        catalog.execute("PRAGMA user_version = 1")

    again = open_registry()

    assert again.image("cats", tag="1").digest == digest
    assert again.archive(again.image("cats", tag="1")).is_archived
