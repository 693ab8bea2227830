"""``ninelives rollback``: back to what was proven good."""

from datetime import timedelta

import click

from ninelives.cli.options import Place, following_options, place_options
from ninelives.deploy.options import Options


@click.command()
@click.argument("version", required=False)
@place_options
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait for the verdict.")
@following_options
def rollback(version: str | None, place: Place, timeout: timedelta, *, wait: bool, as_json: bool) -> int:
    """Go back to the last version that was proven good, or to VERSION.

    Proven is a version whose deployment went all the way. Its task definition is deployed again, nothing is built.
    """
    from ninelives.cli.session import run_release
    from ninelives.deploy.rollback import roll_back

    options = Options(timeout=timeout, wait=wait)
    return run_release(place, lambda session, asked: roll_back(session, version, asked), options, as_json=as_json)
