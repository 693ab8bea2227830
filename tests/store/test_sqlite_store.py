"""What is committed is there again, as it was; a transaction is all or nothing."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ninelives.database import DatabaseFromTheFuture
from ninelives.model.ecs import (
    CircuitBreaker,
    Cluster,
    Container,
    DeploymentConfiguration,
    DesiredStatus,
    LastStatus,
    Service,
    ServiceLoadBalancer,
    ServiceStatus,
    Task,
    TaskAddress,
)
from ninelives.model.elbv2 import (
    Action,
    FixedResponse,
    Forward,
    JwtClaim,
    JwtValidation,
    Redirect,
    Rule,
    Target,
    WeightedTargetGroup,
)
from ninelives.region.ports import Record
from ninelives.region.state import State
from ninelives.store import SqliteStore

NOW = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)


def a_task(number: int, **fields: Any) -> Task:
    task = Task(
        arn=f"task/{number}",
        cluster_arn="c",
        task_definition_arn="t",
        group="service:s",
        last_status=LastStatus.RUNNING,
        desired_status=DesiredStatus.RUNNING,
        created_at=NOW,
        containers=(Container(arn="x", name="web", image="cats:1"),),
        address=TaskAddress(ip="172.17.0.2", ports=((4567, 4567),)),
        members={"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a", "b"]}}},
    )
    return replace(task, **fields)


ACTIONS: list[Action] = [
    Forward(target_groups=(WeightedTargetGroup(arn="g", weight=1),)),
    FixedResponse(status_code=503),
    Redirect(status_code=301, port="443"),
]
RECORDS: list[Record] = [
    Cluster(arn="c", name="c", status="ACTIVE", tags={"a": "b"}),
    a_task(1),
    Service(
        arn="s",
        name="s",
        cluster_arn="c",
        status=ServiceStatus.ACTIVE,
        desired_count=2,
        task_definition_arn="t",
        deployment_configuration=DeploymentConfiguration(
            bake_time=timedelta(minutes=1.5), circuit_breaker=CircuitBreaker(enable=True)
        ),
        health_check_grace_period=timedelta(seconds=60),
        created_at=NOW,
        load_balancers=(ServiceLoadBalancer(target_group_arn="g", container_name="web", container_port=4567),),
    ),
    *(
        Rule(arn=f"r{number}", listener_arn="l", priority=None, conditions=(), action=action)
        for number, action in enumerate(ACTIONS)
    ),
    Rule(
        arn="validated",
        listener_arn="l",
        priority=1,
        conditions=(),
        action=ACTIONS[0],
        jwt_validation=JwtValidation(
            jwks_endpoint="https://issuer.test/keys",
            issuer="https://issuer.test/",
            additional_claims=(JwtClaim(name="scope", format="single-string", values=("read",)),),
        ),
    ),
    Target(target_group_arn="g", id="172.17.0.2", port=4567, registered_at=NOW, draining_since=NOW),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "region.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(path)
    yield store
    store.close()


def reopened(path: Path) -> list[Record]:
    store = SqliteStore(path)
    records = list(store.load())
    store.close()
    return records


def test_every_record_comes_back_as_it_was_and_in_order(store: SqliteStore, path: Path) -> None:
    store.commit(RECORDS, [])

    assert RECORDS == reopened(path)


def test_an_update_keeps_the_place_of_a_record(store: SqliteStore, path: Path) -> None:
    store.commit([a_task(1), a_task(2)], [])
    store.commit([a_task(1, version=7)], [])

    assert [("task/1", 7), ("task/2", 1)] == [(task.key, task.version) for task in reopened(path) if isinstance(task, Task)]


def test_a_commit_that_fails_changes_nothing(store: SqliteStore, path: Path) -> None:
    store.commit([a_task(1)], [])

    with pytest.raises(Exception, match="serialize"):
        store.commit([a_task(2), a_task(3, members={"x": object()})], [(Task, "task/1")])

    assert [a_task(1)] == reopened(path)


def test_a_transaction_with_an_exception_leaves_memory_and_file_alone(store: SqliteStore, path: Path) -> None:
    state = State(store)

    with pytest.raises(RuntimeError), state.transaction() as changes:
        changes.put(a_task(1))
        raise RuntimeError

    assert {} == state.tasks
    assert [] == reopened(path)


def test_the_last_word_on_a_record_wins_in_a_transaction(store: SqliteStore, path: Path) -> None:
    state = State(store)
    with state.transaction() as changes:
        changes.put(a_task(1), a_task(2))
        changes.delete(a_task(1))
        changes.put(a_task(2, version=2))

    assert ["task/2"] == list(state.tasks)
    assert [a_task(2, version=2)] == reopened(path)


def test_a_file_of_a_newer_version_is_refused_untouched(path: Path) -> None:
    SqliteStore(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(DatabaseFromTheFuture, match=r"region\.sqlite: written by a newer ninelives \(schema 99"):
        SqliteStore(path)


def test_records_are_for_their_owners_eyes_only(tmp_path: Path) -> None:
    """A definition's environment holds secrets, and the state folder may be one that others can look into."""
    tmp_path.chmod(0o755)
    store = SqliteStore(tmp_path / "region.sqlite")
    store.commit([a_task(1)], [])

    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    store.close()

    assert modes
    assert set(modes.values()) == {0o600}


def test_a_full_disk_costs_the_commit_that_meets_it_and_no_later_one(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "region.sqlite")
    store.commit([a_task(1)], [])
    (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        store.commit([a_task(number) for number in range(2, 200)], [])

    store._connection.execute("PRAGMA max_page_count = 100000")
    store.commit([a_task(200)], [])

    assert ["task/1", "task/200"] == [record.key for record in store.load()]
    store.close()


class FailingOnce:
    """A connection whose next ``statement`` fails, as on a disk that is full at that moment."""

    def __init__(self, connection: sqlite3.Connection, statement: str) -> None:
        self._connection = connection
        self._statement: str | None = statement

    def execute(self, statement: str, *rest: Any) -> Any:
        if statement == self._statement:
            self._statement = None
            raise sqlite3.OperationalError("database or disk is full")
        return self._connection.execute(statement, *rest)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def test_a_commit_that_fails_at_its_very_end_leaves_no_transaction_behind(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "region.sqlite")
    failing: Any = FailingOnce(store._connection, "COMMIT")
    store._connection = failing
    with pytest.raises(sqlite3.OperationalError):
        store.commit([a_task(1)], [])

    store.commit([a_task(2)], [])

    assert ["task/2"] == [record.key for record in store.load()]
    store.close()
