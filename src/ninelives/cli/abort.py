"""``ninelives abort``: a release that is under way is taken back."""

from datetime import timedelta
from pathlib import Path

import click

from ninelives.cli.options import Place, following_options, place_options, report_option
from ninelives.deploy.options import Options


@click.command()
@place_options
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait until what ran before has its place again.")
@report_option
@following_options
def abort(place: Place, timeout: timedelta | None, report: Path | None, *, wait: bool, as_json: bool) -> int:
    """Take back the release that is under way, paused or not.

    With a strategy that shifts traffic, what ran before is still there at full size, and has all traffic again in seconds.
    Exit code 0: it was rolled back, as asked. One that has ended goes back with `ninelives rollback`.
    """
    from ninelives.cli.session import Telling, run_release
    from ninelives.deploy.decision import abort as abort_release

    return run_release(place, abort_release, Options(timeout=timeout, wait=wait), Telling(as_json=as_json, report=report))
