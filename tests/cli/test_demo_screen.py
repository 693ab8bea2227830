"""The demo's live screen: it makes way for the proof; a demo that is broken off keeps what was said."""

import io

import pytest
from rich.console import Console

from ninelives.cli.demo_screen import LINES_SHOWN, LiveScreen
from ninelives.cli.exit_codes import ExitCode
from ninelives.cli.main import run

LONG = "what has more words than a line has room for, and goes on in the next one"


def screen_of(out: io.StringIO) -> LiveScreen:
    return LiveScreen(Console(file=out, width=60, force_terminal=False), "ninelives demo")


def test_a_demo_that_is_broken_off_keeps_every_line_and_each_in_its_column() -> None:
    out = io.StringIO()
    lines = [f"line {number}" for number in range(2 * LINES_SHOWN)]

    with pytest.raises(KeyboardInterrupt), screen_of(out) as screen:
        for line in (*lines, LONG):
            screen.say(line)
        raise KeyboardInterrupt

    said = out.getvalue().rstrip().splitlines()
    assert lines == [line.strip() for line in said if line.strip().startswith("line ")]
    assert LONG == " ".join(line.strip() for line in said[-2:])
    assert said[-1].startswith(" " * 13)
    assert said.count("") <= 1  # no empty screen is left behind


def test_the_screen_of_a_demo_that_ends_makes_way_for_the_proof() -> None:
    out = io.StringIO()

    with screen_of(out) as screen:
        screen.say("line")

    assert "line" not in out.getvalue()


def test_ctrl_c_says_that_nothing_is_left(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ninelives.cli.demo_play._run", interrupted)

    assert ExitCode.INTERRUPTED == run(["demo"])
    assert "Interrupted; everything that the demo started is gone.\n" == capsys.readouterr().err
