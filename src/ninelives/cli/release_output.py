"""What is printed when a release has ended: the verdict in a few lines, or as one JSON object; and its exit code."""

import json
import re
import shutil
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ninelives.cli.exit_codes import ExitCode
from ninelives.cli.proving import Proven
from ninelives.deploy.deployment_report import deployment_json
from ninelives.deploy.quantities import write_duration
from ninelives.deploy.release import Release
from ninelives.deploy.verdict import Outcome
from ninelives.rehearsal.judgement import lost_words
from ninelives.rehearsal.report import proof_as_json

EXIT_CODES = {
    Outcome.SUCCEEDED: ExitCode.OK,
    Outcome.ROLLED_BACK: ExitCode.ROLLED_BACK,
    Outcome.SUPERSEDED: ExitCode.SUPERSEDED,
    Outcome.STOPPED: ExitCode.ERROR,
    Outcome.TIMED_OUT: ExitCode.TIMED_OUT,
    Outcome.PAUSED: ExitCode.PAUSED,
    Outcome.FAILED: ExitCode.ERROR,
}

NEXT_STEPS = {
    Outcome.TIMED_OUT: "It goes on: `ninelives wait` follows it, `ninelives abort` takes it back.",
    Outcome.PAUSED: "`ninelives promote` lets it go on, `ninelives abort` takes it back.",
    Outcome.SUCCEEDED: "`ninelives rollback` goes back to the version before.",  # it was to be aborted
    Outcome.SUPERSEDED: "`ninelives wait` follows the newer one.",
}


def exit_code_of(proven: Proven) -> int:
    """The code that a release ends with; one that was not waited for has only begun, which is what was asked.

    A release that did not succeed ends as it ended, whatever was lost by it.
    """
    release = proven.release
    code = _own_exit_code(release)
    return ExitCode.REQUESTS_LOST if code == ExitCode.OK and proven.lost else code


def _own_exit_code(release: Release) -> int:
    if release.verdict is None or release.has_succeeded:
        return ExitCode.OK
    if release.verdict.outcome is Outcome.SUCCEEDED:  # it was to be aborted, and had ended before
        return ExitCode.ERROR
    return EXIT_CODES[release.verdict.outcome]


def release_json(release: Release) -> dict[str, Any]:
    """A release as data: ``verdict`` is ``in_progress`` when it was not waited for."""
    started, verdict, file = release.started, release.verdict, release.definition.file
    seen = release.last.service if release.last is not None else None
    targets = release.last.targets if release.last is not None else ()
    deployment = release.last.service_deployment if release.last is not None else None
    diagnosis = release.diagnosis
    return {
        "verdict": verdict.outcome if verdict is not None else "in_progress",
        "reason": verdict.reason if verdict is not None else None,
        "cause": diagnosis.cause if diagnosis is not None else None,
        "cause_code": diagnosis.code if diagnosis is not None else None,
        "next_step": next_step(release),
        "warnings": [{"code": one.code, "cause": one.cause, "next_step": one.next_step} for one in release.warnings],
        "service": file.service,
        "cluster": file.cluster_name,
        "environment": release.definition.environment,
        "region": release.region,
        "from_version": started.asked.from_version,
        "version": started.asked.version,
        "image_digest": started.asked.digest,
        "task_definition": started.task_definition,
        "service_deployment": release.service_deployment,
        "deployment": deployment_json(deployment) if deployment is not None else None,
        "superseded_by": verdict.superseded_by if verdict is not None else None,
        "is_new_deployment": started.is_new_deployment,
        "url": started.asked.url,
        "test_url": started.asked.test_url,
        "began_at": release.began_at.isoformat(),
        "finished_at": release.finished_at.isoformat(),
        "duration_s": round(release.duration.total_seconds(), 3),
        "tasks": None if seen is None else {"desired": seen.desired_count, "running": seen.running_count},
        "targets_healthy": sum(target.state == "healthy" for target in targets),
    }


def next_step(release: Release) -> str | None:
    if release.diagnosis is not None:
        return release.diagnosis.next_step
    if release.verdict is None:
        return "`ninelives wait` follows it."
    seen = release.last.service_deployment if release.last is not None else None
    tests = seen is not None and seen.test_percent and release.started.asked.test_url is not None
    if release.verdict.outcome is Outcome.PAUSED and tests:
        return f"Try it at {release.started.asked.test_url}; {NEXT_STEPS[Outcome.PAUSED]}"
    return NEXT_STEPS.get(release.verdict.outcome) if not release.has_succeeded else None


def proven_json(proven: Proven) -> dict[str, Any]:
    """A release and its proof as data; where ``proof`` is null although it was asked for, ``not_proven`` says why."""
    return {
        **release_json(proven.release),
        "proof": proof_as_json(proven.proof) if proven.proof is not None else None,
        "not_proven": proven.why_not,
    }


def print_release(proven: Proven, *, as_json: bool, report: Path | None = None) -> None:
    """The result, on stdout; ``report`` is where its page was written."""
    if as_json:
        told = str(report) if report is not None else None
        click.echo(json.dumps({**proven_json(proven), "report": told}, indent=2))
        return
    written = [f"  Report: {report}"] if report is not None else []
    for line in (*summary(proven.release), *proof_lines(proven), *written):
        click.echo(_fitted(line) if sys.stdout.isatty() else line)


def proof_lines(proven: Proven) -> list[str]:
    """What the load showed, in a line."""
    if proven.why_not is not None:
        return [f"  Not proven: {proven.why_not}."]
    if proven.proof is None:
        return []
    proof = proven.proof
    if proof.lost:
        return [f"  Proof: {lost_words(proof)}"]
    return [f"  Proof: {proof.sent} requests, none lost; longest time without an answer {proof.worst_gap_ms:.0f} ms"]


def _fitted(line: str) -> str:
    """A line on a terminal: what is wrapped stays right of its heading."""
    heading = re.match(r" +(\w+: +)?", line)
    if heading is None:
        return line  # the verdict: short, and coloured
    columns = shutil.get_terminal_size().columns
    return textwrap.fill(line, columns, subsequent_indent=" " * heading.end(), break_on_hyphens=False, break_long_words=False)


def summary(release: Release) -> list[str]:
    """The verdict, what it means for the service, the cause, the next step."""
    started, verdict = release.started, release.verdict
    if verdict is None:
        return [f"{_move(release)}: begun.", next_step(release) or ""]
    colour = (
        "green" if release.has_succeeded else "yellow" if verdict.outcome in {Outcome.PAUSED, Outcome.SUPERSEDED} else "red"
    )
    outcome = click.style(verdict.outcome.replace("_", " "), fg=colour, bold=True)
    lines = [f"{outcome}: {_told(verdict.outcome, verdict.reason, release)}"]
    if release.has_succeeded and verdict.outcome is Outcome.ROLLED_BACK:
        return lines
    if release.has_succeeded:
        healthy = sum(target.state == "healthy" for target in release.last.targets) if release.last is not None else 0
        where = f", {started.asked.url}" if started.asked.url else ""
        return [*lines, f"  {healthy} healthy targets{where}", *_warnings(release)]
    cause = release.diagnosis.cause if release.diagnosis is not None else verdict.reason
    if verdict.outcome not in {Outcome.PAUSED, Outcome.SUCCEEDED}:  # which are no faults, and told in the first line
        lines.append(f"  Cause: {cause}")
    if (step := next_step(release)) is not None:
        lines.append(f"  Next:  {step}")
    return lines


def _warnings(release: Release) -> Iterator[str]:
    for one in release.warnings:
        yield f"  Warning: {one.cause}"
        yield f"  Next:    {one.next_step}"


def _told(outcome: Outcome, reason: str, release: Release) -> str:
    """What became of the versions, so that nobody takes what was asked for for what is there."""
    asked, took = release.started.asked, write_duration(release.duration)
    new, old = f"{release.definition.file.service} {asked.version}", asked.from_version
    another = old not in {None, asked.version}
    match outcome:
        case Outcome.SUCCEEDED if not release.has_succeeded:
            return f"{_move(release)} had ended before it could be taken back"
        case Outcome.ROLLED_BACK if release.has_succeeded:
            return f"{new} was taken back; {old if another else 'what ran before'} serves on (took {took})"
        case Outcome.SUCCEEDED:
            return f"{_move(release)} in {took}"
        case Outcome.ROLLED_BACK:
            return f"{new} did not hold; {old if another else 'what ran before'} serves on (took {took})"
        case Outcome.SUPERSEDED:
            return f"{new} gave way to a newer deployment (after {took})"
        case Outcome.STOPPED:
            return f"{new} was stopped half-way, and nothing was rolled back (after {took})"
        case Outcome.TIMED_OUT:
            return f"{_move(release)} has not ended and goes on (waited {took})"
        case Outcome.PAUSED:
            return f"{_move(release)}: {reason} (after {took})"
        case Outcome.FAILED:
            return f"{new} did not {f'take the place of {old}' if another else 'come up'} (after {took})"


def _move(release: Release) -> str:
    name, asked = release.definition.file.service, release.started.asked
    return (
        f"{name} {asked.version}"
        if asked.from_version in {None, asked.version}
        else (f"{name} {asked.from_version} → {asked.version}")
    )
