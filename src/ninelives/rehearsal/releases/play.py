"""Plays one release of the catalogue: the good version serves under load, the bad one is released, and what follows is kept.

Through HTTP and the AWS API only. A fault that shows when a task ends is made to show by the release after it.
"""

import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from ninelives.deploy.aws import Aws
from ninelives.deploy.clock import Clock
from ninelives.deploy.distribution import push, repository_of
from ninelives.deploy.front_door import find_load_balancer
from ninelives.deploy.observation import see_tasks
from ninelives.deploy.options import Builder, Options
from ninelives.deploy.reading import merged, read_service_file
from ninelives.deploy.release import Release, Session, deploy
from ninelives.deploy.status import Status, read_status
from ninelives.rehearsal.attribution import Attribution, Keeping, attribute
from ninelives.rehearsal.idle_probe import kept_for
from ninelives.rehearsal.load_process import LoadProcess
from ninelives.rehearsal.releases.catalogue import GOOD, BadRelease, ImageFault, base
from ninelives.rehearsal.releases.files import FOLDER
from ninelives.rehearsal.releases.foreign_image import make_foreign_image
from ninelives.rehearsal.sample import Kind, Sample, Target

PROBED_SECONDS = 3.0
"""How long a probe waits for an application to close an idle connection."""
ALARM_LOOKS_MAX, ALARM_LOOK_SECONDS = 60, 0.5
FIRST, NEXT = f"{GOOD}-1", f"{GOOD}-2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where releases are played: the API, the folder for the services' files, and what builds their images."""

    aws: Aws
    folder: Path
    builder: Builder
    arguments: Mapping[str, str]
    """Build arguments, such as the base image."""
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What became of a bad release, and of the requests meanwhile."""

    bad: BadRelease
    strategy: str
    good: Release
    release: Release
    status: Mapping[str, Any]
    """As ``ninelives status --json`` tells it right after the release."""
    after: Release | None
    """The release that took its place, where its fault shows in its end."""
    samples: Sequence[Sample]
    attribution: Attribution
    """Of the lost ones."""


def prepare(stage: Stage, *, listener_port: int) -> Release:
    """Release the good version alone: makes what all services share, so that many can be played at once."""
    file = _service_file(stage, GOOD, "blue-green", listener_port)  # it asks for a role that rolling does without
    return _release(stage, _made(stage.folder / GOOD), file, FIRST)


def play(stage: Stage, bad: BadRelease, *, strategy: str, listener_port: int) -> Played:
    """Play ``bad``. Raises ``DeployError`` where a release could not begin."""
    file = merged(_service_file(stage, bad.name, strategy, listener_port), bad.settings)
    folder = _made(stage.folder / bad.name)
    good = _release(stage, folder, file, FIRST)
    url = urlsplit(good.started.asked.url or "")
    assert url.hostname is not None
    target = Target(host=url.hostname, port=url.port or 80)
    with tempfile.TemporaryDirectory() as samples, LoadProcess(target, traffic(bad.slow_seconds), Path(samples)) as load:
        load.start()
        release = _release_bad(stage, folder, file, bad)
        definition = read_service_file(folder / "ninelives.yml")
        status = read_status(stage.aws, definition, stage.clock.now())
        keeping = _keeping(stage.aws, status) if bad.loses is not None else None
        after = _release(stage, folder, file, NEXT) if release.has_succeeded else None
        sent = load.stop()
    return Played(
        bad=bad,
        strategy=strategy,
        good=good,
        release=release,
        status=status.as_json(),
        after=after,
        samples=sent,
        attribution=attribute(
            sent,
            see_tasks(stage.aws, definition.file.cluster_name, definition.file.service),
            keeping,
            epoch=stage.clock.now() - timedelta(seconds=time.monotonic()),
            delay=definition.file.drain.deregistration_delay,
        ),
    )


def _keeping(aws: Aws, status: Status) -> Keeping | None:
    """How long a task of the new version keeps an idle connection; None where none can be reached from here."""
    healthy = next((one for one in status.seen.targets if one.state == "healthy"), None)
    if healthy is None:
        return None
    balancer = find_load_balancer(aws, status.definition.file.load_balancer_name)
    assert balancer is not None
    attributes = aws.elbv2.describe_load_balancer_attributes(LoadBalancerArn=balancer["LoadBalancerArn"])["Attributes"]
    idle = next((float(one["Value"]) for one in attributes if one["Key"] == "idle_timeout.timeout_seconds"), 60.0)
    target = Target(host=healthy.address, port=healthy.port)
    path = status.definition.file.health.path
    return Keeping(seconds=kept_for(target, path=path, at_most=min(idle, PROBED_SECONDS)), idle_timeout_seconds=idle)


def _service_file(stage: Stage, name: str, strategy: str, listener_port: int) -> dict[str, Any]:
    file = merged(base(name, listener_port=listener_port), {"deploy": {"strategy": strategy}})
    return merged(file, {"image": {"args": stage.arguments}}) if stage.arguments else file


def _made(folder: Path) -> Path:
    """A copy of the service's files."""
    return Path(shutil.copytree(FOLDER, folder))


def traffic(slow_seconds: float) -> tuple[Kind, ...]:
    """A few requests a second over kept and fresh connections, and some that take their time."""
    return (
        Kind(name="keep-alive", rate=8, connections=2, timeout_seconds=8),
        Kind(name="fresh", rate=4, timeout_seconds=8),
        Kind(
            name="slow",
            rate=1,
            path=f"/slow?seconds={slow_seconds}",
            takes_seconds=slow_seconds,
            timeout_seconds=slow_seconds + 8,
        ),
    )


def _release(stage: Stage, folder: Path, file: Mapping[str, Any], version: str) -> Release:
    path = folder / "ninelives.yml"
    path.write_text(yaml.safe_dump(plain(file), sort_keys=False), encoding="utf-8")
    session = Session(aws=stage.aws, definition=read_service_file(path), clock=stage.clock, listener=lambda _: None)
    return deploy(session, version, Options(builder=stage.builder))


def _release_bad(stage: Stage, folder: Path, file: Mapping[str, Any], bad: BadRelease) -> Release:
    changed = merged(file, bad.changes)
    if bad.needs_alarm_on_hosts:
        _make_hosts_alarm(stage.aws, file, bad.hosts_alarm)
        _wait_until_ok(stage, bad.hosts_alarm)
        changed = merged(changed, {"deploy": {"bake": "4m", "rollback": {"alarms": [bad.hosts_alarm]}}})
    match bad.image:
        case ImageFault.MISSING:
            changed = merged(changed, {"image": {"build": None, "repository": _repository_uri(stage.aws, file)}})
        case ImageFault.OTHER_ARCHITECTURE:
            uri = _repository_uri(stage.aws, file)
            token = stage.aws.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
            push(make_foreign_image(folder), repository_of(uri, f"Basic {token}"), bad.version)
        case None:
            pass
    return _release(stage, folder, changed, bad.version)


def _make_hosts_alarm(aws: Aws, file: Mapping[str, Any], name: str) -> None:
    """An alarm on unhealthy targets of the service, in whichever of its target groups they are."""
    balancer = find_load_balancer(aws, file["service"])
    assert balancer is not None
    arn = balancer["LoadBalancerArn"]
    groups = aws.elbv2.describe_target_groups(LoadBalancerArn=arn)["TargetGroups"]
    queries = [
        {
            "Id": f"group{number}",
            "ReturnData": False,
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/ApplicationELB",
                    "MetricName": "UnHealthyHostCount",
                    "Dimensions": [
                        {"Name": "LoadBalancer", "Value": arn.partition(":loadbalancer/")[2]},
                        {"Name": "TargetGroup", "Value": group["TargetGroupArn"].rpartition(":")[2]},
                    ],
                },
                "Period": 60,
                "Stat": "Maximum",
            },
        }
        for number, group in enumerate(groups)
    ]
    total = " + ".join(f"FILL({query['Id']}, 0)" for query in queries)
    aws.cloudwatch.put_metric_alarm(
        AlarmName=name,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
        Metrics=[{"Id": "unhealthy", "Expression": total, "Label": "unhealthy targets", "ReturnData": True}, *queries],
    )


def _wait_until_ok(stage: Stage, alarm: str) -> None:
    """Let an alarm forget how the good version's tasks started: one that is on when a release begins is ignored by it."""
    for _ in range(ALARM_LOOKS_MAX):
        if stage.aws.cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"][0]["StateValue"] == "OK":
            return
        stage.clock.wait(ALARM_LOOK_SECONDS)


def _repository_uri(aws: Aws, file: Mapping[str, Any]) -> str:
    found = aws.ecr.describe_repositories(repositoryNames=[file["image"]["repository"]])["repositories"]
    return str(found[0]["repositoryUri"])


def plain(value: Any) -> Any:
    """As YAML has it: lists for tuples."""
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, tuple | list) else value
