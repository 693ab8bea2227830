"""Panels of metrics as a page of the terminal: charts in columns on one time axis, deployments marked on it, alarms below."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ninelives.cli.braille import DOTS_ACROSS, Canvas, ceiling, joined, shown
from ninelives.cli.release_words import status_words
from ninelives.deploy.quantities import write_duration
from ninelives.insight.panels import Line, Panel, Picture
from ninelives.insight.series import Window
from ninelives.insight.surroundings import Alarm, DeploymentMark

STYLES = {
    "plain": "cyan", "good": "green", "warn": "yellow", "bad": "red", "other": "blue", "faint": "bright_black",
}  # fmt: skip
VERDICT_STYLES = {"SUCCESSFUL": "green", "IN_PROGRESS": "cyan", "PENDING": "cyan"}
ALARM_STYLES = {"OK": "green", "ALARM": "bold red"}
AXIS = 7
"""Columns for the numbers beside a chart."""
GUTTER = 3
TWO_COLUMNS_FROM, THREE_COLUMNS_FROM = 130, 230
ROWS_MIN, ROWS_MAX = 2, 6
ROUND = (10, 30, 60, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800)
"""Seconds between two times on the axis."""
LABEL_COLUMNS = 14
MINUTE, DAY = 60, 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What a page may take: ``rows`` are those of a chart."""

    columns: int
    rows: int = 4
    across: int = 1

    @property
    def chart(self) -> int:
        """Columns of a chart within its axis."""
        return self.panel - AXIS - 2

    @property
    def panel(self) -> int:
        return (self.columns - GUTTER * self.across) // self.across


def size_for(columns: int, lines: int | None, panels: int) -> Size:
    """As many charts beside each other as are wide enough; as high as ``lines`` of the terminal allow, where they are given.

    >>> size_for(80, None, 8), size_for(200, 50, 8).across
    (Size(columns=80, rows=4, across=1), 2)
    """
    across = 3 if columns >= THREE_COLUMNS_FROM else 2 if columns >= TWO_COLUMNS_FROM else 1
    deep = -(-panels // across)
    rows = 4 if lines is None else (lines - 6) // deep - 2
    return Size(columns=columns, rows=max(ROWS_MIN, min(ROWS_MAX, rows)), across=across)


def points_for(columns: int) -> int:
    """How many points a chart has room for."""
    return size_for(columns, None, 1).chart * DOTS_ACROSS


def draw(picture: Picture, title: Text, size: Size) -> RenderableType:
    """The whole page."""
    around, span = picture.surroundings, picture.window
    grid = Table.grid(padding=(0, GUTTER, 0, 0))
    for _ in range(size.across):
        grid.add_column(width=size.panel)
    cells = [draw_panel(panel, span, around.deployments, size) for panel in picture.panels]
    for start in range(0, len(cells), size.across):
        grid.add_row(*cells[start : start + size.across])
    return Group(title, Text(), grid, *_alarm_lines(around.alarms, span, size), *_deployment_lines(around.deployments))


def draw_panel(panel: Panel, span: Window, marks: Sequence[DeploymentMark], size: Size) -> RenderableType:
    """A chart with its name, its newest values, its axes."""
    heading = Text.assemble((panel.title, "bold"), (f"  {panel.unit}" if panel.unit else "", "dim"))
    if panel.no_data is not None:
        reason = Text(f"  no data: {panel.no_data}", "dim italic")
        return Group(heading, reason, Text())
    for line in panel.lines:
        if line.series.points:
            heading.append(f"  {line.label} ", STYLES[line.tone])
            heading.append(shown(line.series.points[-1][1]), "bold")
    heading.truncate(size.panel, overflow="ellipsis")
    return Group(heading, *_chart(panel.lines, span, marks, size))


def _chart(lines: Sequence[Line], span: Window, marks: Sequence[DeploymentMark], size: Size) -> Iterator[Text]:
    values = [value for line in lines for value in line.series.values]
    top, least = ceiling(max(values)), min(values)
    bottom = -ceiling(-least) if least < 0 else 0.0
    canvas = Canvas(columns=size.chart, rows=size.rows)
    for line in reversed(lines):  # the first is drawn last, and seen best
        points = [((at - span.start).total_seconds(), value) for at, value in line.series.points]
        for run in joined(points, span.period * 1.5):
            _draw_run(canvas, run, span, (bottom, top), STYLES[line.tone])
    marked = {_column(one.started_at, span, size.chart): one for one in marks if span.start <= one.started_at < span.end}
    for number in range(size.rows):
        label = {0: shown(top), size.rows - 1: shown(bottom)}.get(number, "")
        row = Text(f"{label:>{AXIS}} ", "dim")
        row.append("┤" if label else "│", "dim")
        for column, (character, style) in enumerate(canvas.row(number)):
            is_mark = style is None and column in marked
            row.append("┊" if is_mark else character, "dim" if is_mark else style)
        yield row
    yield _time_axis(span, marked, size.chart)


def _draw_run(
    canvas: Canvas, run: Sequence[tuple[float, float]], span: Window, bounds: tuple[float, float], style: str
) -> None:
    bottom, top = bounds
    dots = [
        (
            round((second + span.period / 2) / span.seconds * (canvas.width - 1)),
            round((value - bottom) / (top - bottom) * (canvas.height - 1)),
        )
        for second, value in run
    ]
    canvas.line(dots[0], dots[0], style)
    for begin, end in pairwise(dots):
        canvas.line(begin, end, style)


def _column(instant: datetime, span: Window, columns: int) -> int:
    return min(columns - 1, int((instant - span.start).total_seconds() / span.seconds * columns))


def _time_axis(span: Window, marked: dict[int, DeploymentMark], columns: int) -> Text:
    """Times in UTC where there is room, a triangle where a deployment began."""
    cells: list[tuple[str, str]] = [("─", "dim")] * columns
    for column, label in time_labels(span, columns):
        for place, character in enumerate(label, column):
            cells[place] = (character, "dim")
    for column, mark in marked.items():
        cells[column] = ("▲", VERDICT_STYLES.get(mark.status, "red"))
    return Text.assemble((" " * AXIS + " └", "dim"), *cells)


def time_labels(span: Window, columns: int) -> Iterator[tuple[int, str]]:
    """Round times with the column in which each is written: it begins there.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> list(time_labels(Window(start=noon, end=noon + timedelta(hours=1), period=60), 60))
    [(0, '12:00'), (15, '12:15'), (30, '12:30'), (45, '12:45')]
    """
    wanted = span.seconds / max(1, columns // LABEL_COLUMNS)
    step = next((one for one in ROUND if one >= wanted), ROUND[-1])
    pattern = "%d %b" if step >= DAY else "%d %H:%M" if span.seconds > DAY else "%H:%M" if step >= MINUTE else "%H:%M:%S"
    instant = datetime.fromtimestamp(-(-span.start.timestamp() // step) * step, tz=span.start.tzinfo)
    while instant < span.end:
        column, label = _column(instant, span, columns), f"{instant:{pattern}}"
        if column + len(label) < columns:
            yield column, label
        instant += timedelta(seconds=step)


def _alarm_lines(alarms: Sequence[Alarm], span: Window, size: Size) -> Iterator[Text]:
    """A band a line: where it was in ALARM, where it was OK, where nobody knew."""
    if not alarms:
        yield Text.assemble(("Alarms", "bold"), ("  none of the service's names is there", "dim italic"))
        return
    yield Text("Alarms", "bold")
    width = max(len(one.name) for one in alarms)
    columns = max(10, min(size.columns - width - 22, 80))
    for one in alarms:
        state = one.state or "is not there"
        line = Text.assemble(f"  {one.name:<{width}}  ", (f"{state:<17} ", ALARM_STYLES.get(state, "yellow")))
        for state_then in alarm_band(one, span, columns):
            line.append("━" if state_then else " ", ALARM_STYLES.get(state_then or "", "bright_black"))
        yield line


def alarm_band(alarm: Alarm, span: Window, columns: int) -> list[str | None]:
    """The state in each column; None before anything is known."""
    known = alarm.history
    before = None if known else alarm.state
    states: list[str | None] = []
    for column in range(columns):
        instant = span.start + timedelta(seconds=span.seconds * (column + 1) / columns)
        passed = [change for change in known if change.at <= instant]
        states.append(passed[-1].to if passed else before)
    return states


def _deployment_lines(marks: Sequence[DeploymentMark]) -> Iterator[Text]:
    if not marks:
        return
    yield Text("Deployments", "bold")
    for one in marks:
        style = VERDICT_STYLES.get(one.status, "red")
        took = f" in {write_duration(one.ended_at - one.started_at)}" if one.ended_at is not None else ""
        yield Text.assemble(
            ("  ▲ ", style),
            (f"{one.started_at:%Y-%m-%d %H:%M:%S}Z  ", "dim"),
            f"{one.version}  ",
            (status_words(one.status), style),
            took,
        )
