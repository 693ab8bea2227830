"""``ninelives rollback``: back to what was proven good."""

from pathlib import Path

import click

from ninelives.cli.options import Place, place_options, release_options, report_option
from ninelives.deploy.options import Options


@click.command()
@click.argument("version", required=False)
@place_options
@report_option
@release_options
def rollback(version: str | None, place: Place, options: Options, report: Path | None, *, as_json: bool) -> int:
    """Go back to the last version that was proven good, or to VERSION.

    Proven is a version whose deployment went all the way. Its task definition is deployed again, nothing is built. While a
    release is under way, and without VERSION, it is that release which is taken back, as by `ninelives abort`.
    """
    from ninelives.cli.session import Telling, run_release
    from ninelives.deploy.rollback import roll_back

    return run_release(
        place,
        lambda session, asked: roll_back(session, version, asked),
        options,
        Telling(as_json=as_json, report=report, version=version),
    )
