"""Shows a release while it goes on, on stderr: a live view on a terminal, plain lines elsewhere, JSON lines with --json."""

import contextlib
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from typing import IO, Any

from ninelives.deploy.follow import Progress, Stage
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
        "verdict": report.verdict.outcome if report.verdict is not None else None,
        "note": report.note,
    }


class PlainLines:
    """Appends a line whenever something changed, each with the time in UTC."""

    def __init__(self, out: IO[str]) -> None:
        self.out = out
        self._last = ""
        self._last_elapsed = 0.0

    def __call__(self, report: Report) -> None:
        if isinstance(report, Step):
            self._line(report, f"{report.act}: {report.text}")
            return
        for event in report.new_events:
            self._line(report, in_short(event.message))
        told = report.note or counts_line(report)
        elapsed = report.elapsed.total_seconds()
        if told != self._last:
            self._line(report, told)
        elif elapsed - self._last_elapsed < QUIET_SECONDS:
            return
        else:
            self._line(report, f"{told} (for {write_duration(report.elapsed)})")
        self._last, self._last_elapsed = told, elapsed

    def _line(self, report: Report, text: str) -> None:
        print(f"{report.at:%Y-%m-%dT%H:%M:%SZ} {text}", file=self.out, flush=True)


def in_short(message: str) -> str:
    """A service event for a screen: without the service's name, with short ids.

    >>> in_short("(service cats) registered 1 targets in (target-group arn:aws:elb:r:a:targetgroup/cats/fd81)")
    'registered 1 targets in (target-group cats)'
    >>> in_short("(service cats) has started 1 tasks: (task 5e7ef7412ef73d5f0830a057858d5b20).")
    'has started 1 tasks: (task 5e7ef741).'
    """
    message = re.sub(r"^\(service [^)]*\) ", "", message)
    message = re.sub(r"\(target-group arn:[^)]*targetgroup/([^/)]+)/[^)]*\)", r"(target-group \1)", message)
    return re.sub(r"\(task ([0-9a-f]{8})[0-9a-f]{24}\)", r"(task \1)", message)


def counts_line(progress: Progress) -> str:
    """Stage, tasks and targets in a line."""
    parts = [str(progress.stage)]
    parts += [
        f"{name}: {counted(tally)}" for name, tally in (("new", progress.tally.new), ("old", progress.tally.old)) if tally
    ]
    if progress.tally.targets:
        parts.append(f"targets: {counted(progress.tally.targets)}")
    if progress.failed_tasks and progress.stage is not Stage.DONE:
        parts.append(f"failed tasks: {progress.failed_tasks}")
    return " | ".join(parts)


def counted(tally: Counter[str]) -> str:
    """``2 running, 1 pending``; words of the API in lower case.

    >>> counted(Counter(RUNNING=2, PENDING=1))
    '2 running, 1 pending'
    """
    return ", ".join(f"{number} {name.lower()}" for name, number in tally.most_common() if number)
