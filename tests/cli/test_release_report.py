"""A report is written however a release ends, even where the API answers no more; it never changes how it ended."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from test_release_output import NOW, release

from ninelives.cli import session
from ninelives.cli.errors import UserError
from ninelives.cli.options import Place
from ninelives.cli.proving import Proven
from ninelives.cli.release_report import ReportWriter, report_path
from ninelives.deploy.aws import Aws
from ninelives.deploy.clock import Clock
from ninelives.deploy.diagnosis import Diagnosis
from ninelives.deploy.errors import BuildFailed, DeployError
from ninelives.deploy.observation import ServiceDeploymentSeen
from ninelives.deploy.options import Options
from ninelives.deploy.recording import Recording
from ninelives.deploy.release_record import ReleaseRecord
from ninelives.deploy.reports import Act, Step
from ninelives.deploy.verdict import Outcome
from ninelives.insight import release_page
from ninelives.insight.release_page import read_page
from ninelives.rehearsal.proof import Marks, prove
from ninelives.rehearsal.rehearse import Rehearsed
from ninelives.rehearsal.sample import Kind, Sample

SECRET = "wJalrXUtnFEMI/K7MDENG+EXAMPLEKEY"
CLIENTS_ERRORS = ("ClusterNotFoundException", "ServiceNotFoundException")


class Unwilling:
    """A client that refuses every call."""

    def __getattr__(self, name: str) -> Any:
        if name == "exceptions":
            return type("Exceptions", (), {error: type(error, (Exception,), {}) for error in CLIENTS_ERRORS})

        def refuse(**_: Any) -> Any:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, name)

        return refuse


class Stopped:
    """A clock that stands."""

    def now(self) -> datetime:
        return NOW + timedelta(seconds=65)

    def wait(self, seconds: float) -> None:
        raise AssertionError(seconds)


@pytest.fixture
def recording() -> Recording:
    recording = Recording()
    recording(Step(at=NOW, act=Act.NOTE, text=f"the build said {SECRET}"))
    return recording


def writer(asked: Path | None, recording: Recording) -> ReportWriter:
    clock: Clock = Stopped()
    aws = Aws(lambda _: Unwilling(), region="eu-west-1", is_local=False)
    return ReportWriter(asked, aws=aws, definition=release(None).definition, recording=recording, clock=clock)


def written(path: Path | None) -> ReleaseRecord:
    assert path is not None
    return read_page(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("outcome", [*Outcome, None])
def test_every_verdict_has_its_report_and_its_sentence(outcome: Outcome | None, tmp_path: Path, recording: Recording) -> None:
    record = written(writer(tmp_path, recording).ended(Proven(release=release(outcome))))

    assert record.verdict == (outcome or "in_progress")
    assert record.is_good == (outcome is Outcome.SUCCEEDED)
    assert record.sentence.startswith("cats 2.0.1 ")
    assert record.traffic is None
    assert record.no_traffic == "CloudWatch could not be asked"


def test_the_cause_and_the_advice_are_those_of_the_diagnosis(tmp_path: Path, recording: Recording) -> None:
    diagnosis = Diagnosis(code="exits_at_once", cause="The container exits.", next_step="Read `ninelives logs`.")

    record = written(writer(tmp_path, recording).ended(Proven(release=release(Outcome.ROLLED_BACK, diagnosis))))

    assert (record.cause, record.cause_code) == ("The container exits.", "exits_at_once")
    assert record.next_step == "Read `ninelives logs`."
    assert "was taken back" in record.sentence
    assert "1.0.0 serves on" in record.sentence


def test_a_release_that_ecs_never_had_is_told_too(tmp_path: Path, recording: Recording) -> None:
    error = BuildFailed("COPY gone: no such file.", hint="Look at .dockerignore.")

    record = written(writer(tmp_path, recording).failed(error, "2.0.1"))

    assert (record.verdict, record.cause, record.next_step) == ("error", "COPY gone: no such file.", "Look at .dockerignore.")


def test_one_that_aws_refused_is_told_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> Any:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "UpdateService")

    account = Aws(lambda _: Unwilling(), region="eu-west-1", is_local=False)
    monkeypatch.setattr(session, "open_definition", lambda _: (release(None).definition, account))
    place = Place(config=tmp_path / "ninelives.yml", environment="local", region=None)

    with pytest.raises(ClientError):
        session.run_release(
            place, refused, Options(), session.Telling(as_json=True, report=tmp_path / "a.html", version="2.0.1")
        )

    assert "UpdateService" in (written(tmp_path / "a.html").cause or "")


def test_one_that_could_no_longer_be_followed_is_not_said_never_to_have_been(tmp_path: Path, recording: Recording) -> None:
    ready = writer(tmp_path, recording)
    recording.deployment = ServiceDeploymentSeen(
        arn="arn:aws:ecs:eu-west-1:1:service-deployment/c/s/d",
        status="IN_PROGRESS",
        status_reason="",
        target_revision="arn:aws:ecs:eu-west-1:1:service-revision/c/s/2",
        created_at=NOW,
    )

    record = written(ready.failed(DeployError("AWS takes these credentials no longer."), "2.0.1"))

    assert (record.verdict, record.cause) == ("interrupted", "AWS takes these credentials no longer.")
    assert "was not released" not in record.sentence


def test_one_that_was_left_to_itself_says_how_it_goes_on(tmp_path: Path, recording: Recording) -> None:
    record = written(writer(tmp_path, recording).interrupted("2.0.1"))

    assert record.verdict == "interrupted"
    assert "`ninelives wait`" in (record.next_step or "")


def proven(*errors: str | None) -> Proven:
    kinds = (Kind(name="fresh", rate=10),)
    samples = tuple(
        Sample(
            kind="fresh", intended_at=100.0 + number, lag=0, latency=0.01, status=500 if error else 200,
            version="2.0.1", error=error, reused=False,
        )
        for number, error in enumerate(errors)
    )  # fmt: skip
    marks = Marks(started_at=100, release_started_at=101, release_ended_at=103, ended_at=105)
    proof = prove(samples, kinds, marks)
    rehearsed = Rehearsed(
        released=release(Outcome.SUCCEEDED),
        proof=proof,
        marks=marks,
        load_started_at=NOW - timedelta(seconds=1),
        release_started_at=NOW,
        kinds=kinds,
        samples=samples,
    )
    return Proven(release=rehearsed.released, proof=proof, rehearsed=rehearsed)


def test_the_probes_own_samples_are_the_traffic_and_what_they_lost_is_attributed(tmp_path: Path, recording: Recording) -> None:
    record = written(writer(tmp_path, recording).ended(proven(None, None, "status_500", None)))

    assert record.traffic is not None
    assert (record.traffic.source, record.traffic.total, record.traffic.lost) == ("probe", 4, 1)
    assert record.traffic.attributed == ("1 lost: the application answers requests with 5xx",)
    assert record.traffic.losses[0].first_at == NOW + timedelta(seconds=1)
    assert (record.verdict, record.is_good) == ("requests_lost", False)
    assert record.sentence.endswith("; 1 of 4 requests was lost.")


def test_with_nothing_lost_it_says_none(tmp_path: Path, recording: Recording) -> None:
    record = written(writer(tmp_path, recording).ended(proven(None, None, None)))

    assert record.is_good
    assert record.sentence.endswith("; none of 3 requests was lost.")


def test_what_the_environment_holds_secret_is_struck_out(
    tmp_path: Path, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)

    path = writer(tmp_path, recording).ended(Proven(release=release(Outcome.SUCCEEDED)))

    assert path is not None
    assert SECRET not in path.read_text(encoding="utf-8")
    assert written(path).timeline.steps[0].text == "the build said ***"


def test_a_password_in_an_address_is_struck_out(tmp_path: Path, recording: Recording) -> None:
    error = BuildFailed(
        "RUN pip install --index-url https://me:hunter2@pypi.example/simple cats failed (https://x.example:8080/a@b)."
    )

    record = written(writer(tmp_path, recording).failed(error, "2.0.1"))

    assert (
        record.cause == "RUN pip install --index-url https://***@pypi.example/simple cats failed (https://x.example:8080/a@b)."
    )


def test_the_placeholder_keys_of_an_embedded_region_are_no_secret(
    tmp_path: Path, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "ninelives")

    assert "ninelives-release/1" == written(writer(tmp_path, recording).ended(Proven(release=release(None)))).format


def test_a_file_or_a_folder_may_be_named(tmp_path: Path) -> None:
    began = datetime(2026, 1, 1, 12, tzinfo=UTC)

    assert tmp_path / "a.html" == report_path(tmp_path / "a.html", "cats", "1", began)
    assert tmp_path / "a" / "cats-1-20260101T120000Z.html" == report_path(tmp_path / "a", "cats", "1", began)


def test_a_place_that_cannot_be_written_is_told_before_anything_is_released(tmp_path: Path, recording: Recording) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(UserError, match="cannot be made"):
        writer(tmp_path / "file" / "reports", recording)


def test_a_report_that_cannot_be_written_any_more_costs_no_verdict(
    tmp_path: Path, recording: Recording, capsys: pytest.CaptureFixture[str]
) -> None:
    ready = writer(tmp_path / "there" / "a.html", recording)
    (tmp_path / "there").rmdir()
    (tmp_path / "there").touch()

    assert ready.ended(Proven(release=release(Outcome.SUCCEEDED))) is None
    assert "The report was not written" in capsys.readouterr().err


def test_whatever_goes_wrong_with_a_report_costs_no_verdict(
    tmp_path: Path, recording: Recording, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> str:
        raise ValueError("a bug of the page")

    monkeypatch.setattr(release_page, "release_page", fail)

    assert writer(tmp_path, recording).ended(Proven(release=release(Outcome.SUCCEEDED))) is None
    assert "The report was not written: ValueError: a bug of the page" in capsys.readouterr().err


def test_half_a_character_is_no_reason_to_have_no_report(tmp_path: Path, recording: Recording) -> None:
    recording(Step(at=NOW, act=Act.NOTE, text="the build said \udce4"))

    assert writer(tmp_path, recording).ended(Proven(release=release(Outcome.SUCCEEDED))) is not None
    assert [] == [one for one in tmp_path.iterdir() if one.suffix == ".part"]


def test_its_name_is_one_that_every_system_takes(tmp_path: Path) -> None:
    began = datetime(2026, 1, 1, 12, tzinfo=UTC)

    assert "cats-sha256-0a1b-20260101T120000Z.html" == report_path(tmp_path, "cats", "sha256:0a1b", began).name
    assert "cats-unknown-20260101T120000Z.html" == report_path(tmp_path, "cats", "?", began).name


def test_without_the_option_nothing_is_written(tmp_path: Path, recording: Recording) -> None:
    assert writer(None, recording).ended(Proven(release=release(Outcome.SUCCEEDED))) is None
    assert [] == list(tmp_path.iterdir())
