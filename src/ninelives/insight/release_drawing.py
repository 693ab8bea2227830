"""A release's record as shapes on one time axis, and in sentences: what the page draws. Pure.

Across, everything is in percent of the axis, so that a page is as wide as its window; down, charts are a hundred high.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ninelives.deploy.quantities import write_duration, write_tenths
from ninelives.deploy.release_record import Bin, ReleaseRecord, TaskRecord, Traffic

ROUND_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200)
TICKS = 8
MARGIN = 0.02
"""Of the axis, before the first and after the last thing that happened."""
ROW, BAR = 11, 7
"""Pixels of a task's row, and of the bar in it."""
ROWS_MAX = 30
PIXELS_A_PERCENT, PIXELS_A_LETTER = 7.6, 5.8
WIDE, HIGH = 1000, 100
"""Of a chart's own coordinates."""
ID_SHOWN = 8
EVENTS_MAX = 150
OPEN_VERDICTS = frozenset({"paused", "superseded", "in_progress", "timed_out", "interrupted"})
"""Neither good nor bad: it goes on, or something else does."""
OTHER_TONES = ("third", "fourth")
Down = Callable[[float | None], float]
"""A latency as a distance from the top."""


@dataclass(frozen=True, slots=True)
class Axis:
    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        return max(0.001, (self.end - self.start).total_seconds())

    def at(self, instant: datetime) -> float:
        """In percent; what lies outside stands at the edge."""
        return round(max(0.0, min(100.0, 100 * (instant - self.start).total_seconds() / self.seconds)), 3)


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    label: str
    is_minor: bool = False
    """Left out where there is little room."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a bar; ``tone`` says what it means."""

    at: float
    width: float
    tone: str
    title: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    top: int
    segments: tuple[Segment, ...]
    failed_at: float | None = None
    title: str = ""


@dataclass(frozen=True, slots=True)
class TaskGroup:
    """The tasks of one side; ``hidden`` of them have no row."""

    label: str
    about: str
    tone: str
    rows: tuple[Row, ...]
    hidden: int = 0

    @property
    def height(self) -> int:
        return max(1, len(self.rows)) * ROW + 2


@dataclass(frozen=True, slots=True)
class Mark:
    at: float
    title: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Area:
    """A shape in a chart's own coordinates: an SVG path."""

    path: str
    tone: str
    label: str


@dataclass(frozen=True, slots=True)
class Level:
    """A line across a chart with what it stands for; ``at`` in percent from the top."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    areas: tuple[Area, ...]
    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """What happened, when: ``after`` is since the release began."""

    after: str
    text: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything that the page draws."""

    axis: Axis
    ticks: tuple[Tick, ...]
    began: float
    finished: float
    stages: tuple[Segment, ...]
    tasks: tuple[TaskGroup, ...]
    shares: Chart | None
    alarms: tuple[tuple[str, tuple[Segment, ...]], ...]
    events: tuple[Mark, ...]
    answers: Chart | None
    lost: tuple[Mark, ...]
    latency: Chart | None
    story: tuple[Moment, ...]
    versions: tuple[tuple[str, str], ...]
    """Version and tone."""


def draw(record: ReleaseRecord) -> Drawing:
    axis = axis_of(record)
    tones = dict(versions_of(record))
    traffic = record.traffic
    return Drawing(
        axis=axis,
        ticks=tuple(ticks(axis)),
        began=axis.at(record.began_at),
        finished=axis.at(record.finished_at),
        stages=tuple(_stages(record, axis)),
        tasks=tuple(_task_groups(record, axis)),
        shares=_shares(record, axis),
        alarms=tuple(_alarms(record, axis)),
        events=tuple(
            Mark(at=axis.at(one.at), title=f"{one.at:%H:%M:%S} {one.message}") for one in record.timeline.events[-EVENTS_MAX:]
        ),
        answers=_answers(traffic, axis, tones) if traffic is not None else None,
        lost=tuple(_lost(traffic, axis)) if traffic is not None else (),
        latency=_latency(traffic, axis) if traffic is not None else None,
        story=tuple(story(record)),
        versions=tuple(tones.items()),
    )


def axis_of(record: ReleaseRecord) -> Axis:
    """From the first thing that is told of to the last."""
    starts, ends = [record.began_at], [record.finished_at]
    if record.traffic is not None:
        starts.append(record.traffic.began_at)
        ends.append(record.traffic.ended_at)
    ends += [one.ended_at for one in record.timeline.tasks if one.ended_at is not None]
    start, end = min(starts), max(ends)
    margin = max(timedelta(seconds=0.5), (end - start) * MARGIN)
    return Axis(start - margin, end + margin)


def ticks(axis: Axis) -> Iterator[Tick]:
    """Round times of the clock; every other one is minor."""
    step = next((one for one in ROUND_SECONDS if axis.seconds / one <= TICKS), ROUND_SECONDS[-1])
    first = -(-axis.start.timestamp() // step) * step
    pattern = "%H:%M:%S" if step < 60 else "%H:%M"  # noqa: PLR2004 (seconds of a minute)
    for number in range(int((axis.end.timestamp() - first) // step) + 1):
        instant = datetime.fromtimestamp(first + number * step, tz=axis.start.tzinfo)
        yield Tick(axis.at(instant), f"{instant:{pattern}}", is_minor=number % 2 == 1)


def versions_of(record: ReleaseRecord) -> Iterator[tuple[str, str]]:
    """Each version with its tone: the one before is ``old``, the new one ``new``."""
    answered = list(record.traffic.answers) if record.traffic is not None else []
    others = [name for name in answered if name not in {record.version, record.from_version}]
    if record.from_version is not None and record.from_version != record.version:
        yield record.from_version, "old"
    yield record.version, "new"
    yield from ((name, OTHER_TONES[min(number, 1)]) for number, name in enumerate(others))


# Stages, tasks, traffic, alarms.


def _stages(record: ReleaseRecord, axis: Axis) -> Iterator[Segment]:
    told = [(one.name, one.began_at, one.ended_at) for one in record.timeline.stages if one.ended_at > one.began_at]
    begun = told[0][1] if told else record.deployed_at or record.finished_at
    if begun > record.began_at:
        told.insert(0, ("preparing: image and task definition", record.began_at, begun))
    for number, (name, began_at, ended_at) in enumerate(told):
        width = round(axis.at(ended_at) - axis.at(began_at), 3)
        tone = "rollback" if "rolling back" in name else "baking" if "baking" in name else "even" if number % 2 else "odd"
        yield Segment(
            at=axis.at(began_at),
            width=width,
            tone=tone,
            title=f"{name}: {write_duration(ended_at - began_at)}",
            label=_label_for(name, width),
        )


def _label_for(stage: str, width: float) -> str:
    """As much of a stage's name as its bar has room for on a page of usual width.

    >>> [_label_for("waiting until they are healthy", width) for width in (40, 12, 3)]
    ['waiting until they are healthy', 'waiting', '']
    """
    whole = stage.partition(":")[0]
    room = (width * PIXELS_A_PERCENT - 8) / PIXELS_A_LETTER
    return next((label for label in (whole, whole.split()[0]) if len(label) <= room), "")


def _task_groups(record: ReleaseRecord, axis: Axis) -> Iterator[TaskGroup]:
    for side, word in (("new", "new"), ("old", "before"), ("other", "others")):
        tasks = [one for one in record.timeline.tasks if one.side == side]
        if not tasks:
            continue
        shown = _worth_a_row(tasks)
        version = record.version if side == "new" else record.from_version if side == "old" else None
        failed = sum(one.has_failed for one in tasks)
        yield TaskGroup(
            label=version or "other versions",
            about=f"{word}, {len(tasks)} task{'s' * (len(tasks) != 1)}" + (f", {failed} failed" if failed else ""),
            tone="new" if side == "new" else "old" if side == "old" else "third",
            rows=tuple(_task_row(one, number * ROW, axis) for number, one in enumerate(shown)),
            hidden=len(tasks) - len(shown),
        )


def _worth_a_row(tasks: Sequence[TaskRecord]) -> list[TaskRecord]:
    """All, or those that failed and the first ones: many tasks of one version look alike."""
    if len(tasks) <= ROWS_MAX:
        return list(tasks)
    failed = [one for one in tasks if one.has_failed][: ROWS_MAX // 2]
    well = [one for one in tasks if one not in failed][: ROWS_MAX - len(failed)]
    return [one for one in tasks if one in failed or one in well]


def _task_row(task: TaskRecord, top: int, axis: Axis) -> Row:
    """From one instant that is known to the next; what is not known is passed over."""
    serving_from = task.started_at if task.side == "old" else task.healthy_at
    chain = [
        ("pending", task.created_at),
        ("starting", task.started_at),
        ("serving", serving_from if task.healthy_at is not None else None),
        ("draining", task.draining_at),
        ("stopping", task.stopping_at),
        ("", task.ended_at),
    ]
    known = [(tone, instant) for tone, instant in chain if instant is not None]
    ends = [instant for _, instant in known[1:]] + [task.ended_at or axis.end]
    segments = tuple(
        Segment(
            at=axis.at(instant),
            width=round(axis.at(end) - axis.at(instant), 3),
            tone=tone,
            title=f"{tone} for {write_duration(end - instant)}",
        )
        for (tone, instant), end in zip(known, ends, strict=True)
        if tone and end > instant and axis.at(end) > axis.at(instant)
    )
    failed_at = axis.at(task.ended_at) if task.has_failed and task.ended_at is not None else None
    end = f": {task.end}" if task.end else ""
    return Row(top=top, segments=segments, failed_at=failed_at, title=f"task {task.id[:ID_SHOWN]} ({task.version}){end}")


def _shares(record: ReleaseRecord, axis: Axis) -> Chart | None:
    shares = record.timeline.shares
    if not shares:
        return None
    points = [(axis.at(one.at) * WIDE / 100, HIGH - one.percent * HIGH / 100) for one in shares]
    path = f"M{points[0][0]:.1f} {HIGH}"
    for (across, down), following in zip(points, [*points[1:], (axis.at(record.finished_at) * WIDE / 100, 0.0)], strict=True):
        path += f"V{down:.1f}H{following[0]:.1f}" if across <= following[0] else f"V{down:.1f}"
    return Chart(
        areas=(Area(f"{path}V{HIGH}H{points[0][0]:.1f}Z", "new", record.version),),
        levels=(Level(0, "100 %"), Level(50, "50 %")),
    )


def _alarms(record: ReleaseRecord, axis: Axis) -> Iterator[tuple[str, tuple[Segment, ...]]]:
    for alarm in record.timeline.alarms:
        bounds = [(one.to, one.at) for one in alarm.changes]
        if not bounds or bounds[0][1] > axis.start:
            first = "UNKNOWN" if bounds else alarm.state or "MISSING"
            bounds.insert(0, (first, axis.start))
        ends = [at for _, at in bounds[1:]] + [axis.end]
        yield (
            alarm.name,
            tuple(
                Segment(
                    at=axis.at(at),
                    width=round(axis.at(end) - axis.at(at), 3),
                    tone=f"alarm-{state.lower().replace('_', '-')}",
                    title=f"{alarm.name}: {state.replace('_', ' ').lower()} for {write_duration(end - at)}",
                )
                for (state, at), end in zip(bounds, ends, strict=True)
                if axis.at(end) > axis.at(at)
            ),
        )


# Answers and latency.


def _answers(traffic: Traffic, axis: Axis, tones: dict[str, str]) -> Chart | None:
    """Stacked steps, a step a bin: answers a second."""
    highest = max((sum(one.answers.values()) for one in traffic.bins), default=0) / traffic.bin_s
    if not highest:
        return None
    top = _ceiling(highest)
    names = [name for name in tones if name in traffic.answers]
    names += [name for name in traffic.answers if name not in names]
    base = [0.0] * len(traffic.bins)
    areas = []
    for name in names:
        above = [low + one.answers.get(name, 0) / traffic.bin_s for low, one in zip(base, traffic.bins, strict=True)]
        areas.append(Area(_steps(traffic, axis, base, above, top), tones.get(name, "third"), name))
        base = above
    return Chart(areas=tuple(areas), levels=(Level(0, f"{top:g}/s"), Level(50, f"{top / 2:g}/s")))


def _steps(traffic: Traffic, axis: Axis, base: Sequence[float], above: Sequence[float], top: float) -> str:
    """The outline between two stepped lines: there along the upper one, back along the lower one."""
    edges = [_edges(one, traffic.bin_s, axis) for one in traffic.bins]

    def down(value: float) -> str:
        return f"{HIGH - HIGH * value / top:.1f}"

    upper = "".join(f"V{down(value)}H{right}" for (_, right), value in zip(edges, above, strict=True))
    lower = "".join(f"V{down(value)}H{left}" for (left, _), value in zip(reversed(edges), reversed(base), strict=True))
    return f"M{edges[0][0]} {down(base[0])}{upper}{lower}Z"


def _edges(one: Bin, seconds: float, axis: Axis) -> tuple[str, str]:
    left, right = axis.at(one.at), axis.at(one.at + timedelta(seconds=seconds))
    return f"{left * WIDE / 100:.1f}", f"{right * WIDE / 100:.1f}"


def _lost(traffic: Traffic, axis: Axis) -> Iterator[Mark]:
    for one in traffic.bins:
        if one.lost:
            middle = one.at + timedelta(seconds=traffic.bin_s / 2)
            yield Mark(at=axis.at(middle), title=f"{one.lost} lost at {one.at:%H:%M:%S}", tone="bad")


def _latency(traffic: Traffic, axis: Axis) -> Chart | None:
    """Bands from p50 to p90 and to p99 on a logarithmic scale; bins without answers are gaps."""
    known = [one for one in traffic.bins if one.latency.p50 is not None]
    values = [value for one in known for value in (one.latency.p50, one.latency.p90, one.latency.p99) if value]
    if not values:
        return None
    low = math.floor(math.log10(min(values)))
    high = max(low + 1, math.ceil(math.log10(max(values)) - 1e-9))

    def down(value: float | None) -> float:
        share = (math.log10(max(value or 0.0, 10.0**low)) - low) / (high - low)
        return HIGH - HIGH * min(1.0, share)

    runs = list(_runs(known, traffic.bin_s))
    bands = (("p99", "p90", "band-outer"), ("p90", "p50", "band-inner"))
    areas = [
        Area("".join(_band(run, upper, lower, traffic.bin_s, axis, down) for run in runs), tone, f"{lower} to {upper}")
        for upper, lower, tone in bands
    ]
    line = "".join(_line([(_middle(one, traffic.bin_s, axis), down(one.latency.p50)) for one in run]) for run in runs)
    areas.append(Area(line, "median", "p50"))
    levels = tuple(
        Level(round(HIGH * (high - power) / (high - low), 2), _milliseconds(10.0**power))
        for power in range(low, high + 1)
        if power > low
    )
    return Chart(areas=tuple(areas), levels=levels)


def _runs(bins: Sequence[Bin], seconds: float) -> Iterator[list[Bin]]:
    run: list[Bin] = []
    for one in bins:
        if run and (one.at - run[-1].at).total_seconds() > seconds * 1.5:
            yield run
            run = []
        run.append(one)
    if run:
        yield run


def _middle(one: Bin, seconds: float, axis: Axis) -> float:
    return axis.at(one.at + timedelta(seconds=seconds / 2)) * WIDE / 100


def _band(run: Sequence[Bin], upper: str, lower: str, seconds: float, axis: Axis, down: Down) -> str:
    there = [(_middle(one, seconds, axis), down(getattr(one.latency, upper))) for one in run]
    back = [(_middle(one, seconds, axis), down(getattr(one.latency, lower))) for one in reversed(run)]
    if len(run) == 1:  # a point is drawn as wide as its bin
        left, right = _edges(run[0], seconds, axis)
        return f"M{left} {there[0][1]:.1f}H{right}V{back[0][1]:.1f}H{left}Z"
    return f"{_line([*there, *back])}Z"


def _line(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{across:.1f} {down:.1f}" for across, down in points)


def _milliseconds(value: float) -> str:
    return f"{value / 1000:g} s" if value >= 1000 else f"{value:g} ms"  # noqa: PLR2004 (a second)


def _ceiling(value: float) -> float:
    """The next round number.

    >>> _ceiling(21), _ceiling(240), _ceiling(0.3)
    (25.0, 250.0, 0.4)
    """
    power = 10.0 ** math.floor(math.log10(value))
    return next(round(step * power, 6) for step in (1, 1.5, 2, 2.5, 4, 5, 6, 8, 10) if step * power >= value * (1 - 1e-9))


# What happened, in sentences.


def story(record: ReleaseRecord) -> Iterator[Moment]:
    """The release in a handful of sentences, in the order of time."""
    told: list[tuple[datetime, str, str]] = []
    if record.deployed_at is not None:
        took = write_duration(record.deployed_at - record.began_at)
        told.append((record.deployed_at, f"ECS has the release; image and task definition took {took}", ""))
    told += _told_of_new_tasks(record)
    for one in record.timeline.shares:
        if one.percent:
            told.append((one.at, f"{write_tenths(one.percent)} of the traffic goes to {record.version}", ""))
    for alarm in record.timeline.alarms:
        rung = next((change for change in alarm.changes if change.to == "ALARM"), None)
        if alarm.has_gone_off and rung is not None:
            told.append((rung.at, f"alarm {alarm.name} goes off{f': {alarm.told}' if alarm.told else ''}", "bad"))
    turned = [one.began_at for one in record.timeline.stages if "rolling back" in one.name]
    turned += [one.at for one in record.timeline.events if "rolling back to" in one.message]
    if turned:
        told.append((min(turned), f"it is taken back to {record.from_version or 'what ran before'}", "bad"))
    gone = [one.ended_at for one in record.timeline.tasks if one.side == "old" and one.ended_at is not None]
    if gone:
        told.append((max(gone), f"{_tasks(len(gone))} of {record.from_version or 'the version before'} drained and ended", ""))
    tone = "good" if record.is_good else "" if record.verdict in OPEN_VERDICTS else "bad"
    told.append((record.finished_at, f"verdict: {record.verdict.replace('_', ' ')}", tone))
    for instant, text, tone in sorted(told, key=lambda one: one[0]):
        yield Moment(after=_after(instant - record.began_at), text=text, tone=tone)


def _told_of_new_tasks(record: ReleaseRecord) -> Iterator[tuple[datetime, str, str]]:
    tasks = [one for one in record.timeline.tasks if one.side == "new"]
    healthy = sorted(one.healthy_at for one in tasks if one.healthy_at is not None)
    if healthy:
        first = min(one.created_at for one in tasks if one.created_at is not None)
        took = write_duration(healthy[-1] - first)
        verb = "are" if len(healthy) > 1 else "is"
        yield healthy[-1], f"{_tasks(len(healthy))} of {record.version} {verb} healthy, {took} after the first start", ""
    failed = [one for one in tasks if one.has_failed and one.ended_at is not None]
    if failed:
        first_failed = failed[0]
        assert first_failed.ended_at is not None
        why = f": {first_failed.end}" if first_failed.end else ""
        yield first_failed.ended_at, f"{_tasks(len(failed))} of {record.version} failed, the first now{why}", "bad"


def _tasks(number: int) -> str:
    return f"{number} task{'s' * (number != 1)}"


def _after(passed: timedelta) -> str:
    sign = "−" if passed < timedelta(0) else "+"  # noqa: RUF001 (a minus)
    return f"{sign}{write_duration(abs(passed))}"
