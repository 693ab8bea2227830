"""Opens a session of the release tool: the service file read, the API reached, the screen chosen."""

from collections.abc import Callable

import click

from ninelives.cli.options import Place
from ninelives.cli.progress import screen_for
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


def run_release(place: Place, act: Act, options: Options, *, as_json: bool) -> int:
    """Carry out ``act`` with progress on stderr, print its result on stdout; the exit code."""
    from ninelives.cli.release_output import exit_code_of, print_release

    definition, aws = open_definition(place)
    seen: list[Progress] = []
    try:
        with screen_for(definition, as_json=as_json) as show:

            def listener(report: Report) -> None:
                if isinstance(report, Progress):
                    seen[:] = [report]
                show(report)

            release = act(Session(aws=aws, definition=definition, clock=WallClock(), listener=listener), options)
    except KeyboardInterrupt:
        if seen:
            click.echo("The deployment goes on: `ninelives wait` follows it, `ninelives abort` takes it back.", err=True)
        raise
    print_release(release, as_json=as_json)
    return exit_code_of(release)
