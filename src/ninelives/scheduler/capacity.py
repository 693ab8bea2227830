"""How many tasks a rolling deployment must keep and may have, and who gets the room in between: arithmetic only."""

from ninelives.model.ecs import EarlySuccessCriteria


def running_floor(desired_count: int, minimum_healthy_percent: int) -> int:
    """Tasks that a deployment must leave healthy; a part of a task counts as a whole one.

    Source: botocore ecs 2014-11-13, ``DeploymentConfiguration.minimumHealthyPercent`` (rounded up).

    >>> running_floor(4, 50), running_floor(3, 50), running_floor(1, 0)
    (2, 2, 0)
    """
    return -(-desired_count * minimum_healthy_percent // 100)


def live_ceiling(desired_count: int, maximum_percent: int) -> int:
    """Tasks that may be live (PROVISIONING to RUNNING) at once; a part of a task counts for nothing.

    Source: botocore ecs 2014-11-13, ``DeploymentConfiguration.maximumPercent`` (rounded down).

    >>> live_ceiling(4, 200), live_ceiling(3, 150), live_ceiling(2, 125)
    (8, 4, 2)
    """
    return desired_count * maximum_percent // 100


def shared_room(room: int, *, lacking_target: int, lacking_source: int, target_is_present: bool) -> tuple[int, int]:
    """How many tasks to start of the target revision and of the source revision when ``room`` more may be live.

    The source's come first, since what they replace was proven and the floor needs it; but the target revision always gets
    its first task, or a service whose old tasks keep failing could never be cured by a deployment.

    >>> shared_room(4, lacking_target=2, lacking_source=1, target_is_present=False)
    (2, 1)
    >>> shared_room(1, lacking_target=2, lacking_source=1, target_is_present=False)
    (1, 0)
    >>> shared_room(1, lacking_target=2, lacking_source=1, target_is_present=True)
    (0, 1)
    >>> shared_room(-1, lacking_target=2, lacking_source=1, target_is_present=True)
    (0, 0)
    """
    room = max(0, room)
    reserved = 0 if target_is_present else min(1, room, lacking_target)
    source = min(room - reserved, lacking_source)
    return min(room - source, lacking_target), source


def early_success_count(desired_count: int, criteria: EarlySuccessCriteria | None) -> int | None:
    """Tasks of the target revision with which a rolling deployment counts as done; None where all of them are asked for.

    A part of a task counts as a whole one, and one must be healthy at least.
    Source: botocore ecs 2014-11-13, ``DeploymentEarlySuccessCriteria.healthyPercent``.

    >>> half = EarlySuccessCriteria(enable=True, healthy_percent=50)
    >>> early_success_count(2, half), early_success_count(3, half), early_success_count(3, None)
    (1, 2, None)
    >>> early_success_count(10, EarlySuccessCriteria(enable=True, healthy_percent=0))
    1
    """
    if criteria is None or not criteria.enable:
        return None
    return max(min(1, desired_count), -(-desired_count * criteria.healthy_percent // 100))
