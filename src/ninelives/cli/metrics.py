"""``ninelives metrics``: what CloudWatch knows of the service, drawn in the terminal."""

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from ninelives.cli.errors import UserError
from ninelives.cli.options import Duration, Place, json_option, place_options

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console
    from rich.text import Text

    from ninelives.insight.panels import Asked, Panel, Picture

NEAR_SECONDS, AWS_SECONDS = 2.0, 60.0
"""Between two looks of --watch: an embedded region is asked often, CloudWatch bills each metric that is asked for."""
POINTS_AS_DATA = 60
SHORT_PERIODS = (1, 5, 10, 20, 30)


@click.command()
@place_options
@click.option("--since", type=Duration(), default="1h", show_default=True, help="How far back.")
@click.option("--period", type=Duration(), default=None, help="What a point sums up [as fits the screen, from 1m on].")
@click.option(
    "--metric", "named", multiple=True, metavar="NAMESPACE/NAME{DIMENSION=VALUE}:STATISTIC",
    help="A custom metric to show beside the others, such as `Cats/Purrs{Room=hall}:p99`. May be repeated.",
)  # fmt: skip
@click.option("--watch", "-w", is_flag=True, help="Draw it anew as it goes on, until Ctrl-C.")
@json_option
def metrics(
    place: Place, since: timedelta, period: timedelta | None, named: tuple[str, ...], *, watch: bool, as_json: bool
) -> None:
    """Draw requests, answers, errors, response times, targets, tasks, CPU, memory and alarms, with the deployments.

    Everything is CloudWatch's, so that it is the same on AWS and in the embedded region. Without a terminal: a table, a line
    for each period.
    """
    import sys

    from ninelives.cli.page import page
    from ninelives.cli.session import open_definition
    from ninelives.deploy.clock import WallClock
    from ninelives.deploy.service_call import require_service
    from ninelives.insight.panels import read_picture

    definition, aws = open_definition(place)
    # Charts are of Braille characters.
    clock, is_drawn = WallClock(), sys.stdout.isatty() and page().encoding.startswith("utf") and not as_json
    if watch and not is_drawn:
        raise UserError(
            "--watch draws on a terminal that shows Unicode.", hint="Leave it out: the table and --json tell how it is now."
        )
    asked = asked_for(since, period, named, columns=page().width if is_drawn else None)
    if watch:
        _watch(
            lambda: read_picture(aws, definition.file, asked, clock.now()), AWS_SECONDS if not aws.is_near else NEAR_SECONDS
        )
        return
    picture = read_picture(aws, definition.file, asked, clock.now())
    if picture.is_empty:
        require_service(aws, definition)
    if as_json:
        place_told = {"environment": definition.environment, "region": aws.region}
        click.echo(json.dumps({**picture_json(picture), **place_told}, indent=2))
    elif is_drawn:
        _draw(page(), picture)
    else:
        for line in table_lines(picture):
            click.echo(line)
        for panel in picture.panels:
            if panel.no_data is not None:
                click.echo(f"{panel.title}: no data: {panel.no_data}", err=True)


def asked_for(since: timedelta, period: timedelta | None, named: Sequence[str], *, columns: int | None) -> "Asked":
    """The options as a question. Raises ``click.BadParameter``."""
    from ninelives.cli.metric_screen import points_for
    from ninelives.deploy.quantities import write_duration
    from ninelives.insight.panels import Asked
    from ninelives.insight.series import KEPT, read_metric

    custom = []
    for text in named:
        try:
            custom.append(read_metric(text))
        except ValueError as error:
            raise click.BadParameter(f"{error}.", param_hint="--metric") from None
    seconds = None if period is None else period.total_seconds()
    if since.total_seconds() < 1:
        raise click.BadParameter("expected 1s or more.", param_hint="--since")
    if seconds is not None and not (seconds in SHORT_PERIODS or (seconds >= 60 and seconds % 60 == 0)):  # noqa: PLR2004
        raise click.BadParameter("expected 1s, 5s, 10s, 20s, 30s or whole minutes.", param_hint="--period")
    kept = next((kept for age, kept in KEPT if since > age), 1)
    if seconds is not None and seconds < kept:
        shortest = write_duration(timedelta(seconds=kept))
        raise click.BadParameter(
            f"CloudWatch keeps periods of {shortest} or more for as long as --since.", param_hint="--period"
        )
    points = points_for(columns) if columns is not None else POINTS_AS_DATA
    return Asked(since=since, period=None if seconds is None else int(seconds), points=points, custom=tuple(custom))


def _draw(console: "Console", picture: "Picture") -> None:
    from ninelives.cli.metric_screen import draw, size_for

    console.print(draw(picture, _title(picture), size_for(console.width, None, len(picture.panels))))


def _watch(look: Callable[[], "Picture"], seconds: float) -> None:
    """Draws over itself on the terminal's other screen; what was seen last stays when it ends."""
    import threading

    from rich.live import Live

    from ninelives.cli.metric_screen import draw, size_for
    from ninelives.cli.page import page
    from ninelives.deploy.follow import why_unseen

    console, picture = page(), look()
    try:
        with Live(console=console, screen=True, auto_refresh=False) as live:
            note = ""
            while True:
                size = size_for(console.width, console.height, len(picture.panels))
                live.update(draw(picture, _title(picture).append(note, "yellow"), size), refresh=True)
                threading.Event().wait(seconds)
                try:
                    picture, note = look(), ""
                except Exception as error:
                    reason = why_unseen(error)
                    if reason is None:
                        raise
                    note = f"   {reason}"
    except KeyboardInterrupt:
        _draw(console, picture)


def _title(picture: "Picture") -> "Text":
    from rich.text import Text

    from ninelives.deploy.quantities import write_duration

    around, span = picture.surroundings, picture.window
    scale = f", time {around.time_scale:g} times as fast" if around.time_scale != 1 else ""
    until = f"{span.end:%H:%M}" if span.end.date() == span.start.date() else f"{span.end:%Y-%m-%d %H:%M}"
    return Text.assemble(
        (around.service, "bold cyan"),
        f" in {around.cluster}  ",
        (f"{span.start:%Y-%m-%d %H:%M} to {until} UTC", "dim"),
        (f"  a point is {write_duration(timedelta(seconds=span.period))}{scale}", "dim"),
    )


def picture_json(picture: "Picture") -> dict[str, Any]:
    """Everything that is drawn, as data."""
    around, span = picture.surroundings, picture.window
    return {
        "service": around.service,
        "cluster": around.cluster,
        "from": span.start.isoformat(),
        "to": span.end.isoformat(),
        "period_s": span.period,
        "time_scale": around.time_scale,
        "container_insights": around.has_insights,
        "panels": [_panel_json(panel) for panel in picture.panels],
        "alarms": [
            {
                "name": one.name,
                "state": one.state,
                "reason": one.reason,
                "history": [{"at": change.at.isoformat(), "to": change.to} for change in one.history],
            }
            for one in around.alarms
        ],
        "deployments": [
            {
                "version": one.version,
                "status": one.status,
                "started_at": one.started_at.isoformat(),
                "ended_at": one.ended_at.isoformat() if one.ended_at is not None else None,
            }
            for one in around.deployments
        ],
    }


def _panel_json(panel: "Panel") -> dict[str, Any]:
    return {
        "name": panel.name,
        "title": panel.title,
        "unit": panel.unit,
        "no_data": panel.no_data,
        "series": [
            {
                "label": line.label,
                "metric": line.metric.written if line.metric is not None else None,
                "points": [{"at": at.isoformat(), "value": value} for at, value in line.series.points],
            }
            for line in panel.lines
        ],
    }


def table_lines(picture: "Picture") -> list[str]:
    """A line for each period, the oldest first, every series a column; ``-`` where nothing is known."""
    columns = [
        (f"{panel.name}.{line.label}".replace(" ", "_"), dict(line.series.points))
        for panel in picture.panels
        if panel.no_data is None
        for line in panel.lines
    ]
    rows = [["time", *(name for name, _ in columns)]]
    span = picture.window
    instant: datetime = span.start
    while instant < span.end:
        values = (known.get(instant) for _, known in columns)
        rows.append([f"{instant:%Y-%m-%dT%H:%M:%SZ}", *("-" if value is None else f"{value:.6g}" for value in values)])
        instant += timedelta(seconds=span.period)
    widths = [max(len(row[number]) for row in rows) for number in range(len(rows[0]))]
    return ["  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows]
