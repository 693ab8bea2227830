"""``ninelives logs --query``: what a Logs Insights query finds, as a table or as JSON lines."""

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from ninelives.cli.options import Place
from ninelives.deploy.quantities import write_duration

if TYPE_CHECKING:
    from ninelives.insight.log_queries import QueryAnswer


def tell_query(place: Place, query: str, since: timedelta, *, as_json: bool) -> None:
    from ninelives.cli.session import open_definition
    from ninelives.deploy.clock import WallClock
    from ninelives.insight.log_queries import ask

    definition, aws = open_definition(place)
    clock = WallClock()
    answer = ask(aws, definition.file.log_group, query, clock.now() - since, clock)
    if as_json:
        for row in answer.rows:
            click.echo(json.dumps(row))
        return
    if answer.rows:
        _draw(answer)
    rows = "1 row" if len(answer.rows) == 1 else f"{len(answer.rows)} rows"
    click.echo(
        f"{rows}; {answer.matched} of {answer.scanned} events of the last {write_duration(since)} matched, "
        f"{answer.bytes_scanned} bytes read",
        err=True,
    )


def _draw(answer: "QueryAnswer") -> None:
    from rich.table import Table
    from rich.text import Text

    from ninelives.cli.page import page

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in answer.columns:
        values = [row[column] for row in answer.rows if column in row]
        table.add_column(Text(column), justify="right" if all(map(_is_number, values)) else "left", overflow="fold")
    for row in answer.rows:
        table.add_row(*(Text(row.get(column, "").rstrip("\n")) for column in answer.columns))
    page().print(table)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
