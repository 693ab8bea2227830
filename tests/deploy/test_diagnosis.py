"""The cause of a failed release in one sentence: each kind of fault is told from its traces."""

from dataclasses import replace
from datetime import timedelta

import pytest
from release_facts import NOW, event, target, task

from ninelives.deploy.diagnosis import Evidence, Expectation, diagnose, listens_at, warnings
from ninelives.deploy.observation import AlarmSeen, read_alarm
from ninelives.scheduler.events import protected

EXPECTED = Expectation(port=4567, health_path="/health", grace_period=timedelta(seconds=60), memory_mib=512)
FAILED_CHECKS = target(reason="Target.FailedHealthChecks", description="Health checks failed")
WRONG_ANSWER = target(reason="Target.ResponseCodeMismatch", description="Health checks failed with these codes: [500]")
REPLACED = task(last_status="STOPPED", stop_code="ServiceSchedulerInitiated", reason="Task failed ELB health checks in (t)")
EXITED = task(
    last_status="STOPPED",
    stop_code="EssentialContainerExited",
    reason="Essential container in task exited",
    exit_code=3,
    ran=1.5,
)

ALARM = {
    "AlarmName": "cats-5xx",
    "ComparisonOperator": "GreaterThanThreshold",
    "Threshold": 1.0,
    "Metrics": [
        {"Id": "rate", "Expression": "100 * errors / requests", "Label": "5xx, percent", "ReturnData": True},
        {"Id": "errors", "ReturnData": False},
    ],
    "StateReason": "Threshold Crossed: 1 out of the last 1 datapoints [12.5 (27/11/26 04:31:00)] was greater than the "
    "threshold (1.0) (minimum 1 datapoint for OK -> ALARM transition).",
}


@pytest.mark.parametrize(
    ("evidence", "code", "words"),
    [
        (
            Evidence(stopped=(EXITED,), log_lines={"t1": ("booting", "cannot connect to the database")}),
            "exits",
            "exits after 1.5s with exit code 3; its last words: cannot connect to the database",
        ),
        (
            Evidence(stopped=(EXITED,), log_lines={"t1": ("booting", "cannot connect to the database", "at a.rb:3", "bye")}),
            "exits",
            "its last words: cannot connect to the database … bye",
        ),
        (
            Evidence(stopped=(task(last_status="STOPPED", stop_code="EssentialContainerExited", exit_code=0),)),
            "exits",
            "exit code 0, but a service must keep running; it wrote nothing",
        ),
        (
            Evidence(
                stopped=(
                    task(
                        last_status="STOPPED",
                        stop_code="TaskFailedToStart",
                        reason="CannotPullContainerError: pull image manifest has been retried: repo/cats:2.0.1: not found",
                    ),
                )
            ),
            "image_missing",
            "The image repo/cats:2.0.1 is not in its repository.",
        ),
        (
            Evidence(
                stopped=(
                    task(
                        last_status="STOPPED",
                        stop_code="TaskFailedToStart",
                        reason="CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve "
                        "ref repo/cats:2.0.1: failed to do request: dial tcp 10.0.0.1:443: i/o timeout",
                    ),
                )
            ),
            "image_missing",
            "The image repo/cats:2.0.1 cannot be pulled: failed to resolve ref repo/cats:2.0.1: failed to do request: dial",
        ),
        (
            Evidence(
                stopped=(
                    task(
                        last_status="STOPPED",
                        stop_code="TaskFailedToStart",
                        container_reason='CannotStartContainerError: exec: "pumma": executable file not found in $PATH',
                    ),
                )
            ),
            "command_missing",
            '"pumma": executable file not found',
        ),
        (
            Evidence(
                stopped=(task(last_status="STOPPED", stop_code="EssentialContainerExited", exit_code=127),),
                log_lines={"t1": ("sh: 1: pumma: not found",)},
            ),
            "command_missing",
            "sh: 1: pumma: not found",
        ),
        (
            Evidence(
                stopped=(
                    task(
                        last_status="STOPPED",
                        stop_code="EssentialContainerExited",
                        exit_code=137,
                        container_reason="OutOfMemoryError: Container killed due to memory usage",
                    ),
                )
            ),
            "out_of_memory",
            "more than its 512 MiB",
        ),
        (
            Evidence(
                stopped=(
                    task(
                        last_status="STOPPED",
                        stop_code="TaskFailedToStart",
                        reason="ResourceInitializationError: failed to validate logger args: The specified log group "
                        "does not exist.",
                    ),
                )
            ),
            "initialization",
            "log group does not exist",
        ),
        (
            Evidence(
                stopped=(
                    task(
                        last_status="STOPPED",
                        stop_code="TaskFailedToStart",
                        reason="ResourceInitializationError: unable to pull secrets or registry auth: execution resource "
                        "retrieval failed: unable to retrieve secrets from ssm: invalid ssm parameters: /cats/api-key",
                    ),
                )
            ),
            "secret_missing",
            "A secret cannot be read: unable to pull secrets or registry auth",
        ),
        (
            Evidence(
                stopped=(
                    task(
                        last_status="STOPPED",
                        stop_code="TaskFailedToStart",
                        reason="CannotPullContainerError: image Manifest does not contain descriptor matching platform "
                        "'linux/amd64'",
                    ),
                )
            ),
            "image_architecture",
            "The image repo/cats:2.0.1 is for another processor",
        ),
        (
            Evidence(
                stopped=(task(last_status="STOPPED", stop_code="EssentialContainerExited", exit_code=1),),
                log_lines={"t1": ("exec /usr/bin/python3: exec format error",)},
            ),
            "image_architecture",
            "is for another processor",
        ),
        (
            Evidence(unhealthy=(WRONG_ANSWER,)),
            "health_answer",
            "The health path /health answers 500.",
        ),
        (
            Evidence(
                stopped=(REPLACED,),
                unhealthy=(target(reason="Target.Timeout", description="Request timed out"),),
                log_lines={"t1": ("Listening on http://0.0.0.0:4567",)},
            ),
            "health_timeout",
            "The health path /health does not answer within 2s (the health check's timeout).",
        ),
        (
            Evidence(
                events=(event("(service s) (task t) (port 1) is unhealthy in (target-group g) due to (reason Request timed "
                "out)."),)
            ),
            "health_timeout",
            "does not answer within 2s",
        ),
        (
            Evidence(
                alarms=(read_alarm(ALARM),),
                log_lines={"t1": ("Listening on http://0.0.0.0:4567", "error: no such table: cats")},
            ),
            "alarm",
            "served: 5xx, percent was 12.5, which is above 1. The application wrote: error: no such table: cats",
        ),
        (
            Evidence(alarms=(AlarmSeen(name="cats-5xx"), AlarmSeen(name="cats-latency"))),
            "alarm",
            "The alarm cats-5xx (and cats-latency) went off while the new version served.",
        ),
        (
            Evidence(unhealthy=(WRONG_ANSWER,), alarms=(AlarmSeen(name="cats-5xx"),)),  # healthy at the end
            "alarm",
            "cats-5xx",
        ),
        (
            Evidence(stopped=(REPLACED,), unhealthy=(WRONG_ANSWER,), alarms=(AlarmSeen(name="cats-5xx"),)),
            "health_answer",
            "answers 500",
        ),
        (
            Evidence(stopped=(EXITED,), alarms=(AlarmSeen(name="cats-5xx"),)),
            "exits",
            "with exit code 3",
        ),
        (
            Evidence(
                events=(event("(service s) (task t) (port 1) is unhealthy in (target-group g) due to (reason Health checks "
                "failed with these codes: [503])."),)
            ),
            "health_answer",
            "answers 503",
        ),
        (
            Evidence(stopped=(REPLACED,), unhealthy=(FAILED_CHECKS,), log_lines={"t1": ("* Listening on http://0.0.0.0:9292",)}),
            "other_port",
            "Nothing answers on port 4567: the application listens on port 9292.",
        ),
        (
            Evidence(unhealthy=(FAILED_CHECKS,), log_lines={"t1": ("Listening on 127.0.0.1:4567",)}),
            "loopback_only",
            "listens on 127.0.0.1 only",
        ),
        (Evidence(unhealthy=(FAILED_CHECKS,)), "nothing_listens", "Nothing answers on port 4567, not even 1m"),
        (
            Evidence(stopped=(REPLACED,), unhealthy=(FAILED_CHECKS,), log_lines={"t1": ("Listening on http://0.0.0.0:4567",)}),
            "slow_boot",
            "not healthy within its grace period of 1m",
        ),
        (
            Evidence(events=(event("(service s) was unable to place a task. Reason: Capacity is unavailable at this time."),)),
            "no_capacity",
            "Capacity is unavailable",
        ),
        (
            Evidence(
                events=(event("(service s) was unable to stop or start tasks during a deployment because of the service "
                "deployment configuration. Update …"),)
            ),
            "no_room",
            "leave no room",
        ),
        (
            Evidence(events=(event(protected("s", "ecs-svc/1", 2)),)),
            "protected_tasks",
            "2 old tasks are protected from scale-in",
        ),
    ],
)  # fmt: skip
def test_each_kind_of_fault_is_told_in_a_sentence(evidence: Evidence, code: str, words: str) -> None:
    found = diagnose(evidence, EXPECTED)

    assert found is not None
    assert code == found.code
    assert words in found.cause
    assert found.next_step


def test_a_port_that_the_region_gave_a_task_is_not_another_port() -> None:
    evidence = Evidence(
        unhealthy=(target(reason="Target.FailedHealthChecks", port=31045),),
        log_lines={"t1": ("* Listening on http://0.0.0.0:31045",)},
    )

    found = diagnose(evidence, EXPECTED)

    assert found is not None
    assert "slow_boot" == found.code


@pytest.mark.parametrize(("address", "code"), [("127.0.0.1", "slow_boot"), ("10.0.0.7", "loopback_only")])
def test_a_task_on_loopback_is_reached_where_targets_are_though_its_own_has_gone(address: str, code: str) -> None:
    evidence = Evidence(
        stopped=(REPLACED,),
        log_lines={"t1": ("Listening on http://127.0.0.1:4567",)},
        addresses=frozenset({address}),
    )

    found = diagnose(evidence, EXPECTED)

    assert found is not None
    assert code == found.code


@pytest.mark.parametrize(
    ("listened", "stopped", "code"),
    [
        (8.0, 11.0, "short_grace"),
        (8.0, 18.0, "short_grace"),  # two good checks would have taken ten seconds
        (8.0, 18.1, "slow_boot"),
        (8.0, 7.0, "slow_boot"),
        (None, 11.0, "slow_boot"),
    ],
)
def test_a_good_task_that_was_replaced_as_it_became_ready_had_too_short_a_grace_period(
    listened: float | None, stopped: float, code: str
) -> None:
    told = event("(service cats) has stopped 2 running tasks: (task t0) (task t1).")
    evidence = Evidence(
        stopped=(REPLACED,),
        events=(replace(told, created_at=NOW + timedelta(seconds=stopped)), event("(service cats) has started 1 tasks.")),
        log_lines={"t1": ("Listening on http://0.0.0.0:4567",)},
        listened_at={} if listened is None else {"t1": NOW + timedelta(seconds=listened)},
    )

    found = diagnose(evidence, replace(EXPECTED, grace_period=timedelta(seconds=5)))

    assert found is not None
    assert code == found.code
    if code == "short_grace":
        assert "its boot of 8s made it unhealthy, and the grace period of 5s left the checks no time" in found.cause
        assert "Raise `health.grace_period` above 18s" in found.next_step


@pytest.mark.parametrize(
    ("wrote", "stopped", "code"),
    [
        (59.0, 60.0, "slow_boot"),
        (50.0, 60.0, "nothing_listens"),  # it has been silent: stuck, or waiting
        (0.5, 1.0, "nothing_listens"),  # all that it ever said
    ],
)
def test_an_application_that_was_at_work_when_it_was_replaced_boots_too_long(wrote: float, stopped: float, code: str) -> None:
    told = event("(service cats) has stopped 1 running tasks: (task t1).")
    evidence = Evidence(
        stopped=(REPLACED,),
        events=(replace(told, created_at=NOW + timedelta(seconds=stopped)),),
        log_lines={"t1": ("migrating table 7 of 30",)},
        wrote_at={"t1": NOW + timedelta(seconds=wrote)},
    )

    found = diagnose(evidence, EXPECTED)

    assert found is not None
    assert code == found.code
    assert (code == "slow_boot") == ("its last words: migrating table 7 of 30" in found.cause)


KILLED = task(
    "1",
    last_status="STOPPED",
    stop_code="ServiceSchedulerInitiated",
    reason="Scaling activity initiated by (deployment ecs-svc/2)",
    exit_code=137,
    stop_took=30.02,
    task_definition="cats:1",
)
ENDED = replace(KILLED, containers=(replace(KILLED.containers[0], exit_code=143),))


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ((), "ignores_stop_signal", "The replaced task had to be killed 30s after SIGTERM (exit code 137): the application"),
        (("puma", "-C", "puma.rb"), "ignores_stop_signal", "does not end on SIGTERM"),
        (("sh", "-c", "puma -C puma.rb"), "shell_swallows_stop_signal", "process 1 is a shell (`sh -c …`)"),
        (("/bin/bash", "start.sh"), "shell_swallows_stop_signal", "process 1 is a shell (`/bin/bash start.sh …`)"),
    ],
)
def test_a_version_that_had_to_be_killed_is_told_of_when_it_is_replaced(
    command: tuple[str, ...], code: str, words: str
) -> None:
    (found,) = warnings(Evidence(replaced=(KILLED,), commands={"cats:1": command}), EXPECTED)

    assert code == found.code
    assert words in found.cause


def test_one_of_several_that_had_to_be_killed_is_counted() -> None:
    (found,) = warnings(Evidence(replaced=(ENDED, KILLED, ENDED)), EXPECTED)

    assert "1 of the 3 replaced tasks had to be killed 30s after SIGTERM" in found.cause


def test_a_successful_release_warns_of_new_tasks_that_ended_and_of_nothing_else() -> None:
    out_of_memory = task(
        last_status="STOPPED",
        stop_code="EssentialContainerExited",
        exit_code=137,
        container_reason="OutOfMemoryError: Container killed due to memory usage",
    )

    assert ["exits"] == [one.code for one in warnings(Evidence(stopped=(EXITED,)), EXPECTED)]
    assert ["out_of_memory"] == [one.code for one in warnings(Evidence(stopped=(out_of_memory,)), EXPECTED)]
    assert () == warnings(Evidence(replaced=(ENDED,)), EXPECTED)
    # It was unhealthy while it booted, which is no fault of a release that succeeded.
    assert () == warnings(Evidence(unhealthy=(WRONG_ANSWER, FAILED_CHECKS)), EXPECTED)


def test_tasks_that_the_scheduler_stopped_are_no_fault() -> None:
    stopped = task(
        last_status="STOPPED", stop_code="ServiceSchedulerInitiated", reason="Scaling activity initiated by x", exit_code=143
    )

    assert diagnose(Evidence(stopped=(stopped,)), EXPECTED) is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("* Listening on http://0.0.0.0:9292", ("0.0.0.0", 9292)),
        (" * Running on http://127.0.0.1:5000", ("127.0.0.1", 5000)),
        ("Server listening on port 3000", ("", 3000)),
        ("Uvicorn running on http://[::]:8000 (Press CTRL+C)", ("[::]", 8000)),
        ("Tomcat started on port(s): 8080 (http)", ("", 8080)),
        ("GET /health 200 in 12 ms", None),
        ("listening for events", None),
    ],
)
def test_servers_say_where_they_listen(line: str, expected: tuple[str, int] | None) -> None:
    assert expected == listens_at(("booting", line))


def test_last_words_that_are_known_tell_more_than_those_that_are_still_on_their_way() -> None:
    newest, older = replace(EXITED, arn=f"{EXITED.arn}-newest"), EXITED
    evidence = Evidence(stopped=(newest, older), log_lines={newest.id: (), older.id: ("cannot connect to the database",)})

    found = diagnose(evidence, EXPECTED)

    assert found is not None
    assert "its last words: cannot connect to the database" in found.cause
