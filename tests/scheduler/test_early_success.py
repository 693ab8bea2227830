"""Rolling deployments that count as done before all of their tasks are up."""

from dataclasses import replace

import pytest
from service_world import GOOD, Behaviour, Setting, World

from ninelives.model.ecs import (
    DeploymentConfiguration,
    EarlySuccessCriteria,
    RolloutState,
    ServiceDeploymentStatus,
)

HALF_GOOD = Behaviour(becomes_ready=False, luck=0.5)
"""About every second task never becomes ready."""


def deployed(cleanup: str, *, seed: int) -> World:
    """A service of four tasks whose second revision gets only some of its tasks up, and no breaker."""
    criteria = EarlySuccessCriteria(enable=True, healthy_percent=50, source_revision_cleanup=cleanup)
    configuration = DeploymentConfiguration(minimum_healthy_percent=50, maximum_percent=200, early_success=criteria)
    world = World(Setting(desired_count=4, configuration=configuration), seed=seed)
    world.deploy(GOOD)
    world.run_until(lambda: world.rollout_state() is RolloutState.COMPLETED)
    world.run(60)
    world.deploy(HALF_GOOD)
    return world


@pytest.mark.parametrize("cleanup", ["BLOCKING", "DEFERRED"])
@pytest.mark.parametrize("seed", range(5))
def test_half_of_the_tasks_are_enough(cleanup: str, seed: int) -> None:
    world = deployed(cleanup, seed=seed)
    old = {task.arn for task in world.live}

    world.run_until(lambda: world.rollout_state() is RolloutState.COMPLETED)

    assert world.service_deployment_of(world.primary).status is ServiceDeploymentStatus.SUCCESSFUL
    assert len([task for task in world.healthy if task.revision_arn == world.primary.revision_arn]) >= 2
    assert cleanup == "DEFERRED" or not old & {task.arn for task in world.live}


@pytest.mark.parametrize("cleanup", ["BLOCKING", "DEFERRED"])
def test_what_is_left_of_the_old_revision_goes_once_the_new_one_is_whole(cleanup: str) -> None:
    world = deployed(cleanup, seed=1)
    world.run_until(lambda: world.rollout_state() is RolloutState.COMPLETED)

    world.heal()
    world.run(600)

    assert len(world.live) == len(world.live_of(world.primary)) == 4


def test_a_deployment_without_criteria_waits_for_all_tasks() -> None:
    world = deployed("BLOCKING", seed=1)
    act = world.open_service_deployments[0]
    plain = replace(act.deployment_configuration, early_success=None)
    world.service_deployments[act.arn] = replace(act, deployment_configuration=plain)

    world.run_until(lambda: len(world.live_of(world.primary)) > 2)
    world.run(5)

    assert world.rollout_state() is RolloutState.IN_PROGRESS


def test_a_task_that_is_lost_in_the_clean_up_is_made_up_for_by_the_old_revision() -> None:
    world = deployed("BLOCKING", seed=1)
    world.configure(replace(world.service.deployment_configuration, minimum_healthy_percent=100))

    world.run(300)

    assert len(world.healthy) >= 4
    assert len(world.tasks) < 60
