"""What a release tells GitHub Actions when it runs in a step: outputs, an annotation for what is not green, a summary page.

Workflow commands go to stderr, so that stdout stays what was asked for. What a task wrote may stand in a cause: it is escaped,
so that no line of an application's can be a command, and values of the step's credentials are struck out wherever they appear.
Source: GitHub docs, "Workflow commands for GitHub Actions".
"""

import html
import os
from collections.abc import Mapping
from pathlib import Path

import click

from ninelives.cli.proving import Proven
from ninelives.cli.release_output import next_step
from ninelives.deploy.aws import NO_CREDENTIALS
from ninelives.deploy.quantities import write_duration
from ninelives.deploy.release import Release
from ninelives.deploy.verdict import Outcome
from ninelives.rehearsal.judgement import lost_words
from ninelives.rehearsal.proof import Phase, Proof

SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "GITHUB_TOKEN")
SECRET_LENGTH_MIN = 8
"""What is shorter is no key, and may stand anywhere."""
EVENTS_SHOWN = 12
STRUCK_OUT = "***"
MARKS = {None: "▶️", Outcome.PAUSED: "⏸️", Outcome.SUPERSEDED: "⏭️"}
"""Of what is neither good nor bad."""


def runs_here(variables: Mapping[str, str] = os.environ) -> bool:
    """Whether this is a step of a workflow. Source: GitHub docs, "Variables reference", ``GITHUB_ACTIONS``."""
    return variables.get("GITHUB_ACTIONS") == "true"


def tell(proven: Proven, variables: Mapping[str, str] = os.environ, *, report: Path | None = None) -> None:
    """Tell what became of a release, by every way that a step has; ``report`` is where its page was written."""
    if not runs_here(variables):
        return
    for line in annotations(proven):
        click.echo(struck_out(line, variables), err=True)
    _append(variables.get("GITHUB_STEP_SUMMARY"), struck_out(summary(proven, report), variables))
    _append(variables.get("GITHUB_OUTPUT"), "".join(f"{name}={value}\n" for name, value in outputs(proven, report).items()))


def annotate_error(message: str, hint: str | None, variables: Mapping[str, str] = os.environ) -> None:
    """An error before there was a release."""
    if runs_here(variables):
        text = message if hint is None else f"{message}\n{hint}"
        click.echo(struck_out(command("error", "ninelives", text), variables), err=True)


def command(kind: str, title: str, message: str) -> str:
    r"""A workflow command in a line.

    >>> command("error", "rolled back: a, b", "50 %\n::set-output name=a::b")
    '::error title=rolled back%3A a%2C b::50 %25%0A::set-output name=a::b'
    """
    data = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    of_title = title.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A").replace(":", "%3A").replace(",", "%2C")
    return f"::{kind} title={of_title}::{data}"


def annotations(proven: Proven) -> list[str]:
    """One for a release that is not green, one for what was lost, one for each warning; none for what is as it should be."""
    release, verdict, lines = proven.release, proven.release.verdict, []
    name = f"{release.definition.file.service} {release.started.asked.version}"
    if verdict is not None and not release.has_succeeded:
        cause = release.diagnosis.cause if release.diagnosis is not None else verdict.reason
        step = next_step(release)
        kind = "warning" if verdict.outcome in {Outcome.PAUSED, Outcome.SUPERSEDED} else "error"
        lines.append(command(kind, f"{name} {_words(verdict.outcome)}", cause if step is None else f"{cause}\n{step}"))
    if proven.proof is not None and proven.proof.lost:
        lines.append(command("error", f"{name}: requests lost", lost_words(proven.proof)))
    lines += [command("warning", name, f"{one.cause}\n{one.next_step}") for one in release.warnings]
    return lines


def outputs(proven: Proven, report: Path | None = None) -> dict[str, str]:
    """The step's outputs; ``requests-lost`` is empty where nothing was proven."""
    release = proven.release
    asked, verdict = release.started.asked, release.verdict
    told = {
        "verdict": verdict.outcome if verdict is not None else "in_progress",
        "version": asked.version,
        "from-version": asked.from_version,
        "url": asked.url,
        "image-digest": asked.digest,
        "task-definition": release.started.task_definition,
        "requests-sent": proven.proof.sent if proven.proof is not None else None,
        "requests-lost": proven.proof.lost if proven.proof is not None else None,
        "report": report,
    }
    return {name: "" if value is None else " ".join(str(value).split()) for name, value in told.items()}


def summary(proven: Proven, report: Path | None = None) -> str:
    """The page of the step, in Markdown."""
    release = proven.release
    asked, verdict, file = release.started.asked, release.verdict, release.definition.file
    outcome = verdict.outcome if verdict is not None else None
    lost = proven.proof is not None and proven.proof.lost
    mark = "✅" if release.has_succeeded and not lost else MARKS.get(outcome, "❌")
    words = "begun" if outcome is None else _words(outcome)
    move = asked.version if asked.from_version in {None, asked.version} else f"{asked.from_version} → {asked.version}"
    lines = [f"## {mark} {file.service} {_text(move)}: {words}{', requests lost' if lost else ''}", ""]
    if verdict is not None and not release.has_succeeded:
        cause = release.diagnosis.cause if release.diagnosis is not None else verdict.reason
        lines += [f"**Cause:** {_text(cause)}", ""]
    if (step := next_step(release)) is not None:
        lines += [f"**Next:** {_text(step)}", ""]
    for one in release.warnings:
        lines += [f"**Warning:** {_text(one.cause)} {_text(one.next_step)}", ""]
    lines += ["| | |", "|---|---|", *(f"| {name} | {_text(value)} |" for name, value in _facts(release)), ""]
    if report is not None:
        lines += [f"The release report, a page with everything on one time axis: `{_text(str(report))}`.", ""]
    lines += [*_proof_lines(proven), *_event_lines(release)]
    return "\n".join(lines) + "\n"


def _facts(release: Release) -> list[tuple[str, str]]:
    asked, file = release.started.asked, release.definition.file
    facts = [
        ("environment", release.definition.environment),
        ("cluster", f"{file.cluster_name} in {release.region}"),
        ("strategy", file.deploy.strategy),
        ("took", write_duration(release.duration)),
        ("address", asked.url or ""),
        ("image", asked.digest or ""),
        ("task definition", release.started.task_definition.rpartition("/")[2]),
        ("service deployment", (release.service_deployment or "").rpartition("/")[2]),
    ]
    return [(name, value) for name, value in facts if value]


def _proof_lines(proven: Proven) -> list[str]:
    if proven.proof is None:
        return [f"Not proven: {_text(proven.why_not)}.", ""] if proven.why_not is not None else []
    proof = proven.proof
    verdict = f"{proof.sent:,} requests, none lost" if not proof.lost else lost_words(proof)
    return [
        f"### Proof: {_text(verdict)}",
        "",
        "| | before | during | after |",
        "|---|---|---|---|",
        f"| answered | {' | '.join(str(proof.latency[phase].count) for phase in Phase)} |",
        f"| p50 | {' | '.join(_milliseconds(proof.latency[phase].p50_ms) for phase in Phase)} |",
        f"| p99 | {' | '.join(_milliseconds(proof.latency[phase].p99_ms) for phase in Phase)} |",
        "",
        f"Longest time without an answer: {_milliseconds(proof.worst_gap_ms)}. Answers by version: {_by_version(proof)}.",
        "",
    ]


def _by_version(proof: Proof) -> str:
    return ", ".join(f"{_text(version)} {count:,}" for version, count in proof.by_version.items()) or "none"


def _milliseconds(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f} ms"  # noqa: RUF001 (a dash for nothing)


def _event_lines(release: Release) -> list[str]:
    """The newest of ECS's events, folded away unless something went wrong."""
    service = release.last.service if release.last is not None else None
    if service is None or not service.events:
        return []
    shown = [f"{event.created_at:%H:%M:%S}Z {_text(event.message)}" for event in service.events[:EVENTS_SHOWN]]
    opened = "" if release.has_succeeded else " open"
    return [
        f"<details{opened}><summary>Events of the service</summary>",
        "",
        *(f"- {line}" for line in shown),
        "",
        "</details>",
    ]


def _text(value: str) -> str:
    r"""Text in a line or a cell: no markup, no new line.

    >>> _text("a | <b>\n`c`")
    'a \\| &lt;b&gt; `c`'
    """
    return " ".join(html.escape(value, quote=False).replace("|", "\\|").split())


def _words(outcome: Outcome) -> str:
    return outcome.replace("_", " ")


def struck_out(text: str, variables: Mapping[str, str] = os.environ) -> str:
    """Text without the secrets that the environment bears."""
    for name in SECRETS:
        value = variables.get(name, "")
        if len(value) >= SECRET_LENGTH_MIN and value != NO_CREDENTIALS:
            text = text.replace(value, STRUCK_OUT)
    return text


def _append(path: str | None, text: str) -> None:
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)
