"""`ninelives logs` of a task that there is not says so; silence would be taken for a task that wrote nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ninelives.cli.main import run
from ninelives.deploy.aws import Aws
from ninelives.deploy.logs import Line, Wanted


@pytest.fixture(autouse=True)
def wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ninelives.yml").write_text("service: cats\nimage: .\nport: 80\n")
    monkeypatch.chdir(tmp_path)

    def lines(_aws: Any, _file: Any, _since: Any, wanted: Wanted) -> Iterator[Line]:
        if "aa11".startswith(wanted.task):
            yield Line(at=datetime(2026, 1, 1, tzinfo=UTC), task_id="aa11", message="meow", event_id="1")

    monkeypatch.setattr("ninelives.deploy.logs.read_lines", lines)
    monkeypatch.setattr("ninelives.cli.session.connect", lambda **_: Aws(lambda _: None, region="eu-west-1", is_local=True))


@pytest.mark.parametrize("arguments", [[], ["--task", "aa"]])
def test_lines_are_told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == run(["logs", *arguments])

    assert "2026-01-01T00:00:00Z aa11 meow\n" == capsys.readouterr().out


def test_a_task_that_wrote_nothing_or_is_not_there_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert 1 == run(["logs", "--task", "ffff"])

    told = capsys.readouterr().err
    assert "No task whose id begins with 'ffff' wrote anything in the last 1h." in told
    assert "--since looks further back" in told
