"""The live view of a release: what is wrapped stays in its column, and counts are told beside what is wanted."""

import io
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from ninelives.cli.live_view import LiveView
from ninelives.deploy.follow import Progress, Stage, Tally
from ninelives.deploy.observation import EventSeen
from ninelives.deploy.reading import Definition, parse_service_file
from ninelives.deploy.reports import Act, Step

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
WIDTH = 60


@pytest.fixture
def view() -> LiveView:
    file = parse_service_file("service: cats\nimage: .\nport: 4567\n")
    view = LiveView(Definition(path=Path("ninelives.yml"), environment="local", file=file), io.StringIO())
    view.console = Console(file=io.StringIO(), width=WIDTH)
    return view


def shown(view: LiveView) -> list[str]:
    assert isinstance(view.console.file, io.StringIO)
    return view.console.file.getvalue().splitlines()


def progress(new: Counter[str], *messages: str) -> Progress:
    return Progress(
        at=NOW,
        elapsed=timedelta(seconds=1),
        stage=Stage.STARTING,
        tally=Tally(new=new, old=Counter(), targets=Counter()),
        desired_count=2,
        failed_tasks=0,
        new_events=tuple(EventSeen(id=message, created_at=NOW, message=message) for message in messages),
    )


def test_a_long_note_is_indented_where_it_is_wrapped(view: LiveView) -> None:
    view(Step(at=NOW, act=Act.NOTE, text="not carried out on the host: FROM ruby, RUN set, USER cats; bring it yourself"))

    first, *others = shown(view)
    assert first.startswith("! note not carried out")
    assert others
    assert all(line.startswith("  ") for line in others)


def test_a_long_event_is_indented_where_it_is_wrapped(view: LiveView) -> None:
    view(progress(Counter(), "(service cats) has started 2 tasks, and told a long story of each of them."))
    view.console.print(view.draw())

    first, *others = shown(view)[3:]
    assert first.startswith("  12:00:00 has started 2 tasks")
    assert others
    assert all(line.startswith(" " * len("  12:00:00 ")) for line in others)


@pytest.mark.parametrize(
    ("new", "told"),
    [
        (Counter(RUNNING=2), "2 of 2 running"),
        (Counter(PENDING=1, RUNNING=1), "1 of 2 running, 1 pending"),
        (Counter(), "0 of 2 running"),
    ],
)
def test_running_tasks_are_told_beside_the_desired_count(view: LiveView, new: Counter[str], told: str) -> None:
    view(progress(new))
    view.console.print(view.draw())

    assert any(line.rstrip().endswith(told) for line in shown(view))
