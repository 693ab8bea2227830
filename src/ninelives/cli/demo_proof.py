"""The demo's proof: as a page for people, and as JSON for scripts."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ninelives.cli.charts import bin_size
from ninelives.cli.demo_screen import CHART_COLUMNS, version_chart
from ninelives.deploy.release import Release
from ninelives.rehearsal.judgement import LAG_WORTH_TELLING_MS, Judgement
from ninelives.rehearsal.proof import Marks, Phase, Proof
from ninelives.rehearsal.rehearse import Rehearsed
from ninelives.rehearsal.report import proof_as_json, rounded
from ninelives.rehearsal.timeline import Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Everything that the proof tells."""

    judgement: Judgement
    rehearsed: Rehearsed[Release]
    moments: tuple[Moment, ...]
    from_version: str
    to_version: str
    runtime: str
    rate: float
    time_scale: float
    duration: timedelta
    report: Path | None = None
    """The page that tells the same and more."""

    @property
    def release(self) -> Release:
        return self.rehearsed.released

    @property
    def proof(self) -> Proof:
        return self.rehearsed.proof


def as_json(shown: Shown) -> dict[str, Any]:
    """The one object that ``--json`` prints."""
    release, marks = shown.release, shown.rehearsed.marks
    verdict = release.verdict
    return {
        "verdict": shown.judgement.verdict,
        "reason": shown.judgement.reason,
        "runtime": shown.runtime,
        "strategy": shown.release.definition.file.deploy.strategy,
        "versions": {"from": shown.from_version, "to": shown.to_version},
        "duration_s": rounded(shown.duration.total_seconds()),
        "time_scale": shown.time_scale,
        "rate": shown.rate,
        "release": {
            "verdict": None if verdict is None else str(verdict.outcome),
            "reason": None if verdict is None else verdict.reason,
            "cause": None if release.diagnosis is None else release.diagnosis.cause,
            "duration_s": rounded(release.duration.total_seconds()),
            "service_deployment": release.service_deployment,
        },
        **proof_as_json(shown.proof),
        "marks_s": {
            "release_started": rounded(marks.release_started_at - marks.started_at),
            "release_ended": rounded(marks.release_ended_at - marks.started_at),
            "ended": rounded(marks.ended_at - marks.started_at),
        },
        "report": None if shown.report is None else str(shown.report),
        "timeline": [{"at_s": rounded(moment.at_s), "text": moment.text} for moment in shown.moments],
    }


def show(console: Console, shown: Shown) -> None:
    """The page."""
    proof, file = shown.proof, shown.release.definition.file
    scale = "" if shown.time_scale == 1 else f" · policy's waits {shown.time_scale:g} times shorter"
    title = f"Cats {shown.from_version} → {shown.to_version}"
    facts = f"{file.deploy.strategy}, {file.first_count} tasks · {shown.runtime} · {shown.rate:g} requests a second{scale}"
    console.print()
    console.print(Text.assemble((f"  {title}", "bold"), (f"   {facts}", "dim")))
    console.print()
    _show_chart(console, shown)
    console.print()
    _show_requests(console, proof)
    _show_latency(console, proof)
    console.print()
    _show_timeline(console, shown)
    console.print()
    style = "bold green" if shown.judgement.succeeded else "bold red"
    mark = "✓" if shown.judgement.succeeded else "✗"
    console.print(Text.assemble((f"  {mark} {shown.judgement.verdict}", style), f": {shown.judgement.reason}"))
    if shown.release.diagnosis is not None:
        console.print(f"  {shown.release.diagnosis.cause}", highlight=False)
        console.print(f"  {shown.release.diagnosis.next_step}", highlight=False)
    if shown.report is not None:
        console.print(Text.assemble(("  report  ", "dim"), from_home(shown.report)), soft_wrap=True)
    console.print()


def from_home(path: Path) -> str:
    """A path as one writes it: from the home folder on, where it is in there.

    >>> from_home(Path.home() / "a.html"), from_home(Path("a.html"))
    ('~/a.html', 'a.html')
    """
    return f"~/{path.relative_to(Path.home())}" if path.is_relative_to(Path.home()) else str(path)


def _show_chart(console: Console, shown: Shown) -> None:
    marks = shown.rehearsed.marks
    # What came after the last whole second is the end of slow requests: no load was due any more.
    seconds = shown.proof.seconds[: max(1, math.floor(marks.ended_at - marks.started_at))]
    known = list(dict.fromkeys([shown.from_version, shown.to_version, *shown.proof.by_version]))
    size = bin_size(len(seconds), CHART_COLUMNS)
    column = "a column is a second" if size == 1 else f"a column is {size} seconds"
    console.print(Text(f"  Answers by version ({column})", style="dim"))
    rows = {version: tuple(second.versions.get(version, 0) for second in seconds) for version in known}
    lost = tuple(second.lost for second in seconds)
    console.print(version_chart(rows, lost, ruler(marks, len(seconds), size)))


def ruler(marks: Marks, seconds: int, size: int) -> str:
    """A column a second (or ``size`` of them): a line where the release went on, dots before and after."""
    middles = (marks.started_at + start + size / 2 for start in range(0, seconds, size))
    return "".join("━" if marks.phase(middle) is Phase.DURING else "·" for middle in middles)


def _show_requests(console: Console, proof: Proof) -> None:
    table = Table.grid(padding=(0, 2))
    lost = Text(f"{proof.lost:,} lost", style="bold red" if proof.lost else "bold green")
    kinds = ", ".join(f"{name} {kind.sent:,}" for name, kind in proof.by_kind.items())
    versions = ", ".join(f"{version} {count:,}" for version, count in proof.by_version.items())
    table.add_row("  requests", Text.assemble((f"{proof.sent:,} sent", "bold"), " · ", lost, f" · {kinds}"))
    table.add_row("  answered by", versions)
    for losses in proof.losses:
        reused = f", {losses.on_reused_connection} on kept connections" if losses.on_reused_connection else ""
        when = f"{losses.first_s:.1f} s" if losses.count == 1 else f"{losses.first_s:.1f} to {losses.last_s:.1f} s"
        told = f"{losses.count} {losses.error}: {losses.kind}, {losses.phase} the release, at {when}{reused}"
        table.add_row("", Text(told, style="red"))
    table.add_row("  worst gap", f"{proof.worst_gap_ms:.0f} ms between good answers, at {proof.worst_gap_at_s:.1f} s")
    if proof.generator_lag_ms > LAG_WORTH_TELLING_MS:
        table.add_row("  note", f"the load generator itself was up to {proof.generator_lag_ms:.0f} ms late")
    console.print(table)


def _show_latency(console: Console, proof: Proof) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_row("  latency", *(Text(f"{phase}", style="dim", justify="right") for phase in Phase))
    for name, member in (("p50", "p50_ms"), ("p99", "p99_ms"), ("max", "max_ms")):
        cells = (_milliseconds(getattr(proof.latency[phase], member)) for phase in Phase)
        table.add_row(f"    {name}", *(Text(cell, justify="right") for cell in cells))
    console.print(table)


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f} ms"


def _show_timeline(console: Console, shown: Shown) -> None:
    console.print(Text("  Timeline (seconds of the load)", style="dim"))
    for moment in shown.moments:
        console.print(
            Text.assemble((f"  {moment.at_s:7.1f}  ", "dim"), moment.text), no_wrap=True, overflow="ellipsis", crop=True
        )


def addresses(endpoint: str, url: str | None, state: str) -> Mapping[str, str]:
    """Where a region that was kept is, and how to use and end it."""
    return {
        "Cats": url or "?",
        "AWS API": endpoint,
        "use it": f'eval "$(ninelives env --state {state})"',
        "end it": f"ninelives down --state {state} --delete-state",
    }
