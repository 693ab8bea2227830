"""Opens a session of the release tool: the service file read, the API reached, the screen chosen."""

from collections.abc import Callable

import click

from ninelives.cli.errors import UserError
from ninelives.cli.options import Place, Proving
from ninelives.cli.progress import screen_for
from ninelives.cli.proving import Proven, release_under_load
from ninelives.deploy.aws import Aws, connect
from ninelives.deploy.clock import WallClock
from ninelives.deploy.follow import Progress
from ninelives.deploy.options import Options
from ninelives.deploy.reading import Definition, read_service_file
from ninelives.deploy.release import Release, Report, Session

Act = Callable[[Session, Options], Release]


def open_definition(place: Place) -> tuple[Definition, Aws]:
    """The service as the environment sees it, and the API that it lives in."""
    definition = read_service_file(place.config, place.environment)
    return definition, connect(is_local=definition.is_local, region=place.region or definition.file.region)


def run_release(place: Place, act: Act, options: Options, *, as_json: bool, proving: Proving | None = None) -> int:
    """Carry out ``act`` with progress on stderr, print its result on stdout; the exit code.

    With ``proving``, under load. In a step of GitHub Actions it is told there too.
    """
    from ninelives.cli import github_actions
    from ninelives.cli.release_output import exit_code_of, print_release

    definition, aws = open_definition(place)
    seen: list[Progress] = []
    try:
        with screen_for(definition, as_json=as_json) as show:

            def listener(report: Report) -> None:
                if isinstance(report, Progress):
                    seen[:] = [report]
                show(report)

            session = Session(aws=aws, definition=definition, clock=WallClock(), listener=listener)
            proven = _carried_out(session, lambda: act(session, options), proving)
    except KeyboardInterrupt:
        if seen:
            click.echo("The deployment goes on: `ninelives wait` follows it, `ninelives abort` takes it back.", err=True)
        raise
    _keep(proven)
    print_release(proven, as_json=as_json)
    github_actions.tell(proven)
    return exit_code_of(proven)


def _keep(proven: Proven) -> None:
    """Keep the proof where the console finds it."""
    deployment = proven.release.service_deployment
    if proven.proof is None or deployment is None:
        return
    from ninelives.rehearsal.kept_proofs import keep_proof
    from ninelives.rehearsal.report import proof_as_json

    keep_proof(deployment, proof_as_json(proven.proof))


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
