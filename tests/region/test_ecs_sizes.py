"""Task sizes as Fargate has them, and overrides laid over a definition."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ninelives.model.ecs import ContainerDefinition, TaskDefinition
from ninelives.region.ecs_overrides import overridden
from ninelives.region.ecs_task_sizes import cpu_units, is_fargate_size, memory_mib

DEFINITION = TaskDefinition(
    arn="arn",
    family="cats",
    revision=1,
    status="ACTIVE",
    containers=(
        ContainerDefinition(name="web", image="cats", command=("serve",), environment=(("A", "1"), ("B", "2"))),
        ContainerDefinition(name="side", image="side"),
    ),
    cpu_units=256,
    memory_mib=512,
    network_mode="awsvpc",
    registered_at=datetime(2026, 11, 23, tzinfo=UTC),
)


@pytest.mark.parametrize(
    ("cpu", "smallest", "largest", "step"),
    [
        (512, 1024, 4096, 1024),
        (1024, 2048, 8192, 1024),
        (2048, 4096, 16384, 1024),
        (4096, 8192, 30720, 1024),
        (8192, 16384, 61440, 4096),
        (16384, 32768, 122880, 8192),
    ],
)
def test_fargate_has_memory_in_even_steps(cpu: int, smallest: int, largest: int, step: int) -> None:
    offered = [memory for memory in range(0, 131_072, 512) if is_fargate_size(cpu, memory)]

    assert offered == list(range(smallest, largest + 1, step))


def test_the_smallest_cpu_has_three_sizes_of_memory() -> None:
    assert [memory for memory in range(0, 131_072, 256) if is_fargate_size(256, memory)] == [512, 1024, 2048]


@given(st.integers(min_value=1, max_value=200))
def test_vcpus_and_gibibytes_are_1024_units(quarters: int) -> None:
    written = f"{quarters / 4:g}"

    assert cpu_units(f"{written} vCPU") == memory_mib(f"{written} GB") == quarters * 256


@given(st.text())
def test_what_is_no_size_is_none_and_never_raises(text: str) -> None:
    assert memory_mib(f"{text}x") is None
    assert (cpu_units(text) or 0) >= 0


@pytest.mark.parametrize("text", ["9" * 400, "9" * 400 + " vCPU", "9" * 5000])
def test_a_number_without_bound_is_no_size(text: str) -> None:
    assert cpu_units(text) is None


def test_a_definition_without_overrides_is_itself() -> None:
    assert overridden(DEFINITION, {}) is DEFINITION


def test_overrides_touch_what_they_name_and_nothing_else() -> None:
    override = {"name": "web", "command": ["rake"], "environment": [{"name": "B", "value": "3"}, {"name": "C", "value": "4"}]}

    after = overridden(DEFINITION, {"containerOverrides": [override], "memory": "1 GB"})

    web, side = DEFINITION.containers
    environment = (("A", "1"), ("B", "3"), ("C", "4"))
    assert after.containers == (replace(web, command=("rake",), environment=environment), side)
    assert (after.cpu_units, after.memory_mib) == (256, 1024)
