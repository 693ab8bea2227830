"""The live view of a release on a terminal: what was done, the tasks old and new, the targets, the last events."""

from collections import Counter, deque
from collections.abc import Iterator
from types import TracebackType
from typing import IO, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from ninelives.cli.release_words import (
    counted,
    failed_words,
    guards,
    hook_words,
    in_short,
    left_words,
    traffic_words,
    worth_telling,
)
from ninelives.deploy.follow import Progress, Stage
from ninelives.deploy.observation import EventSeen, ServiceDeploymentSeen
from ninelives.deploy.quantities import write_duration
from ninelives.deploy.reading import Definition
from ninelives.deploy.release import Report
from ninelives.deploy.reports import Act, Step

EVENTS_SHOWN = 5
DOTS_MAX = 40
BAR_COLUMNS = 20
STYLES = {
    "RUNNING": "green",
    "healthy": "green",
    "unhealthy": "red",
    "draining": "blue",
    "DEACTIVATING": "blue",
    "STOPPING": "blue",
    "initial": "yellow",
}
HOOK_STYLES = {"SUCCEEDED": "green", "FAILED": "red", "TIMED_OUT": "red"}
MARKS = {Act.NOTE: ("!", "yellow"), Act.FOUND: ("·", "dim")}


class LiveView:
    """Redraws in place while the release goes on; steps scroll by above it."""

    def __init__(self, definition: Definition, out: IO[str]) -> None:
        self.definition = definition
        self.console = Console(file=out)
        self.progress: Progress | None = None
        self.events: deque[EventSeen] = deque(maxlen=EVENTS_SHOWN)
        self.spinner = Spinner("dots", style="cyan")
        self.live = Live(console=self.console, get_renderable=self.draw, refresh_per_second=8, transient=True)

    def __enter__(self) -> Self:
        self.live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.live.stop()

    def __call__(self, report: Report) -> None:
        if isinstance(report, Step):
            mark, style = MARKS.get(report.act, ("✓", "green"))
            line = Table.grid(padding=(0, 1))  # what is wrapped stays right of the mark
            line.add_row(Text(mark, style), Text.assemble((f"{report.act} ", style), report.text))
            self.console.print(line)
            return
        self.progress = report
        self.events.extend(report.new_events)

    def draw(self) -> RenderableType:
        progress = self.progress
        if progress is None:
            return self._heading("preparing", "")
        rows = Table.grid(padding=(0, 2))
        rows.add_row(Text("  new", "bold"), dots(progress.tally.new), running_of(progress.tally.new, progress.desired_count))
        if progress.tally.old:
            rows.add_row(Text("  old"), dots(progress.tally.old), counted(progress.tally.old))
        rows.add_row(Text("  targets"), dots(progress.tally.targets), counted(progress.tally.targets) or "none")
        if progress.deployment is not None:
            for row in _deployment_rows(progress, progress.deployment):
                rows.add_row(*row)
        if progress.failed_tasks and progress.stage is not Stage.DONE:
            marks = Text("✗" * min(progress.failed_tasks, DOTS_MAX), "red")
            rows.add_row(Text("  failed", "red"), marks, failed_words(progress))
        heading = self._heading(progress.note or str(progress.stage), write_duration(progress.elapsed))
        events = Table.grid(padding=(0, 1))
        for event in self.events:
            events.add_row(Text(f"  {event.created_at:%H:%M:%S}", "dim"), in_short(event.message))
        return Group(heading, rows, events)

    def _heading(self, stage: str, elapsed: str) -> RenderableType:
        file = self.definition.file
        self.spinner.update(
            text=Text.assemble(
                (file.service, "bold"), (f" in {file.cluster_name} ({self.definition.environment}) ", "dim"), stage,
                (f"  {elapsed}", "cyan"),
            )
        )  # fmt: skip
        return self.spinner


def _deployment_rows(progress: Progress, deployment: ServiceDeploymentSeen) -> Iterator[tuple[Text, Text, str]]:
    """Traffic, bake, hooks and alarms, where there are any."""
    nothing = Text("")
    if (traffic := traffic_words(deployment)) is not None:
        yield Text("  traffic"), traffic_bar(deployment.production_percent or 0.0), traffic.removeprefix("traffic: ")
    if progress.wait is not None:
        yield Text("  bake"), nothing, left_words(progress.wait, progress.at)
    for hook in worth_telling(deployment):
        style = HOOK_STYLES.get(hook.status, "yellow")
        yield Text("  hook", style), Text("●", style), hook_words(hook)
    for told in guards(deployment):
        style = "red" if deployment.triggered_alarms else "dim"
        yield Text("  alarms", style), nothing, told.removeprefix("alarms: ")


def traffic_bar(percent: float) -> Text:
    """The new version's share of the traffic, then the old one's.

    >>> traffic_bar(25.0).plain
    '━━━━━───────────────'
    """
    new = round(percent / 100 * BAR_COLUMNS)
    if 0 < percent < 100:  # noqa: PLR2004 (percent): a little is seen, and so is what is left
        new = min(max(new, 1), BAR_COLUMNS - 1)
    return Text.assemble(("━" * new, "green"), ("─" * (BAR_COLUMNS - new), "blue"))


def running_of(tally: Counter[str], desired: int) -> str:
    """How many of the desired tasks run, and what else there is.

    >>> running_of(Counter(RUNNING=1, PENDING=1), 2), running_of(Counter(), 2)
    ('1 of 2 running, 1 pending', '0 of 2 running')
    """
    others = counted(Counter({name: number for name, number in tally.items() if name != "RUNNING"}))
    return ", ".join(filter(None, [f"{tally['RUNNING']} of {desired} running", others]))


def dots(tally: Counter[str]) -> Text:
    """A dot for each, coloured by state; many are cut short."""
    text = Text()
    for name, number in tally.most_common():
        text.append("●" * min(number, DOTS_MAX), STYLES.get(name, "yellow"))
    return text
