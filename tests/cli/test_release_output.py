"""What a release prints: its verdict first, its cause, the next step, and its exit code."""

import io
import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest

from ninelives.cli.exit_codes import ExitCode
from ninelives.cli.progress import JsonLines, PlainLines
from ninelives.cli.proving import Proven
from ninelives.cli.release_output import EXIT_CODES, exit_code_of, next_step, print_release, release_json, summary
from ninelives.deploy.diagnosis import Diagnosis
from ninelives.deploy.follow import Progress, Stage, Tally
from ninelives.deploy.observation import EventSeen, Observation, read_service_deployment
from ninelives.deploy.reading import Definition, parse_service_file
from ninelives.deploy.release import Asked, Release, Started
from ninelives.deploy.reports import Act, Step
from ninelives.deploy.verdict import Followed, Outcome, Verdict

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def release(outcome: Outcome | None, diagnosis: Diagnosis | None = None) -> Release:
    file = parse_service_file("service: cats\nimage: .\nport: 4567\n")
    asked = Asked(version="2.0.1", from_version="1.0.0", url="http://127.0.0.2:8080")
    return Release(
        definition=Definition(path=Path("ninelives.yml"), environment="local", file=file),
        region="eu-west-1",
        started=Started(
            asked=asked,
            task_definition="arn:aws:ecs:r:a:task-definition/cats:2",
            followed=Followed(revision="2", source="1"),
            known_events=frozenset(),
            is_new_deployment=True,
        ),
        began_at=NOW,
        verdict=Verdict(outcome=outcome, reason="because") if outcome is not None else None,
        finished_at=NOW + timedelta(seconds=65),
        diagnosis=diagnosis,
        last=None,
    )


def progress(running: int, *messages: str, seconds: float = 1.0, note: str | None = None) -> Progress:
    return Progress(
        at=NOW + timedelta(seconds=seconds),
        elapsed=timedelta(seconds=seconds),
        stage=Stage.STARTING,
        tally=Tally(new=Counter(RUNNING=running), old=Counter(RUNNING=2), targets=Counter(healthy=2)),
        desired_count=2,
        failed_tasks=0,
        new_events=tuple(EventSeen(id=message, created_at=NOW, message=message) for message in messages),
        note=note,
    )


def test_every_outcome_has_an_exit_code_and_only_success_is_green() -> None:
    assert set(Outcome) == set(EXIT_CODES)
    assert [Outcome.SUCCEEDED] == [outcome for outcome, code in EXIT_CODES.items() if code is ExitCode.OK]


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome.SUCCEEDED, 0),
        (Outcome.FAILED, 1),
        (Outcome.ROLLED_BACK, 4),
        (Outcome.TIMED_OUT, 5),
        (Outcome.SUPERSEDED, 6),
        (Outcome.PAUSED, 8),
        (None, 0),
    ],
)
def test_the_exit_code_is_the_verdicts(outcome: Outcome | None, code: int) -> None:
    assert code == exit_code_of(Proven(release=release(outcome)))


def test_a_rollback_says_which_version_serves_why_and_what_next() -> None:
    cause = Diagnosis(code="exits", cause="It exits.", next_step="Read the logs.")

    lines = summary(release(Outcome.ROLLED_BACK, cause))

    assert [
        "rolled back: cats 2.0.1 did not hold; 1.0.0 serves on (took 1m5s)",
        "  Cause: It exits.",
        "  Next:  Read the logs.",
    ] == [click.unstyle(line) for line in lines]


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (Outcome.SUCCEEDED, "succeeded: cats 1.0.0 → 2.0.1 in 1m5s"),
        (Outcome.SUPERSEDED, "superseded: cats 2.0.1 gave way to a newer deployment (after 1m5s)"),
        (Outcome.STOPPED, "stopped: cats 2.0.1 was stopped half-way, and nothing was rolled back (after 1m5s)"),
        (Outcome.TIMED_OUT, "timed out: cats 1.0.0 → 2.0.1 has not ended and goes on (waited 1m5s)"),
        (Outcome.PAUSED, "paused: cats 1.0.0 → 2.0.1: because (after 1m5s)"),
        (Outcome.FAILED, "failed: cats 2.0.1 did not take the place of 1.0.0 (after 1m5s)"),
    ],
)
def test_the_first_line_never_reads_as_if_what_was_asked_for_were_there(outcome: Outcome, told: str) -> None:
    assert told == click.unstyle(summary(release(outcome))[0])


@pytest.mark.parametrize(("test_percent", "tries"), [(None, False), (0.0, False), (100.0, True)])
def test_a_pause_names_the_test_listener_once_the_new_version_answers_there(test_percent: float | None, tries: bool) -> None:
    deployment = read_service_deployment(
        {
            "serviceDeploymentArn": "arn:aws:ecs:r:a:service-deployment/c/cats/sd-2",
            "status": "IN_PROGRESS",
            "targetServiceRevision": {"arn": "r/2", "requestedTestTrafficWeight": test_percent},
        }
    )
    one = release(Outcome.PAUSED)
    asked = replace(one.started.asked, test_url="http://127.0.0.2:8081")
    seen = Observation(at=NOW, service=None, service_deployment=deployment)

    step = next_step(replace(one, started=replace(one.started, asked=asked), last=seen))

    assert step is not None
    assert tries == ("Try it at http://127.0.0.2:8081" in step)
    assert "`ninelives promote` lets it go on, `ninelives abort` takes it back." in step


@pytest.mark.parametrize(
    ("outcome", "code", "told"),
    [
        (Outcome.ROLLED_BACK, 0, "rolled back: cats 2.0.1 was taken back; 1.0.0 serves on (took 1m5s)"),
        (Outcome.SUCCEEDED, 1, "succeeded: cats 1.0.0 → 2.0.1 had ended before it could be taken back"),
        (Outcome.FAILED, 1, "failed: cats 2.0.1 did not take the place of 1.0.0 (after 1m5s)"),
    ],
)
def test_what_was_to_be_aborted_is_judged_by_that(outcome: Outcome, code: int, told: str) -> None:
    one = release(outcome)
    aborted = replace(one, started=replace(one.started, asked=replace(one.started.asked, goal=Outcome.ROLLED_BACK)))

    assert (code, told) == (exit_code_of(Proven(release=aborted)), click.unstyle(summary(aborted)[0]))


def test_on_a_terminal_a_long_cause_is_wrapped_right_of_its_heading_and_elsewhere_it_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cause = "It exits, and says a lot of things that nobody wanted to hear, " * 2
    one = release(Outcome.FAILED, Diagnosis(code="exits", cause=cause.strip(), next_step="Read the logs."))
    monkeypatch.setenv("COLUMNS", "60")

    print_release(Proven(release=one), as_json=False)
    assert f"  Cause: {cause.strip()}\n" in capsys.readouterr().out

    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    print_release(Proven(release=one), as_json=False)
    _, *wrapped = capsys.readouterr().out.splitlines()
    assert max(map(len, wrapped)) <= 60
    assert all(line.startswith(" " * len("  Cause: ")) for line in wrapped[1:-1])


@pytest.mark.parametrize("before", [None, "2.0.1"])
def test_a_version_is_not_said_to_have_followed_itself_or_nothing(before: str | None) -> None:
    one = release(Outcome.ROLLED_BACK)
    again = replace(one, started=replace(one.started, asked=replace(one.started.asked, from_version=before)))

    assert "2.0.1 did not hold; what ran before serves on" in summary(again)[0]


def test_the_json_result_has_what_scripts_need() -> None:
    result = json.loads(json.dumps(release_json(release(Outcome.TIMED_OUT))))

    assert ("timed_out", "because", None, "1.0.0", "2.0.1", 65.0) == tuple(
        result[key] for key in ("verdict", "reason", "cause", "from_version", "version", "duration_s")
    )
    assert "ninelives wait" in result["next_step"]
    assert "in_progress" == release_json(release(None))["verdict"]


def test_plain_lines_bear_the_time_and_repeat_nothing() -> None:
    out = io.StringIO()
    show = PlainLines(out)
    show(Step(at=NOW, act=Act.MADE, text="cluster c"))
    for seconds in (1.0, 2.0, 3.0):
        show(progress(1, seconds=seconds))
    show(progress(2, "(service cats) has reached a steady state.", seconds=4.0))

    assert [
        "2026-01-01T12:00:00Z made: cluster c",
        "2026-01-01T12:00:01Z starting new tasks | new: 1 running | old: 2 running | targets: 2 healthy",
        "2026-01-01T12:00:00Z has reached a steady state.",  # an event has its own time
        "2026-01-01T12:00:04Z starting new tasks | new: 2 running | old: 2 running | targets: 2 healthy",
    ] == out.getvalue().splitlines()


def test_plain_lines_show_life_during_a_long_wait() -> None:
    out = io.StringIO()
    show = PlainLines(out)
    for seconds in range(1, 70):
        show(progress(1, seconds=float(seconds)))

    assert 3 == len(out.getvalue().splitlines())


def test_json_lines_are_numbered_by_format_and_keep_events_as_they_came() -> None:
    out = io.StringIO()
    show = JsonLines(out)
    show(Step(at=NOW, act=Act.BUILT, text="image"))
    show(progress(2, "(service cats) has reached a steady state.", note="the API does not answer"))

    step, seen = (json.loads(line) for line in out.getvalue().splitlines())
    assert (1, "step", "built") == (step["version"], step["type"], step["act"])
    assert (1, "progress", {"RUNNING": 2}, "the API does not answer") == (
        seen["version"],
        seen["type"],
        seen["tasks"]["new"],
        seen["note"],
    )
    assert "(service cats) has reached a steady state." == seen["events"][0]["message"]


def test_what_is_wrong_with_a_release_that_succeeded_is_told_under_it() -> None:
    killed = Diagnosis(code="ignores_stop_signal", cause="The replaced task had to be killed.", next_step="Let it end.")
    one = replace(release(Outcome.SUCCEEDED), warnings=(killed,))

    assert ["  Warning: The replaced task had to be killed.", "  Next:    Let it end."] == summary(one)[-2:]
    assert [{"code": "ignores_stop_signal", "cause": killed.cause, "next_step": killed.next_step}] == release_json(one)[
        "warnings"
    ]
    assert ExitCode.OK == exit_code_of(Proven(release=one))
