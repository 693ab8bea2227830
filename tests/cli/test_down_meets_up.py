"""`down` beside another command on the same region: it waits for its end, and then does what it came for."""

import asyncio
import threading
from pathlib import Path

import pytest

from ninelives.cli.background import remember, settings_of, stop_region
from ninelives.cli.compose import RegionLocked, is_locked, locked, serve_until_told
from ninelives.cli.settings import RegionSettings


def test_down_waits_for_a_region_that_is_on_its_way_up(tmp_path: Path) -> None:
    settings = RegionSettings(state_directory=tmp_path, runtime="host")
    waits, answers = threading.Event(), list[bool]()

    with locked(settings):
        remember(settings)
        down = threading.Thread(target=lambda: answers.append(stop_region(tmp_path, said=lambda _: waits.set())))
        down.start()
        assert waits.wait(10)
        assert [] == answers

    down.join(10)
    assert [False] == answers  # the start was given up: there is nothing to end


def test_asking_whether_a_folder_is_held_holds_nothing(tmp_path: Path) -> None:
    settings = RegionSettings(state_directory=tmp_path)
    assert not is_locked(settings)
    assert not (tmp_path / "region.lock").exists()

    with locked(settings):
        assert is_locked(settings)
    assert not is_locked(settings)


def test_a_start_that_finds_the_folder_held_leaves_its_settings_alone(tmp_path: Path) -> None:
    settings = RegionSettings(state_directory=tmp_path, port=4600)
    other = RegionSettings(state_directory=tmp_path, port=4700)
    with locked(settings):
        remember(settings)
        with pytest.raises(RegionLocked):
            asyncio.run(serve_until_told(other, announce=lambda _: None))

    assert settings == settings_of(tmp_path)
