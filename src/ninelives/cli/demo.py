"""``ninelives demo``: Cats 1.0.0, then 2.0.1, under load on a region of its own; every request counted."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ninelives.cli.options import report_option

if TYPE_CHECKING:
    from ninelives.deploy.deploy_part import Strategy

SCALE_WITH_BAKES = 12.0
"""A bake of a minute takes five seconds."""


@click.command()
@click.option("--runtime", type=click.Choice(["auto", "docker", "host"]), default="auto", help="What runs tasks [auto].")
@click.option("--json", "as_json", is_flag=True, help="Print the proof as one JSON object on stdout.")
@click.option("--keep", is_flag=True, help="Leave the region running and print its addresses.")
@click.option(
    "--rate", type=click.FloatRange(20, 2000), default=240.0, show_default=True, help="Requests a second, all kinds together."
)
@click.option(
    "--strategy",
    type=click.Choice(["rolling", "blue-green", "canary", "linear"]),
    default="rolling",
    show_default=True,
    help="How 2.0.1 takes the place of 1.0.0.",
)
@click.option(
    "--time-scale",
    type=click.FloatRange(min=1.0),
    default=None,
    help="Divide the waits that are only policy by N [1; 12 for strategies that bake].",
)
@report_option
def demo(
    runtime: str,
    strategy: "Strategy",
    report: Path | None,
    *,
    as_json: bool,
    keep: bool,
    rate: float,
    time_scale: float | None,
) -> int:
    """Release Cats 2.0.1 over 1.0.0 under load on an embedded region, and count every request.

    Its report, one HTML page, is written into the user's state folder, or where --report says.

    Exit code 0 only if nothing was lost, the release succeeded, and 2.0.1 alone answers at the end; 9 if requests were lost.
    """
    from ninelives.cli.demo_play import Scene, play
    from ninelives.cli.settings import default_report_directory

    scene = Scene(
        runtime=runtime,
        strategy=strategy,
        rate=rate,
        time_scale=time_scale or (1.0 if strategy == "rolling" else SCALE_WITH_BAKES),
        keep=keep,
        report=report or default_report_directory() / f"demo-{strategy}.html",
    )
    return play(scene, as_json=as_json)
