"""Shows a release while it goes on, on stderr: a live view on a terminal, plain lines elsewhere, JSON lines with --json."""

import contextlib
import json
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import IO, Any

from ninelives.cli.release_words import counts_line, in_short
from ninelives.deploy.deployment_report import deployment_json
from ninelives.deploy.quantities import write_duration
from ninelives.deploy.reading import Definition
from ninelives.deploy.release import Listener, Report
from ninelives.deploy.reports import Step

JSON_LINES_VERSION = 1
QUIET_SECONDS = 30.0
"""Plain output says that it still waits after this long without news."""


@contextlib.contextmanager
def screen_for(definition: Definition, *, as_json: bool, stream: IO[str] | None = None) -> Iterator[Listener]:
    """What to tell reports to; everything is shown when the block ends."""
    out = stream if stream is not None else sys.stderr
    if as_json:
        yield JsonLines(out)
    elif out.isatty():
        from ninelives.cli.live_view import LiveView

        with LiveView(definition, out) as view:
            yield view
    else:
        yield PlainLines(out)


class JsonLines:
    """One JSON object a line; ``version`` numbers the format."""

    def __init__(self, out: IO[str]) -> None:
        self.out = out

    def __call__(self, report: Report) -> None:
        print(json.dumps({"version": JSON_LINES_VERSION, **as_json(report)}), file=self.out, flush=True)


def as_json(report: Report) -> dict[str, Any]:
    """A report as data."""
    if isinstance(report, Step):
        return {"type": "step", "at": report.at.isoformat(), "act": report.act, "text": report.text}
    return {
        "type": "progress",
        "at": report.at.isoformat(),
        "elapsed_s": round(report.elapsed.total_seconds(), 3),
        "stage": report.stage.name.lower(),
        "tasks": {"desired": report.desired_count, "new": dict(report.tally.new), "old": dict(report.tally.old)},
        "targets": dict(report.tally.targets),
        "failed_tasks": report.failed_tasks,
        "events": [{"at": event.created_at.isoformat(), "message": event.message} for event in report.new_events],
        "deployment": deployment_json(report.deployment) if report.deployment is not None else None,
        "waits_until": report.wait.until.isoformat() if report.wait is not None else None,
        "verdict": report.verdict.outcome if report.verdict is not None else None,
        "note": report.note,
    }


class PlainLines:
    """Appends a line whenever something changed, each with the time in UTC; a service event with its own."""

    def __init__(self, out: IO[str]) -> None:
        self.out = out
        self._last = ""
        self._last_elapsed = 0.0

    def __call__(self, report: Report) -> None:
        if isinstance(report, Step):
            self._line(report.at, f"{report.act}: {report.text}")
            return
        for event in report.new_events:
            self._line(event.created_at, in_short(event.message))
        told = report.note or counts_line(report)
        elapsed = report.elapsed.total_seconds()
        if told != self._last:
            self._line(report.at, told)
        elif elapsed - self._last_elapsed < QUIET_SECONDS:
            return
        else:
            self._line(report.at, f"{told} (for {write_duration(report.elapsed)})")
        self._last, self._last_elapsed = told, elapsed

    def _line(self, at: datetime, text: str) -> None:
        print(f"{at:%Y-%m-%dT%H:%M:%SZ} {text}", file=self.out, flush=True)
