"""What a service stands on: cluster, repository, log group, role, network, load balancer, target group, listener.

In the environment ``local`` what is missing is made through the AWS API, each step told. Elsewhere nothing is made:
everything that is missing is named in one ``MissingPieces``. What exists is used as it is; only the settings that the service
file itself states (health check, deregistration delay) are brought to what it says.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ninelives.deploy.aws import Aws, error_code, pages
from ninelives.deploy.errors import DeployError, MissingPieces
from ninelives.deploy.reading import Definition
from ninelives.deploy.reports import Act, Tell
from ninelives.deploy.service_file import ServiceFile

EXECUTION_ROLE = "ecsTaskExecutionRole"
LOG_RETENTION_DAYS = 30
ADDRESS_TAG = "ninelives:address"
"""Tag of a listener: the address where a region really answers for it, when it could not bind the port."""
DELAY = "deregistration_delay.timeout_seconds"
ZONES_MIN = 2
"""Zones that an application load balancer needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontDoor:
    """Where the public comes in, and where tasks are registered."""

    load_balancer_arn: str
    target_group_arn: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundation:
    """Everything that stands still, found or made."""

    repository_uri: str
    execution_role_arn: str
    task_role_arn: str | None
    network: Network | None
    """None when the file names none and it is not ours to choose: the service keeps its own."""
    front_door: FrontDoor


def lay(aws: Aws, definition: Definition, tell: Tell) -> Foundation:
    """Find what the service stands on; make what is missing where that is ours to do. Raises ``MissingPieces``."""
    ground = _Ground(aws, definition, tell)
    ground.cluster()
    repository_uri = ground.repository()
    ground.log_group()
    execution_role = ground.execution_role()
    task_role = ground.task_role()
    network = ground.network()
    front_door = ground.front_door(network)
    if ground.missing or execution_role is None or front_door is None:
        raise MissingPieces(ground.missing, environment=definition.environment)
    return Foundation(
        repository_uri=repository_uri,
        execution_role_arn=execution_role,
        task_role_arn=task_role,
        network=network,
        front_door=front_door,
    )


class _Ground:
    """Looks at each piece in turn; makes it, or notes that it is missing."""

    def __init__(self, aws: Aws, definition: Definition, tell: Tell) -> None:
        self.aws = aws
        self.file = definition.file
        self.makes = definition.is_local
        self.tell = tell
        self.missing: list[str] = []

    def _make(self, what: str, make: Callable[[], Any]) -> Any:
        """Make a missing piece, or note it and answer None."""
        if not self.makes:
            self.missing.append(what)
            return None
        made = make()
        self.tell(Act.MADE, what)
        return made

    def cluster(self) -> None:
        name = self.file.cluster_name
        found = self.aws.ecs.describe_clusters(clusters=[name])["clusters"]
        if not any(cluster["status"] == "ACTIVE" for cluster in found):
            self._make(f"cluster {name}", lambda: self.aws.ecs.create_cluster(clusterName=name))

    def repository(self) -> str:
        """The URI that images are named by, without a tag."""
        if self.file.image.build is None and self.file.image.repository is not None:
            return self.file.image.repository
        name = ecr_repository_name(self.file)
        try:
            found = self.aws.ecr.describe_repositories(repositoryNames=[name])["repositories"]
        except Exception as error:
            if error_code(error) != "RepositoryNotFoundException":
                raise
            made = self._make(
                f"repository {name} (tags immutable)",
                lambda: self.aws.ecr.create_repository(repositoryName=name, imageTagMutability="IMMUTABLE"),
            )
            return str(made["repository"]["repositoryUri"]) if made else ""
        return str(found[0]["repositoryUri"])

    def log_group(self) -> None:
        name = self.file.log_group
        found = self.aws.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        if any(group["logGroupName"] == name for group in found):
            return

        def make() -> None:
            self.aws.logs.create_log_group(logGroupName=name)
            self.aws.logs.put_retention_policy(logGroupName=name, retentionInDays=LOG_RETENTION_DAYS)

        self._make(f"log group {name} (kept {LOG_RETENTION_DAYS} days)", make)

    def execution_role(self) -> str | None:
        named = self.file.roles.execution
        return self._role(named or EXECUTION_ROLE, makes=named is None)

    def task_role(self) -> str | None:
        named = self.file.roles.task
        return self._role(named, makes=False) if named else None

    def _role(self, name: str, *, makes: bool) -> str | None:
        if name.startswith("arn:"):
            return name
        try:
            return str(self.aws.iam.get_role(RoleName=name)["Role"]["Arn"])
        except Exception as error:
            if error_code(error) != "NoSuchEntity":
                raise
        if not makes:
            self.missing.append(f"IAM role {name}")
            return None
        made = self._make(f"IAM role {name}", lambda: self._make_execution_role(name))
        return str(made) if made else None

    def _make_execution_role(self, name: str) -> str:
        """Source: ECS developer guide, "Amazon ECS task execution IAM role"."""
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ],
        }
        actions = [
            "ecr:GetAuthorizationToken",
            "ecr:BatchCheckLayerAvailability",
            "ecr:GetDownloadUrlForLayer",
            "ecr:BatchGetImage",
            "logs:CreateLogStream",
            "logs:PutLogEvents",
        ]
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
        role = self.aws.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
        self.aws.iam.put_role_policy(RoleName=name, PolicyName="pull-and-log", PolicyDocument=json.dumps(policy))
        return str(role["Arn"])

    def network(self) -> Network | None:
        asked = self.file.network
        if asked.subnets and asked.security_groups:
            return Network(subnets=asked.subnets, security_groups=asked.security_groups)
        if not self.makes:
            if asked.subnets or asked.security_groups:
                self.missing.append("network: both subnets and security_groups (only one of them is named)")
            return None
        subnets = asked.subnets or self._default_subnets()
        return Network(subnets=subnets, security_groups=asked.security_groups or (self._security_group(subnets),))

    def _default_subnets(self) -> tuple[str, ...]:
        """The default VPC's subnets, one a zone, in two zones."""
        only_default = [{"Name": "default-for-az", "Values": ["true"]}]
        found = self.aws.ec2.describe_subnets(Filters=only_default)["Subnets"]
        if not found:
            self._make("default VPC", self.aws.ec2.create_default_vpc)
            found = self.aws.ec2.describe_subnets(Filters=only_default)["Subnets"]
        by_zone = {subnet["AvailabilityZone"]: str(subnet["SubnetId"]) for subnet in found}
        if len(by_zone) < ZONES_MIN:
            raise DeployError(
                f"The default VPC has subnets in {len(by_zone)} zone(s); a load balancer needs {ZONES_MIN}.",
                hint="Name subnets under `network:` in the service file.",
            )
        return tuple(by_zone[zone] for zone in sorted(by_zone)[:ZONES_MIN])

    def _vpc_of(self, subnets: tuple[str, ...]) -> str:
        return str(self.aws.ec2.describe_subnets(SubnetIds=[subnets[0]])["Subnets"][0]["VpcId"])

    def _security_group(self, subnets: tuple[str, ...]) -> str:
        vpc, name = self._vpc_of(subnets), f"ninelives-{self.file.service}"
        filters = [{"Name": "group-name", "Values": [name]}, {"Name": "vpc-id", "Values": [vpc]}]
        found = self.aws.ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
        if found:
            return str(found[0]["GroupId"])

        def make() -> str:
            description = f"Load balancer and tasks of {self.file.service}"
            group = str(self.aws.ec2.create_security_group(GroupName=name, Description=description, VpcId=vpc)["GroupId"])
            public, inside = self.file.load_balancer.port, self.file.port
            self.aws.ec2.authorize_security_group_ingress(
                GroupId=group,
                IpPermissions=[
                    {"IpProtocol": "tcp", "FromPort": public, "ToPort": public, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
                    {"IpProtocol": "tcp", "FromPort": inside, "ToPort": inside, "UserIdGroupPairs": [{"GroupId": group}]},
                ],
            )
            return group

        return str(self._make(f"security group {name}", make))

    def front_door(self, network: Network | None) -> FrontDoor | None:
        balancer = self._load_balancer(network)
        group = self._target_group(network)
        if balancer is None:
            self.missing.append(f"listener on port {self.file.load_balancer.port}")
        if balancer is None or group is None:
            return None
        listener = self._listener(balancer, group)
        if listener is None:
            return None
        return FrontDoor(
            load_balancer_arn=str(balancer["LoadBalancerArn"]),
            target_group_arn=str(group["TargetGroupArn"]),
            url=public_url(self.aws, balancer, listener),
        )

    def _load_balancer(self, network: Network | None) -> Mapping[str, Any] | None:
        found = find_load_balancer(self.aws, self.file.load_balancer_name)
        if found is not None:
            return found
        name = self.file.load_balancer_name

        def make() -> Any:
            assert network is not None
            made = self.aws.elbv2.create_load_balancer(
                Name=name,
                Subnets=list(network.subnets),
                SecurityGroups=list(network.security_groups),
                Scheme="internet-facing",
                Type="application",
            )
            return made["LoadBalancers"][0]

        made: Mapping[str, Any] | None = self._make(f"load balancer {name}", make)
        return made

    def _target_group(self, network: Network | None) -> Mapping[str, Any] | None:
        found = find_target_group(self.aws, self.file.target_group_name)
        if found is not None:
            if self.makes:
                self._correct_health_check(found)
                self._correct_delay(found)
            return found
        made: Mapping[str, Any] | None = self._make(
            f"target group {self.file.target_group_name} (health: {self.file.health.path})",
            lambda: self._make_target_group(network),
        )
        return made

    def _make_target_group(self, network: Network | None) -> Any:
        assert network is not None
        made = self.aws.elbv2.create_target_group(
            Name=self.file.target_group_name,
            Protocol="HTTP",
            Port=self.file.port,
            VpcId=self._vpc_of(network.subnets),
            TargetType="ip",
            **health_check_settings(self.file),
        )["TargetGroups"][0]
        self._set_delay(made["TargetGroupArn"])
        return made

    def _correct_health_check(self, group: Mapping[str, Any]) -> None:
        wanted = health_check_settings(self.file)
        differing = {name: value for name, value in wanted.items() if group.get(name) != value}
        if differing:
            self.aws.elbv2.modify_target_group(TargetGroupArn=group["TargetGroupArn"], **differing)
            self.tell(Act.CHANGED, f"health check of target group {group['TargetGroupName']}: {_listed(differing)}")

    def _correct_delay(self, group: Mapping[str, Any]) -> None:
        arn, wanted = group["TargetGroupArn"], self._delay
        attributes = self.aws.elbv2.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
        if {one["Key"]: one["Value"] for one in attributes}.get(DELAY) != wanted:
            self._set_delay(arn)
            self.tell(Act.CHANGED, f"deregistration delay of target group {group['TargetGroupName']}: {wanted}s")

    @property
    def _delay(self) -> str:
        return str(int(self.file.drain.deregistration_delay.total_seconds()))

    def _set_delay(self, arn: str) -> None:
        attributes = [{"Key": DELAY, "Value": self._delay}]
        self.aws.elbv2.modify_target_group_attributes(TargetGroupArn=arn, Attributes=attributes)

    def _listener(self, balancer: Mapping[str, Any], group: Mapping[str, Any]) -> Mapping[str, Any] | None:
        port, arn = self.file.load_balancer.port, balancer["LoadBalancerArn"]
        found = find_listener(self.aws, arn, port)
        if found is not None:
            if self.makes and group["TargetGroupArn"] not in _forwarded_to(found):
                raise DeployError(
                    f"Listener {port} of load balancer {balancer['LoadBalancerName']} forwards to another target group.",
                    hint="Give the service a port or a load balancer of its own under `load_balancer:`.",
                )
            return found
        action = {"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}

        def make() -> Any:
            made = self.aws.elbv2.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=port, DefaultActions=[action])
            return made["Listeners"][0]

        made: Mapping[str, Any] | None = self._make(
            f"listener on port {port} of load balancer {self.file.load_balancer_name}", make
        )
        return made


def ecr_repository_name(file: ServiceFile) -> str:
    """The name of the service's repository in ECR; a full repository URI is cut down to its name."""
    named = file.image.repository or file.service
    host, slash, rest = named.partition("/")
    return rest if slash and ("." in host or ":" in host) else named


def health_check_settings(file: ServiceFile) -> dict[str, Any]:
    """Members of ``CreateTargetGroup`` and ``ModifyTargetGroup``."""
    health = file.health
    return {
        "HealthCheckProtocol": "HTTP",
        "HealthCheckPath": health.path,
        "HealthCheckIntervalSeconds": int(health.interval.total_seconds()),
        "HealthCheckTimeoutSeconds": int(health.timeout.total_seconds()),
        "HealthyThresholdCount": health.healthy_threshold,
        "UnhealthyThresholdCount": health.unhealthy_threshold,
        "Matcher": {"HttpCode": health.matcher},
    }


def find_load_balancer(aws: Aws, name: str) -> Mapping[str, Any] | None:
    try:
        found: Mapping[str, Any] = aws.elbv2.describe_load_balancers(Names=[name])["LoadBalancers"][0]
    except Exception as error:
        if error_code(error) == "LoadBalancerNotFound":
            return None
        raise
    return found


def find_target_group(aws: Aws, name: str) -> Mapping[str, Any] | None:
    try:
        found: Mapping[str, Any] = aws.elbv2.describe_target_groups(Names=[name])["TargetGroups"][0]
    except Exception as error:
        if error_code(error) == "TargetGroupNotFound":
            return None
        raise
    return found


def find_listener(aws: Aws, load_balancer_arn: str, port: int) -> Mapping[str, Any] | None:
    listeners = pages(
        lambda **request: _with_marker(aws.elbv2.describe_listeners(**request)),
        "Listeners",
        continuation="Marker",
        LoadBalancerArn=load_balancer_arn,
    )
    return next((listener for listener in listeners if listener["Port"] == port), None)


def _with_marker(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """ELB's answers name the continuation ``NextMarker``, its requests ``Marker``."""
    return {**answer, "Marker": answer.get("NextMarker")}


def public_url(aws: Aws, balancer: Mapping[str, Any], listener: Mapping[str, Any]) -> str:
    """Where the service answers; the listener's tag ``ninelives:address`` overrides its own port."""
    scheme = "https" if listener.get("Protocol") == "HTTPS" else "http"
    described = aws.elbv2.describe_tags(ResourceArns=[listener["ListenerArn"]])["TagDescriptions"]
    tags = {tag["Key"]: tag["Value"] for one in described for tag in one.get("Tags", ())}
    address = tags.get(ADDRESS_TAG)
    if address:
        return address if "://" in address else f"{scheme}://{address}"
    port = listener["Port"]
    usual = 443 if scheme == "https" else 80
    return f"{scheme}://{balancer['DNSName']}" + ("" if port == usual else f":{port}")


def _forwarded_to(listener: Mapping[str, Any]) -> set[str]:
    """Target groups that a listener's default action sends to."""
    groups: set[str] = set()
    for action in listener.get("DefaultActions", ()):
        groups |= {action["TargetGroupArn"]} if action.get("TargetGroupArn") else set()
        groups |= {one["TargetGroupArn"] for one in action.get("ForwardConfig", {}).get("TargetGroups", ())}
    return groups


def _listed(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())
