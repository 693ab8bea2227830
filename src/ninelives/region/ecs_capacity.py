"""Where tasks may run: Fargate, on demand or spot. Launch types and capacity provider strategies, read and checked.

This region runs tasks as Fargate does. What needs instances of one's own (EC2, EXTERNAL, MANAGED_INSTANCES) is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ninelives.model.ecs import Cluster, Json
from ninelives.model.errors import ApiError

FARGATE_PROVIDERS = ("FARGATE", "FARGATE_SPOT")
LATEST_PLATFORM = "1.4.0"
"""What ``LATEST`` means for Linux. Source: ECS developer guide, "Fargate platform versions"."""
PLATFORM_VERSIONS = ("LATEST", LATEST_PLATFORM, "1.3.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """How tasks are launched: by launch type (an empty strategy), or by a capacity provider strategy."""

    strategy: Sequence[Json] = ()

    @property
    def members(self) -> Json:
        """As services, deployments and revisions show it: one of the two, never both."""
        return {"capacityProviderStrategy": list(self.strategy)} if self.strategy else {"launchType": "FARGATE"}


def chosen_provider(strategy: Sequence[Json]) -> str | None:
    """The capacity provider of a task: the one with a base, else the heaviest; None for an empty strategy.

    ECS spreads tasks by base and weight; here they all run on the same machine.
    """
    best = max(strategy, key=lambda one: (one.get("base", 0) > 0, one.get("weight", 0)), default=None)
    return None if best is None else str(best["capacityProvider"])


def capacity(cluster: Cluster, *, launch_type: str | None, strategy: Sequence[Json] | None) -> Capacity:
    """What a request means: its launch type or strategy, else the cluster's default strategy, else EC2 (which is refused)."""
    if launch_type and strategy:
        message = "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again."
        raise ApiError("InvalidParameterException", message)
    if strategy:
        check_strategy(strategy, cluster.members["capacityProviders"])
        return Capacity(strategy=tuple(strategy))
    if launch_type == "FARGATE":
        return Capacity()
    default_strategy = cluster.members["defaultCapacityProviderStrategy"]
    if launch_type is None and default_strategy:
        return Capacity(strategy=tuple(default_strategy))
    found = (
        f"Launch type {launch_type}" if launch_type else "No launch type and no capacity provider strategy (that means EC2)"
    )
    message = f"{found}: this region runs tasks on Fargate only. Specify launchType FARGATE and try again."
    raise ApiError("UnsupportedFeatureException", message)


def needs_instances(cluster: Cluster, *, launch_type: str | None, strategy: Sequence[Json] | None) -> bool:
    """Whether a request asks for EC2, by name or because it names nothing and the cluster has no default strategy."""
    if launch_type is None and not strategy:
        return not cluster.members["defaultCapacityProviderStrategy"]
    return launch_type == "EC2" and not strategy


def check_strategy(strategy: Sequence[Json], associated: Sequence[str]) -> None:
    """Raise ``InvalidParameterException`` for a strategy that ECS does not take."""
    for one in strategy:
        known_provider(one["capacityProvider"])
        if one["capacityProvider"] not in associated:
            message = (
                "The specified capacity provider strategy cannot contain a capacity provider that is not associated with the "
                "cluster. Associate the capacity provider with the cluster and try again."
            )
            raise ApiError("InvalidParameterException", message)
    if sum(one.get("base", 0) > 0 for one in strategy) > 1:
        message = "The specified capacity provider strategy cannot contain more than one base. Remove one and try again."
        raise ApiError("InvalidParameterException", message)
    if len(strategy) > 1 and not any(one.get("weight", 0) for one in strategy):
        message = "The specified capacity provider strategy must contain at least one capacity provider with a weight above 0."
        raise ApiError("InvalidParameterException", message)


def known_provider(name: str) -> str:
    """``name``, if there is a capacity provider of that name."""
    if name not in FARGATE_PROVIDERS:
        message = f"The specified capacity provider '{name}' does not exist. Specify a valid name and try again."
        raise ApiError("InvalidParameterException", message)
    return name


def resolved_platform(version: str | None) -> str:
    """The platform version that tasks run on. Raises ``PlatformUnknownException``.

    >>> resolved_platform(None), resolved_platform("LATEST"), resolved_platform("1.3.0")
    ('1.4.0', '1.4.0', '1.3.0')
    """
    given = version or "LATEST"
    if given not in PLATFORM_VERSIONS:
        valid = ", ".join(PLATFORM_VERSIONS)
        raise ApiError("PlatformUnknownException", f"The specified platform version {given} does not exist. Valid: {valid}.")
    return LATEST_PLATFORM if given == "LATEST" else given
