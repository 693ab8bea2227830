"""The advice: what a service needs, what size and count fit it, what else there is, and what each costs and risks. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from ninelives.deploy.errors import DeployError
from ninelives.deploy.prices import HOURS_A_MONTH, Prices
from ninelives.deploy.service_file import CountRange, ServiceFile
from ninelives.insight.leaks import Leak, find_leak
from ninelives.insight.replay import Bounds, Replayed, bounds_for, replay
from ninelives.insight.sizing import Assumptions, Choice, Demand, Evidence, cheapest, demand_of, lost_with_a_zone, refusals
from ninelives.insight.usage import Spread, Usage, by_hour, by_hour_of_week, percentile, spread
from ninelives.model.fargate import FARGATE_CPU, FARGATE_MEMORY, TaskSize

SPOT_NOTICE = timedelta(seconds=120)
"""Between Spot's notice and the end. Source: ECS developer guide, "Fargate Spot"."""
SPOT_TASKS_MIN = 3
WORTH_SCALING = 0.85
"""Of a fixed count: where scaling needs more on average, it is not worth its risks."""
WEEK_HOURS = 7 * 24
WORTH_TELLING_SECONDS = 5
"""Of a start's CPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """Which architectures the image in the repository has. ``problem`` says why it is not known."""

    architectures: frozenset[str] = frozenset()
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The service as it stands: what the file says, and what it stands on."""

    size: TaskSize
    count: int | Bounds
    """A fixed count; or bounds, with the target that its scaling has (0 where none is known)."""
    zones: int = 1
    grace: timedelta = timedelta(seconds=60)
    leave: timedelta = timedelta(seconds=60)
    """How long a task takes to leave: deregistration and stop."""
    is_arm: bool = False
    images: Images = field(default_factory=Images)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Requests a minute to the whole service, and seconds until they were answered. None where no load balancer told."""

    requests: Spread | None = None
    response_p50: float | None = None
    response_p99: float | None = None
    cpu_a_request: float | None = None
    """CPU units times minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that was read."""

    usage: Usage
    standing: Standing
    evidence: Evidence = field(default_factory=Evidence)
    traffic: Traffic = field(default_factory=Traffic)
    notes: tuple[str, ...] = ()
    """What could not be read, and what that means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A way to run the service. ``monthly`` is its cheapest and its dearest month, in US dollars."""

    name: str
    size: TaskSize
    count: int | Bounds
    monthly: tuple[float, float]
    replayed: Replayed
    memory_percent: float
    risk: str
    is_arm: bool = False
    on_demand: int | None = None
    """Of a mix with Spot: how many tasks are not on it."""
    obstacle: str | None = None
    """What is in the way; None where nothing is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TooLittle:
    """Not enough data for advice. Hours of the region's time."""

    hours: float
    needed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingFits:
    """Fargate has no size that would do."""

    memory: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What to do."""

    demand: Demand
    now: Option
    proposed: Option
    others: tuple[Option, ...]
    memory: Spread
    cpu: Spread
    """CPU units of all tasks together, in the minutes in which none started."""
    hours: Mapping[int, float]
    """CPU of all tasks at the percentile, by hour of the day in UTC."""
    week: Mapping[tuple[int, int], float]
    """The same by weekday (Monday is 0) and hour."""
    leak: Leak | None
    warnings: tuple[str, ...]

    @property
    def busiest(self) -> tuple[int, int]:
        """The weekday and hour with the most CPU."""
        return max(self.week, key=lambda hour: (self.week[hour], hour))

    def option(self, name: str) -> Option | None:
        return next((one for one in (self.now, self.proposed, *self.others) if one.name == name), None)

    @property
    def saving(self) -> float:
        """A month, in US dollars; negative where the proposal costs more."""
        return self.now.monthly[1] - self.proposed.monthly[1]


def advise(facts: Facts, assumptions: Assumptions, prices: Prices) -> Advice | TooLittle | NothingFits:
    """What the service should be, from what it was."""
    usage, standing = facts.usage, facts.standing
    needed = assumptions.minimum / timedelta(hours=1)
    if not usage.minutes or usage.hours < needed:
        return TooLittle(hours=usage.hours, needed=needed)
    demand = demand_of(usage, facts.evidence, assumptions, zones=standing.zones, start_within=standing.grace)
    choice = cheapest(demand, assumptions, lambda size: prices.task_hour(size, arm=standing.is_arm))
    if choice is None:
        return NothingFits(memory=demand.memory)
    made = _Options(facts, assumptions, prices, demand)
    steady = usage.steady or usage.minutes
    return Advice(
        demand=demand,
        now=made.now(),
        proposed=made.proposed(choice),
        others=tuple(made.others(choice)),
        memory=spread(one.memory for one in usage.minutes),
        cpu=spread(one.cpu for one in steady),
        hours=by_hour(steady, assumptions.percentile),
        week=by_hour_of_week(steady, assumptions.percentile),
        leak=find_leak(usage),
        warnings=tuple(_warnings(facts, demand, choice)),
    )


class _Options:
    """Makes the ways to run one service."""

    def __init__(self, facts: Facts, assumptions: Assumptions, prices: Prices, demand: Demand) -> None:
        self.usage, self.standing = facts.usage, facts.standing
        self.assumptions, self.prices, self.demand = assumptions, prices, demand

    def now(self) -> Option:
        count = self.standing.count
        known = count if isinstance(count, int) else count if count.target else self._usual_count(count)
        known = max(1, known) if isinstance(known, int) else known
        reasons = list(refusals(self.standing.size, self._peak(known), self.demand, self.assumptions))
        risk = f"Falls short: {'; '.join(reasons)}." if reasons else "Carries all that was measured."
        return replace(self._option("now", self.standing.size, known, risk), count=count)

    def proposed(self, choice: Choice) -> Option:
        count: int | Bounds = choice.tasks
        if isinstance(self.standing.count, Bounds):
            count = bounds_for(self.usage, choice.size, self.standing.zones)
        return self._option("proposed", choice.size, count, self._risk_of(choice.size, choice.tasks))

    def others(self, choice: Choice) -> Iterator[Option]:
        """What else there is: Graviton, Spot, scaling, more room."""
        kept = self.proposed(choice)
        if not self.standing.is_arm:
            yield self._graviton(kept)
        yield self._spot(kept, choice)
        if isinstance(kept.count, int) and kept.count > 1:
            scaled = self._option(
                "scaled", choice.size, bounds_for(self.usage, choice.size, self.standing.zones),
                "A rise that is quicker than scaling out meets fewer tasks.",
            )  # fmt: skip
            if scaled.replayed.mean_tasks < WORTH_SCALING * kept.count:
                yield scaled
        if (roomier := _roomier(choice.size)) is not None:
            yield self._option(
                "roomier", roomier, kept.count, "Twice the CPU, for growth that was not measured; paid for every hour."
            )

    def _graviton(self, kept: Option) -> Option:
        known = self.standing.images
        obstacle = known.problem
        if obstacle is None and "arm64" not in known.architectures:
            has = ", ".join(sorted(known.architectures)) or "no"
            obstacle = f"the image has {has} manifests, and none for arm64: build it for linux/arm64 too"
        return self._option(
            "graviton", kept.size, kept.count,
            "A Graviton vCPU is another processor: rehearse it under load before it serves.",
            is_arm=True, obstacle=obstacle,
        )  # fmt: skip

    def _spot(self, kept: Option, choice: Choice) -> Option:
        """As many tasks stay on demand as carry the middle of the load by themselves."""
        tasks = self._peak(kept.count)
        middle = percentile((one.busiest * one.tasks for one in self.usage.steady or self.usage.minutes), 50)
        base = min(tasks, max(1, -(-int(middle + 0.5) // choice.size.cpu)))
        obstacle = None
        if tasks < SPOT_TASKS_MIN:
            obstacle = f"with {tasks} task{'s' * (tasks != 1)} there is nothing to spare"
        elif self.standing.leave > SPOT_NOTICE:
            obstacle = (
                f"a task takes {self.standing.leave.total_seconds():g} s to leave, and Spot gives "
                f"{SPOT_NOTICE.total_seconds():g} s"
            )
        elif base == tasks:
            obstacle = "all tasks are needed for the usual load"
        left = 100 * middle / base / choice.size.cpu
        risk = (
            f"AWS may take {tasks - base} of {tasks} tasks back with two minutes' notice; the {base} others would then be at "
            f"{left:.0f} % of CPU at the usual load. A capacity provider strategy is set on the service, not in its file."
        )
        return self._option("spot", kept.size, kept.count, risk, on_demand=base, obstacle=obstacle)

    def _option(
        self,
        name: str,
        size: TaskSize,
        count: int | Bounds,
        risk: str,
        *,
        is_arm: bool | None = None,
        on_demand: int | None = None,
        obstacle: str | None = None,
    ) -> Option:
        arm = self.standing.is_arm if is_arm is None else is_arm
        replayed = replay(self.usage, size, count)
        task = self.prices.task_hour(size, arm=arm) * HOURS_A_MONTH
        firm = replayed.mean_tasks if on_demand is None else min(on_demand, replayed.mean_tasks)
        low, high = self.prices.spot_share
        spare = replayed.mean_tasks - firm
        return Option(
            name=name,
            size=size,
            count=count,
            monthly=(round(task * (firm + low * spare), 2), round(task * (firm + high * spare), 2)),
            replayed=replayed,
            memory_percent=100 * self.demand.memory / size.memory,
            risk=risk,
            is_arm=arm,
            on_demand=on_demand,
            obstacle=obstacle,
        )

    def _usual_count(self, bounds: Bounds) -> int:
        """What ran, where nobody says what the count follows."""
        steady = self.usage.steady or self.usage.minutes
        return max(bounds.least, round(sum(one.tasks for one in steady) / len(steady)))

    def _peak(self, count: int | Bounds) -> int:
        return count if isinstance(count, int) else max(count.least, self.demand.tasks)

    def _risk_of(self, size: TaskSize, tasks: int) -> str:
        if tasks == 1:
            return "One task: while it is replaced after a fault, nothing answers."
        lost = lost_with_a_zone(tasks, self.demand.zones)
        percent = 100 * self.demand.busiest_of(tasks - lost) / size.cpu
        what = f"one of {self.demand.zones} zones" if self.demand.zones > 1 else "a task"
        return f"With {what} lost, the busiest task is at {percent:.0f} % of CPU at p{self.assumptions.percentile:g}."


def _roomier(size: TaskSize) -> TaskSize | None:
    """The next larger CPU, with as much memory at least; None of the largest."""
    larger = next((cpu for cpu in FARGATE_CPU if cpu > size.cpu), None)
    if larger is None:
        return None
    memory = next((one for one in FARGATE_MEMORY[larger] if one >= size.memory), None)
    return None if memory is None else TaskSize(cpu=larger, memory=memory)


def _warnings(facts: Facts, demand: Demand, choice: Choice) -> Iterator[str]:
    """What a reader should know before agreeing."""
    usage, evidence = facts.usage, facts.evidence
    if 2 * len(usage.steady) < len(usage.minutes):
        yield "tasks were starting in more than half of the minutes: what does not stand still says little of its size"
    limited = [one for one in usage.steady if one.is_at_limit]
    if limited:
        text = f"CPU was at its limit in {len(limited)} of {len(usage.steady)} minutes"
        unknown = ": what would have been used is unknown, so the next larger size comes first; measure again after it"
        yield text + (unknown if demand.least_cpu else "")
    if evidence.kills:
        yield (
            f"{evidence.kills} task{'s were' if evidence.kills > 1 else ' was'} killed for want of memory at "
            f"{evidence.killed_at} MiB: no less than the next larger size"
        )
    leak = find_leak(usage)
    if leak is not None:
        left = leak.lasts_until(usage.minutes[-1].size.memory)
        until = f", and is used up in {left / timedelta(days=1):.0f} days" if left is not None else ""
        yield (
            f"memory grows by {leak.mib_a_day:.0f} MiB a day between starts{until}: it looks like a leak, and no less memory "
            "is proposed"
        )
    if demand.start_work and choice.size.cpu < facts.standing.size.cpu:
        before, after = demand.start_work / facts.standing.size.cpu, demand.start_work / choice.size.cpu
        if after >= WORTH_TELLING_SECONDS:
            yield f"a start takes at least {after:.0f} s of its CPU, where it took {before:.0f} s"
    if usage.hours < WEEK_HOURS:
        yield "less than a week is measured: weekends and busy days may be missing"
    yield from facts.notes


def instead(advice: Advice, name: str) -> Advice:
    """The advice with another of its options as the proposal. Raises ``DeployError`` where something is in the way."""
    option = advice.option(name)
    if option is None:
        return advice
    if option.obstacle is not None:
        raise DeployError(f"Not {option.name}: {option.obstacle}.", hint=f"Leave --{name} out, or mend that first.")
    return replace(advice, proposed=replace(option, name=advice.proposed.name))


def file_changes(advice: Advice, facts: Facts, file: ServiceFile) -> dict[str, Any]:
    """The keys of the service file that the proposal changes; only those that say something else now."""
    proposed = advice.proposed
    count: Any = proposed.count
    if isinstance(count, Bounds):
        count = {"min": count.least, "max": count.most}
    is_said = file.count.model_dump() if isinstance(file.count, CountRange) else file.count
    wanted = {"cpu": (file.cpu, proposed.size.cpu), "memory": (file.memory, proposed.size.memory), "count": (is_said, count)}
    changes = {key: new for key, (old, new) in wanted.items() if old != new}
    if scaling := _scaling_changes(proposed, facts, file):
        changes["scaling"] = scaling
    if proposed.is_arm and not advice.now.is_arm:
        changes["image"] = {"platform": "linux/arm64"}
    return changes


def _scaling_changes(proposed: Option, facts: Facts, file: ServiceFile) -> dict[str, Any]:
    """What the count is to follow. A service that follows requests gets their number; other metrics are its own affair."""
    if not isinstance(proposed.count, Bounds):
        return {}
    known = file.scaling
    if known is not None and known.requests_per_task is not None and known.cpu is None:
        requests = requests_a_task(proposed, facts.traffic)
        return {"requests_per_task": requests} if requests not in {None, known.requests_per_task} else {}
    if known is not None and known.cpu is None:
        return {}
    return {"cpu": f"{proposed.count.target}%"} if known is None or known.cpu != proposed.count.target else {}


def requests_a_task(option: Option, traffic: Traffic) -> int | None:
    """A minute, at the target of its scaling; None where that, or what a request takes, is not known."""
    if not traffic.cpu_a_request or not isinstance(option.count, Bounds) or not option.count.target:
        return None
    return max(1, round(option.count.target / 100 * option.size.cpu / traffic.cpu_a_request))
