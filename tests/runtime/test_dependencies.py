"""``dependsOn`` as tables."""

from datetime import UTC, datetime, timedelta

import pytest

from ninelives.model.ecs import ContainerDefinition, HealthStatus, Json, TaskDefinition
from ninelives.model.observation import ContainerObservation
from ninelives.runtime.dependencies import Condition, condition_of, start_timeout_of, why_impossible

PENDING = ContainerObservation(name="db", last_status="PENDING")
RUNNING = ContainerObservation(name="db", last_status="RUNNING")
HEALTHY = ContainerObservation(name="db", last_status="RUNNING", health_status=HealthStatus.HEALTHY)
SICK = ContainerObservation(name="db", last_status="RUNNING", health_status=HealthStatus.UNHEALTHY)
DONE = ContainerObservation(name="db", last_status="STOPPED", exit_code=0)
BROKEN = ContainerObservation(name="db", last_status="STOPPED", exit_code=4)
MET, WAIT, NEVER = Condition.MET, Condition.PENDING, Condition.IMPOSSIBLE


def definition_with(members: Json) -> TaskDefinition:
    return TaskDefinition(
        arn="arn:aws:ecs:eu-west-1:123456789012:task-definition/f:1",
        family="f",
        revision=1,
        status="ACTIVE",
        containers=(),
        cpu_units=None,
        memory_mib=None,
        network_mode="awsvpc",
        registered_at=datetime(2026, 1, 1, tzinfo=UTC),
        members=members,
    )


@pytest.mark.parametrize(
    ("wanted", "pending", "running", "healthy", "sick", "done", "broken"),
    [
        ("START", WAIT, MET, MET, MET, MET, MET),
        ("COMPLETE", WAIT, WAIT, WAIT, WAIT, MET, MET),
        ("SUCCESS", WAIT, WAIT, WAIT, WAIT, MET, NEVER),
        ("HEALTHY", WAIT, WAIT, MET, WAIT, NEVER, NEVER),
    ],
)
def test_when_a_condition_is_met(
    wanted: str,
    pending: Condition,
    running: Condition,
    healthy: Condition,
    sick: Condition,
    done: Condition,
    broken: Condition,
) -> None:
    found = [condition_of(wanted, one) for one in (PENDING, RUNNING, HEALTHY, SICK, DONE, BROKEN)]

    assert found == [pending, running, healthy, sick, done, broken]


def test_the_reason_names_both_containers_and_the_code() -> None:
    assert why_impossible("web", "SUCCESS", BROKEN) == (
        "container 'web' waits for 'db' (SUCCESS), but 'db' ended with exit code 4."
    )


def test_the_start_timeout_is_the_dependency_s_own() -> None:
    database = ContainerDefinition(name="db", image="db")
    members = {"containerDefinitions": [{"name": "web", "startTimeout": 9}, {"name": "db", "startTimeout": 7}]}

    assert start_timeout_of(definition_with({}), database) == timedelta(minutes=3)
    assert start_timeout_of(definition_with(members), database) == timedelta(seconds=7)
