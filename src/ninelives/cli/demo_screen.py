"""What is seen while the demo runs: live on a terminal, plain lines with the time in UTC elsewhere; always on stderr."""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ninelives.cli.charts import bars, bin_size, binned
from ninelives.cli.release_words import traffic_words
from ninelives.deploy.clock import Clock
from ninelives.deploy.follow import Progress
from ninelives.deploy.release import Report
from ninelives.deploy.reports import Step
from ninelives.rehearsal.proof import Phase
from ninelives.rehearsal.tally import Count, Tally
from ninelives.rehearsal.timeline import shortened

LINES_SHOWN = 12
LOAD_LINE_SECONDS = 5.0
REFRESHES_A_SECOND = 4
CHART_COLUMNS = 70
VERSION_STYLES = ("cyan", "green", "magenta", "yellow")


class Screen(Protocol):
    """Where the demo says what it does."""

    def say(self, text: str) -> None:
        """A line."""

    def report(self, report: Report) -> None:
        """What a release says of itself."""

    def entered(self, phase: Phase, tally: Tally) -> None:
        """A phase of the load began."""

    def load_ended(self) -> None:
        """The load is over."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


def screen_for(clock: Clock, *, title: str) -> Screen:
    """The live screen where stderr is a terminal that can show it."""
    console = Console(stderr=True)
    return LiveScreen(console, title) if console.is_terminal and not console.is_dumb_terminal else PlainScreen(clock)


class Narrator:
    """Turns a release's reports into lines: each step, each event, and each change of what runs."""

    def __init__(self, write: Callable[[str, datetime], None]) -> None:
        self._write = write
        self._last = ""

    def tell(self, report: Report) -> None:
        if isinstance(report, Step):
            self._write(f"{report.act}: {report.text}", report.at)
            return
        for event in report.new_events:
            self._write(shortened(event.message), event.created_at)
        now = state_of(report)
        if now != self._last:
            self._last = now
            self._write(now, report.at)


def state_of(progress: Progress) -> str:
    """A release's state in a line."""
    if progress.note is not None:
        return progress.note
    tasks = [f"{count} new {status}" for status, count in sorted(progress.tally.new.items())]
    tasks += [f"{count} old {status}" for status, count in sorted(progress.tally.old.items())]
    traffic = traffic_words(progress.deployment) if progress.deployment is not None else None
    told = "; ".join(filter(None, [", ".join(tasks) or "no tasks", traffic]))
    return f"{progress.stage}: {told}"


def load_line(count: Count) -> str:
    """A load's state in a line."""
    now = ", ".join(f"{version} {answers}/s" for version, answers in count.now.items()) or "no answers"
    errors = f" ({', '.join(f'{number} {error}' for error, number in sorted(count.errors.items()))})" if count.errors else ""
    return f"load: {count.answered} answered, {count.lost} lost{errors}; now {now}"


class PlainScreen:
    """Lines, each with its time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._narrator = Narrator(self._write)
        self._tally: Tally | None = None
        self._over = threading.Event()
        self._ticking: threading.Thread | None = None

    def _write(self, text: str, at: datetime) -> None:
        click.echo(f"{at:%H:%M:%S}Z  {text}", err=True)

    def say(self, text: str) -> None:
        self._write(text, self._clock.now())

    def report(self, report: Report) -> None:
        self._narrator.tell(report)

    def entered(self, phase: Phase, tally: Tally) -> None:
        self.say(f"load: {phase} the release")
        if self._ticking is None:
            self._tally = tally
            self._ticking = threading.Thread(target=self._tick, args=(tally,), name="load lines", daemon=True)
            self._ticking.start()

    def _tick(self, tally: Tally) -> None:
        while not self._over.wait(LOAD_LINE_SECONDS):
            self.say(load_line(tally.count(time.monotonic())))

    def load_ended(self) -> None:
        self._over.set()
        if self._ticking is not None:
            self._ticking.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None) -> None:
        self._over.set()


class LiveScreen:
    """The versions over time, the counts, and the last lines; gone when the demo ends, for the proof to take its place.

    A demo that is broken off has no proof: then every line that was said stays.
    """

    def __init__(self, console: Console, title: str) -> None:
        self._title = title
        self._console = console
        self._lines: list[tuple[datetime | None, str]] = []
        self._narrator = Narrator(lambda text, at: self._lines.append((at, text)))
        self._state = ""
        self._phase: Phase | None = None
        self._tally: Tally | None = None
        self._live = Live(get_renderable=self.render, console=console, refresh_per_second=REFRESHES_A_SECOND, transient=True)

    def say(self, text: str) -> None:
        self._lines.append((None, text))

    def report(self, report: Report) -> None:
        if isinstance(report, Progress):
            self._state = state_of(report)
        self._narrator.tell(report)

    def entered(self, phase: Phase, tally: Tally) -> None:
        self._phase, self._tally = phase, tally

    def load_ended(self) -> None:
        self._phase = None

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None) -> None:
        self._live.stop()
        if kind is not None:
            self._console.print(Text(self._title, style="bold"), self._everything_said(), sep="\n")

    def _everything_said(self) -> Table:
        """Every line in full; what is wrapped keeps its column."""
        said = Table.grid(padding=(0, 2))
        for at, text in self._lines:
            said.add_row(Text(f"  {_time_shown(at)}", "dim"), Text(text))
        return said

    def render(self) -> RenderableType:
        """The screen as it is now."""
        parts: list[RenderableType] = [Text(self._title, style="bold"), Text()]
        for at, text in self._lines[-LINES_SHOWN:]:
            parts.append(Text.assemble((f"  {_time_shown(at)}  ", "dim"), text, no_wrap=True, overflow="ellipsis"))
        if self._tally is not None:
            count = self._tally.count(time.monotonic())
            parts += [Text(), version_chart(count.seconds, count.lost_seconds), Text(), self._summary(count)]
        return Group(*parts)

    def _summary(self, count: Count) -> Text:
        lost = (f"{count.lost} lost", "bold red" if count.lost else "bold green")
        phase = f"   {self._phase} the release" if self._phase is not None else ""
        return Text.assemble(f"  {count.answered} answered · ", lost, (phase, "dim"), (f"   {self._state}", "dim"))


def _time_shown(at: datetime | None) -> str:
    return f"{at:%H:%M:%S}Z" if at is not None else " " * 9


def version_chart(versions: Mapping[str, tuple[int, ...]], lost: tuple[int, ...], ruler: str | None = None) -> RenderableType:
    """A row of blocks a version, one column a second (or a few), and where requests were lost."""
    size = bin_size(len(lost), CHART_COLUMNS)
    rows = {version: binned(counts, size) for version, counts in versions.items()}
    peak = max((value for row in rows.values() for value in row), default=0.0)
    chart = Table.grid(padding=(0, 2))
    for number, (version, row) in enumerate(rows.items()):
        style = VERSION_STYLES[number % len(VERSION_STYLES)]
        chart.add_row(Text(f"  {version}", style=style), Text(bars(row, peak or 1.0), style=style))
    if ruler is not None:
        chart.add_row(Text("  release", style="dim"), Text(ruler, style="dim"))
    marks = "".join("▲" if value else " " for value in binned(lost, size))
    if marks.strip():
        chart.add_row(Text("  lost", style="bold red"), Text(marks, style="bold red"))
    return chart
