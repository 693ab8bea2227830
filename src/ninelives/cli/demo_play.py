"""Plays the demo: Cats 1.0.0, then 2.0.1, under load on a region of its own; every request counted."""

import contextlib
import json
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import click
from rich.console import Console

from ninelives.cli import demo_proof
from ninelives.cli.background import start_region, stop_region
from ninelives.cli.cats import cats_definition, find_cats, shifting
from ninelives.cli.compose import choose_runtime
from ninelives.cli.demo_screen import Screen, screen_for
from ninelives.cli.docker_images import forget_images
from ninelives.cli.env import environment
from ninelives.cli.errors import UserError
from ninelives.cli.exit_codes import ExitCode
from ninelives.cli.proving import Proven
from ninelives.cli.release_report import Known, judged, record_of, report_path, require_writable, write_page
from ninelives.cli.release_words import traffic_words
from ninelives.cli.settings import HOST, RegionSettings, RunningRegion
from ninelives.deploy.aws import connect
from ninelives.deploy.clock import WallClock
from ninelives.deploy.deploy_part import Strategy
from ninelives.deploy.follow import Progress
from ninelives.deploy.options import Builder, Options
from ninelives.deploy.recording import Recording
from ninelives.deploy.release import Listener, Release, Report, Session, deploy
from ninelives.deploy.verdict import Outcome
from ninelives.rehearsal.judgement import REQUESTS_LOST, Judgement, judge_rehearsal
from ninelives.rehearsal.load_process import LoadFailed
from ninelives.rehearsal.rehearse import Rehearsed, Script, rehearse
from ninelives.rehearsal.sample import Target, mixed_traffic
from ninelives.rehearsal.timeline import Moment, timeline

OLD, NEW = "1.0.0", "2.0.1"
BEFORE_SECONDS = 10.0
AFTER_SECONDS = 10.0
RELEASE_TIMEOUT = timedelta(minutes=5)
WIDTH_WITHOUT_A_TERMINAL = 110

EXIT_CODES = {
    Outcome.SUCCEEDED: ExitCode.OK,
    Outcome.ROLLED_BACK: ExitCode.ROLLED_BACK,
    Outcome.TIMED_OUT: ExitCode.TIMED_OUT,
    Outcome.SUPERSEDED: ExitCode.SUPERSEDED,
    Outcome.PAUSED: ExitCode.PAUSED,
    REQUESTS_LOST: ExitCode.REQUESTS_LOST,
}
"""By verdict; any other is an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What the demo plays on."""

    running: RunningRegion
    session: Session
    screen: Screen
    folder: Path
    shifts: list[Progress]
    """What was seen whenever the traffic had moved."""
    recording: Recording
    """Of the release of the new version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """How the demo is to be played. ``report``: where its report is written."""

    runtime: str
    strategy: Strategy
    rate: float
    time_scale: float
    keep: bool
    report: Path


def play(scene: Scene, *, as_json: bool) -> int:
    """Play it, show the proof, clean up; the exit code."""
    require_writable(scene.report)
    try:
        with _interruptible():
            shown, kept = _run(scene)
    except KeyboardInterrupt:
        click.echo("Interrupted; everything that the demo started is gone.", err=True)
        return ExitCode.INTERRUPTED
    if as_json:
        click.echo(json.dumps(demo_proof.as_json(shown) | ({"addresses": kept} if scene.keep else {})))
    else:
        _print_page(shown)
    if scene.keep:
        for name, address in kept.items():
            click.echo(f"  {name:8} {address}", err=True)
    return EXIT_CODES.get(shown.judgement.verdict, ExitCode.ERROR)


def _run(scene: Scene) -> tuple[demo_proof.Shown, Mapping[str, str]]:
    """What the demo shows, and the addresses of its region."""
    clock, strategy = WallClock(), scene.strategy
    begun = clock.now()
    cats = find_cats(Path.cwd())
    chosen, why = choose_runtime(scene.runtime)
    definition = cats_definition(cats, chosen)
    if strategy != definition.file.deploy.strategy:
        definition = shifting(definition, strategy)
    with screen_for(clock, title=f"ninelives demo: Cats {OLD}, then {NEW}, under load ({strategy})") as screen:
        screen.say(f"Tasks run as {why}")
        with _region(chosen, scene.time_scale, screen, keep=scene.keep) as (running, folder):
            aws = connect(is_local=True, region=running.region, variables=environment(running))
            shifts: list[Progress] = []
            session = Session(aws=aws, definition=definition, clock=clock, listener=_noting(shifts, screen))
            stage = Stage(running=running, session=session, screen=screen, folder=folder, shifts=shifts, recording=Recording())
            rehearsed, moments = _play(stage, scene.rate)
            duration = clock.now() - begun
            kept = demo_proof.addresses(running.endpoint, rehearsed.released.started.asked.url, str(folder))
            verdict = rehearsed.released.verdict
            assert verdict is not None
            judgement = judge_rehearsal(verdict.outcome, verdict.reason, rehearsed.proof, NEW)
            report = _report(stage, rehearsed, judgement, scene.report)
    shown = demo_proof.Shown(
        judgement=judgement,
        rehearsed=rehearsed,
        moments=moments,
        from_version=OLD,
        to_version=NEW,
        runtime=chosen,
        rate=scene.rate,
        time_scale=scene.time_scale,
        duration=duration,
        report=report,
    )
    return shown, kept


def _report(stage: Stage, rehearsed: Rehearsed[Release], judgement: Judgement, asked: Path) -> Path:
    """Write the report of the release of the new version, while its region still answers."""
    released = rehearsed.released
    known = Known(
        aws=stage.session.aws,
        definition=stage.session.definition,
        recording=stage.recording,
        ended=Proven(release=released, proof=rehearsed.proof, rehearsed=rehearsed),
        began_at=released.began_at,
        now=stage.session.clock.now(),
    )
    path = report_path(asked, "cats", NEW, released.began_at)
    write_page(judged(record_of(known), judgement.verdict, judgement.reason, is_good=judgement.succeeded), path)
    return path


def _print_page(shown: demo_proof.Shown) -> None:
    console = Console()
    demo_proof.show(console if console.is_terminal else Console(width=WIDTH_WITHOUT_A_TERMINAL), shown)


def _play(stage: Stage, rate: float) -> tuple[Rehearsed[Release], tuple[Moment, ...]]:
    """The old version stands; then the new one is released under load."""
    stage.screen.say(f"releasing {OLD}")
    before = _release(stage, OLD)
    if not before.has_succeeded:
        assert before.verdict is not None
        cause = before.diagnosis.cause if before.diagnosis is not None else before.verdict.reason
        raise UserError(
            f"{OLD} did not come up ({before.verdict.outcome}): {cause}",
            hint=before.diagnosis.next_step if before.diagnosis is not None else None,
        )
    url = before.started.asked.url
    assert url is not None
    address = urlsplit(url)
    script = Script(
        target=Target(host=address.hostname or HOST, port=address.port or 80),
        kinds=mixed_traffic(rate),
        before_seconds=BEFORE_SECONDS,
        after_seconds=AFTER_SECONDS,
    )
    stage.screen.say(f"load: {rate:g} requests a second to {url}")
    samples = stage.folder / "load"
    samples.mkdir()
    try:
        rehearsed = rehearse(
            script,
            lambda: _release(stage, NEW, also=stage.recording),
            folder=samples,
            clock=stage.session.clock,
            entered=stage.screen.entered,
        )
    except LoadFailed as failed:
        raise UserError(str(failed)) from None
    finally:
        stage.screen.load_ended()
    return rehearsed, _moments(rehearsed, before, stage.shifts)


def _noting(shifts: list[Progress], screen: Screen) -> Listener:
    """Tells the screen, and keeps what was seen whenever the traffic had moved."""

    def listener(report: Report) -> None:
        screen.report(report)
        if isinstance(report, Progress) and report.deployment is not None:
            seen, before = report.deployment, shifts[-1].deployment if shifts else None
            if before is None or (seen.arn, seen.production_percent) != (before.arn, before.production_percent):
                shifts.append(report)

    return listener


def _release(stage: Stage, version: str, also: Listener = lambda _: None) -> Release:
    """Release ``version``; ``also`` hears what the screen is told."""

    def listener(report: Report) -> None:
        also(report)
        stage.session.listener(report)

    session = replace(stage.session, listener=listener)
    return deploy(session, version, Options(builder=Builder(stage.running.runtime), timeout=RELEASE_TIMEOUT))


def _moments(rehearsed: Rehearsed[Release], before: Release, shifts: Sequence[Progress]) -> tuple[Moment, ...]:
    """The release's timeline, from ECS's events, the tasks' times, and the traffic as it was seen to move."""
    released, last = rehearsed.released, rehearsed.released.last
    if last is None or last.service is None:
        return ()
    versions = {before.started.followed.revision: OLD, released.started.followed.revision: NEW}
    marks = rehearsed.marks
    own = [
        Moment(at_s=marks.release_started_at - marks.started_at, text=f"release of {NEW} begins: build and push"),
        Moment(
            at_s=marks.release_ended_at - marks.started_at, text=f"verdict: {released.verdict and released.verdict.outcome}"
        ),
    ]
    deployment = last.service_deployment
    if deployment is not None and deployment.created_at is not None:
        began = (deployment.created_at - rehearsed.load_started_at).total_seconds()
        own.append(Moment(at_s=began, text="UpdateService: the service deployment begins"))
    for seen in shifts:
        traffic = traffic_words(seen.deployment) if seen.deployment is not None else None
        if traffic is not None and seen.at >= rehearsed.release_started_at and seen.deployment != deployment:
            own.append(Moment(at_s=(seen.at - rehearsed.load_started_at).total_seconds(), text=f"seen: {traffic}"))
    told = timeline(
        last.service.events,
        last.tasks,
        versions,
        load_started_at=rehearsed.load_started_at,
        since=rehearsed.release_started_at,
    )
    return tuple(sorted((*own, *told), key=lambda moment: moment.at_s))


@contextlib.contextmanager
def _region(runtime: str, time_scale: float, screen: Screen, *, keep: bool) -> Iterator[tuple[RunningRegion, Path]]:
    """A region in a temporary folder; afterwards nothing of it is left, unless it is to be kept and all went well."""
    folder = Path(tempfile.mkdtemp(prefix="ninelives-demo-"))
    settings = RegionSettings(state_directory=folder, port=_free_port(), runtime=runtime, time_scale=time_scale)
    kept = False
    try:
        running = start_region(settings)
        screen.say(f"region {running.region} answers at {running.endpoint}")
        yield running, folder
        kept = keep
    finally:
        if not kept:
            with _uninterruptible():
                screen.say("cleaning up")
                _remove(settings, folder)


def _remove(settings: RegionSettings, folder: Path) -> None:
    stop_region(settings.state_directory)
    if settings.runtime == "docker":
        forget_images(f"{HOST}:{settings.port}")
    shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C, a termination and a closed terminal all end in ``KeyboardInterrupt``, so that everything is cleaned up."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _uninterruptible() -> Iterator[None]:
    """Let a second Ctrl-C not break off the cleaning up, which is bounded."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
