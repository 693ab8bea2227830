"""A release under load: the phases are parted where the release began and ended, and what it raises ends everything."""

from pathlib import Path

import pytest
from faulty_server import FaultyServer

from ninelives.deploy.clock import WallClock
from ninelives.rehearsal.load_process import LoadFailed
from ninelives.rehearsal.proof import Phase
from ninelives.rehearsal.rehearse import Script, rehearse
from ninelives.rehearsal.sample import Kind, Target
from ninelives.rehearsal.tally import Tally


def script(server: FaultyServer, path: str = "/versioned") -> Script:
    kinds = [Kind(name="kept", rate=100, path=path, connections=2), Kind(name="fresh", rate=50, path=path)]
    return Script(target=server.target, kinds=kinds, before_seconds=0.4, after_seconds=0.4)


def test_a_release_that_loses_nothing_is_proven(serving: FaultyServer, tmp_path: Path) -> None:
    entered: list[Phase] = []
    tallies: list[Tally] = []

    def enter(phase: Phase, tally: Tally) -> None:
        entered.append(phase)
        tallies.append(tally)

    def release() -> str:
        WallClock().wait(0.3)
        serving.version = "2.0.1"
        return "done"

    rehearsed = rehearse(script(serving), release, folder=tmp_path, clock=WallClock(), entered=enter)
    proof = rehearsed.proof

    assert rehearsed.released == "done"
    assert proof.nothing_lost
    assert proof.ends_with("2.0.1")
    assert set(proof.by_version) == {"1.0.0", "2.0.1"}
    assert proof.sent == serving.requests["/versioned"]
    assert all(proof.latency[phase].count > 0 for phase in Phase)
    assert entered == list(Phase)
    assert tallies[-1].count(rehearsed.marks.ended_at).answered == proof.sent
    assert 0 < proof.worst_gap_ms < 1500


def test_lost_requests_are_in_the_proof(serving: FaultyServer, tmp_path: Path) -> None:
    rehearsed = rehearse(script(serving, "/reset"), lambda: None, folder=tmp_path, clock=WallClock())

    assert rehearsed.proof.lost == rehearsed.proof.sent > 0
    assert {"reset"} == {losses.error for losses in rehearsed.proof.losses}


def test_what_a_release_raises_ends_the_load(serving: FaultyServer, tmp_path: Path) -> None:
    def release() -> None:
        raise RuntimeError("no such image")

    with pytest.raises(RuntimeError, match="no such image"):
        rehearse(script(serving), release, folder=tmp_path, clock=WallClock())


def test_a_load_that_cannot_start_is_said(tmp_path: Path) -> None:
    nowhere = Script(
        target=Target(host="no-such-host.invalid", port=80), kinds=[Kind(name="k", rate=1)], before_seconds=0, after_seconds=0
    )

    with pytest.raises(LoadFailed):
        rehearse(nowhere, lambda: None, folder=tmp_path, clock=WallClock())
