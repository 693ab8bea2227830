"""Opens a session of the release tool: the service file read, the API reached, the screen chosen."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from ninelives.cli.errors import UserError
from ninelives.cli.options import Place, Proving
from ninelives.cli.progress import screen_for
from ninelives.cli.proving import Proven, release_under_load
from ninelives.deploy.aws import Aws, connect, error_code
from ninelives.deploy.clock import WallClock
from ninelives.deploy.errors import DeployError
from ninelives.deploy.options import Options
from ninelives.deploy.reading import Definition, read_service_file
from ninelives.deploy.recording import Recording
from ninelives.deploy.release import Release, Report, Session

Act = Callable[[Session, Options], Release]


def open_definition(place: Place) -> tuple[Definition, Aws]:
    """The service as the environment sees it, and the API that it lives in."""
    definition = read_service_file(place.config, place.environment)
    return definition, connect(is_local=definition.is_local, region=place.region or definition.file.region)


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """How the result is told. ``report``: a file or a folder for the release report; ``version`` is what it calls a release
    that never began.
    """

    as_json: bool
    report: Path | None = None
    version: str | None = None


def run_release(place: Place, act: Act, options: Options, telling: Telling, *, proving: Proving | None = None) -> int:
    """Carry out ``act`` with progress on stderr, print its result on stdout; the exit code.

    With ``proving``, under load. In a step of GitHub Actions it is told there too. A report is written however it ends.
    """
    from ninelives.cli import github_actions
    from ninelives.cli.release_output import exit_code_of, print_release
    from ninelives.cli.release_report import ReportWriter

    definition, aws = open_definition(place)
    clock, recording = WallClock(), Recording()
    writer = ReportWriter(telling.report, aws=aws, definition=definition, recording=recording, clock=clock)
    try:
        with screen_for(definition, as_json=telling.as_json) as show:

            def listener(report: Report) -> None:
                recording(report)
                show(report)

            session = Session(aws=aws, definition=definition, clock=clock, listener=listener)
            proven = _carried_out(session, lambda: act(session, options), proving)
    except KeyboardInterrupt:
        if recording.last is not None:
            click.echo("The deployment goes on: `ninelives wait` follows it, `ninelives abort` takes it back.", err=True)
            writer.interrupted(telling.version)
        raise
    except DeployError as error:
        writer.failed(error, telling.version)
        raise
    except Exception as error:
        if error_code(error):
            writer.failed(DeployError(str(error)), telling.version)
        raise
    path = writer.ended(proven)
    _keep(proven, path)
    print_release(proven, as_json=telling.as_json, report=path)
    github_actions.tell(proven, report=path)
    return exit_code_of(proven)


def _keep(proven: Proven, report: Path | None) -> None:
    """Keep the proof and the report where the console finds them."""
    deployment = proven.release.service_deployment
    if deployment is None:
        return
    from ninelives.rehearsal.kept_proofs import keep_proof, keep_report
    from ninelives.rehearsal.report import proof_as_json

    if proven.proof is not None:
        keep_proof(deployment, proof_as_json(proven.proof))
    if report is not None:
        keep_report(deployment, report)


def _carried_out(session: Session, release: Callable[[], Release], proving: Proving | None) -> Proven:
    from ninelives.rehearsal.load_process import LoadFailed

    if proving is None:
        return Proven(release=release())
    try:
        return release_under_load(session, release, proving)
    except LoadFailed as failed:
        raise UserError(
            f"The load broke off, so nothing is proven; the release may go on: {failed}",
            hint="`ninelives wait` follows it.",
        ) from None
