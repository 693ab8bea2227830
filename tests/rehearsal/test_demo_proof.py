"""The demo's page and JSON say what the proof says."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from ninelives.cli import demo_proof
from ninelives.cli.cats import cats_definition, find_cats
from ninelives.cli.demo_play import EXIT_CODES, NEW, OLD
from ninelives.cli.demo_proof import Shown, ruler
from ninelives.cli.errors import UserError
from ninelives.cli.exit_codes import ExitCode
from ninelives.deploy.reading import read_service_file
from ninelives.deploy.release import Asked, Release, Started
from ninelives.deploy.verdict import Followed, Outcome, Verdict
from ninelives.rehearsal.judgement import REQUESTS_LOST, judge_rehearsal
from ninelives.rehearsal.proof import Marks, prove
from ninelives.rehearsal.rehearse import Rehearsed
from ninelives.rehearsal.sample import Sample, mixed_traffic
from ninelives.rehearsal.timeline import Moment

CATS = Path(__file__).parents[2] / "examples" / "cats"
AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
MARKS = Marks(started_at=0.0, release_started_at=2.0, release_ended_at=4.0, ended_at=6.0)


def answered(due: float, error: str | None = None) -> Sample:
    version = OLD if due < 3 else NEW
    status = None if error else 200
    return Sample(
        kind="keep-alive", intended_at=due, lag=0.0, latency=0.004, status=status, version=version, error=error, reused=True
    )


def shown(*lost_at: float) -> Shown:
    samples = [answered(number / 10) for number in range(60)] + [answered(due, "status_503") for due in lost_at]
    release = Release(
        definition=read_service_file(CATS / "ninelives.yml"),
        region="eu-west-1",
        started=Started(
            asked=Asked(version=NEW, from_version=OLD, url="http://127.0.0.2:8080"),
            task_definition="cats:2",
            followed=Followed(revision="2", source="1"),
            known_events=frozenset(),
            is_new_deployment=True,
        ),
        began_at=AT + timedelta(seconds=2),
        verdict=Verdict(outcome=Outcome.SUCCEEDED, reason="done"),
        finished_at=AT + timedelta(seconds=4),
        diagnosis=None,
        last=None,
    )
    proof = prove(samples, mixed_traffic(240), MARKS)
    return Shown(
        judgement=judge_rehearsal(Outcome.SUCCEEDED, "done", proof, NEW),
        rehearsed=Rehearsed(
            released=release, proof=proof, marks=MARKS, load_started_at=AT, release_started_at=AT + timedelta(seconds=2)
        ),
        moments=(Moment(at_s=2.5, text="(service cats) has started 2 tasks."),),
        from_version=OLD,
        to_version=NEW,
        runtime="host",
        rate=240,
        time_scale=1.0,
        duration=timedelta(seconds=30),
    )


def page(what: Shown) -> str:
    file = io.StringIO()
    demo_proof.show(Console(file=file, width=110), what)
    return file.getvalue()


def test_the_page_of_a_good_release_shows_it_all() -> None:
    text = page(shown())

    for expected in (
        "Cats 1.0.0 → 2.0.1   rolling, 2 tasks · host · 240 requests a second",
        "60 sent · 0 lost",
        "1.0.0 30, 2.0.1 30",
        "100 ms between good answers",
        "4.0 ms",
        "2.5  (service cats) has started 2 tasks.",
        "✓ succeeded: 60 requests, none lost; every answer after the release came from 2.0.1",
    ):
        assert expected in text
    assert ["  release  ··━━··"] == [line.rstrip() for line in text.splitlines() if line.startswith("  release")]


def test_the_page_of_a_loss_says_what_was_lost_and_when() -> None:
    text = page(shown(2.5, 3.5))

    assert "62 sent · 2 lost" in text
    assert "2 status_503: keep-alive, during the release, at 2.5 to 3.5 s, 2 on kept connections" in text
    assert "✗ requests_lost: 2 of 62 requests lost" in text
    assert ["  lost       ▲▲"] == [line.rstrip() for line in text.splitlines() if line.startswith("  lost")]


def test_waits_that_were_shortened_are_said() -> None:
    assert "policy's waits 4 times shorter" in page(replace(shown(), time_scale=4.0))


def test_the_json_bears_what_scripts_read() -> None:
    report = json.loads(json.dumps(demo_proof.as_json(shown())))

    assert ("succeeded", "host", 30.0) == (report["verdict"], report["runtime"], report["duration_s"])
    assert {"sent": 60, "lost": 0} == {name: report["requests"][name] for name in ("sent", "lost")}
    assert {OLD: 30, NEW: 30} == report["requests"]["by_version"]
    assert {4.0} == {report["latency_ms"][phase][rank] for phase in ("before", "during", "after") for rank in ("p50", "p99")}
    assert report["worst_gap_ms"] == pytest.approx(100, abs=0.01)


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (Outcome.SUCCEEDED, 0),
        (REQUESTS_LOST, 9),
        (Outcome.ROLLED_BACK, 4),
        (Outcome.TIMED_OUT, 5),
        (Outcome.SUPERSEDED, 6),
        (Outcome.FAILED, 1),
        (Outcome.STOPPED, 1),
        ("mixed_versions", 1),
        ("no_proof", 1),
    ],
)
def test_each_verdict_has_its_exit_code(verdict: str, code: int) -> None:
    assert EXIT_CODES.get(verdict, ExitCode.ERROR) == code


def test_a_long_load_is_ruled_in_wider_columns() -> None:
    marks = Marks(started_at=0, release_started_at=100, release_ended_at=140, ended_at=200)

    assert ruler(marks, 200, 10) == "·" * 10 + "━" * 4 + "·" * 6


def test_cats_are_found_from_within_a_clone(tmp_path: Path) -> None:
    place = tmp_path / "examples" / "cats"
    place.mkdir(parents=True)
    (place / "ninelives.yml").write_text("service: cats\n")
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)

    assert find_cats(deep) == place
    assert find_cats(Path("/")) == CATS  # this checkout's own


def test_missing_cats_are_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("ninelives.cli.cats.__file__", str(tmp_path / "site-packages" / "cats.py"))

    with pytest.raises(UserError) as refused:
        find_cats(tmp_path)

    assert "examples/cats" in refused.value.message
    assert refused.value.hint is not None
    assert "make demo" in refused.value.hint


def test_host_tasks_need_no_base_image() -> None:
    assert "BASE_IMAGE" not in cats_definition(CATS, "host").file.image.args
