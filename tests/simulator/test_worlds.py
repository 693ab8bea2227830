"""The laws hold in a thousand worlds, and in those that once broke one; and each can be broken, so that it says something."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from kept_seeds import KEPT

from ninelives.autoscaling import scaler
from ninelives.model.scaling import ScalableTarget
from ninelives.region import draining
from ninelives.region.loop import Loop
from ninelives.scheduler import stages
from ninelives.scheduler.draft import Draft
from ninelives.scheduler.scaling import Capacity
from ninelives.simulator import simulate

WORLDS = 1000
AT_ONCE = 50


@pytest.mark.parametrize("first", range(0, WORLDS, AT_ONCE), ids=lambda first: f"{first}-{first + AT_ONCE - 1}")
def test_every_law_holds_in_a_thousand_worlds(first: int) -> None:
    outcomes = [simulate(seed) for seed in range(first, first + AT_ONCE)]

    assert [] == [f"seed {one.seed}: {one.violations[0]}" for one in outcomes if one.violations]


@pytest.mark.parametrize("seed", KEPT, ids=lambda seed: f"{seed}: {KEPT[seed]}")
def test_a_seed_that_once_failed_does_so_no_more(seed: int) -> None:
    assert () == simulate(seed).violations


def test_one_seed_makes_one_world_bit_for_bit() -> None:
    def transcript(hash_seed: str) -> str:
        command = [sys.executable, "-m", "ninelives.simulator", "--seed", "3", "--trace"]
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    assert transcript("1") == transcript("2")


def _no_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Draft, "floor", 0)


def _no_ceiling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Draft, "ceiling", 99)


def _one_quiet_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draining, "QUIET_READINGS", 1)


def _nothing_is_adopted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Loop, "_tasks", lambda _self: [])


def _done_too_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "is_settled", lambda _draft: True)


def _scaling_without_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ScalableTarget, "bounded", lambda _self, capacity: capacity)


def _scaling_blind_to_deployments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaler, "Capacity", lambda **facts: Capacity(**{**facts, "is_deploying": False}))


def _scaling_deaf_to_alarms(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(*_: object) -> None: ...

    monkeypatch.setattr(scaler.AutoScaling, "breached", nothing)


@pytest.mark.parametrize(
    ("sabotage", "words"),
    [
        (_no_floor, "healthy tasks were stopped"),
        (_no_ceiling, "the ceiling is"),
        (_one_quiet_reading, "while a request"),
        (_nothing_is_adopted, "did not come about"),
        (_done_too_soon, "SUCCESSFUL, but of"),
        (_scaling_without_bounds, "its bounds are"),
        (_scaling_blind_to_deployments, "takes tasks away during a deployment"),
        (_scaling_deaf_to_alarms, "the counts fit the loads"),
    ],
)
def test_a_region_that_breaks_a_law_is_found_out(
    sabotage: Callable[[pytest.MonkeyPatch], None], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sabotage(monkeypatch)

    seen: list[Any] = []
    for seed in range(200):
        seen += simulate(seed).violations[:1]
        if any(words in one.text for one in seen):
            return
    pytest.fail(f"nobody noticed; seen were {seen}")
