"""The AWS CLI, unmodified, versions 1 and 2: every operation of ECS, ELBv2, CloudWatch, scaling and EventBridge that the
region serves, with real arguments.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from unittest.mock import Mock
from uuid import uuid4

import pytest
from ecs_world import PLACE, World
from running_door import RunningDoor
from test_cloudwatch import CloudWatchWorld
from test_elbv2 import FakeDataPlane, FakeNetwork

from ninelives.api import applicationautoscaling, ecr, elbv2, events
from ninelives.api.call import Call, Operations
from ninelives.api.in_process import InProcess
from ninelives.autoscaling import AutoScaling, Neighbours, open_scaling
from ninelives.model.ecs import LastStatus
from ninelives.model.elbv2 import Certificate
from ninelives.model.timing import Timing
from ninelives.region.outbox import Outbox
from ninelives.registry import Registry

DRIVER = Path(__file__).parent / "cli_driver.py"
NEWER_THAN_DEBIANS = {
    "ContinueServiceDeployment", "DeleteTaskDefinitions", "DescribeListenerAttributes", "DescribeServiceDeployments",
    "DescribeServiceRevisions", "GetPredictiveScalingForecast", "ListServiceDeployments", "ListTagsForResource",
    "ModifyListenerAttributes", "StopServiceDeployment", "TagResource", "UntagResource",
}  # fmt: skip
"""Operations that version 2.9 of the CLI (Debian 12) does not know."""


class AwsCli:
    """An AWS CLI at ``script``, a Python program, before an endpoint."""

    def __init__(self, python: str, script: Path, endpoint: str) -> None:
        self.script = script
        self.major = "1"
        self._endpoint = endpoint
        keys = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
        quiet = {"AWS_PAGER": "", "AWS_CONFIG_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1"}
        self._process = subprocess.Popen(
            [python, "-W", "ignore", str(DRIVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **keys, **quiet, "AWS_DEFAULT_REGION": PLACE.region},
        )
        known: Mapping[str, list[str]] = json.loads(self._line())
        self.operations = {f"{service}:{name}" for service, names in known.items() for name in names}

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def run(self, *arguments: str) -> Any:
        """What the command answers, read from its JSON; fails the test where the CLI fails."""
        code, out, err = self._run(*arguments)
        assert code == 0, f"aws {' '.join(arguments)}: {err}"
        return json.loads(out) if out.strip() else {}

    def complaint(self, *arguments: str) -> str:
        """What the CLI says of a command that fails."""
        code, _, err = self._run(*arguments)
        assert code != 0
        return str(err)

    def _run(self, *arguments: str) -> tuple[int, str, str]:
        assert self._process.stdin is not None
        line = json.dumps([*arguments, "--endpoint-url", self._endpoint, "--output", "json"])
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        code, out, err = json.loads(self._line())
        return code, out, err

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


def _python_of(script: Path) -> str | None:
    """The Python that a script names in its first line; None where it is no Python script."""
    first = script.read_bytes()[:200].partition(b"\n")[0].decode(errors="replace")
    return first.removeprefix("#!").strip() if "python" in first else None


class AnyCertificate:
    """Finds a certificate whatever its ARN."""

    async def find(self, arns: Sequence[str]) -> list[Certificate]:
        return [Certificate(arn=arn, chain="", private_key="", names=("cats.test",)) for arn in arns]


RECORDS_OF_EVENTBRIDGE = (
    "PutRule", "DescribeRule", "ListRules", "PutTargets", "ListTargetsByRule", "RemoveTargets", "DeleteRule",
)  # fmt: skip
"""Operations of EventBridge that moto answers and that rules of the region are made of."""


OF_LIFECYCLES = (
    "CreateRepository", "PutLifecyclePolicy", "GetLifecyclePolicy", "StartLifecyclePolicyPreview",
    "GetLifecyclePolicyPreview", "DeleteLifecyclePolicy",
)  # fmt: skip
"""Operations of ECR's that are asked for here; ``test_ecr`` has the others, and ``docker push``."""


class Region:
    """ECS, ELBv2, CloudWatch, auto scaling, EventBridge, ECR's lifecycle policies: a region in memory, without its loop."""

    def __init__(self) -> None:
        self.world = World()
        plane: Any = FakeDataPlane()
        self.world.region.data_plane = plane
        served = {"ecs": self.world.operations, "elbv2": elbv2.operations(self.world.region, FakeNetwork(), AnyCertificate())}
        watch = CloudWatchWorld()
        served["cloudwatch"] = watch.operations
        served["application-autoscaling"] = ScalingWorld(served, watch).operations
        self._folder = TemporaryDirectory(prefix="ninelives-test-")
        self.registry = Registry(Path(self._folder.name), account=PLACE.account, now=self.world.clock.now)
        images = ecr.operations(self.registry, place=PLACE, endpoint="127.0.0.1:4566", now=self.world.clock.now)
        served["ecr"] = {name: images[name] for name in OF_LIFECYCLES}
        self.outbox = Outbox(self.world.region, is_heard=lambda: True)
        self.door = RunningDoor(served, before_moto=lambda moto: {"events": events.operations(self.outbox, moto.call)})
        self.served = {f"{service}:{name}" for service, operations in served.items() for name in operations}
        self.served |= {f"events:{name}" for name in ("PutEvents", "TestEventPattern", *RECORDS_OF_EVENTBRIDGE)}

    def close(self) -> None:
        self.door.stop()
        self.registry.close()
        self._folder.cleanup()

    def run_tasks(self, deployment_id: str) -> str:
        """One task of a deployment as if the loop had started it."""
        (task,) = self.world.tasks_of(deployment_id, LastStatus.RUNNING)
        return task.arn


class ScalingWorld:
    """Auto scaling over the other services of a region, made at the first call, on the thread that makes all the others."""

    def __init__(self, served: Mapping[str, Operations], watch: CloudWatchWorld) -> None:
        self._served = served
        self._watch = watch
        self._handlers: Operations | None = None

    @property
    def operations(self) -> Operations:
        return {name: self._through(name) for name in applicationautoscaling.operations(Mock())}

    def _through(self, name: str) -> Callable[[Call], Any]:
        def answer(call: Call) -> Any:
            return self._made()[name](call)

        return answer

    def _made(self) -> Operations:
        if self._handlers is None:
            listing = Call(service="cloudwatch", operation="ListMetrics", parameters={}, place=PLACE)
            self._watch.operations["ListMetrics"](listing)
            nobody: Any = None
            scaling = AutoScaling(
                open_scaling(None),
                place=PLACE,
                now=self._watch.now,
                timing=Timing(),
                new_id=lambda: str(uuid4()),
                neighbours=Neighbours(
                    call=InProcess(operations=self._served, before_moto={}, moto=nobody, place=PLACE),
                    alarms=self._watch.alarms,
                    tell=lambda _: None,
                ),
            )
            self._handlers = applicationautoscaling.operations(scaling)
        return self._handlers


@pytest.fixture(params=["1", "2"])
def bench(request: pytest.FixtureRequest) -> Iterator[tuple[AwsCli, Region]]:
    """Version 1 from PyPI, and version 2 where the machine has one that is a Python program (Debian's)."""
    script = Path(sys.executable).parent / "aws"
    if request.param == "2":
        script = Path(shutil.which("aws", path=os.defpath) or os.devnull)
    python = _python_of(script)
    if python is None:
        pytest.skip("no AWS CLI 2 that is a Python program: `apt-get install awscli` on Debian 12 brings one")
    region = Region()
    cli = AwsCli(python, script, region.door.url)
    cli.major = request.param
    yield cli, region
    cli.close()
    region.close()


Got = dict[str, Any]
"""What earlier commands answered, by name."""


class Step(NamedTuple):
    operation: str
    arguments: Callable[[Got], list[str]]
    expected: str = ""
    """A member of the answer; for one that is refused, what the CLI says."""
    keep: tuple[str, Callable[[Any], Any]] | None = None
    """Keep a part of the answer under a name."""
    is_refused: bool = False


def words(text: str) -> Callable[[Got], list[str]]:
    """Arguments as one would type them; ``{name}`` stands for what was kept."""
    return lambda got: [word.format_map(_Json(got)) for word in text.split()]


class _Json(dict[str, Any]):
    """Names that were not kept stay as they are: JSON has braces too."""

    def __missing__(self, name: str) -> str:
        return "{" + name + "}"


CONTAINERS = '[{"name":"web","image":"cats:1","portMappings":[{"containerPort":4567}]}]'


DEFINED = "--family cats --requires-compatibilities FARGATE --network-mode awsvpc --cpu 256 --memory 512"


def definition(_: Got) -> list[str]:
    return [*DEFINED.split(), "--container-definitions", CONTAINERS]


NETWORK = "--network-configuration awsvpcConfiguration={subnets=[subnet-a],securityGroups=[sg-1],assignPublicIp=ENABLED}"
CONFIGURATION = "minimumHealthyPercent=100,maximumPercent=200,deploymentCircuitBreaker={enable=true,rollback=true}"


def plain(text: str) -> Callable[[Got], list[str]]:
    """Words in which nothing is to be filled in."""
    return lambda _: text.split()


CERTIFICATE = "arn:aws:acm:eu-west-1:111122223333:certificate/"

ELB = [
    Step(
        "CreateLoadBalancer",
        plain("--name front --subnets subnet-a subnet-b --security-groups sg-1 --tags Key=a,Value=b"),
        "LoadBalancers",
        ("balancer", lambda answer: answer["LoadBalancers"][0]["LoadBalancerArn"]),
    ),
    Step(
        "CreateTargetGroup",
        plain("--name cats --protocol HTTP --port 4567 --vpc-id vpc-1 --target-type ip --health-check-path /health"),
        "TargetGroups",
        ("group", lambda answer: answer["TargetGroups"][0]["TargetGroupArn"]),
    ),
    Step(
        "CreateListener",
        words(
            "--load-balancer-arn {balancer} --protocol HTTP --port 8080 --default-actions Type=forward,TargetGroupArn={group}"
        ),
        "Listeners",
        ("listener", lambda answer: answer["Listeners"][0]["ListenerArn"]),
    ),
    Step(
        "CreateRule",
        words(
            "--listener-arn {listener} --priority 5 --conditions Field=path-pattern,Values=/api/* "
            "--actions Type=forward,TargetGroupArn={group}"
        ),
        "Rules",
        ("rule", lambda answer: answer["Rules"][0]["RuleArn"]),
    ),
    Step("RegisterTargets", words("--target-group-arn {group} --targets Id=10.0.0.1,Port=4567")),
    Step("DescribeTargetHealth", words("--target-group-arn {group}"), "TargetHealthDescriptions"),
    Step("DeregisterTargets", words("--target-group-arn {group} --targets Id=10.0.0.1,Port=4567")),
    Step("DescribeLoadBalancers", plain("--names front"), "LoadBalancers"),
    Step("DescribeTargetGroups", words("--load-balancer-arn {balancer}"), "TargetGroups"),
    Step("DescribeListeners", words("--load-balancer-arn {balancer}"), "Listeners"),
    Step("DescribeRules", words("--listener-arn {listener}"), "Rules"),
    Step("DescribeTags", words("--resource-arns {balancer}"), "TagDescriptions"),
    Step("AddTags", words("--resource-arns {balancer} --tags Key=team,Value=cats")),
    Step("RemoveTags", words("--resource-arns {balancer} --tag-keys team")),
    Step("DescribeLoadBalancerAttributes", words("--load-balancer-arn {balancer}"), "Attributes"),
    Step(
        "ModifyLoadBalancerAttributes",
        words("--load-balancer-arn {balancer} --attributes Key=idle_timeout.timeout_seconds,Value=30"),
        "Attributes",
    ),
    Step("DescribeTargetGroupAttributes", words("--target-group-arn {group}"), "Attributes"),
    Step(
        "ModifyTargetGroupAttributes",
        words("--target-group-arn {group} --attributes Key=deregistration_delay.timeout_seconds,Value=5"),
        "Attributes",
    ),
    Step("DescribeListenerAttributes", words("--listener-arn {listener}"), "Attributes"),
    Step(
        "ModifyListenerAttributes",
        words("--listener-arn {listener} --attributes Key=routing.http.response.server.enabled,Value=true"),
        "Attributes",
    ),
    Step("ModifyTargetGroup", words("--target-group-arn {group} --health-check-path /up"), "TargetGroups"),
    Step("ModifyListener", words("--listener-arn {listener} --port 8081"), "Listeners"),
    Step("ModifyRule", words("--rule-arn {rule} --conditions Field=path-pattern,Values=/v2/*"), "Rules"),
    Step("SetRulePriorities", words("--rule-priorities RuleArn={rule},Priority=9"), "Rules"),
    Step("SetSecurityGroups", words("--load-balancer-arn {balancer} --security-groups sg-2"), "SecurityGroupIds"),
    Step("SetSubnets", words("--load-balancer-arn {balancer} --subnets subnet-a subnet-b"), "AvailabilityZones"),
    Step("SetIpAddressType", words("--load-balancer-arn {balancer} --ip-address-type ipv4"), "IpAddressType"),
    Step(
        "CreateListener",
        lambda got: [
            *f"--load-balancer-arn {got['balancer']} --protocol HTTPS --port 8443 --certificates".split(),
            f"CertificateArn={CERTIFICATE}1",
            *f"--default-actions Type=forward,TargetGroupArn={got['group']}".split(),
        ],
        "Listeners",
        ("tls", lambda answer: answer["Listeners"][0]["ListenerArn"]),
    ),
    Step("AddListenerCertificates", words(f"--listener-arn {{tls}} --certificates CertificateArn={CERTIFICATE}2")),
    Step("DescribeListenerCertificates", words("--listener-arn {tls}"), "Certificates"),
    Step("RemoveListenerCertificates", words(f"--listener-arn {{tls}} --certificates CertificateArn={CERTIFICATE}2")),
    Step("DescribeAccountLimits", plain(""), "Limits"),
    Step("DescribeSSLPolicies", plain("")),
]

ECS = [
    Step(
        "CreateCluster",
        plain("--cluster-name c --settings name=containerInsights,value=enabled --tags key=a,value=b"),
        "cluster",
    ),
    Step("UpdateCluster", plain("--cluster c --settings name=containerInsights,value=disabled"), "cluster"),
    Step("UpdateClusterSettings", plain("--cluster c --settings name=containerInsights,value=enabled"), "cluster"),
    Step(
        "PutClusterCapacityProviders",
        plain(
            "--cluster c --capacity-providers FARGATE FARGATE_SPOT "
            "--default-capacity-provider-strategy capacityProvider=FARGATE,weight=1,base=1"
        ),
        "cluster",
    ),
    Step("DescribeClusters", plain("--clusters c --include TAGS SETTINGS STATISTICS"), "clusters"),
    Step("ListClusters", plain(""), "clusterArns"),
    Step("DescribeCapacityProviders", plain("--capacity-providers FARGATE"), "capacityProviders"),
    Step("RegisterTaskDefinition", definition, "taskDefinition"),
    Step("RegisterTaskDefinition", definition, "taskDefinition"),
    Step("DescribeTaskDefinition", plain("--task-definition cats:1 --include TAGS"), "taskDefinition"),
    Step("ListTaskDefinitions", plain("--family-prefix cats --sort DESC"), "taskDefinitionArns"),
    Step("ListTaskDefinitionFamilies", plain("--family-prefix ca"), "families"),
    Step(
        "CreateService",
        lambda got: [
            "--cluster",
            "c",
            "--service-name",
            "s",
            "--task-definition",
            "cats:1",
            "--desired-count",
            "1",
            "--launch-type",
            "FARGATE",
            "--health-check-grace-period-seconds",
            "60",
            "--load-balancers",
            f"targetGroupArn={got['group']},containerName=web,containerPort=4567",
            "--deployment-configuration",
            CONFIGURATION,
            *NETWORK.split(),
        ],
        "service",
    ),
    Step(
        "UpdateService",
        plain("--cluster c --service s --task-definition cats:2 --force-new-deployment --desired-count 2"),
        "service",
        ("deployment", lambda answer: answer["service"]["deployments"][0]["id"]),
    ),
    Step("DescribeServices", plain("--cluster c --services s --include TAGS"), "services"),
    Step("ListServices", plain("--cluster c --launch-type FARGATE"), "serviceArns"),
    Step(
        "ListServiceDeployments",
        plain("--cluster c --service s --status PENDING IN_PROGRESS --created-at after=2020-01-01"),
        "serviceDeployments",
        ("act", lambda answer: answer["serviceDeployments"][0]["serviceDeploymentArn"]),
    ),
    Step(
        "DescribeServiceDeployments",
        words("--service-deployment-arns {act}"),
        "serviceDeployments",
        ("revision", lambda answer: answer["serviceDeployments"][0]["targetServiceRevision"]["arn"]),
    ),
    Step("DescribeServiceRevisions", words("--service-revision-arns {revision}"), "serviceRevisions"),
    Step("StopServiceDeployment", words("--service-deployment-arn {act} --stop-type ROLLBACK"), "serviceDeploymentArn"),
    Step(
        "ContinueServiceDeployment",
        words("--service-deployment-arn {act} --hook-id ecs-pause-1 --action CONTINUE"),
        "Provided hookId is either completed",
        is_refused=True,
    ),
    Step(
        "RunTask",
        lambda _: [
            "--cluster",
            "c",
            "--task-definition",
            "cats:2",
            "--launch-type",
            "FARGATE",
            "--count",
            "1",
            *NETWORK.split(),
        ],
        "tasks",
        ("task", lambda answer: answer["tasks"][0]["taskArn"]),
    ),
    Step(
        "StartTask",
        lambda _: ["--cluster", "c", "--task-definition", "cats:2", "--container-instances", "i", *NETWORK.split()],
        "failures",
    ),
    Step("DescribeTasks", words("--cluster c --tasks {task} --include TAGS"), "tasks"),
    Step("ListTasks", plain("--cluster c --desired-status RUNNING"), "taskArns"),
    Step(
        "UpdateTaskProtection",
        words("--cluster c --tasks {service_task} --protection-enabled --expires-in-minutes 60"),
        "protectedTasks",
    ),
    Step("GetTaskProtection", words("--cluster c --tasks {service_task}"), "protectedTasks"),
    Step("StopTask", words("--cluster c --task {task} --reason enough"), "task"),
    Step("TagResource", plain(f"--resource-arn {PLACE.service('c', 's')} --tags key=team,value=cats")),
    Step("ListTagsForResource", plain(f"--resource-arn {PLACE.service('c', 's')}"), "tags"),
    Step("UntagResource", plain(f"--resource-arn {PLACE.service('c', 's')} --tag-keys team")),
    Step("PutAccountSetting", plain("--name containerInsights --value enabled"), "setting"),
    Step("PutAccountSettingDefault", plain("--name containerInsights --value enhanced"), "setting"),
    Step("ListAccountSettings", plain("--effective-settings"), "settings"),
    Step("DeleteAccountSetting", plain("--name containerInsights"), "setting"),
    Step("ListContainerInstances", plain("--cluster c")),
    Step("DescribeContainerInstances", plain("--cluster c --container-instances i"), "failures"),
    Step(
        "CreateTaskSet",
        plain("--cluster c --service s --task-definition cats:1"),
        "only supports task set management",
        is_refused=True,
    ),
    Step("DescribeTaskSets", plain("--cluster c --service s"), "only supports task set management", is_refused=True),
    Step(
        "UpdateTaskSet",
        plain("--cluster c --service s --task-set ecs-svc/1 --scale value=50,unit=PERCENT"),
        "only supports task set management",
        is_refused=True,
    ),
    Step(
        "UpdateServicePrimaryTaskSet",
        plain("--cluster c --service s --primary-task-set ecs-svc/1"),
        "only supports task set management",
        is_refused=True,
    ),
    Step(
        "DeleteTaskSet",
        plain("--cluster c --service s --task-set ecs-svc/1"),
        "only supports task set management",
        is_refused=True,
    ),
]

POLICY = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10},
                "action": {"type": "expire"},
            }
        ]
    }
)

LIFECYCLE = [
    Step("CreateRepository", plain("--repository-name cats"), "repository"),
    Step(
        "PutLifecyclePolicy",
        lambda _: ["--repository-name", "cats", "--lifecycle-policy-text", POLICY],
        "lifecyclePolicyText",
    ),
    Step("GetLifecyclePolicy", plain("--repository-name cats"), "lifecyclePolicyText"),
    Step("StartLifecyclePolicyPreview", plain("--repository-name cats"), "status"),
    Step("GetLifecyclePolicyPreview", plain("--repository-name cats"), "summary"),
    Step("DeleteLifecyclePolicy", plain("--repository-name cats"), "lifecyclePolicyText"),
]
"""Of ECR, what its lifecycle policies are asked with; the rest of it is ``test_ecr``'s."""

ENDED = [
    Step("DeleteService", plain("--cluster c --service s --force"), "service"),
    Step("DeregisterTaskDefinition", plain("--task-definition cats:1"), "taskDefinition"),
    Step("DeleteTaskDefinitions", plain("--task-definitions cats:1"), "taskDefinitions"),
    Step("DeleteCluster", plain("--cluster c"), "The Cluster cannot be deleted while Services are active.", is_refused=True),
]

ENDING = [
    Step("DeleteRule", words("--rule-arn {rule}")),
    Step("DeleteListener", words("--listener-arn {listener}")),
    Step("DeleteListener", words("--listener-arn {tls}")),
    Step("DeleteTargetGroup", words("--target-group-arn {group}")),
    Step("DeleteLoadBalancer", words("--load-balancer-arn {balancer}")),
]


METRIC = "--namespace Cats --metric-name Errors"


def lately(text: str) -> Callable[[Got], list[str]]:
    """Words, and the hours around now as ``--start-time`` and ``--end-time``."""

    def arguments(_: Got) -> list[str]:
        now, hour = datetime.now(UTC), timedelta(hours=1)  # noqa: TID251 - the region is asked by the real clock
        return [*text.split(), "--start-time", (now - hour).isoformat(), "--end-time", (now + hour).isoformat()]

    return arguments


WATCHING = [
    Step("PutMetricData", plain("--namespace Cats --metric-data MetricName=Errors,Value=3,Unit=Count")),
    Step("ListMetrics", plain("--namespace Cats"), "Metrics"),
    Step("GetMetricStatistics", lately(f"{METRIC} --period 300 --statistics Sum Maximum"), "Datapoints"),
    Step(
        "GetMetricData",
        lately("--metric-data-queries Id=errors,MetricStat={Metric={Namespace=Cats,MetricName=Errors},Period=300,Stat=Sum}"),
        "MetricDataResults",
    ),
    Step(
        "PutMetricAlarm",
        plain(
            f"--alarm-name errors {METRIC} --statistic Sum --period 60 --evaluation-periods 1 --threshold 1 "
            "--comparison-operator GreaterThanThreshold --treat-missing-data notBreaching"
        ),
    ),
    Step("PutCompositeAlarm", plain('--alarm-name any --alarm-rule ALARM("errors")')),
    Step(
        "DescribeAlarms",
        plain("--alarm-names errors"),
        "MetricAlarms",
        ("alarm", lambda answer: answer["MetricAlarms"][0]["AlarmArn"]),
    ),
    Step("DescribeAlarmsForMetric", plain(METRIC), "MetricAlarms"),
    Step("SetAlarmState", plain("--alarm-name errors --state-value ALARM --state-reason test")),
    Step("DescribeAlarmHistory", plain("--alarm-name errors --history-item-type StateUpdate"), "AlarmHistoryItems"),
    Step("DisableAlarmActions", plain("--alarm-names errors")),
    Step("EnableAlarmActions", plain("--alarm-names errors")),
    Step("TagResource", words("--resource-arn {alarm} --tags Key=team,Value=cats")),
    Step("ListTagsForResource", words("--resource-arn {alarm}"), "Tags"),
    Step("UntagResource", words("--resource-arn {alarm} --tag-keys team")),
    Step("PutDashboard", plain('--dashboard-name cats --dashboard-body {"widgets":[]}')),
    Step("GetDashboard", plain("--dashboard-name cats"), "DashboardBody"),
    Step("ListDashboards", plain(""), "DashboardEntries"),
    Step("DeleteDashboards", plain("--dashboard-names cats")),
    Step("DeleteAlarms", plain("--alarm-names errors any")),
]

PATTERN = '{"source":["cats"]}'
EVENT = (
    '{"id":"1","account":"111122223333","source":"cats","time":"2026-11-23T12:00:00Z","region":"eu-west-1",'
    '"resources":[],"detail-type":"released","detail":{}}'
)
RULES = [
    Step("PutRule", plain(f"--name releases --event-pattern {PATTERN}"), "RuleArn"),
    Step("PutTargets", plain("--rule releases --targets Id=queue,Arn=arn:aws:sqs:eu-west-1:111122223333:releases")),
    Step("DescribeRule", plain("--name releases"), "EventPattern"),
    Step("ListRules", plain("--name-prefix rel"), "Rules"),
    Step("ListTargetsByRule", plain("--rule releases"), "Targets"),
    Step("TestEventPattern", plain(f"--event-pattern {PATTERN} --event {EVENT}"), "Result"),
    Step(
        "PutEvents",
        plain(r'--entries [{"Source":"cats","DetailType":"released","Detail":"{\"version\":\"2.0.1\"}"}]'),
        "Entries",
    ),
    Step("RemoveTargets", plain("--rule releases --ids queue")),
    Step("DeleteRule", plain("--name releases")),
]


WEB = "--service-namespace ecs --scalable-dimension ecs:service:DesiredCount --resource-id service/c/s"
TRACKED = '{"TargetValue":60,"PredefinedMetricSpecification":{"PredefinedMetricType":"ECSServiceAverageCPUUtilization"}}'
HOUR = "--start-time 2026-11-27T00:00:00Z --end-time 2026-11-27T01:00:00Z"

SCALING = [
    Step(
        "RegisterScalableTarget",
        plain(f"{WEB} --min-capacity 1 --max-capacity 4"),
        keep=("target", lambda answer: answer.get("ScalableTargetARN")),
    ),
    Step("DescribeScalableTargets", plain("--service-namespace ecs"), "ScalableTargets"),
    Step(
        "PutScalingPolicy",
        plain(
            f"{WEB} --policy-name cpu --policy-type TargetTrackingScaling"
            f" --target-tracking-scaling-policy-configuration {TRACKED}"
        ),
        "Alarms",
    ),
    Step("DescribeScalingPolicies", plain("--service-namespace ecs"), "ScalingPolicies"),
    Step(
        "PutScheduledAction",
        plain(
            f"{WEB} --scheduled-action-name night --schedule rate(1day) --scalable-target-action MinCapacity=1,MaxCapacity=2"
        ),
        "Invalid schedule",
        is_refused=True,
    ),
    Step(
        "PutScheduledAction",
        lambda _: [
            *WEB.split(), "--scheduled-action-name", "night", "--schedule", "cron(0 22 * * ? *)", "--timezone",
            "Europe/Berlin", "--scalable-target-action", "MinCapacity=1,MaxCapacity=2",
        ],
    ),
    Step("DescribeScheduledActions", plain("--service-namespace ecs"), "ScheduledActions"),
    Step("DescribeScalingActivities", plain("--service-namespace ecs --include-not-scaled-activities")),
    Step("TagResource", words("--resource-arn {target} --tags team=cats")),
    Step("ListTagsForResource", words("--resource-arn {target}"), "Tags"),
    Step("UntagResource", words("--resource-arn {target} --tag-keys team")),
    Step(
        "GetPredictiveScalingForecast",
        plain(f"{WEB} --policy-name cpu {HOUR}"),
        "predictive scaling is not implemented",
        is_refused=True,
    ),
    Step("DeleteScheduledAction", plain(f"{WEB} --scheduled-action-name night")),
    Step("DeleteScalingPolicy", plain(f"{WEB} --policy-name cpu")),
    Step("DeregisterScalableTarget", plain(WEB)),
]  # fmt: skip
"""While the service is there."""


def command(operation: str) -> str:
    """``DescribeSSLPolicies`` as the CLI spells it."""
    import botocore

    return str(botocore.xform_name(operation, "-"))


def test_every_operation_is_reached_by_the_cli(bench: tuple[AwsCli, Region]) -> None:
    cli, region = bench
    got: Got = {}
    reached = set()
    for service, steps in (
        ("events", RULES),
        ("elbv2", ELB),
        ("ecs", ECS),
        ("application-autoscaling", SCALING),
        ("ecs", ENDED),
        ("elbv2", ENDING),
        ("cloudwatch", WATCHING),
        ("ecr", LIFECYCLE),
    ):
        for step in steps:
            operation = f"{service}:{step.operation}"
            if operation not in cli.operations:
                continue
            reached.add(operation)
            arguments = [service, command(step.operation), *step.arguments(got)]
            if step.is_refused:
                assert step.expected in cli.complaint(*arguments), arguments
                continue
            answer = cli.run(*arguments)
            assert not step.expected or answer[step.expected], (arguments, answer)
            if step.keep is not None:
                name, part = step.keep
                got[name] = part(answer)
            if step.operation == "UpdateService":
                got["service_task"] = region.run_tasks(got["deployment"])

    assert region.served & cli.operations == reached, "an operation that is served has its step here"
    assert {one.partition(":")[2] for one in region.served - reached} <= NEWER_THAN_DEBIANS
    assert [event.detail for event in region.outbox.waiting()] == [{"version": "2.0.1"}]


def test_a_group_of_logs_is_tailed_and_read(bench: tuple[AwsCli, Region]) -> None:
    cli, _ = bench
    cli.run("logs", "create-log-group", "--log-group-name", "/cats")
    cli.run("logs", "create-log-stream", "--log-group-name", "/cats", "--log-stream-name", "web")
    at = int(datetime.now(UTC).timestamp() * 1000)  # noqa: TID251 as clients write
    events = json.dumps([{"timestamp": at, "message": "GET / 200"}, {"timestamp": at + 1, "message": "GET /cats 500"}])
    where = ["--log-group-name", "/cats", "--log-stream-name", "web"]
    cli.run("logs", "put-log-events", *where, "--log-events", events)

    assert [one["message"] for one in cli.run("logs", "get-log-events", *where)["events"]] == ["GET / 200", "GET /cats 500"]
    found = cli.run("logs", "filter-log-events", "--log-group-name", "/cats", "--filter-pattern", "[verb, path, status=5*]")
    assert [one["message"] for one in found["events"]] == ["GET /cats 500"]
    if cli.major == "2":  # version 1 has no tail
        code, out, err = cli._run("logs", "tail", "/cats", "--format", "short", "--filter-pattern", "-500")
        assert (code, [line.split(" ", 1)[1] for line in out.splitlines()]) == (0, ["GET / 200"]), err
