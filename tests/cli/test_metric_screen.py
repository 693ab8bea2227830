"""Metrics on the terminal: charts that fit, one time axis, deployments on it; a table where there is no terminal."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import click
import pytest
from rich.console import Console
from rich.text import Text

from ninelives.cli import session
from ninelives.cli.main import ninelives
from ninelives.cli.metric_screen import alarm_band, draw, size_for
from ninelives.cli.metrics import _title as title
from ninelives.cli.metrics import asked_for, picture_json, table_lines
from ninelives.insight import panels
from ninelives.insight.panels import Line, Panel, Picture
from ninelives.insight.series import Series, Window
from ninelives.insight.surroundings import Alarm, DeploymentMark, StateChange, Surroundings

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SPAN = Window(start=NOON, end=NOON + timedelta(hours=1), period=60)


def picture(*values: float | None, no_data: str | None = None) -> Picture:
    points = tuple((NOON + number * MINUTE, value) for number, value in enumerate(values) if value is not None)
    line = Line(label="all", series=Series(points), tone="plain")
    around = Surroundings(
        cluster="c",
        service="cats",
        load_balancer="app/cats/1",
        groups=(),
        has_insights=False,
        time_scale=1,
        deployments=(
            DeploymentMark(version="2.0.1", status="SUCCESSFUL", started_at=NOON + 30 * MINUTE, ended_at=NOON + 31 * MINUTE),
        ),
    )
    panel = Panel(name="requests", title="Requests", unit="a second", lines=(line,), no_data=no_data)
    return Picture(surroundings=around, window=SPAN, panels=(panel,) * 4)


def shown(given: Picture, columns: int) -> list[str]:
    console = Console(width=columns, record=True, force_terminal=True, highlight=False)
    with console.capture() as captured:
        console.print(draw(given, Text("cats"), size_for(columns, None, 4)))
    return Text.from_ansi(captured.get()).plain.splitlines()


@pytest.mark.parametrize("columns", [60, 80, 120, 200, 300])
def test_a_page_is_never_wider_than_the_terminal_and_its_charts_stand_beside_each_other(columns: int) -> None:
    lines = shown(picture(*([5.0] * 60)), columns)

    assert max(map(len, lines)) <= columns
    assert max(line.count("Requests") for line in lines) == size_for(columns, None, 4).across


def test_a_steady_value_is_a_straight_line_and_a_gap_in_the_data_is_a_gap_in_it() -> None:
    steady, gap = shown(picture(*([4.0] * 60)), 80), shown(picture(*([4.0] * 20), *([None] * 20), *([4.0] * 20)), 80)

    [top, top_with_gap] = [next(line for line in lines if "4 ┤" in line) for lines in (steady, gap)]
    drawn = [sum("\u2800" < character <= "\u28ff" for character in line) for line in (top, top_with_gap)]
    assert drawn[0] >= 68
    assert 40 <= drawn[1] <= 50


def test_what_is_below_zero_is_drawn_below_zero() -> None:
    lines = shown(picture(*([4.0] * 30), *([-4.0] * 30)), 80)

    labels = [line.split("┤")[0].strip() for line in lines if "┤" in line][:2]
    [below] = [line for line in lines if "-4 ┤" in line][:1]
    assert ["4", "-4"] == labels
    assert any("\u2800" < character <= "\u28ff" for character in below)


def test_deployments_are_marked_on_the_axis_where_they_began() -> None:
    lines = shown(picture(*([1.0] * 60)), 80)

    axis = next(line for line in lines if "▲" in line)
    assert axis.index("▲") == 9 + (80 - 3 - 9) // 2
    assert any("2.0.1  succeeded in 1m" in line for line in lines)


def test_what_has_no_data_says_why_instead_of_drawing_nothing() -> None:
    assert any("no data: no requests in this time" in line for line in shown(picture(no_data="no requests in this time"), 80))


def test_an_alarms_band_is_unknown_before_anything_is_known() -> None:
    alarm = Alarm(name="a", state="OK", history=(StateChange(at=NOON + 30 * MINUTE, to="ALARM", reason=""),))

    assert alarm_band(alarm, SPAN, 4) == [None, "ALARM", "ALARM", "ALARM"]
    assert alarm_band(replace(alarm, history=()), SPAN, 2) == ["OK", "OK"]


def test_a_table_has_a_line_a_period_and_says_where_nothing_is_known() -> None:
    lines = table_lines(picture(1.5, None, 3))

    assert len(lines) == 61
    assert lines[0].split() == ["time", *["requests.all"] * 4]
    assert lines[1].split()[:2] == ["2026-01-01T12:00:00Z", "1.5"]
    assert lines[2].split()[1] == "-"


def test_json_tells_all_that_is_drawn() -> None:
    told = json.loads(json.dumps(picture_json(picture(1.5))))

    assert told["panels"][0]["series"][0]["points"] == [{"at": "2026-01-01T12:00:00+00:00", "value": 1.5}]
    assert told["deployments"][0]["version"] == "2.0.1"


@pytest.mark.parametrize(
    ("period", "named"),
    [(timedelta(seconds=7), ()), (timedelta(seconds=90), ()), (None, ("Purrs",)), (None, ("A/b:mean",))],
)
def test_what_cloudwatch_does_not_take_is_refused_before_it_is_asked(period: timedelta | None, named: tuple[str, ...]) -> None:
    with pytest.raises(click.BadParameter):
        asked_for(timedelta(hours=1), period, named, columns=80)


def test_a_period_that_cloudwatch_keeps_no_longer_is_refused_instead_of_showing_nothing() -> None:
    assert asked_for(timedelta(hours=3), timedelta(seconds=10), (), columns=80).period == 10

    with pytest.raises(click.BadParameter, match="5m or more for as long as --since"):
        asked_for(timedelta(days=30), MINUTE, (), columns=80)


def test_the_title_names_the_day_on_which_it_ends_where_that_is_another() -> None:
    of_an_hour, of_a_day = picture(1.0), replace(picture(1.0), window=replace(SPAN, end=NOON + timedelta(days=1)))

    assert "2026-01-01 12:00 to 13:00 UTC" in title(of_an_hour).plain
    assert "2026-01-01 12:00 to 2026-01-02 12:00 UTC" in title(of_a_day).plain


def test_a_terminal_without_unicode_gets_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        encoding = "iso-8859-1"

        def isatty(self) -> bool:
            return True

    out = Terminal()
    monkeypatch.setattr(session, "open_definition", lambda _: (SimpleNamespace(file=None), SimpleNamespace(is_near=True)))
    monkeypatch.setattr(panels, "read_picture", lambda *_: picture(*([5.0] * 60)))
    monkeypatch.setattr("sys.stdout", out)

    ninelives.main(["metrics"], standalone_mode=False)

    assert out.getvalue().encode("iso-8859-1").split()[:2] == [b"time", b"requests.all"]
