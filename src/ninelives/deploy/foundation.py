"""What a service stands on: cluster, repository, log group, roles, network, front door, alarms.

Where ``ninelives bootstrap`` has laid it, its stack says what it is. Without it, in the environment ``local``, what is missing
is made through the AWS API, each step told. Elsewhere nothing is made: everything that is missing is named in one
``MissingPieces``. What exists is used as it is; only the settings that the service file itself states (health check,
deregistration delay, the rules of a shift, the service's own alarms) are brought to what it says.
"""

from dataclasses import dataclass

from ninelives.deploy.alarms import see_to_alarms
from ninelives.deploy.aws import Aws, error_code
from ninelives.deploy.errors import DeployError, MissingPieces
from ninelives.deploy.front_door import FrontDoor, find_load_balancer, find_or_make_front_door
from ninelives.deploy.ground import Ground, Network
from ninelives.deploy.reading import Definition
from ninelives.deploy.reports import Tell
from ninelives.deploy.service_file import ServiceFile

EXECUTION_ROLE = "ecsTaskExecutionRole"
HOOKS_ROLE = "ecsLifecycleHookRole"
LOG_RETENTION_DAYS = 30
ZONES_MIN = 2
"""Zones that an application load balancer needs."""


MADE_ELSEWHERE = frozenset(
    {
        "RepositoryAlreadyExistsException",
        "ResourceAlreadyExistsException",
        "EntityAlreadyExists",
        "DefaultVpcAlreadyExists",
        "InvalidGroup.Duplicate",
        "DuplicateLoadBalancerName",
        "DuplicateTargetGroupName",
        "DuplicateListener",
    }
)
"""How AWS says that a piece which was missing a moment ago is there."""
MADE_ELSEWHERE_MAX = len(MADE_ELSEWHERE)
"""Each kind of piece can be made by another release once while this one looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundation:
    """Everything that stands still, found or made."""

    repository_uri: str
    execution_role_arn: str
    task_role_arn: str | None
    network: Network | None
    """None when the file names none and it is not ours to choose: the service keeps its own."""
    front_door: FrontDoor
    hooks_role_arn: str | None = None
    """None where no hook calls a function."""


def lay(aws: Aws, definition: Definition, tell: Tell) -> Foundation:
    """Find what the service stands on; make what is missing where that is ours to do. Raises ``MissingPieces``.

    Where another release makes a piece at the same time, it is found at the next look.
    """
    for _ in range(MADE_ELSEWHERE_MAX):
        try:
            return _lay(aws, definition, tell)
        except Exception as error:
            if error_code(error) not in MADE_ELSEWHERE:
                raise
    return _lay(aws, definition, tell)


def _lay(aws: Aws, definition: Definition, tell: Tell) -> Foundation:
    ground = Ground(aws, definition, tell)
    file = definition.file
    _see_to_cluster(ground)
    repository_uri = _repository(ground)
    _see_to_log_group(ground)
    execution_role = _execution_role(ground)
    task_role = ground.role(file.roles.task, None) if file.roles.task else _laid(ground, "task_role_arn")
    hooks_role = _hooks_role(ground)
    network = _network(ground)
    front_door = find_or_make_front_door(ground, network)
    see_to_alarms(ground, _load_balancer_arn(aws, file, front_door))
    if ground.missing or execution_role is None or front_door is None:
        raise MissingPieces(ground.missing, environment=definition.environment, stack=_laid(ground, "stack"))
    return Foundation(
        repository_uri=repository_uri,
        execution_role_arn=execution_role,
        task_role_arn=task_role,
        network=network,
        front_door=front_door,
        hooks_role_arn=hooks_role,
    )


def _load_balancer_arn(aws: Aws, file: ServiceFile, front_door: FrontDoor | None) -> str | None:
    if front_door is not None:
        return front_door.load_balancer_arn
    found = find_load_balancer(aws, file.load_balancer_name)
    return str(found["LoadBalancerArn"]) if found is not None else None


def _see_to_cluster(ground: Ground) -> None:
    name = ground.file.cluster_name
    found = ground.aws.ecs.describe_clusters(clusters=[name])["clusters"]
    if not any(cluster["status"] == "ACTIVE" for cluster in found):
        ground.make(f"cluster {name}", lambda: ground.aws.ecs.create_cluster(clusterName=name))


def _repository(ground: Ground) -> str:
    """The URI that images are named by, without a tag."""
    aws, file = ground.aws, ground.file
    if file.image.build is None and file.image.repository is not None:
        return file.image.repository
    name = ecr_repository_name(file)
    try:
        found = aws.ecr.describe_repositories(repositoryNames=[name])["repositories"]
    except Exception as error:
        if error_code(error) != "RepositoryNotFoundException":
            raise
        made = ground.make(
            f"repository {name} (tags immutable)",
            lambda: aws.ecr.create_repository(repositoryName=name, imageTagMutability="IMMUTABLE"),
        )
        return str(made["repository"]["repositoryUri"]) if made else ""
    return str(found[0]["repositoryUri"])


def _see_to_log_group(ground: Ground) -> None:
    aws, name = ground.aws, ground.file.log_group
    found = aws.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    if any(group["logGroupName"] == name for group in found):
        return

    def make() -> None:
        aws.logs.create_log_group(logGroupName=name)
        aws.logs.put_retention_policy(logGroupName=name, retentionInDays=LOG_RETENTION_DAYS)

    ground.make(f"log group {name} (kept {LOG_RETENTION_DAYS} days)", make)


def _execution_role(ground: Ground) -> str | None:
    """Source: ECS developer guide, "Amazon ECS task execution IAM role"."""
    named = ground.file.roles.execution or _laid(ground, "execution_role_arn")
    name = named or EXECUTION_ROLE
    actions = (
        "ecr:GetAuthorizationToken",
        "ecr:BatchCheckLayerAvailability",
        "ecr:GetDownloadUrlForLayer",
        "ecr:BatchGetImage",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    )

    def make() -> str:
        return ground.make_role(
            name, principal="ecs-tasks.amazonaws.com", policy="pull-and-log", actions=actions, resources=["*"]
        )

    return ground.role(name, None if named else make)


def _hooks_role(ground: Ground) -> str | None:
    """Source: ECS developer guide, "Permissions required for Lambda functions in Amazon ECS blue/green deployments"."""
    if all(hook.function is None for hook in ground.file.deploy.hooks):
        return None
    named = ground.file.roles.hooks or _laid(ground, "hooks_role_arn")
    name = named or HOOKS_ROLE

    def make() -> str:
        return ground.make_role(
            name,
            principal="ecs.amazonaws.com",
            policy="call-hooks",
            actions=["lambda:InvokeFunction"],
            resources=["*"],
        )

    return ground.role(name, None if named else make)


def _network(ground: Ground) -> Network | None:
    asked, laid = ground.file.network, ground.bootstrapped
    if asked.subnets and asked.security_groups:
        return Network(subnets=asked.subnets, security_groups=asked.security_groups, public_ip=asked.public_ip, is_stated=True)
    if laid is not None:
        return Network(
            subnets=asked.subnets or laid.subnets,
            security_groups=asked.security_groups or (laid.security_group,),
            public_ip=asked.public_ip if asked.subnets else laid.public_ip,
            is_stated=True,
        )
    if not ground.makes:
        if asked.subnets or asked.security_groups:
            ground.missing.append("network: both subnets and security_groups (only one of them is named)")
        return None
    subnets = asked.subnets or _default_subnets(ground)
    return Network(
        subnets=subnets,
        security_groups=asked.security_groups or (_security_group(ground, subnets),),
        public_ip=asked.public_ip,
        is_stated=bool(asked.subnets),
    )


def _laid(ground: Ground, what: str) -> str | None:
    """What the service's stack says of itself; None where there is none."""
    return getattr(ground.bootstrapped, what) if ground.bootstrapped is not None else None


def _default_subnets(ground: Ground) -> tuple[str, ...]:
    """The default VPC's subnets, one a zone, in two zones."""
    only_default = [{"Name": "default-for-az", "Values": ["true"]}]
    found = ground.aws.ec2.describe_subnets(Filters=only_default)["Subnets"]
    if not found:
        ground.make("default VPC", ground.aws.ec2.create_default_vpc)
        found = ground.aws.ec2.describe_subnets(Filters=only_default)["Subnets"]
    by_zone = {subnet["AvailabilityZone"]: str(subnet["SubnetId"]) for subnet in found}
    if len(by_zone) < ZONES_MIN:
        raise DeployError(
            f"The default VPC has subnets in {len(by_zone)} zone(s); a load balancer needs {ZONES_MIN}.",
            hint="Name subnets under `network:` in the service file.",
        )
    return tuple(by_zone[zone] for zone in sorted(by_zone)[:ZONES_MIN])


def _security_group(ground: Ground, subnets: tuple[str, ...]) -> str:
    ec2, file = ground.aws.ec2, ground.file
    vpc, name = Network(subnets=subnets, security_groups=()).vpc(ground.aws), f"ninelives-{file.service}"
    filters = [{"Name": "group-name", "Values": [name]}, {"Name": "vpc-id", "Values": [vpc]}]
    found = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    if found:
        return str(found[0]["GroupId"])

    def make() -> str:
        description = f"Load balancer and tasks of {file.service}"
        group = str(ec2.create_security_group(GroupName=name, Description=description, VpcId=vpc)["GroupId"])
        test = file.load_balancer.test_listener
        public = [file.load_balancer.port, *([test.port] if test is not None and test.port is not None else [])]
        ec2.authorize_security_group_ingress(
            GroupId=group,
            IpPermissions=[
                *(
                    {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
                    for port in public
                ),
                {
                    "IpProtocol": "tcp",
                    "FromPort": file.port,
                    "ToPort": file.port,
                    "UserIdGroupPairs": [{"GroupId": group}],
                },
            ],
        )
        return group

    return str(ground.make(f"security group {name}", make))


def ecr_repository_name(file: ServiceFile) -> str:
    """The name of the service's repository in ECR; a full repository URI is cut down to its name."""
    named = file.image.repository or file.service
    host, slash, rest = named.partition("/")
    return rest if slash and ("." in host or ":" in host) else named
