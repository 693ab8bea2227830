"""What a release tells GitHub Actions: a page, an annotation for what is not green, outputs; and no secret."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_release_output import NOW, release

from ninelives.cli import github_actions
from ninelives.cli.exit_codes import ExitCode
from ninelives.cli.main import run
from ninelives.cli.proving import Proven
from ninelives.cli.release_output import exit_code_of, proof_lines, proven_json
from ninelives.deploy.diagnosis import Diagnosis
from ninelives.deploy.observation import EventSeen, Observation, ServiceSeen
from ninelives.deploy.verdict import Outcome
from ninelives.rehearsal.proof import Marks, Proof, prove
from ninelives.rehearsal.sample import Kind, Sample

KINDS = (Kind(name="fresh", rate=5),)
MARKS = Marks(started_at=0, release_started_at=10, release_ended_at=20, ended_at=30)
CRASH = Diagnosis(code="x", cause="The task ended (1): 'a | <b>'\n::error::mine, key s3cr3t-key", next_step="See its logs.")


def proof(lost: int = 0) -> Proof:
    def sample(at: float, version: str, error: str | None) -> Sample:
        return Sample("fresh", at, 0.0, 0.005, None if error else 200, version, error, reused=False)

    good = [sample(at, "1.0.0" if at < 15 else "2.0.1", None) for at in range(30)]
    return prove([*good, *(sample(12.5, "", "reset") for _ in range(lost))], KINDS, MARKS)


def told(proven: Proven, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[str, str, dict[str, str]]:
    """The annotations, the page, the outputs."""
    page, outputs = tmp_path / "page", tmp_path / "outputs"
    variables = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(page),
        "GITHUB_OUTPUT": str(outputs),
        "AWS_SECRET_ACCESS_KEY": "s3cr3t-key",
    }
    github_actions.tell(proven, variables)
    said = capsys.readouterr()
    assert said.out == ""
    return said.err, page.read_text(), dict(line.split("=", 1) for line in outputs.read_text().splitlines())


def test_a_release_that_lost_nothing_has_a_page_with_its_proof_and_no_annotation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    annotations, page, outputs = told(Proven(release=release(Outcome.SUCCEEDED), proof=proof()), tmp_path, capsys)

    assert annotations == ""
    assert page.startswith("## ✅ cats 1.0.0 → 2.0.1: succeeded\n")
    assert "Proof: 30 requests, none lost" in page
    assert "| answered | 10 | 10 | 10 |" in page
    assert "1.0.0 15, 2.0.1 15" in page
    assert {
        "verdict": "succeeded",
        "version": "2.0.1",
        "from-version": "1.0.0",
        "requests-lost": "0",
    }.items() <= outputs.items()


def test_a_release_that_was_taken_back_is_an_error_with_its_cause_and_no_line_of_it_is_a_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = release(Outcome.ROLLED_BACK, CRASH)
    events = tuple(EventSeen(id=str(n), created_at=NOW, message=f"event {n} | <i>") for n in range(20))
    service: Any = ServiceSeen.__new__(ServiceSeen)
    object.__setattr__(service, "events", events)
    seen: Any = Observation.__new__(Observation)
    object.__setattr__(seen, "service", service)
    object.__setattr__(seen, "service_deployment", None)
    annotations, page, outputs = told(Proven(release=replace(one, last=seen)), tmp_path, capsys)

    (line,) = annotations.splitlines()
    assert line.startswith("::error title=cats 2.0.1 rolled back::The task ended (1)")
    assert "%0A::error::mine" in line
    assert "rolled_back" == outputs["verdict"]
    assert "<b>" not in page
    assert "a \\| &lt;b&gt;" in page
    assert "- 12:00:00Z event 0 \\| &lt;i&gt;" in page
    assert "event 12" not in page


@pytest.mark.parametrize(
    ("outcome", "mark"),
    [(Outcome.SUCCEEDED, "✅"), (None, "▶️"), (Outcome.PAUSED, "⏸️"), (Outcome.SUPERSEDED, "⏭️"), (Outcome.FAILED, "❌")],
)
def test_the_page_begins_with_a_mark_that_tells_good_from_bad(outcome: Outcome | None, mark: str) -> None:
    assert github_actions.summary(Proven(release=release(outcome))).startswith(f"## {mark} cats")


def test_what_was_taken_back_as_asked_is_good() -> None:
    one = release(Outcome.ROLLED_BACK)
    aborted = replace(one, started=replace(one.started, asked=replace(one.started.asked, goal=Outcome.ROLLED_BACK)))

    assert github_actions.summary(Proven(release=aborted)).startswith("## ✅ cats")
    assert [] == github_actions.annotations(Proven(release=aborted))


def test_a_key_of_the_step_is_struck_out_wherever_it_appears(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    annotations, page, _ = told(Proven(release=release(Outcome.FAILED, CRASH)), tmp_path, capsys)

    assert "s3cr3t-key" not in annotations + page
    assert "key ***" in annotations
    assert "key ***" in page


def test_lost_requests_are_red_although_the_release_succeeded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    proven = Proven(release=release(Outcome.SUCCEEDED), proof=proof(lost=3))
    annotations, page, outputs = told(proven, tmp_path, capsys)

    assert ExitCode.REQUESTS_LOST == exit_code_of(proven)
    assert "::error title=cats 2.0.1%3A requests lost::3 of 33 requests lost: 3 reset (fresh, during)" in annotations
    assert page.startswith("## ❌ cats 1.0.0 → 2.0.1: succeeded, requests lost\n")
    assert "3" == outputs["requests-lost"]
    assert ["  Proof: 3 of 33 requests lost: 3 reset (fresh, during)"] == proof_lines(proven)
    assert 3 == proven_json(proven)["proof"]["requests"]["lost"]


def test_a_release_that_did_not_hold_ends_as_it_ended_whatever_was_lost() -> None:
    assert ExitCode.ROLLED_BACK == exit_code_of(Proven(release=release(Outcome.ROLLED_BACK), proof=proof(lost=3)))


def test_what_could_not_be_proven_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    proven = Proven(release=release(Outcome.SUCCEEDED), why_not="the service is new, so nobody was served before")
    _, page, outputs = told(proven, tmp_path, capsys)

    assert ExitCode.OK == exit_code_of(proven)
    assert "Not proven: the service is new" in page
    assert "" == outputs["requests-lost"]


def test_nothing_is_told_where_no_workflow_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page"
    github_actions.tell(Proven(release=release(Outcome.FAILED)), {"GITHUB_STEP_SUMMARY": str(page)})

    assert not page.exists()
    assert "" == capsys.readouterr().err


def test_a_mistake_before_the_release_is_annotated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.chdir(tmp_path)

    assert 1 == run(["deploy", "1.0.0"])
    assert "::error title=ninelives::There is no service file ninelives.yml.%0AWrite one" in capsys.readouterr().err


def test_a_proof_without_waiting_is_refused() -> None:
    assert 1 == run(["deploy", "1.0.0", "--prove", "--no-wait"])
    assert 1 == run(["deploy", "1.0.0", "--prove", "--prove-path", "health"])
