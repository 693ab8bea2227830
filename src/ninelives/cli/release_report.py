"""The report of a release: everything that is known when it ends, put together into a record and written as a page.

What cannot be found out any more is left out; a report never changes what became of a release.
"""

import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from ninelives import __version__
from ninelives.cli.errors import UserError
from ninelives.cli.github_actions import STRUCK_OUT, struck_out
from ninelives.cli.proving import Proven
from ninelives.cli.release_output import next_step
from ninelives.cli.release_words import in_short
from ninelives.deploy.aws import Aws
from ninelives.deploy.change import differences
from ninelives.deploy.checkout import git, github_name
from ninelives.deploy.clock import Clock
from ninelives.deploy.errors import DeployError
from ninelives.deploy.evidence import went_off
from ninelives.deploy.history import task_definitions_of
from ninelives.deploy.observation import number_of
from ninelives.deploy.quantities import write_duration
from ninelives.deploy.reading import Definition
from ninelives.deploy.recording import Recording
from ninelives.deploy.release import Release
from ninelives.deploy.release_record import (
    AlarmChange,
    AlarmRecord,
    Change,
    EventRecord,
    Link,
    ReleaseRecord,
    Timeline,
    Traffic,
    Warned,
)
from ninelives.deploy.reports import Act
from ninelives.deploy.service_call import describe_task_definition, version_behind
from ninelives.deploy.task_definition import DIGEST_TAG
from ninelives.deploy.verdict import Outcome
from ninelives.rehearsal.rehearse import Rehearsed

Found = TypeVar("Found")
log = logging.getLogger(__name__)
HTML = ".html"
EVENTS_TOLD = 300
IN_URL = re.compile(r"(?<=://)[^\s/:@]*:[^\s/@]+(?=@)")
"""A name and a password, as addresses of package indexes bear them."""
REQUESTS_LOST, INTERRUPTED, ERROR = "requests_lost", "interrupted", "error"
UNKNOWN = "?"
"""The version of a release that was only followed, where nobody could say it."""
NO_VERDICT = {
    INTERRUPTED: "`ninelives wait` follows it, `ninelives abort` takes it back.",
    ERROR: None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A release that was not followed to its end. ``verdict`` is ``interrupted`` or ``error``."""

    verdict: str
    reason: str
    version: str
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """All that the report is made of."""

    aws: Aws
    definition: Definition
    recording: Recording
    ended: Proven | Broken
    began_at: datetime
    now: datetime

    @property
    def release(self) -> Release | None:
        return self.ended.release if isinstance(self.ended, Proven) else None

    @property
    def version(self) -> str:
        return self.ended.release.started.asked.version if isinstance(self.ended, Proven) else self.ended.version

    @property
    def revision(self) -> str | None:
        """Number of the service revision that was released."""
        if self.release is not None:
            return self.release.started.followed.revision
        seen = self.recording.deployment
        return number_of(seen.target_revision) if seen is not None else None

    @property
    def source(self) -> str | None:
        if self.release is not None:
            return self.release.started.followed.source
        seen = self.recording.deployment
        return number_of(seen.source_revisions[0]) if seen is not None and seen.source_revisions else None


class ReportWriter:
    """Writes the report where one was asked for, however the release ended; what goes wrong with it is told and no more.

    Raises ``UserError``, before anything is released, where it could not be written.
    """

    def __init__(self, asked: Path | None, *, aws: Aws, definition: Definition, recording: Recording, clock: Clock) -> None:
        if asked is not None:
            require_writable(asked)
        self._asked = asked
        self._aws, self._definition, self._recording, self._clock = aws, definition, recording, clock
        self._began_at = clock.now()

    def ended(self, proven: Proven) -> Path | None:
        """The report's path; None where none was asked for, or could be written."""
        return self._write(proven, proven.release.began_at)

    def interrupted(self, version: str | None) -> Path | None:
        """Of a release that goes on."""
        return self._write(
            Broken(verdict=INTERRUPTED, reason="It goes on, and nobody waited for its end.", version=version or UNKNOWN),
            self._began_at,
        )

    def failed(self, error: DeployError, version: str | None) -> Path | None:
        """Of a release that ECS never had, or that could not be followed to its end."""
        verdict = INTERRUPTED if self._recording.deployment is not None else ERROR
        broken = Broken(verdict=verdict, reason=error.message, hint=error.hint, version=version or UNKNOWN)
        return self._write(broken, self._began_at)

    def _write(self, ended: Proven | Broken, began_at: datetime) -> Path | None:
        if self._asked is None:
            return None
        known = Known(
            aws=self._aws,
            definition=self._definition,
            recording=self._recording,
            ended=ended,
            began_at=began_at,
            now=self._clock.now(),
        )
        path = report_path(self._asked, self._definition.file.service, known.version, began_at)
        try:
            write_page(record_of(known), path)
        except Exception as error:
            log.debug("report", exc_info=True)
            what = str(error) if isinstance(error, OSError) else f"{type(error).__name__}: {struck_out(str(error))}"
            click.echo(f"The report was not written: {what}", err=True)
            return None
        if isinstance(ended, Broken):
            click.echo(f"Report: {path}", err=True)
        return path


def report_path(asked: Path, service: str, version: str, began_at: datetime) -> Path:
    """The file itself, where ``asked`` names one; else one in the folder, named after the release.

    >>> from datetime import UTC
    >>> report_path(Path("out"), "cats", "2.0.1", datetime(2026, 1, 1, 12, tzinfo=UTC)).name
    'cats-2.0.1-20260101T120000Z.html'
    """
    if asked.suffix.lower() in {HTML, ".htm"} and not asked.is_dir():
        return asked
    # Artifacts of GitHub Actions and other systems' files may be called so; a version such as sha256:… may not.
    called = re.sub(r"[^A-Za-z0-9._-]", "-", version) if version != UNKNOWN else "unknown"
    return asked / f"{service}-{called}-{began_at:%Y%m%dT%H%M%SZ}{HTML}"


def require_writable(asked: Path) -> None:
    """Make the folder, before anything is released. Raises ``UserError``."""
    folder = asked.parent if asked.suffix.lower() in {HTML, ".htm"} else asked
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--report: {folder} cannot be made: {error.strerror}.") from None
    if not os.access(folder, os.W_OK):
        raise UserError(f"--report: {folder} cannot be written to.")


def judged(record: ReleaseRecord, verdict: str, reason: str, *, is_good: bool) -> ReleaseRecord:
    """A record under the judgement of a rehearsal, which also asks who answered in the end."""
    if is_good == record.is_good:
        return record
    return record.model_copy(update={"verdict": verdict, "is_good": is_good, "cause": record.cause or reason})


def write_page(record: ReleaseRecord, path: Path) -> None:
    """Write the page of a record, whole or not at all. Raises ``OSError``."""
    from ninelives.insight.release_page import release_page

    path.parent.mkdir(parents=True, exist_ok=True)
    # What is no text (half a character in a task's last words) is no reason to have no report.
    page = release_page(record).encode(errors="replace")
    aside = path.with_name(f".{path.name}.part")
    try:
        aside.write_bytes(page)
        aside.replace(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise


def record_of(known: Known) -> ReleaseRecord:
    """Everything that is known of a release."""
    release, file, recording = known.release, known.definition.file, known.recording
    ended, seen = known.ended, recording.deployment
    before = _from_version(known)
    traffic, no_traffic = _traffic(known)
    lost = isinstance(ended, Proven) and ended.lost > 0
    has_succeeded = release is not None and release.has_succeeded
    verdict = _verdict(ended)
    last = recording.last
    warnings = release.warnings if release is not None else ()
    diagnosis = release.diagnosis if release is not None else None
    tasks = recording.told_tasks(known.revision, known.source, _versions(known, before))
    record = ReleaseRecord(
        ninelives=__version__,
        service=file.service,
        cluster=file.cluster_name,
        environment=known.definition.environment,
        region=known.aws.region,
        strategy=file.deploy.strategy,
        version=known.version,
        from_version=before,
        verdict=REQUESTS_LOST if lost and has_succeeded else verdict,
        is_good=has_succeeded and not lost,
        sentence="",
        reason=release.verdict.reason if release is not None and release.verdict is not None else None,
        cause=_cause(known),
        cause_code=diagnosis.code if diagnosis is not None else None,
        next_step=next_step(release) if release is not None else _hint(ended),
        warnings=tuple(Warned(cause=one.cause, next_step=one.next_step) for one in warnings),
        began_at=known.began_at,
        finished_at=release.finished_at if release is not None else known.now,
        deployed_at=seen.created_at if seen is not None and _is_ours(known) else None,
        time_scale=last.service.time_scale if last is not None and last.service is not None else 1.0,
        service_deployment=seen.arn if seen is not None else None,
        url=release.started.asked.url if release is not None else None,
        change=_change(known),
        timeline=Timeline(
            stages=recording.stages(),
            steps=tuple(recording.steps),
            events=tuple(_events(recording)),
            tasks=tasks,
            tasks_left_out=len(recording.tasks(known.revision, known.source, {})) - len(tasks),
            shares=tuple(recording.shares),
            alarms=_or(lambda: tuple(_alarms(known)), ()),
            hooks=tuple(recording.hooks()),
        ),
        traffic=traffic,
        no_traffic=no_traffic,
        links=tuple(_links(known)),
    )
    told = record.model_copy(update={"sentence": sentence(record)})
    return ReleaseRecord.model_validate(_without_secrets(told.model_dump()))


def _without_secrets(value: Any) -> Any:
    """Whatever an application or an event wrote, without what this environment holds secret."""
    match value:
        case str():
            return IN_URL.sub(STRUCK_OUT, struck_out(value))
        case dict():
            return {name: _without_secrets(one) for name, one in value.items()}
        case list() | tuple():
            return [_without_secrets(one) for one in value]
        case _:
            return value


def _events(recording: Recording) -> Iterator[EventRecord]:
    for one in sorted(recording.events.values(), key=lambda one: one.at)[-EVENTS_TOLD:]:
        yield EventRecord(at=one.at, message=in_short(one.message))


def sentence(record: ReleaseRecord) -> str:
    """The verdict, in one sentence."""
    took, old, new = write_duration(timedelta(seconds=record.duration_s)), record.from_version, record.version
    name, before = record.service, old if old not in {None, new} else "what ran before"
    match record.verdict:
        case Outcome.SUCCEEDED | "requests_lost":
            told = f"{name} {new} took the place of {old}" if old not in {None, new} else f"{name} {new} serves"
            told += f" in {took}" if old not in {None, new} else f" after {took}"
        case Outcome.ROLLED_BACK:
            told = f"{name} {new} was taken back after {took}; {before} serves on"
        case Outcome.SUPERSEDED:
            told = f"{name} {new} gave way to a newer deployment after {took}"
        case Outcome.STOPPED:
            told = f"{name} {new} was stopped half-way after {took}, and nothing was rolled back"
        case Outcome.TIMED_OUT:
            told = f"{name} {new} had not ended after {took}, and goes on"
        case Outcome.PAUSED:
            told = f"{name} {new} waits for a decision, after {took}"
        case "in_progress":
            told = f"{name} {new} was begun; nobody waited for its end"
        case "interrupted":
            told = f"{name} {new} was left to itself after {took}: whoever followed it was interrupted"
        case "error":
            told = f"{name} {new} was not released: ECS never had it"
        case _:
            told = f"{name} {new} did not {'come up' if old is None else f'take the place of {before}'} ({took})"
    return f"{told}{_of_requests(record.traffic)}."


def _of_requests(traffic: Traffic | None) -> str:
    if traffic is None or not traffic.total:
        return ""
    if traffic.source == "probe":
        return f"; {f'{traffic.lost:,}' if traffic.lost else 'none'} of {traffic.total:,} requests {_were(traffic.lost)} lost"
    many = f"{traffic.lost:,}" if traffic.lost else "none"
    return f"; {many} of {traffic.total:,} requests {_were(traffic.lost)} answered with 5xx"


def _were(number: int) -> str:
    return "was" if number in {0, 1} else "were"


def _verdict(ended: Proven | Broken) -> str:
    if isinstance(ended, Broken):
        return ended.verdict
    return str(ended.release.verdict.outcome) if ended.release.verdict is not None else "in_progress"


def _cause(known: Known) -> str | None:
    release = known.release
    if isinstance(known.ended, Broken):
        return known.ended.reason
    assert release is not None
    if release.diagnosis is not None:
        return release.diagnosis.cause
    if release.has_succeeded or release.verdict is None or release.verdict.outcome is Outcome.PAUSED:
        return None
    return release.verdict.reason


def _hint(ended: Proven | Broken) -> str | None:
    assert isinstance(ended, Broken)
    return ended.hint or NO_VERDICT[ended.verdict]


def _is_ours(known: Known) -> bool:
    """Whether the deployment began with this release: one that was aborted or only followed did not."""
    seen = known.recording.deployment
    return seen is not None and seen.created_at is not None and seen.created_at >= known.began_at


def _from_version(known: Known) -> str | None:
    if known.release is not None:
        return known.release.started.asked.from_version
    seen = known.recording.deployment
    if seen is None or not seen.source_revisions:
        return None
    return _or(lambda: _version_of_revision(known.aws, seen.source_revisions[0]), None)


def _version_of_revision(aws: Aws, revision: str) -> str | None:
    definition = task_definitions_of(aws, [revision]).get(revision)
    return version_behind(aws, definition) if definition is not None else None


def _versions(known: Known, before: str | None) -> Mapping[str, str]:
    pairs = ((known.revision, known.version), (known.source, before or "the version before"))
    return {number: version for number, version in pairs if number is not None}


# What the API is asked for when the release has ended.


def _or(find: Callable[[], Found], otherwise: Found) -> Found:
    """What ``find`` finds, or ``otherwise`` where the API does not say: a report is a bonus."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return find()
    except (BotoCoreError, ClientError, DeployError):
        return otherwise


def _alarms(known: Known) -> Iterator[AlarmRecord]:
    from ninelives.insight.surroundings import see_alarms

    seen = known.recording.deployment
    if seen is None:
        return
    names = tuple(dict.fromkeys([*seen.alarms, *seen.triggered_alarms]))
    told = {one.name: one.told for one in went_off(known.aws, seen.triggered_alarms)}
    for one in see_alarms(known.aws, names, known.began_at - timedelta(minutes=5), required=names):
        yield AlarmRecord(
            name=one.name,
            has_gone_off=one.name in seen.triggered_alarms,
            state=one.state,
            told=told.get(one.name, ""),
            changes=tuple(AlarmChange(at=change.at, to=change.to, reason=change.reason) for change in one.history),
        )


def _traffic(known: Known) -> tuple[Traffic | None, str | None]:
    """What the probe saw; without one, what CloudWatch counted; or why there is nothing."""
    from ninelives.insight.release_traffic import counted_traffic

    ended = known.ended
    if isinstance(ended, Proven) and ended.rehearsed is not None:
        return probed_traffic(ended.rehearsed, known), None
    if isinstance(ended, Broken) and ended.verdict == ERROR:
        return None, "there was no release"
    why_not = f"not proven: {ended.why_not}; " if isinstance(ended, Proven) and ended.why_not is not None else ""
    until = known.release.finished_at if known.release is not None else known.now
    unasked: Traffic | str = "CloudWatch could not be asked"
    found = _or(lambda: counted_traffic(known.aws, known.definition.file, known.began_at, until), unasked)
    if isinstance(found, str):
        return None, f"{why_not}{found}"
    return found, None


def probed_traffic(rehearsed: Rehearsed[Release], known: Known) -> Traffic:
    from ninelives.rehearsal.attribution import attribute
    from ninelives.rehearsal.traffic import measured_traffic

    marks = rehearsed.marks
    attributed: Sequence[str] = ()
    if rehearsed.proof.lost:
        attributed = attribute(
            rehearsed.samples,
            known.recording.tasks_seen(),
            None,
            epoch=rehearsed.load_started_at - timedelta(seconds=marks.started_at),
            delay=known.definition.file.drain.deregistration_delay,
        ).told
    return measured_traffic(
        rehearsed.samples,
        rehearsed.kinds,
        marks,
        rehearsed.proof,
        load_started_at=rehearsed.load_started_at,
        attributed=attributed,
    )


def _change(known: Known) -> Change:
    """What was released, and how its task definition differs from the one before."""
    aws, release, seen = known.aws, known.release, known.recording.deployment
    arns = [] if seen is None else [*seen.source_revisions[:1], seen.target_revision]
    nothing: dict[str, str] = {}
    by_revision = _or(lambda: task_definitions_of(aws, [arn for arn in arns if arn]), nothing)
    after = release.started.task_definition if release is not None else by_revision.get(arns[-1]) if arns else None
    before = by_revision.get(seen.source_revisions[0]) if seen is not None and seen.source_revisions else None
    new = _or(lambda: describe_task_definition(aws, after), None) if after is not None else None
    old = _or(lambda: describe_task_definition(aws, before), None) if before is not None else None
    containers = new[0].get("containerDefinitions") or [{}] if new is not None else [{}]
    variables, commit = os.environ, _commit(known)
    repository = variables.get("GITHUB_REPOSITORY") or github_name(known.definition.folder)
    server = variables.get("GITHUB_SERVER_URL", "https://github.com")
    run = variables.get("GITHUB_RUN_ID")
    digest = release.started.asked.digest if release is not None else None
    return Change(
        image=containers[0].get("image"),
        digest=digest or (new[1].get(DIGEST_TAG) if new is not None else None),
        digest_before=old[1].get(DIGEST_TAG) if old is not None else None,
        task_definition=after.rpartition("/")[2] if after is not None else None,
        task_definition_before=before.rpartition("/")[2] if before is not None else None,
        commit=commit,
        commit_url=f"{server}/{repository}/commit/{commit.partition(' ')[0]}" if commit and repository else None,
        run_url=f"{server}/{repository}/actions/runs/{run}" if run and repository else None,
        differences=differences(old[0], new[0]) if old is not None and new is not None else (),
    )


def _commit(known: Known) -> str | None:
    """What was built from; nothing where nothing was."""
    if not any(step.act in {Act.BUILT, Act.PUSHED} for step in known.recording.steps):
        return None
    folder = known.definition.folder
    commit = git(folder, "rev-parse", "HEAD")
    changes = git(folder, "status", "--porcelain", "--", ".")
    return f"{commit} and changes that are not committed" if commit and changes else commit


def _links(known: Known) -> Iterator[Link]:
    from ninelives.insight.console_links import links_of

    release, file, seen = known.release, known.definition.file, known.recording.deployment
    if release is not None and release.started.asked.url is not None:
        yield Link(label="the service", url=release.started.asked.url)
    if known.aws.is_near:  # an embedded region has no pages there
        return
    yield from links_of(
        region=known.aws.region,
        cluster=file.cluster_name,
        service=file.service,
        task_definition=release.started.task_definition if release is not None else None,
        log_group=file.log_group,
        alarms=seen.alarms if seen is not None else (),
    )
