"""A service keeps its count: killed and stopped tasks are replaced, releases and rollbacks are told apart, logs arrive."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from live_region import RegionUnderTest, eventually

from ninelives.insight.release_page import read_page

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def serving(region: RegionUnderTest) -> RegionUnderTest:
    code, result = region.deploy("good-1")
    assert (0, "succeeded") == (code, result["verdict"])
    return region


def tasks(region: RegionUnderTest) -> set[str]:
    return set(region.client("ecs").list_tasks(cluster="live", serviceName="behaves")["taskArns"])


def is_whole(region: RegionUnderTest, without: str) -> bool:
    service = region.service()
    return service["runningCount"] == 2 and service["pendingCount"] == 0 and without not in tasks(region)


def test_a_task_stopped_by_hand_is_replaced(serving: RegionUnderTest) -> None:
    ecs = serving.client("ecs")
    victim = min(tasks(serving))

    stopped = ecs.stop_task(cluster="live", task=victim, reason="by hand")["task"]

    assert ("STOPPED", "UserInitiated", "by hand") == (stopped["desiredStatus"], stopped["stopCode"], stopped["stoppedReason"])
    eventually(lambda: is_whole(serving, victim), what="a replacement")
    eventually(
        lambda: ecs.describe_tasks(cluster="live", tasks=[victim])["tasks"][0]["lastStatus"] == "STOPPED",
        what="the task's end",
    )


def test_a_task_that_is_killed_is_replaced_and_says_how_it_ended(serving: RegionUnderTest) -> None:
    ecs = serving.client("ecs")
    victim = min(tasks(serving))

    _kill_containers_of(serving, victim)

    eventually(lambda: is_whole(serving, victim), what="a replacement")
    ended = ecs.describe_tasks(cluster="live", tasks=[victim])["tasks"][0]
    assert ("EssentialContainerExited", 137) == (ended["stopCode"], ended["containers"][0]["exitCode"])


def _kill_containers_of(region: RegionUnderTest, task_arn: str) -> None:
    container = region.client("ecs").describe_tasks(cluster="live", tasks=[task_arn])["tasks"][0]["containers"][0]
    if region.runtime == "docker":
        subprocess.run(["docker", "kill", container["runtimeId"]], check=True, capture_output=True)
        return
    task_id = task_arn.rsplit("/", 1)[1].encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue
        if (
            b"puma" in command.split(b"\0")[0] + command.split(b"\0")[1 % max(1, command.count(b"\0"))]
            and task_id in environment
        ):
            os.kill(int(folder.name), signal.SIGKILL)
            return
    pytest.fail("no process of the task was found")


def aws(region: RegionUnderTest, *arguments: str) -> str:
    """The AWS CLI, unmodified, with the variables that `ninelives env` prints."""
    command = str(Path(sys.executable).with_name("aws"))
    done = subprocess.run(
        [command, *arguments], env=region.environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert 0 == done.returncode, done.stderr
    return done.stdout


def test_the_aws_cli_waits_for_stability_and_sees_healthy_targets(serving: RegionUnderTest) -> None:
    aws(serving, "ecs", "wait", "services-stable", "--cluster", "live", "--services", "behaves")

    groups = json.loads(aws(serving, "elbv2", "describe-target-groups"))["TargetGroups"]
    # Stable says that two tasks run; one that replaced another may still wait for its first good check.
    aws(serving, "elbv2", "wait", "target-in-service", "--target-group-arn", groups[0]["TargetGroupArn"])
    health = json.loads(aws(serving, "elbv2", "describe-target-health", "--target-group-arn", groups[0]["TargetGroupArn"]))
    assert ["healthy", "healthy"] == [one["TargetHealth"]["State"] for one in health["TargetHealthDescriptions"]]


def test_the_second_aws_cli_tails_the_containers_lines(serving: RegionUnderTest) -> None:
    cli = shutil.which("aws", path="/usr/local/bin:/usr/bin")
    if cli is None:
        pytest.skip("no AWS CLI 2 in /usr/bin (Debian package awscli): `aws logs tail` is only there")
    group = json.loads(aws(serving, "logs", "describe-log-groups"))["logGroups"][0]["logGroupName"]
    tail = [cli, "logs", "tail", group, "--endpoint-url", serving.running.endpoint]

    serving.get("/?log=meow")

    def tailed() -> bool:
        done = subprocess.run(tail, env=serving.environment, capture_output=True, text=True, timeout=30, check=False)
        assert 0 == done.returncode, done.stderr
        return "log=meow" in done.stdout

    eventually(tailed, what="the line in CloudWatch Logs")


def test_a_rollback_by_hand_goes_back_to_the_version_before(serving: RegionUnderTest) -> None:
    assert 0 == serving.deploy("good-2")[0]
    assert "good-2" == serving.get()

    asked = [serving.get() for _ in range(20)]

    done = serving.command("rollback", "--json", "--report", "reports")

    result = json.loads(done.stdout)
    assert (0, "succeeded") == (done.returncode, result["verdict"])
    told = read_page((serving.project / result["report"]).read_text(encoding="utf-8"))
    assert (told.verdict, told.from_version, told.version) == ("succeeded", "good-2", "good-1")
    assert (
        sorted((one.side, one.healthy_at is not None) for one in told.timeline.tasks)
        == [("new", True)] * 2 + [("old", True)] * 2
    )
    assert told.traffic is not None, told.no_traffic
    assert told.traffic.source == "cloudwatch"
    # Those before the release lie in its period or in the one before.
    assert sum(sum(one.answers.values()) for one in told.traffic.bins) >= len(asked)
    eventually(lambda: serving.get() == "good-1", what="the version before")
    history = json.loads(serving.command("history", "--json").stdout)
    assert ["good-1", "good-2", "good-1"] == [entry["version"] for entry in history["deployments"][:3]]


def test_a_release_overtaken_by_another_is_superseded_not_green(serving: RegionUnderTest) -> None:
    stuck = subprocess.Popen(
        [sys.executable, "-m", "ninelives.cli.main", "deploy", "health-500-2", "--json"],
        cwd=serving.project,
        env=serving.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    eventually(lambda: len(serving.service()["deployments"]) == 2, what="the deployment that is stuck")

    code, result = serving.deploy("good-3")

    assert (0, "succeeded") == (code, result["verdict"])
    out, _ = stuck.communicate(timeout=60)
    assert (6, "superseded") == (stuck.returncode, json.loads(out)["verdict"])
    assert "good-3" == serving.get()
