"""Duration of a release ÷ its critical path, for every strategy, at 2, 10 and 50 tasks, with requests counted all the while.

Tasks are host processes of busybox's httpd: a runtime and an application that cost next to nothing, so that what is measured
is the region. Policy's waits are 12 times shorter than ECS's: a bake of a minute takes 5 s, a health check comes every 0.4 s.
One release a strategy and number of tasks, in the order of the table; load: 60 fresh requests a second.
"""

import contextlib
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from benchmarks.peers import Emulator, free_port, ninelives
from benchmarks.tables import table

from ninelives.deploy.aws import connect
from ninelives.deploy.clock import WallClock
from ninelives.deploy.image import built_image, push_image
from ninelives.deploy.options import Builder
from ninelives.deploy.reading import read_service_file
from ninelives.rehearsal.rehearse import Script, rehearse
from ninelives.rehearsal.sample import Kind, Target

TIME_SCALE = 12.0
COUNTS = (2, 10, 50)
RATE = 60
BEFORE_SECONDS = AFTER_SECONDS = 2.0
BOUND_SECONDS = 180.0
LOOK_SECONDS = 0.05
MINUTE = 60 / TIME_SCALE
PORT = 8080

CONFIGURATIONS: Mapping[str, Mapping[str, Any]] = {
    "rolling": {"strategy": "ROLLING", "minimumHealthyPercent": 100, "maximumPercent": 200},
    "blue-green": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1},
    "canary": {
        "strategy": "CANARY",
        "bakeTimeInMinutes": 1,
        "canaryConfiguration": {"canaryPercent": 10.0, "canaryBakeTimeInMinutes": 1},
    },
    "linear": {
        "strategy": "LINEAR",
        "bakeTimeInMinutes": 1,
        "linearConfiguration": {"stepPercent": 25.0, "stepBakeTimeInMinutes": 1},
    },
}
BAKES = {"rolling": 0, "blue-green": 1, "canary": 2, "linear": 4}
"""Minutes that a release of the strategy waits on purpose, all of them together."""

SERVICE_FILE = f"service: cheap\nimage: .\nport: {PORT}\n"
DOCKERFILE = """\
FROM scratch
COPY www /www
CMD ["/bin/sh", "-c", "exec busybox httpd -f -p \\"${HOST:-127.0.0.1}:$PORT\\" -h www"]
"""


@dataclass(frozen=True)
class Figures:
    """A release in seconds. The parts of the critical path follow each other; what lies between them is the region's own."""

    strategy: str
    tasks: int
    outcome: str
    sent: int
    lost: int
    release_s: float
    """From UpdateService until the service deployment has ended and the last old task has stopped."""
    healthy_s: float
    """Start, boot and health: of the new task that took longest, from its creation to `healthy`."""
    bake_s: float
    """What ECS was told to wait, in this region's time."""
    drain_s: float
    """From the last old task's deregistration until it has stopped."""

    @property
    def critical_s(self) -> float:
        return self.healthy_s + self.bake_s + self.drain_s


@dataclass
class Watch:
    """When each target was first seen healthy, and when an old one was first seen to drain."""

    elb: Any
    groups: tuple[str, ...]

    def __post_init__(self) -> None:
        self.healthy_at: dict[tuple[str, int], float] = {}
        self.draining_at: dict[tuple[str, int], float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            for group in self.groups:
                for one in self.elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]:
                    key, state = (one["Target"]["Id"], one["Target"]["Port"]), one["TargetHealth"]["State"]
                    if state == "healthy":
                        self.healthy_at.setdefault(key, time.time())
                    if state == "draining":
                        self.draining_at.setdefault(key, time.time())


@dataclass
class Cheap:
    """A service with two target groups behind one listener rule."""

    ecs: Any
    elb: Any
    image: str
    balancer: dict[str, Any]
    members: dict[str, Any]
    """Of every CreateService."""
    groups: tuple[str, str]
    listener: str
    rule: str
    listener_port: int

    def register(self, version: str) -> str:
        container = {
            "name": "cheap",
            "image": self.image,
            "essential": True,
            "portMappings": [{"containerPort": PORT}],
            "environment": [{"name": "VERSION", "value": version}],
        }
        made = self.ecs.register_task_definition(
            family="cheap", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
            containerDefinitions=[container],
        )  # fmt: skip
        return str(made["taskDefinition"]["taskDefinitionArn"])

    def make(self, name: str, strategy: str, count: int) -> None:
        target: dict[str, Any] = {"targetGroupArn": self.groups[0], "containerName": "cheap", "containerPort": PORT}
        if strategy != "rolling":
            target["advancedConfiguration"] = {
                "alternateTargetGroupArn": self.groups[1],
                "productionListenerRule": self.rule,
                "roleArn": "arn:aws:iam::123456789012:role/shift",
            }
        self.ecs.create_service(
            cluster="bench", serviceName=name, taskDefinition=self.register("1"), desiredCount=count,
            deploymentConfiguration=dict(CONFIGURATIONS[strategy]), loadBalancers=[target], **self.members,
        )  # fmt: skip

    def deployment(self, name: str) -> dict[str, Any]:
        brief = self.ecs.list_service_deployments(cluster="bench", service=name)["serviceDeployments"][0]
        arn = brief["serviceDeploymentArn"]
        found: dict[str, Any] = self.ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"][0]
        return found

    def ended(self, name: str) -> dict[str, Any]:
        """The newest service deployment, once it has ended."""
        deadline = time.monotonic() + BOUND_SECONDS
        while time.monotonic() < deadline:
            found = self.deployment(name)
            if found.get("finishedAt"):
                return found
            time.sleep(LOOK_SECONDS)
        return self.deployment(name)

    def tasks(self, name: str) -> list[dict[str, Any]]:
        arns: list[str] = []
        for status in ("RUNNING", "STOPPED"):
            pages = self.ecs.get_paginator("list_tasks").paginate(cluster="bench", serviceName=name, desiredStatus=status)
            arns += [arn for page in pages for arn in page["taskArns"]]
        found: list[dict[str, Any]] = []
        for start in range(0, len(arns), 100):
            found += self.ecs.describe_tasks(cluster="bench", tasks=arns[start : start + 100])["tasks"]
        return found

    def remove(self, name: str) -> None:
        self.ecs.update_service(cluster="bench", service=name, desiredCount=0)
        self.ecs.delete_service(cluster="bench", service=name, force=True)
        deadline = time.monotonic() + BOUND_SECONDS
        while time.monotonic() < deadline and any(task["lastStatus"] != "STOPPED" for task in self.tasks(name)):
            time.sleep(LOOK_SECONDS)
        self.set_weights()

    def set_weights(self) -> None:
        """All traffic to the first group, as the next service expects it."""
        self.elb.modify_listener(ListenerArn=self.listener, DefaultActions=[forward_to_first(self.groups)])


def forward_to_first(groups: tuple[str, ...]) -> dict[str, Any]:
    weights = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in zip(groups, (100, 0), strict=True)]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": weights}}


def lay(emulator: Emulator, folder: Path) -> Cheap:
    ec2, elb, ecs = (emulator.client(name) for name in ("ec2", "elbv2", "ecs"))
    subnets = [one["SubnetId"] for one in ec2.describe_subnets()["Subnets"]][:2]
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    balancer = elb.create_load_balancer(Name="cheap", Subnets=subnets)["LoadBalancers"][0]
    groups = tuple(
        elb.create_target_group(
            Name=name, Protocol="HTTP", Port=PORT, VpcId=vpc, TargetType="ip", HealthCheckPath="/health",
            HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, HealthyThresholdCount=2, UnhealthyThresholdCount=3,
        )["TargetGroups"][0]["TargetGroupArn"]
        for name in ("cheap", "cheap-alternate")
    )  # fmt: skip
    port = free_port()
    listener = elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=port,
        DefaultActions=[forward_to_first(groups)],
    )["Listeners"][0]  # fmt: skip
    ecs.create_cluster(clusterName="bench")
    return Cheap(
        ecs=ecs,
        elb=elb,
        image=cheap_image(emulator, folder),
        balancer=balancer,
        members={
            "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": subnets}},
            "healthCheckGracePeriodSeconds": 60,
        },
        groups=(groups[0], groups[1]),
        listener=listener["ListenerArn"],
        rule=elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"][0]["RuleArn"],
        listener_port=port,
    )


def cheap_image(emulator: Emulator, folder: Path) -> str:
    """A host image whose command is busybox's httpd."""
    (folder / "www").mkdir(parents=True)
    (folder / "www" / "health").write_text("ok\n")
    (folder / "www" / "index.html").write_text("cheap\n")
    (folder / "ninelives.yml").write_text(SERVICE_FILE)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    definition = read_service_file(folder / "ninelives.yml")
    aws = connect(is_local=True, region="eu-west-1", variables={"AWS_ENDPOINT_URL": emulator.endpoint})
    uri = aws.ecr.create_repository(repositoryName="cheap")["repository"]["repositoryUri"]

    def tell(*_: object, **__: object) -> None:
        return None

    with built_image(aws, definition, "1", Builder.HOST, tell) as built:
        return push_image(aws, definition, "1", uri, built, tell).reference


@contextlib.contextmanager
def serving(cheap: Cheap, strategy: str, count: int) -> Iterator[str]:
    """A service of ``count`` tasks, stable; afterwards nothing of it is left."""
    name = f"{strategy}-{count}"
    cheap.make(name, strategy, count)
    try:
        first = cheap.ended(name)
        assert first["status"] == "SUCCESSFUL", first.get("statusReason")
        yield name
    finally:
        cheap.remove(name)


@dataclass
class Seen:
    asked_at: float
    deployment: dict[str, Any]
    tasks: list[dict[str, Any]]


def release(cheap: Cheap, name: str) -> Seen:
    """One release, from UpdateService until the deployment has ended and the last old task has stopped."""
    definition = cheap.register("2")
    asked_at = time.time()
    cheap.ecs.update_service(cluster="bench", service=name, taskDefinition=definition)
    deployment = cheap.ended(name)
    tasks = cheap.tasks(name)
    while time.time() - asked_at < BOUND_SECONDS and any(
        task["taskDefinitionArn"] != definition and task["lastStatus"] != "STOPPED" for task in tasks
    ):
        time.sleep(LOOK_SECONDS)
        tasks = cheap.tasks(name)
    return Seen(asked_at=asked_at, deployment=deployment, tasks=tasks)


def play(cheap: Cheap, strategy: str, count: int, folder: Path) -> Figures:
    with serving(cheap, strategy, count) as name, Watch(cheap.elb, cheap.groups) as watch:
        script = Script(
            target=Target(host=cheap.balancer["DNSName"], port=cheap.listener_port),
            kinds=(Kind(name="fresh", rate=RATE, path="/"),),
            before_seconds=BEFORE_SECONDS,
            after_seconds=AFTER_SECONDS,
        )
        folder.mkdir()
        rehearsed = rehearse(script, lambda: release(cheap, name), folder=folder, clock=WallClock())
    seen, proof = rehearsed.released, rehearsed.proof
    return Figures(
        strategy=strategy,
        tasks=count,
        outcome=seen.deployment["status"],
        sent=proof.sent,
        lost=proof.lost,
        bake_s=BAKES[strategy] * MINUTE,
        **parts_of(seen, watch),
    )


def parts_of(seen: Seen, watch: Watch) -> dict[str, float]:
    revision = seen.deployment["targetServiceRevision"]["arn"].rsplit("/", 1)[-1]
    new = [task for task in seen.tasks if task["startedBy"].endswith(revision)]
    old = [task for task in seen.tasks if task not in new and task.get("stoppedAt")]
    addresses = {address_of(task): task["createdAt"].timestamp() for task in new}
    healthy = max((at - addresses[key] for key, at in watch.healthy_at.items() if key in addresses), default=0.0)
    stopped = {address_of(task): task["stoppedAt"].timestamp() for task in old}
    last = max(stopped, key=lambda key: stopped[key], default=None)
    draining = watch.draining_at.get(last, stopped[last]) if last is not None else 0.0
    finished: datetime = seen.deployment["finishedAt"]
    return {
        "release_s": round(max(finished.timestamp(), *stopped.values()) - seen.asked_at, 3),
        "healthy_s": round(healthy, 3),
        "drain_s": round(stopped[last] - draining if last is not None else 0.0, 3),
    }


def address_of(task: dict[str, Any]) -> tuple[str, int]:
    """Where a host task is registered, from its network bindings."""
    details = {one["name"]: one["value"] for one in task["attachments"][0]["details"]} if task.get("attachments") else {}
    binding = next((one for box in task["containers"] for one in box.get("networkBindings", ())), {})
    return details.get("privateIPv4Address", binding.get("bindIP", "")), int(binding.get("hostPort", PORT))


def main() -> None:
    if shutil.which("busybox") is None:
        sys.exit("no busybox: the tasks of this benchmark are its httpd")
    counts = tuple(int(count) for count in os.environ.get("COUNTS", "").split(",") if count) or COUNTS
    figures: list[Figures] = []
    with tempfile.TemporaryDirectory(prefix="ninelives-bench-") as place, ninelives("host", time_scale=TIME_SCALE) as emulator:
        cheap = lay(emulator, Path(place) / "image")
        for count in counts:
            for strategy in CONFIGURATIONS:
                figures.append(play(cheap, strategy, count, Path(place) / f"{strategy}-{count}"))
                print(json.dumps(asdict(figures[-1])), file=sys.stderr, flush=True)
    head = [
        "Strategy, tasks",
        "release ÷ critical path",
        "release s",
        "start to healthy",
        "bakes",
        "drain and stop",
        "lost",
        "outcome",
    ]
    rows: list[list[object]] = [
        [
            f"{one.strategy}, {one.tasks}",
            f"{one.release_s / one.critical_s:.2f}",
            f"{one.release_s:.2f}",
            f"{one.healthy_s:.2f}",
            f"{one.bake_s:.2f}",
            f"{one.drain_s:.2f}",
            f"{one.lost} of {one.sent:,}",
            one.outcome.lower(),
        ]
        for one in figures
    ]
    print(table(head, rows))


if __name__ == "__main__":
    main()
