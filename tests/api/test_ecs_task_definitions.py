"""Task definitions are checked as Fargate checks them, shown as the API shows them, and numbered once and for ever."""

from typing import Any

import pytest
from ecs_world import PLACE, World, container, fargate

AWSLOGS = {"awslogs-group": "/cats", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "cats"}
ROLE = "arn:aws:iam::111122223333:role/exec"


def of(*containers: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Fargate's definition with these containers, or one container with these members."""
    return fargate(containerDefinitions=list(containers), **members)


def one(**members: Any) -> dict[str, Any]:
    return of(container(**members))


def on_ec2(**members: Any) -> dict[str, Any]:
    return {"family": "cats", "containerDefinitions": [container(memory=128)]} | members


def logging(driver: str = "awslogs", **options: str) -> dict[str, Any]:
    return {"logConfiguration": {"logDriver": driver, "options": options}}


def linux(**members: Any) -> dict[str, Any]:
    return one(linuxParameters=members)


NO_CONFIGURATION = "No Fargate configuration exists for given values."
TROUBLESHOOTING = "For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."

REFUSED: list[tuple[dict[str, Any], str]] = [
    (of(), "Container list cannot be empty."),
    (fargate(family="two words"), "Family contains invalid characters."),
    (of({"name": "web"}), "Container.image should not be null or empty."),
    (one(image=""), "Container.image should not be null or empty."),
    (one(name=""), "Container.name should not be null or empty."),
    (one(image="$IMAGE:$TAG"), "Container.image contains invalid characters."),
    (of(container(), container()), "Container names must be unique within a task definition."),
    (one(essential=False), "Task definition doesn't have any essential container"),
    (
        on_ec2(containerDefinitions=[container()]),
        "Invalid setting for container 'web'. At least one of 'memory' or 'memoryReservation' must be specified.",
    ),
    (one(memory=128, memoryReservation=256), "'memory' must be greater than or equal to 'memoryReservation'"),
    (one(memory=1024), "The 'memory' setting for container 'web' is greater than for the task"),
    (
        of(container(cpu=200), container(name="side", cpu=100, portMappings=[])),
        "The sum of all container 'cpu' values cannot be greater than the task-level 'cpu' value",
    ),
    (
        one(dependsOn=[{"containerName": "db", "condition": "START"}]),
        "Cannot depend on container db because it does not exist",
    ),
    (
        of(container(dependsOn=[{"containerName": "db", "condition": "HEALTHY"}]), container(name="db")),
        "A dependency container with HEALTHY condition must have health check configured",
    ),
    (
        of(container(dependsOn=[{"containerName": "db", "condition": "COMPLETE"}]), container(name="db")),
        "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
    ),
    (
        of(
            container(dependsOn=[{"containerName": "db", "condition": "START"}]),
            container(name="db", dependsOn=[{"containerName": "web", "condition": "START"}]),
        ),
        "The containers of a task definition cannot depend on each other in a circle",
    ),
    (one(mountPoints=[{"sourceVolume": "data", "containerPath": "/data"}]), "Unknown volume 'data'."),
    (
        one(portMappings=[{"containerPort": 80, "hostPort": 8080}]),
        "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
    ),
    (
        on_ec2(
            networkMode="host",
            containerDefinitions=[container(memory=64, portMappings=[{"containerPort": 80, "hostPort": 81}])],
        ),
        "When networkMode=host, the host ports and container ports in port mappings must match.",
    ),
    (
        one(portMappings=[{"containerPort": 80, "name": "http"}, {"containerPort": 81, "name": "http"}]),
        "port mapping name is already used",
    ),
    (
        one(portMappings=[{"containerPort": 80, "containerPortRange": "90-91"}]),
        "cannot specify both single port and port range",
    ),
    (
        one(restartPolicy={"enabled": True, "restartAttemptPeriod": 59}),
        "the 'restartAttemptPeriod' setting for container 'web' must be between 60 and 1800",
    ),
    (
        one(restartPolicy={"enabled": True, "ignoredExitCodes": list(range(51))}),
        "the 'ignoredExitCodes' setting for container 'web' must have at most 50 exit codes",
    ),
    (
        of(
            container(secrets=[{"name": "KEY", "valueFrom": "key"}], environment=[{"name": "KEY", "value": "plain"}]),
            executionRoleArn=ROLE,
        ),
        (
            "The secret name must be unique and not shared with any new or existing environment variables set on the "
            "container, such as 'KEY'."
        ),
    ),
    (
        of(container(environmentFiles=[{"type": "s3", "value": "arn:aws:s3:::cats/cats.txt"}]), executionRoleArn=ROLE),
        (
            "Invalid environment file 'arn:aws:s3:::cats/cats.txt': "
            "it must be the ARN of an object in Amazon S3 with the file extension .env."
        ),
    ),
    (
        one(environmentFiles=[{"type": "s3", "value": "arn:aws:s3:::cats/cats.env"}]),
        "When you are specifying environment files, you must also specify a value for 'executionRoleArn'.",
    ),
    (
        one(volumesFrom=[{"sourceContainer": "db"}]),
        "Cannot mount volumes from container db because it does not exist",
    ),
    (
        of(
            container(volumesFrom=[{"sourceContainer": "db"}]),
            container(name="db", dependsOn=[{"containerName": "web", "condition": "START"}]),
        ),
        "The containers of a task definition cannot depend on each other in a circle",
    ),
    (fargate(volumes=[{"name": "data"}, {"name": "data"}]), "Volume names must be unique within a task definition."),
    (fargate(family=""), "Family should not be null or empty."),
    (one(name="two words"), "Container.name contains invalid characters."),
    (
        one(portMappings=[{"containerPort": 65_536}]),
        "Invalid 'containerPort' 65536 for container 'web': ports are 1 to 65535.",
    ),
    (
        one(portMappings=[{"containerPort": 80, "hostPort": 70_000}]),
        "Invalid 'hostPort' 70000 for container 'web': ports are 0 to 65535.",
    ),
    (
        of(container(mountPoints=[{"sourceVolume": "data"}]), volumes=[{"name": "data"}]),
        "MountPoint.containerPath should not be null or empty.",
    ),
    (fargate(volumes=[{"name": ""}]), "Volume.name should not be null or empty."),
    (
        one(environmentFiles=[{"type": "s3", "value": f"arn:aws:s3:::cats/{number}.env"} for number in range(11)]),
        "The container 'web' has 11 environment files: at most 10 are allowed.",
    ),
    (
        one(extraHosts=[{"hostname": "db", "ipAddress": "10.0.0.2"}]),
        "Extra hosts are not supported on container when networkMode=awsvpc",
    ),
    (
        fargate(volumes=[{"name": "data", "dockerVolumeConfiguration": {"scope": "task"}}]),
        "Fargate compatible task definitions do not support dockerVolumeConfiguration",
    ),
    (
        one(ulimits=[{"name": "nofile", "softLimit": 2, "hardLimit": 1}]),
        "The soft limit 2 of ulimit 'nofile' must not be above its hard limit 1.",
    ),
    (
        one(secrets=[{"name": "KEY", "valueFrom": "ssm"}]),
        "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
    ),
    (
        one(**logging(**{"awslogs-region": "eu-west-1"})),
        "Log driver awslogs requires options: awslogs-group",
    ),
    (one(**logging()), "Log driver awslogs requires options: awslogs-group, awslogs-region"),
    (
        one(healthCheck={"command": ["curl", "localhost"]}),
        "The health check command of container 'web' must start with CMD or CMD-SHELL.",
    ),
    (
        one(healthCheck={"command": ["CMD", "true"], "interval": 4}),
        "The health check 'interval' of container 'web' must be between 5 and 300.",
    ),
    (
        one(healthCheck={"command": ["CMD", "true"], "retries": 11}),
        "The health check 'retries' of container 'web' must be between 1 and 10.",
    ),
    (fargate(networkMode="bridge"), "Fargate only supports network mode ‘awsvpc’."),  # noqa: RUF001 - the service's marks
    (
        {name: value for name, value in fargate().items() if name != "networkMode"},
        "Fargate only supports network mode ‘awsvpc’.",  # noqa: RUF001 - the service's own marks
    ),
    (
        {name: value for name, value in fargate().items() if name != "cpu"},
        "Fargate requires that 'cpu' be defined at the task level.",
    ),
    (
        {name: value for name, value in of(container(memory=64)).items() if name != "memory"},
        "Fargate requires that 'memory' be defined at the task level.",
    ),
    (fargate(cpu="256", memory="4096"), NO_CONFIGURATION),
    (fargate(cpu="300", memory="512"), NO_CONFIGURATION),
    (fargate(cpu="8192", memory="17408"), NO_CONFIGURATION),
    (fargate(runtimePlatform={"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}), NO_CONFIGURATION),
    (fargate(cpu="much"), f"Invalid 'cpu' setting for task. {TROUBLESHOOTING}"),
    (fargate(cpu="64"), f"Invalid 'cpu' setting for task. {TROUBLESHOOTING}"),
    (fargate(memory="lots"), f"Invalid 'memory' setting for task. {TROUBLESHOOTING}"),
    (
        one(**logging(**AWSLOGS)),
        "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
    ),
    (
        one(image="111122223333.dkr.ecr.eu-west-1.amazonaws.com/cats:1"),
        "Fargate requires task definition to have execution role ARN to support ECR images.",
    ),
    (
        of(
            container(**logging(**{"awslogs-group": "/cats", "awslogs-region": "eu-west-1"})),
            executionRoleArn=ROLE,
        ),
        "Fargate requires log configuration options to include awslogs-stream-prefix to support log driver awslogs.",
    ),
    (
        one(**logging("json-file")),
        "json-file is not a valid log driver. Must be one of [awslogs, splunk, awsfirelens]",
    ),
    (one(privileged=True), "Fargate requires that the 'privileged' setting be 'false'"),
    (fargate(pidMode="host"), "Tasks using the Fargate launch type do not support pidMode 'host'"),
    (fargate(ipcMode="task"), "Fargate compatible task definitions do not support ipcMode"),
    (
        fargate(volumes=[{"name": "v", "host": {"sourcePath": "/srv"}}]),
        "Fargate compatible task definitions do not support sourcePath",
    ),
    (
        fargate(volumes=[{"name": "v", "dockerVolumeConfiguration": {"scope": "task"}}]),
        "Fargate compatible task definitions do not support dockerVolumeConfiguration",
    ),
    (
        fargate(placementConstraints=[{"type": "memberOf", "expression": "attribute:x == y"}]),
        "Fargate compatible task definitions do not support constraints",
    ),
    (
        one(resourceRequirements=[{"type": "GPU", "value": "1"}]),
        "Tasks using the Fargate launch type do not support GPU resource requirements",
    ),
    (linux(devices=[{"hostPath": "/dev/x"}]), "Fargate compatible task definitions do not support devices"),
    (linux(capabilities={"add": ["NET_ADMIN"]}), "NET_ADMIN is not allowed on Fargate."),
    (one(links=["db"]), "Links are not supported when networkMode=awsvpc"),
    (one(dnsServers=["10.0.0.2"]), "DNS servers are not supported on container when networkMode=awsvpc"),
    (one(disableNetworking=True), "Disable Networking is not supported on container when networkMode=awsvpc"),
    (fargate(ephemeralStorage={"sizeInGiB": 20}), "EphemeralStorage size should be at least 21"),
    (fargate(ephemeralStorage={"sizeInGiB": 201}), "EphemeralStorage size should be at most 200"),
    (one(stopTimeout=121), "The 'stopTimeout' of container 'web' must be between 0 and 120 seconds on Fargate."),
]


@pytest.mark.parametrize(("request_", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_a_definition_that_ecs_refuses_is_refused_in_its_words(request_: dict[str, Any], message: str) -> None:
    assert World().refusal("RegisterTaskDefinition", **request_) == ("ClientException", message)


@pytest.mark.parametrize(
    ("cpu", "memory", "stored"),
    [
        ("256", "512", ("256", "512")),
        ("0.5 vCPU", "1 GB", ("512", "1024")),
        (".25vcpu", "0.5GB", ("256", "512")),
        ("1 vCPU", "8GB", ("1024", "8192")),
        ("4096", "30720", ("4096", "30720")),
        ("8192", "16384", ("8192", "16384")),
        ("16 vCPU", "120 GB", ("16384", "122880")),
    ],
)
def test_sizes_are_kept_as_whole_units_in_strings(cpu: str, memory: str, stored: tuple[str, str]) -> None:
    definition = World().call("RegisterTaskDefinition", **fargate(cpu=cpu, memory=memory))["taskDefinition"]

    assert (definition["cpu"], definition["memory"]) == stored


def test_what_the_request_leaves_out_is_filled_in_as_the_api_shows_it() -> None:
    world = World()
    check = {"command": ["CMD-SHELL", "curl localhost"]}
    world.call("RegisterTaskDefinition", **one(healthCheck=check), tags=[{"key": "team", "value": "cats"}])

    answer = world.call("DescribeTaskDefinition", taskDefinition="cats", include=["TAGS"])

    definition = answer["taskDefinition"]
    assert definition["containerDefinitions"] == [
        {
            "name": "web",
            "image": "cats:1.0.0",
            "cpu": 0,
            "essential": True,
            "portMappings": [{"containerPort": 4567, "hostPort": 4567, "protocol": "tcp"}],
            "environment": [],
            "mountPoints": [],
            "volumesFrom": [],
            "systemControls": [],
            "healthCheck": {"command": ["CMD-SHELL", "curl localhost"], "interval": 30, "timeout": 5, "retries": 3},
        }
    ]
    assert definition["compatibilities"] == ["EC2", "FARGATE"]
    assert (definition["status"], definition["revision"], definition["volumes"]) == ("ACTIVE", 1, [])
    assert definition["registeredBy"] == "arn:aws:iam::111122223333:root"
    assert {"name": "ecs.capability.task-eni"} in definition["requiresAttributes"]
    assert answer["tags"] == [{"key": "team", "value": "cats"}]


def test_what_a_client_describes_it_can_register_again() -> None:
    """As the GitHub action does: describe, drop what only answers have, put another image in, register."""
    world = World()
    request = of(
        container(**logging(**AWSLOGS), healthCheck={"command": ["CMD", "true"]}, environment=[{"name": "A", "value": "1"}]),
        executionRoleArn=ROLE,
        runtimePlatform={"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
    )
    world.call("RegisterTaskDefinition", **request)
    shown = world.call("DescribeTaskDefinition", taskDefinition="cats")["taskDefinition"]
    answers_only = {
        "taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities", "registeredAt", "registeredBy",
    }  # fmt: skip
    again = {name: value for name, value in shown.items() if name not in answers_only}
    again["containerDefinitions"][0]["image"] = "cats:2.0.1"

    definition = world.call("RegisterTaskDefinition", **again)["taskDefinition"]

    assert definition["revision"] == 2
    assert definition["containerDefinitions"] == again["containerDefinitions"]


def test_a_revision_number_is_never_used_again() -> None:
    world = World()
    world.call("RegisterTaskDefinition", **fargate())
    world.call("RegisterTaskDefinition", **fargate())
    world.call("DeregisterTaskDefinition", taskDefinition="cats:2")
    deleted = world.call("DeleteTaskDefinitions", taskDefinitions=["cats:2", "cats:1", "cats:9"])

    third = world.call("RegisterTaskDefinition", **fargate())["taskDefinition"]

    assert [one["status"] for one in deleted["taskDefinitions"]] == ["DELETE_IN_PROGRESS"]
    assert [failure["arn"] for failure in deleted["failures"]] == [PLACE.task_definition("cats", 1), "cats:9"]
    assert third["revision"] == 3
    assert world.call("DescribeTaskDefinition", taskDefinition="cats:2")["taskDefinition"]["deleteRequestedAt"]


def test_a_definition_is_found_by_family_revision_and_arn() -> None:
    world = World()
    for _ in range(3):
        world.call("RegisterTaskDefinition", **fargate())
    world.call("DeregisterTaskDefinition", taskDefinition=PLACE.task_definition("cats", 3))

    def revision(reference: str) -> int:
        found: int = world.call("DescribeTaskDefinition", taskDefinition=reference)["taskDefinition"]["revision"]
        return found

    arn = PLACE.task_definition("cats", 1)
    assert [revision(one) for one in ("cats", "cats:1", "cats:3", arn, arn.rpartition(":")[0])] == [2, 1, 3, 1, 2]
    assert world.refusal("DescribeTaskDefinition", taskDefinition="dogs") == (
        "ClientException",
        "Unable to describe task definition.",
    )
    assert world.refusal("DeregisterTaskDefinition", taskDefinition="cats") == (
        "ClientException",
        "The specified task definition does not exist. Specify a valid account, family, revision and try again.",
    )


def test_definitions_and_families_are_listed_by_status_in_order_and_in_pages() -> None:
    world = World()
    for family in ("dogs", "cats", "cats", "catsup"):
        world.call("RegisterTaskDefinition", **fargate(family=family))
    world.call("DeregisterTaskDefinition", taskDefinition="dogs:1")

    first = world.call("ListTaskDefinitions", maxResults=2)
    second = world.call("ListTaskDefinitions", maxResults=2, nextToken=first["nextToken"])

    arn = PLACE.task_definition
    assert first["taskDefinitionArns"] + second["taskDefinitionArns"] == [arn("cats", 1), arn("cats", 2), arn("catsup", 1)]
    assert "nextToken" not in second
    newest_first = world.call("ListTaskDefinitions", familyPrefix="cats", sort="DESC")["taskDefinitionArns"]
    assert newest_first == [arn("cats", 2), arn("cats", 1)]
    assert world.call("ListTaskDefinitions", status="INACTIVE")["taskDefinitionArns"] == [arn("dogs", 1)]
    assert world.call("ListTaskDefinitionFamilies", familyPrefix="cat")["families"] == ["cats", "catsup"]
    assert world.call("ListTaskDefinitionFamilies", status="INACTIVE")["families"] == ["dogs"]
    assert world.call("ListTaskDefinitionFamilies", status="ACTIVE")["families"] == ["cats", "catsup"]
    assert world.refusal("ListTaskDefinitions", nextToken="nonsense")[0] == "InvalidParameterException"


def test_what_the_region_acts_on_is_read_from_the_definition() -> None:
    world = World()
    world.call(
        "RegisterTaskDefinition",
        **of(
            container(
                cpu=128,
                memory=256,
                command=["run"],
                entryPoint=[],
                environment=[{"name": "A", "value": "1"}, {"name": "B"}],
                stopTimeout=5,
                readonlyRootFilesystem=True,
                linuxParameters={"initProcessEnabled": True},
                **logging(**AWSLOGS),
            ),
            container(name="side", essential=False, dependsOn=[{"containerName": "web", "condition": "START"}]),
            executionRoleArn=ROLE,
        ),
    )

    (definition,) = world.region.state.task_definitions.values()
    web, side = definition.containers
    assert (definition.cpu_units, definition.memory_mib, definition.network_mode) == (256, 512, "awsvpc")
    assert (web.command, web.entry_point, web.environment) == (("run",), None, (("A", "1"), ("B", "")))
    assert (web.cpu_units, web.memory_mib, web.container_ports) == (128, 256, (4567,))
    assert (web.stop_timeout.total_seconds(), side.stop_timeout.total_seconds()) == (5, 30)
    assert (web.readonly_root_filesystem, web.init_process_enabled) == (True, True)
    assert dict(web.log_options) == AWSLOGS
    assert (side.essential, side.depends_on) == (False, (("web", "START"),))
