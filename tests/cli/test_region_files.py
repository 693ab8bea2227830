"""The files in a state folder are read across versions."""

import json
from pathlib import Path

from ninelives.cli.background import remember, settings_of
from ninelives.cli.settings import RegionSettings, read_running

RUNNING = {"pid": 1, "endpoint": "http://127.0.0.1:4566", "region": "r", "account": "a", "runtime": "host", "started": "7"}


def test_files_of_a_newer_version_are_read_as_far_as_they_are_known(tmp_path: Path) -> None:
    (tmp_path / "region.json").write_text(json.dumps(RUNNING | {"mood": "purring"}))
    (tmp_path / "settings.json").write_text(json.dumps({"port": 4999, "state_directory": "elsewhere", "mood": "purring"}))
    running = read_running(tmp_path)

    assert running is not None
    assert 1 == running.pid
    assert RegionSettings(state_directory=tmp_path, port=4999) == settings_of(tmp_path)


def test_what_stands_in_for_functions_is_remembered(tmp_path: Path) -> None:
    settings = RegionSettings(state_directory=tmp_path, functions={"smoke": "http://127.0.0.1:9000/", "gate": "/srv/g.py:go"})

    remember(settings)

    assert settings == settings_of(tmp_path)
