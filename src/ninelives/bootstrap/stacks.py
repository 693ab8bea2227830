"""Which stacks a service file asks for, and with which parameters. Pure.

What services share has a stack of its own, named after what it is shared by: the network and the cluster after the cluster,
GitHub as identity provider after nothing, for an account has one. The service's own are named after the service.

========================  =====================================  ==========================================
stack                     what it holds                          shared by
========================  =====================================  ==========================================
``<cluster>-network``     VPC, subnets, NAT                      services of the cluster
``<cluster>-cluster``     the ECS cluster                        services of the cluster
``ninelives-github``      GitHub as identity provider            all of the account
``<service>-service``     load balancer, roles, logs, alarms     nobody
``<service>-github``      the role that GitHub deploys with      nobody
========================  =====================================  ==========================================
"""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from ninelives.bootstrap.github_trust import deploy_role_name, github_stack_name, trusted_subjects
from ninelives.bootstrap.template import Kind, Resource, resources_of
from ninelives.deploy.deploy_part import ErrorRate, Latency, OwnAlarm
from ninelives.deploy.foundation import ecr_repository_name
from ninelives.deploy.options import DEFAULT_TIMEOUT
from ninelives.deploy.reading import Definition
from ninelives.deploy.service_file import ServiceFile
from ninelives.deploy.stack_outputs import service_stack_name

PROVIDER_STACK = "ninelives-github"
KIND_TAG, ENVIRONMENT_TAG = "ninelives:stack", "ninelives:environment"
SERVICE_TAG, CLUSTER_TAG = "ninelives:service", "ninelives:cluster"
SUBNETS_OF_A_KIND = 3
OF_THE_NETWORK = ("PublicSubnets", "TaskSubnets", "AssignPublicIp")
"""What a service's stack takes from its network's: outputs here, parameters there."""
OF_THE_SERVICE = ("ExecutionRoleArn", "TaskRoleArn", "InfrastructureRoleArn")
"""What the deploy role's stack takes from its service's."""
OF_HOOKS = "HooksRoleArn"
"""What it takes besides, where functions are asked."""
SESSION_MIN, SESSION_MAX = timedelta(hours=1), timedelta(hours=12)
"""How long a role may be kept. Source: ``iam`` ``CreateRole.MaxSessionDuration``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is known of the account before anything is made."""

    account: str
    region: str
    partition: str = "aws"
    makes_cluster: bool = True
    """False where a cluster of the name is there already, and not by us."""
    provider_arn: str | None = None
    """GitHub as identity provider, where it is there already, and not by us."""
    speaks_tls: bool = True
    """False for an embedded region."""

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def global_arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}::{self.account}:{resource}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedStack:
    """A stack as it should be."""

    name: str
    kind: Kind
    parameters: Mapping[str, str] = field(default_factory=dict)
    belongs_to: Mapping[str, str] = field(default_factory=dict)
    takes: Mapping[str, str] = field(default_factory=dict)
    """Further parameters: outputs of the same names, by the stack that has them."""

    def with_outputs(self, outputs: Mapping[str, Mapping[str, str]]) -> "WantedStack":
        """The stack with what it takes from others, as far as these are there; ``outputs`` by stack."""
        found = {name: outputs[stack][name] for name, stack in self.takes.items() if name in outputs.get(stack, {})}
        return replace(self, parameters={**self.parameters, **found})

    @property
    def tags(self) -> dict[str, str]:
        """CloudFormation hands them on to all that the stack holds."""
        return {KIND_TAG: self.kind, **self.belongs_to}

    @property
    def resources(self) -> tuple[Resource, ...]:
        return resources_of(self.kind, self.parameters)


def network_stack_name(file: ServiceFile) -> str:
    return f"{file.cluster_name}-network".replace("_", "-")


def cluster_stack_name(file: ServiceFile) -> str:
    return f"{file.cluster_name}-cluster".replace("_", "-")


def wanted_stacks(definition: Definition, around: Surroundings) -> tuple[WantedStack, ...]:
    """In the order in which they are made; each needs those before it at the most."""
    file = definition.file
    asked = file.bootstrap
    shared = {CLUSTER_TAG: file.cluster_name}
    own = {SERVICE_TAG: file.service, ENVIRONMENT_TAG: definition.environment}
    stacks = []
    if asked.network.vpc is None:
        stacks.append(
            WantedStack(
                name=network_stack_name(file), kind=Kind.NETWORK, parameters=network_parameters(file), belongs_to=shared
            )
        )
    if around.makes_cluster:
        cluster = {"ClusterName": file.cluster_name, "ContainerInsights": asked.container_insights}
        stacks.append(WantedStack(name=cluster_stack_name(file), kind=Kind.CLUSTER, parameters=cluster, belongs_to=shared))
    stacks.append(
        WantedStack(
            name=service_stack_name(file),
            kind=Kind.SERVICE,
            parameters=service_parameters(file, around),
            belongs_to=own,
            takes={} if asked.network.vpc is not None else dict.fromkeys(OF_THE_NETWORK, network_stack_name(file)),
        )
    )
    if asked.github is not None:
        if around.provider_arn is None:
            stacks.append(WantedStack(name=PROVIDER_STACK, kind=Kind.GITHUB_PROVIDER))
        stacks.append(
            WantedStack(
                name=github_stack_name(file),
                kind=Kind.GITHUB,
                parameters=github_parameters(file, around),
                belongs_to=own,
                takes=dict.fromkeys(_roles_to_pass(file), service_stack_name(file)),
            )
        )
    return tuple(stacks)


def network_parameters(file: ServiceFile) -> dict[str, str]:
    """The VPC is cut into eight parts: three for public subnets, three for private ones, two to spare."""
    asked = file.bootstrap.network
    parts = [str(part) for part in ipaddress.IPv4Network(asked.cidr).subnets(prefixlen_diff=3)]
    return {
        "Name": file.cluster_name,
        "VpcCidr": asked.cidr,
        "PublicCidrs": ",".join(parts[:SUBNETS_OF_A_KIND]),
        "PrivateCidrs": ",".join(parts[SUBNETS_OF_A_KIND : 2 * SUBNETS_OF_A_KIND]),
        "Zones": str(asked.zones),
        "Nat": asked.nat,
    }


def service_parameters(file: ServiceFile, around: Surroundings) -> dict[str, str]:
    """The parameters of ``service.yml``, but for what it takes from its network's stack."""
    return {
        "Service": file.service,
        "ClusterName": file.cluster_name,
        **_network_of_service(file),
        **_load_balancer(file, around),
        **_image_and_logs(file, around),
        **_roles(file, around),
        **_alarms(file),
    }


def _network_of_service(file: ServiceFile) -> dict[str, str]:
    network = file.bootstrap.network
    if network.vpc is None:
        return {"NetworkStack": network_stack_name(file)}
    return {
        "VpcId": network.vpc,
        "PublicSubnets": ",".join(network.public_subnets),
        "TaskSubnets": ",".join(network.private_subnets or network.public_subnets),
        "AssignPublicIp": "DISABLED" if network.private_subnets else "ENABLED",
    }


def _load_balancer(file: ServiceFile, around: Surroundings) -> dict[str, str]:
    asked, health, test = file.bootstrap, file.health, file.load_balancer.test_listener
    return {
        "LoadBalancerName": file.load_balancer_name,
        "TargetGroupName": file.target_group_name,
        "AlternateTargetGroupName": file.alternate_target_group_name,
        "ListenerPort": str(file.load_balancer.port),
        "CertificateArn": asked.certificate or "",
        "TestPort": str(test.port or 0) if test is not None else "0",
        "TestHeader": (test.header or "") if test is not None else "",
        "TestHeaderValue": test.value if test is not None else "true",
        "PublicFrom": asked.public_from,
        "TestFrom": asked.test_from,
        "AccessLogDays": str(asked.keep.access_logs.days),
        "RequiresTls": "true" if around.speaks_tls else "false",
        "ContainerPort": str(file.port),
        "HealthPath": health.path,
        "HealthInterval": _seconds(health.interval),
        "HealthTimeout": _seconds(health.timeout),
        "HealthyThreshold": str(health.healthy_threshold),
        "UnhealthyThreshold": str(health.unhealthy_threshold),
        "HealthMatcher": health.matcher,
        "DeregistrationDelay": _seconds(file.drain.deregistration_delay),
    }


def _image_and_logs(file: ServiceFile, around: Surroundings) -> dict[str, str]:
    return {
        "RepositoryName": repository_to_make(file),
        "PullFromArn": _repository_to_pull_from(file, around),
        "ImagesKept": str(file.bootstrap.keep.images),
        "LogGroupName": file.log_group,
        "LogRetentionDays": str(file.bootstrap.keep.logs.days),
    }


def repository_to_make(file: ServiceFile) -> str:
    """Name of the ECR repository that is the service's own; empty where its images come from somebody else's."""
    return ecr_repository_name(file) if file.image.build is not None else ""


def _repository_to_pull_from(file: ServiceFile, around: Surroundings) -> str:
    """ARN of somebody else's repository, where that is in ECR."""
    named = file.image.repository
    if file.image.build is not None or named is None:
        return ""
    host, _, name = named.partition("/")
    labels = host.split(".")  # 123456789012.dkr.ecr.eu-west-1.amazonaws.com
    if labels[1:3] != ["dkr", "ecr"]:
        return ""
    return f"arn:{around.partition}:ecr:{labels[3]}:{labels[0]}:repository/{name}"


def _roles(file: ServiceFile, around: Surroundings) -> dict[str, str]:
    parameters, secrets, named = secret_arns(file, around)
    functions = [hook.function for hook in file.deploy.hooks if hook.function is not None]
    return {
        "ExecutionRoleArn": _role_arn(file.roles.execution, around),
        "TaskRoleArn": _role_arn(file.roles.task, around),
        "InfrastructureRoleArn": _role_arn(file.roles.infrastructure, around),
        "HooksRoleArn": _role_arn(file.roles.hooks, around) if functions else "",
        "TaskPolicyArns": ",".join(file.bootstrap.task_policies),
        "ParameterArns": _listed(parameters),
        "SecretArns": _listed([*secrets, *named]),
        "SecretKeyArns": ",".join(file.bootstrap.secret_keys),
        "HookFunctionArns": _listed(
            one if one.startswith("arn:") else around.arn("lambda", f"function:{one}") for one in functions
        ),
    }


def _role_arn(named: str | None, around: Surroundings) -> str:
    if named is None or named.startswith("arn:"):
        return named or ""
    return around.global_arn("iam", f"role/{named}")


def secret_arns(file: ServiceFile, around: Surroundings) -> tuple[list[str], list[str], list[str]]:
    """ARNs of the SSM parameters, of the secrets named by ARN, and of those named without: to these AWS adds six characters.

    >>> from ninelives.deploy.reading import parse_service_file
    >>> file = parse_service_file("{service: a, image: ., port: 80, secrets: {K: 'secretsmanager:a/b', L: 'ssm:/c'}}")
    >>> secret_arns(file, Surroundings(account="123456789012", region="eu-west-1"))[0]
    ['arn:aws:ssm:eu-west-1:123456789012:parameter/c']
    """
    parameters, secrets, named = [], [], []
    for source in file.secrets.values():
        kind, _, rest = source.partition(":")
        if kind == "ssm":
            parameters.append(around.arn("ssm", f"parameter/{rest.removeprefix('/')}"))
        elif kind == "secretsmanager":
            named.append(around.arn("secretsmanager", f"secret:{rest}-??????"))
        elif ":secretsmanager:" in source:
            secrets.append(":".join(source.split(":")[:7]))  # without the key and version that may follow
        else:
            parameters.append(source)
    return parameters, secrets, named


def _alarms(file: ServiceFile) -> dict[str, str]:
    errors, latency = error_rate_of(file), latency_of(file)
    [(statistic, limit)] = latency.limits.items()
    asked = file.bootstrap.alarms
    return {
        "ErrorRateAbove": f"{errors.above:g}",
        "ErrorRatePeriod": _seconds(errors.period),
        "ErrorRatePeriods": str(errors.evaluation_periods),
        "LatencyAbove": f"{limit.total_seconds():g}",
        "LatencyStatistic": statistic,
        "LatencyPeriod": _seconds(latency.period),
        "LatencyPeriods": str(latency.evaluation_periods),
        "CpuAbove": str(asked.cpu),
        "MemoryAbove": str(asked.memory),
        "NotifyArns": ",".join(asked.notify),
    }


def error_rate_of(file: ServiceFile) -> ErrorRate:
    """When the alarm ``<service>-5xx`` goes off: what takes releases back goes before what only tells."""
    return next((one.error_rate for one in _own(file) if one.error_rate is not None), file.bootstrap.alarms.error_rate)


def latency_of(file: ServiceFile) -> Latency:
    """When the alarm ``<service>-latency`` goes off."""
    return next((one.latency for one in _own(file) if one.latency is not None), file.bootstrap.alarms.latency)


def _own(file: ServiceFile) -> list[OwnAlarm]:
    return [one for one in file.deploy.rollback.alarms if isinstance(one, OwnAlarm)]


def github_parameters(file: ServiceFile, around: Surroundings) -> dict[str, str]:
    """The parameters of ``github.yml``, but for what it takes from its service's stack."""
    github = file.bootstrap.github
    assert github is not None
    return {
        "Service": file.service,
        "ServiceStack": service_stack_name(file),
        "RoleName": deploy_role_name(file, around.region),
        "ProviderArn": around.provider_arn or "",
        "ProviderStack": PROVIDER_STACK if around.provider_arn is None else "",
        "Subjects": ",".join(trusted_subjects(github)),
        "SessionSeconds": _seconds(session_length(file)),
        "ClusterName": file.cluster_name,
        "RepositoryName": repository_to_make(file),
        "LogGroupName": file.log_group,
        "NamedSecretArns": _listed(secret_arns(file, around)[2]),
        "Scales": "true" if file.scaling is not None else "false",
    }


def _roles_to_pass(file: ServiceFile) -> tuple[str, ...]:
    asks_functions = any(hook.function is not None for hook in file.deploy.hooks)
    return (*OF_THE_SERVICE, OF_HOOKS) if asks_functions else OF_THE_SERVICE


def session_length(file: ServiceFile) -> timedelta:
    """As long as a release may take: half an hour, and what it waits on purpose; within what IAM allows, in whole hours."""
    needed = DEFAULT_TIMEOUT + file.deploy.waits_on_purpose(for_decisions=False)
    whole = timedelta(hours=-(-needed // timedelta(hours=1)))
    return min(max(whole, SESSION_MIN), SESSION_MAX)


def capabilities(kind: Kind) -> tuple[str, ...]:
    """What CloudFormation wants to be told: that roles are made and, for the deploy role, under a name of ours."""
    return {Kind.SERVICE: ("CAPABILITY_IAM",), Kind.GITHUB: ("CAPABILITY_NAMED_IAM",)}.get(kind, ())


def _listed(values: Iterable[str]) -> str:
    return ",".join(dict.fromkeys(values))


def _seconds(duration: timedelta) -> str:
    return str(int(duration.total_seconds()))
