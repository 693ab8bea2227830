"""``ninelives console``: services and releases as a page, for an embedded region and for AWS."""

import asyncio
import os
import secrets
import signal
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ninelives.cli.errors import UserError
from ninelives.cli.options import Place, place_options
from ninelives.cli.settings import HOST

if TYPE_CHECKING:
    from ninelives.console.app import Console
    from ninelives.deploy.aws import Aws
    from ninelives.deploy.reading import Definition

CONSOLE_PORT = 4599


@click.command()
@place_options
@click.option("--endpoint", default=None, metavar="URL", help="Of the API, instead of the environment's.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=None,
    help=f"Port of the page; 0 takes a free one [{CONSOLE_PORT}, or a free one].",
)
@click.option(
    "--bind", default=HOST, show_default=True, metavar="ADDRESS", help="Address of the page; whoever has its key may then act."
)
@click.option("--open", "opens", is_flag=True, help="Open it in the browser.")
def console(place: Place, endpoint: str | None, port: int | None, bind: str, *, opens: bool) -> None:
    """Show services, releases, charts and logs as a page, and decide there; until Ctrl-C.

    It asks the AWS API with the credentials of this shell. Where there is a service file, its service is shown first. Without
    one, `--env local` is the embedded region, and any other name is AWS.
    """
    definition, is_local = _definition(place)
    if endpoint is not None:
        os.environ["AWS_ENDPOINT_URL"] = endpoint
    key = secrets.token_urlsafe(24)
    made = _console(place, definition, is_local=is_local, bind=bind, key=key)

    def listening(at: int) -> None:
        shown = "127.0.0.1" if bind in {"0.0.0.0", "::"} else bind  # noqa: S104 (named by the user)
        address = f"http://{f'[{shown}]' if ':' in shown else shown}:{at}/?key="
        click.echo(f"Console: {address}{key}", err=True)
        if opens:
            webbrowser.open(address + made.ticket())

    asyncio.run(_serve(made, bind, port, listening))


def _definition(place: Place) -> "tuple[Definition | None, bool]":
    """The service file, if there is one, and whether the environment is the embedded region."""
    from ninelives.deploy.options import FILE_NAME, LOCAL
    from ninelives.deploy.reading import read_service_file

    if not place.config.exists() and place.config == Path(FILE_NAME):
        return None, place.environment == LOCAL
    definition = read_service_file(place.config, place.environment)
    return definition, definition.is_local


def _console(place: Place, definition: "Definition | None", *, is_local: bool, bind: str, key: str) -> "Console":
    from ninelives.console.app import Console
    from ninelives.console.app import Place as Where
    from ninelives.console.gate import Gate
    from ninelives.console.reading import Reader
    from ninelives.deploy.aws import connect
    from ninelives.deploy.clock import WallClock

    region = place.region or (definition.file.region if definition is not None else None)

    def reach() -> "Aws":
        return connect(is_local=is_local, region=region)

    first = reach()  # what is wrong for good is said here, not on a page
    unused = [first]
    where = Where(
        kind="region" if is_local else "aws",
        region=first.region,
        endpoint=first.endpoint,
        environment=place.environment if definition is not None else None,
    )
    gate = Gate(token=secrets.token_urlsafe(24), key=key, hosts=frozenset({bind}))
    reader = Reader(lambda: unused.pop() if unused else reach(), WallClock())
    return Console(reader, gate, where, [definition] if definition is not None else [])


async def _serve(console: "Console", bind: str, port: int | None, listening: Callable[[int], None]) -> None:
    """Serve until SIGINT or SIGTERM."""
    from ninelives.api.server import PortTaken, serve

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        try:
            await serve(console.app(), bind, CONSOLE_PORT if port is None else port, stop=stop, listening=listening)
        except PortTaken:
            if port is not None:
                raise
            await serve(console.app(), bind, 0, stop=stop, listening=listening)
    except PortTaken as error:
        raise UserError(str(error), hint="`--port 0` takes a free one.") from None
    except OSError as error:
        raise UserError(f"The page cannot be served at {bind}: {error.strerror or error}.") from None
    finally:
        await console.hub.close()
