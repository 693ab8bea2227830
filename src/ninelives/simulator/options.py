"""What a world is like, drawn from its seed. Each has some kinds of faults and not others, so that they meet in all ways.

Every option has a random stream of its own: a new option changes no other one of an old seed.
"""

from dataclasses import dataclass, fields
from datetime import timedelta
from enum import StrEnum
from random import Random
from typing import Any

from ninelives.model.ecs import LifecycleStage, Strategy
from ninelives.region.ecs_deployment_configuration import HOOK_STAGES, SHIFTS

BOUNDS = ((100, 200), (100, 200), (50, 200), (0, 100), (100, 150), (50, 100), (66, 133), (100, 125), (0, 200), (50, 150))
"""Pairs of minimumHealthyPercent and maximumPercent; some of them lock small services."""


class Fault(StrEnum):
    """What may befall a world, or be done to it; each world has about half of them."""

    BAD_RELEASES = "releases that do not start, crash, never become healthy"
    TASKS_DIE = "tasks exit by themselves"
    TASKS_SICKEN = "health checks of tasks that ran well begin to fail, and pass again"
    STOPS_ARE_SLOW = "tasks take their time to stop, some until they are killed"
    DRAINS_ARE_SLOW = "requests in flight last"
    CONTROL_PLANE_DIES = "the control plane dies between any two actions"
    CONTROL_PLANE_IS_AWAY = "the control plane stays away for a while"
    MACHINE_RESTARTS = "the machine restarts: tasks and proxy are gone"
    PROXY_REFUSES = "the proxy refuses routes, or does not answer"
    PROXY_IS_SLOW = "routes take their time to come into force"
    PROXY_RESTARTS = "the proxy dies and is started again"
    RUNTIME_FAILS = "the task runtime raises"
    RUNTIME_IS_SLOW = "the task runtime takes its time to answer"
    DISK_IS_FULL = "records cannot be written"
    USERS_DEPLOY = "another deployment is started while one is under way"
    USERS_SCALE = "the desired count changes"
    USERS_STOP_TASKS = "StopTask"
    USERS_ROLL_BACK = "StopServiceDeployment"
    USERS_PROTECT = "tasks are protected from scale-in"
    USERS_RECONFIGURE = "the deployment configuration changes"
    USERS_RUN_TASKS = "RunTask beside the service"
    USERS_CHANGE_STRATEGY = "a service that can shift traffic gets another strategy"
    USERS_DECIDE = "pauses are answered: go on, or roll back"
    HOOKS_FAIL = "hooks fail, hang, answer garbage, or cannot be reached"
    ALARMS_GO_OFF = "alarms go off, and back to OK"
    TARGETS_ARE_TAMPERED = "targets are deregistered by hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class HookOptions:
    """A lifecycle hook of every service. ``function``: 0 for a pause, else which stand-in is called."""

    stages: tuple[LifecycleStage, ...]
    function: int
    timeout_minutes: int
    action: str
    """What its time-out does: CONTINUE or ROLLBACK."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingOptions:
    """How every service of a world scales: by a target for its CPU, in percent."""

    least: int
    most: int
    target: float
    cooldown: int
    """Seconds, before scaling's own time scale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Units: seconds where nothing else is said."""

    seed: int
    services: int
    strategy: Strategy
    is_shifting: bool
    """Whether the load balancers come in pairs of target groups, so that traffic can be shifted."""
    has_test_listener: bool
    step_percent: float
    """The canary's part, or a linear step."""
    step_bake_minutes: int
    hooks: tuple[HookOptions, ...]
    alarms: tuple[bool, bool]
    """Whether deployment alarms are on, and roll back."""
    early_success: tuple[int, str] | None
    """Percent of healthy tasks at which a rolling deployment counts as done, and how the old ones go."""
    desired_count: int
    minimum_healthy_percent: int
    maximum_percent: int
    target_groups: int
    has_health_check: bool
    has_sidecar: bool
    grace_period: int
    deregistration_delay: int
    stop_timeout: int
    bake_minutes: int
    check_interval: int
    breaker: tuple[bool, bool, bool]
    """Whether it is on, rolls back, and is reset by a healthy task."""
    threshold: tuple[str, int]
    time_scale: float
    shares_an_address: bool
    """Whether tasks answer at ports of one address (host processes) or at addresses of their own (Docker)."""
    frailty: float
    """How likely the control plane dies at each action."""
    faults: frozenset[Fault]
    faults_last: int
    pace: float
    """Seconds between two things that happen, on average."""
    is_deleted: bool
    """Whether the service is deleted at the end, and all must go."""
    scaling: ScalingOptions | None
    """None where nothing scales."""

    def has(self, fault: Fault) -> bool:
        return fault in self.faults

    def told(self) -> list[str]:
        """A line for each option."""
        lines = [f"{one.name}: {getattr(self, one.name)}" for one in fields(self) if one.name != "faults"]
        return [*lines, *(f"fault: {fault.name} ({fault})" for fault in Fault if fault in self.faults)]


def stream(seed: int, name: str) -> Random:
    """The random stream of ``name`` in the world of ``seed``."""
    return Random(f"{seed}/{name}")  # noqa: S311 - a world, not a secret


def draw(seed: int) -> Options:
    """The world of ``seed``."""

    def one_of(name: str, *values: Any) -> Any:
        return stream(seed, name).choice(values)

    minimum, maximum = one_of("bounds", *BOUNDS)
    strategy = one_of("strategy", *[Strategy.ROLLING] * 3, Strategy.BLUE_GREEN, Strategy.CANARY, Strategy.LINEAR)
    is_shifting = strategy.shifts_traffic or one_of("shifting", True, False, False, False)
    early = one_of("early success", None, None, None, (minimum, "BLOCKING"), (100, "DEFERRED"))
    calm = one_of("calm", True, False, False, False, False)
    kinds = stream(seed, "faults")
    likely = 0.0 if calm else one_of("likely", 0.2, 0.4, 0.6)
    drawn = {fault: kinds.random() for fault in Fault}
    faults = frozenset(fault for fault, luck in drawn.items() if luck < (likely or (0.5 if fault in HARMLESS else 0)))
    return Options(
        seed=seed,
        services=one_of("services", 1, 1, 1, 1, 1, 1, 1, 1, 1, 2),
        strategy=strategy,
        is_shifting=is_shifting,
        has_test_listener=one_of("test listener", True, True, False),
        step_percent=one_of("step percent", 10.0, 33.3, 50.0, 100.0),
        step_bake_minutes=one_of("step bake", 0, 0, 1),
        hooks=_hooks(stream(seed, "hooks"), one_of("hook count", 0, 0, 1, 1, 2, 3)),
        alarms=(one_of("alarms", True, False, False), one_of("alarms roll back", True, True, False)),
        early_success=early if strategy is Strategy.ROLLING else None,
        desired_count=one_of("desired count", 1, 1, 1, 2, 2, 2, 2, 3, 3, 4),
        minimum_healthy_percent=minimum,
        maximum_percent=maximum,
        target_groups=one_of("target groups", 0, 1, 1, 1, 1, 2),
        has_health_check=one_of("health check", True, False, False),
        has_sidecar=one_of("sidecar", True, False, False),
        grace_period=one_of("grace period", 0, 0, 15, 60),
        deregistration_delay=one_of("deregistration delay", 0, 2, 2, 5, 10),
        stop_timeout=one_of("stop timeout", 2, 10, 30),
        bake_minutes=one_of("bake time", 0, 0, 0, 1),
        check_interval=one_of("check interval", 5, 5, 10, 30),
        breaker=(
            one_of("breaker", True, True, False),
            one_of("breaker rolls back", True, True, False),
            one_of("breaker resets", True, True, False),
        ),
        threshold=one_of("threshold", ("BOUNDED_PERCENT", 50), ("COUNT", 1), ("COUNT", 2), ("UNBOUNDED_PERCENT", 100)),
        time_scale=one_of("time scale", 1.0, 1.0, 1.0, 1.0, 5.0),
        shares_an_address=one_of("addresses", True, False),
        frailty=one_of("frailty", 0.003, 0.01, 0.05) if Fault.CONTROL_PLANE_DIES in faults else 0.0,
        faults=faults,
        faults_last=one_of("faults last", 30, 60, 120),
        pace=one_of("pace", 6.0, 12.0, 25.0),
        is_deleted=one_of("deleted", True, False, False),
        scaling=_scaling(stream(seed, "scaling")),
    )


def _scaling(random: Random) -> ScalingOptions | None:
    if random.random() >= 0.1:  # noqa: PLR2004 - a likelihood
        return None
    least = random.choice((1, 1, 2))
    return ScalingOptions(
        least=least,
        most=random.choice((least, 3, 4, 6)),
        target=random.choice((40.0, 60.0, 80.0)),
        cooldown=random.choice((0, 60, 300)),
    )


def _hooks(random: Random, count: int) -> tuple[HookOptions, ...]:
    hooks = []
    for _ in range(count):
        function = random.choice((0, 1, 1, 2))
        allowed = sorted(HOOK_STAGES - (SHIFTS if function == 0 else frozenset()))
        hooks.append(
            HookOptions(
                stages=tuple(random.sample(allowed, random.choice((1, 1, 2, 4)))),
                function=function,
                timeout_minutes=random.choice((1, 2, 1440)),
                action=random.choice(("CONTINUE", "ROLLBACK")),
            )
        )
    return tuple(hooks)


HARMLESS = frozenset(
    {
        Fault.BAD_RELEASES,
        Fault.DRAINS_ARE_SLOW,
        Fault.PROXY_IS_SLOW,
        Fault.RUNTIME_IS_SLOW,
        Fault.USERS_DEPLOY,
        Fault.USERS_SCALE,
        Fault.USERS_ROLL_BACK,
        Fault.USERS_PROTECT,
        Fault.USERS_RUN_TASKS,
        Fault.USERS_CHANGE_STRATEGY,
        Fault.USERS_DECIDE,
        Fault.HOOKS_FAIL,
        Fault.ALARMS_GO_OFF,
        Fault.CONTROL_PLANE_DIES,
        Fault.CONTROL_PLANE_IS_AWAY,
    }
)
"""What may happen in a calm world: none of it may cost a single request."""


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)
