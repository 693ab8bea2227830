"""``ninelives history``: past deployments and how they ended."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ninelives.cli.options import Place, json_option, place_options
from ninelives.cli.page import page
from ninelives.deploy.quantities import write_duration

if TYPE_CHECKING:
    from ninelives.deploy.history import PastRelease

ID_SHOWN = 8
STYLES = {"SUCCESSFUL": "green", "IN_PROGRESS": "cyan", "PENDING": "cyan"}


@click.command()
@place_options
@click.option("-n", "--number", "at_most", type=click.IntRange(1, 100), default=20, show_default=True, help="How many.")
@json_option
def history(place: Place, at_most: int, *, as_json: bool) -> None:
    """List past deployments, newest first: version, verdict, when, how long, and why not."""
    from ninelives.cli.session import open_definition
    from ninelives.deploy.history import past_releases
    from ninelives.deploy.service_call import require_service

    definition, aws = open_definition(place)
    require_service(aws, definition)
    past = past_releases(aws, definition, at_most=at_most)
    if as_json:
        click.echo(json.dumps({"deployments": [past_json(one) for one in past]}, indent=2))
    else:
        _show(past)


def past_json(one: "PastRelease") -> dict[str, object]:
    from ninelives.deploy.deployment_report import in_text

    return {
        "id": one.id,
        "arn": one.arn,
        "version": one.version,
        "status": one.status,
        "strategy": one.strategy,
        "lifecycle_stage": one.lifecycle_stage,
        "triggered_alarms": list(one.triggered_alarms),
        "task_definition": one.task_definition,
        "revision": one.revision,
        "created_at": in_text(one.created_at),
        "finished_at": in_text(one.finished_at),
        "duration_s": round(one.duration.total_seconds(), 3) if one.duration is not None else None,
        "cause": one.cause,
    }


def verdict_of(one: "PastRelease") -> str:
    """In the words of `deploy`: what a newer deployment stopped was superseded."""
    from ninelives.cli.release_words import status_words

    if one.status == "STOPPED" and "newer service deployment" in (one.cause or ""):
        return "superseded"
    return status_words(one.status)


def _show(past: "Sequence[PastRelease]") -> None:
    from rich.table import Table
    from rich.text import Text

    from ninelives.cli.release_words import STRATEGIES

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("when (UTC)", "version", "strategy", "verdict", "took", "id"):
        table.add_column(column, no_wrap=True)
    table.add_column("cause", overflow="fold")
    for one in past:
        table.add_row(
            f"{one.created_at:%Y-%m-%d %H:%M}" if one.created_at else "",
            one.version,
            STRATEGIES.get(one.strategy, one.strategy),
            Text(verdict_of(one), STYLES.get(one.status, "red")),
            write_duration(one.duration) if one.duration is not None else "",
            one.id[:ID_SHOWN],
            (one.cause or "").removeprefix("Service deployment ").removeprefix("rolled back because ").removesuffix("."),
        )
    page().print(table)
