"""`down` beside another command on the same region: it waits for its end, and then does what it came for."""

import asyncio
import subprocess
import threading
from dataclasses import asdict
from pathlib import Path

import pytest

from ninelives.cli.background import remember, running_to_stay, settings_of, stop_region
from ninelives.cli.compose import RegionLocked, is_locked, locked, serve_until_told
from ninelives.cli.settings import RegionSettings, RunningRegion, process_start, write_json


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


def test_up_waits_for_a_region_that_was_told_to_end(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "0.3"]) as ending:
        started = process_start(ending.pid)
        assert started is not None
        region = RunningRegion(
            pid=ending.pid, endpoint="", region="", account="", runtime="host", started=started, is_ending=True
        )
        write_json(tmp_path / "region.json", asdict(region))

        found = running_to_stay(tmp_path)

        assert found == region
        assert not region.is_alive


def test_up_does_not_wait_for_a_region_that_stays(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as staying:
        started = process_start(staying.pid)
        assert started is not None
        region = RunningRegion(pid=staying.pid, endpoint="", region="", account="", runtime="host", started=started)
        write_json(tmp_path / "region.json", asdict(region))

        found = running_to_stay(tmp_path)
        staying.kill()

    assert found == region
