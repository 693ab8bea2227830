"""``ninelives promote``: a paused release goes on."""

from pathlib import Path

import click

from ninelives.cli.options import Place, place_options, release_options, report_option
from ninelives.deploy.options import Options


@click.command()
@place_options
@click.option(
    "--hook", "hook_id", default=None, help="The pause that is meant, where several wait at once: its id in `status`."
)
@report_option
@release_options
def promote(place: Place, hook_id: str | None, options: Options, report: Path | None, *, as_json: bool) -> int:
    """Let a release that is paused go on, and wait for its verdict.

    A release pauses where the service file has a hook with `pause: true`; if it pauses again, exit code 8 says so.
    """
    from ninelives.cli.session import Telling, run_release
    from ninelives.deploy.decision import promote as promote_release

    return run_release(
        place,
        lambda session, asked: promote_release(session, hook_id, asked),
        options,
        Telling(as_json=as_json, report=report),
    )
