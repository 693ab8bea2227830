"""A region in the background is started with all that `ninelives up` was asked for."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from ninelives.cli import background
from ninelives.cli.main import ninelives
from ninelives.cli.settings import RegionSettings
from ninelives.cli.up import up


class Started(Exception):
    """The command line is known; nothing is run."""


def test_every_setting_reaches_the_region_in_the_background(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = RegionSettings(
        state_directory=tmp_path,
        port=4999,
        region="eu-central-1",
        account="111122223333",
        runtime="host",
        time_scale=5.0,
        functions={"hook": "http://127.0.0.1:1"},
        enforce_iam=True,
        log_bytes_max=64 * 1024 * 1024,
        identity_providers={"https://issuer.example": "http://127.0.0.1:2"},
    )
    commands: list[list[str]] = []

    def started(command: list[str], **_: Any) -> None:
        commands.append(command)
        raise Started

    monkeypatch.setattr("ninelives.cli.background.subprocess.Popen", started)
    with pytest.raises(Started):
        background.start_region(asked)
    (command,) = commands
    given = up.make_context("up", command[command.index("up") + 1 :], **ninelives.context_settings).params
    read = {"state_directory": given["state"], "identity_providers": given["providers"], **given}

    known = {field.name for field in dataclasses.fields(RegionSettings)}
    reached = {name for name in known if getattr(asked, name) == read[name]}
    assert known == reached
