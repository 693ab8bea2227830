"""``ninelives wait``: the verdict of the running deployment."""

from datetime import timedelta
from pathlib import Path

import click

from ninelives.cli.options import Place, decision_option, following_options, place_options, report_option
from ninelives.deploy.options import Options


@click.command()
@place_options
@decision_option
@report_option
@following_options
def wait(place: Place, timeout: timedelta | None, report: Path | None, *, waits_for_decisions: bool, as_json: bool) -> int:
    """Wait for the verdict of the newest deployment, whoever started it.

    One that has ended is judged at once, with the same exit codes as `deploy`.
    """
    from ninelives.cli.session import Telling, run_release
    from ninelives.deploy.waiting import wait_for_running

    options = Options(timeout=timeout, waits_for_decisions=waits_for_decisions)
    return run_release(place, wait_for_running, options, Telling(as_json=as_json, report=report))
