"""What the reference says of each member is so: nothing is left out of the classification, and its claims are tried out."""

import asyncio
from collections.abc import Iterator, Mapping
from functools import cache
from inspect import isawaitable
from typing import Any, NamedTuple
from unittest.mock import Mock

import pytest
from ecs_world import NETWORK, PLACE, World, container, create_request, fargate
from test_bad_requests import LISTENER, OF_TASK_SETS, arn_of, behind, prepared
from test_elbv2 import FakeDataPlane, FakeNetwork

from ninelives.api import cloudformation, ecs, elbv2
from ninelives.api.call import Call, Operations
from ninelives.api.cloudformation.support import SHAPES as CLOUDFORMATION_SHAPES
from ninelives.api.ecs.support import NOT_RUN
from ninelives.api.ecs.support import SHAPES as ECS_SHAPES
from ninelives.api.elbv2.support import SHAPES as ELBV2_SHAPES
from ninelives.api.service_model import Shape, load_service
from ninelives.api.support import GATE_CODES, Shapes, reachable
from ninelives.model.errors import ApiError
from ninelives.region.elbv2_attributes import Effect

CLASSIFIED: Mapping[str, Shapes] = {"ecs": ECS_SHAPES, "elbv2": ELBV2_SHAPES, "cloudformation": CLOUDFORMATION_SHAPES}


def served(service: str) -> Operations:
    anything: Any = Mock()
    match service:
        case "ecs":
            return ecs.operations(anything)
        case "elbv2":
            return elbv2.operations(anything, anything)
        case _:
            return cloudformation.operations(anything)


@pytest.mark.parametrize("service", CLASSIFIED)
def test_every_member_that_a_served_operation_takes_is_classified(service: str) -> None:
    shapes = CLASSIFIED[service]
    wanted = {name: set(shape.members) for name, shape in reachable(service, served(service), shapes).items()}
    found = {name: set(shapes.get(name, {})) for name in wanted}

    assert wanted == found, f"classify them in ninelives/api/{service}/support.py"


@pytest.mark.parametrize("service", CLASSIFIED)
def test_only_what_the_model_has_is_classified(service: str) -> None:
    model = load_service(service)

    for name, members in CLASSIFIED[service].items():
        assert set(members) <= set(model.shape(name).members), name


# Members that the gate refuses.


class Gated(NamedTuple):
    service: str
    operation: str
    path: str
    request: dict[str, Any]


def something(shape: Shape) -> Any:
    """A value that asks for something."""
    match shape.type:
        case "structure":
            return {name: something(member.shape) for name, member in list(shape.members.items())[:1]}
        case "list":
            return [something(shape.member.shape)]
        case "map":
            return {"key": something(shape.value.shape)}
        case "boolean":
            return True
        case "integer" | "long":
            return 1
        case "float" | "double":
            return 1.0
        case _:
            return (shape.traits.get("enum") or ["x"])[0]


def gated_members(shape: Shape, shapes: Shapes, seen: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Where the gate stands below a shape: the path, and a value of the shape that meets it there."""
    match shape.type:
        case "structure" if shape.name in shapes and shape.name not in seen:
            for name, member in shape.members.items():
                support = shapes[shape.name][name]
                if support.is_gated:
                    yield name, {name: something(member.shape)}
                elif support.effect is Effect.LIVE:
                    for path, value in gated_members(member.shape, shapes, (*seen, shape.name)):
                        yield f"{name}{'' if path.startswith('[') else '.'}{path}", {name: value}
        case "list":
            for path, value in gated_members(shape.member.shape, shapes, seen):
                yield f"[0].{path}", [value]
        case _:
            pass


@cache
def all_gated() -> list[Gated]:
    found = []
    for service, shapes in CLASSIFIED.items():
        for operation in served(service):
            shape = load_service(service).operation(operation).input
            pairs = gated_members(shape, shapes) if shape is not None else ()
            found += [Gated(service, operation, path, value) for path, value in pairs]
    return found


@pytest.mark.parametrize("one", all_gated(), ids=lambda one: f"{one.operation}.{one.path}")
def test_the_gate_refuses_what_would_be_left_out(one: Gated) -> None:
    call = Call(service=one.service, operation=one.operation, parameters=one.request, place=PLACE)

    with pytest.raises(ApiError, match="is not supported by this region") as caught:
        served(one.service)[one.operation](call)

    assert caught.value.code == GATE_CODES[one.service]
    assert caught.value.message.startswith(one.path)


def test_what_is_empty_or_false_passes_the_gate() -> None:
    world = prepared()

    service = world.call("CreateService", **create_request(serviceName="new", monitoring={}))["service"]

    assert service["status"] == "ACTIVE"


# Members that their handlers refuse, in the service's own words.


def service_with(**members: Any) -> tuple[str, dict[str, Any]]:
    return "CreateService", create_request(serviceName="new", **members)


def changed(**members: Any) -> tuple[str, dict[str, Any]]:
    return "UpdateService", {"cluster": "c", "service": "s", **members}


def run_with(**members: Any) -> tuple[str, dict[str, Any]]:
    run = {"cluster": "c", "taskDefinition": "cats:1", "launchType": "FARGATE", "networkConfiguration": NETWORK}
    return "RunTask", run | members


def defined(**members: Any) -> tuple[str, dict[str, Any]]:
    return "RegisterTaskDefinition", fargate(family="new", **members)


def contained(**members: Any) -> tuple[str, dict[str, Any]]:
    return defined(containerDefinitions=[container(**members)])


EBS = [{"name": "v", "managedEBSVolume": {"roleArn": "arn:aws:iam::111122223333:role/ebs"}}]
MESH = {"enabled": True, "namespace": "n"}
LATTICE = [{"roleArn": "r", "targetGroupArn": "t", "portName": "p"}]
OF_SERVICES: dict[str, Any] = {
    "placementConstraints": [{"type": "distinctInstance"}],
    "placementStrategy": [{"type": "random"}],
    "serviceRegistries": [{"registryArn": "arn"}],
    "serviceConnectConfiguration": MESH,
    "volumeConfigurations": EBS,
    "vpcLatticeConfigurations": LATTICE,
    "gatewayConnectors": [{"portName": "p"}],
}
REFUSED_BY_HANDLERS: dict[str, tuple[str, dict[str, Any]]] = {
    **{f"CreateServiceRequest.{name}": service_with(**{name: value}) for name, value in OF_SERVICES.items()},
    "CreateServiceRequest.role": service_with(role="arn:aws:iam::111122223333:role/elb"),
    **{f"UpdateServiceRequest.{name}": changed(**{name: value}) for name, value in OF_SERVICES.items()},
    "LoadBalancer.loadBalancerName": service_with(loadBalancers=[behind() | {"loadBalancerName": "classic"}]),
    **{
        f"RunTaskRequest.{name}": run_with(**{name: OF_SERVICES[name]})
        for name in ("placementConstraints", "placementStrategy", "volumeConfigurations")
    },
    "ListTasksRequest.containerInstance": ("ListTasks", {"cluster": "c", "containerInstance": "i"}),
    "RegisterTaskDefinitionRequest.placementConstraints": defined(placementConstraints=[{"type": "memberOf"}]),
    "RegisterTaskDefinitionRequest.ipcMode": defined(ipcMode="host"),
    "RegisterTaskDefinitionRequest.inferenceAccelerators": defined(
        inferenceAccelerators=[{"deviceName": "d", "deviceType": "eia2.medium"}]
    ),
    "ContainerDefinition.links": contained(links=["db"]),
    "ContainerDefinition.disableNetworking": contained(disableNetworking=True),
    "ContainerDefinition.dnsServers": contained(dnsServers=["10.0.0.2"]),
    "ContainerDefinition.extraHosts": contained(extraHosts=[{"hostname": "h", "ipAddress": "10.0.0.1"}]),
    "ContainerDefinition.privileged": contained(privileged=True),
    "ContainerDefinition.dockerSecurityOptions": contained(dockerSecurityOptions=["no-new-privileges"]),
    "ContainerDefinition.resourceRequirements": contained(resourceRequirements=[{"type": "GPU", "value": "1"}]),
    "LinuxParameters.devices": contained(linuxParameters={"devices": [{"hostPath": "/dev/null"}]}),
    "LinuxParameters.sharedMemorySize": contained(linuxParameters={"sharedMemorySize": 64}),
    "LinuxParameters.maxSwap": contained(linuxParameters={"maxSwap": 64}),
    "LinuxParameters.swappiness": contained(linuxParameters={"swappiness": 60}),
    "Volume.dockerVolumeConfiguration": defined(volumes=[{"name": "v", "dockerVolumeConfiguration": {"driver": "local"}}]),
    "HostVolumeProperties.sourcePath": defined(volumes=[{"name": "v", "host": {"sourcePath": "/data"}}]),
}
ONLY_REGISTERED: dict[str, tuple[str, dict[str, Any]]] = {
    "RegisterTaskDefinitionRequest.proxyConfiguration": defined(
        proxyConfiguration={"type": "APPMESH", "containerName": "web"}
    ),
    "RegisterTaskDefinitionRequest.trustedExecutionConfiguration": defined(
        trustedExecutionConfiguration={"isolationMode": "ISOLATED_SANDBOX"}
    ),
    "ContainerDefinition.firelensConfiguration": contained(firelensConfiguration={"type": "fluentbit"}),
    "ContainerDefinition.credentialSpecs": contained(credentialSpecs=["credentialspec:arn"]),
    "ContainerDefinition.dnsSearchDomains": contained(dnsSearchDomains=["example.com"]),
    "PortMapping.containerPortRange": contained(portMappings=[{"containerPortRange": "8000-8010"}]),
    "Volume.efsVolumeConfiguration": defined(volumes=[{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}]),
    "Volume.s3filesVolumeConfiguration": defined(
        volumes=[{"name": "v", "s3filesVolumeConfiguration": {"fileSystemArn": "a"}}]
    ),
    "Volume.fsxWindowsFileServerVolumeConfiguration": defined(
        volumes=[
            {
                "name": "v",
                "fsxWindowsFileServerVolumeConfiguration": {
                    "fileSystemId": "fs-1",
                    "rootDirectory": "/",
                    "authorizationConfig": {"credentialsParameter": "arn", "domain": "d"},
                },
            }
        ]
    ),
    "Volume.configuredAtLaunch": defined(volumes=[{"name": "v", "configuredAtLaunch": True}]),
}
"""Members of a definition that may be registered and not run."""


OIDC = {"Issuer": "i", "AuthorizationEndpoint": "a", "TokenEndpoint": "t", "UserInfoEndpoint": "u", "ClientId": "c"}
POOL = {"UserPoolArn": "arn", "UserPoolClientId": "c", "UserPoolDomain": "d"}


def ruled(*actions: dict[str, Any], **condition: Any) -> tuple[str, dict[str, Any]]:
    forward = {"Type": "forward", "TargetGroupArn": arn_of("cats")}
    conditions = [condition or {"Field": "path-pattern", "Values": ["/"]}]
    return "CreateRule", {"ListenerArn": LISTENER, "Priority": 1, "Conditions": conditions, "Actions": actions or [forward]}


REFUSED_BY_ELB: dict[str, tuple[str, dict[str, Any]]] = {
    "Action.AuthenticateOidcConfig": ruled({"Type": "authenticate-oidc", "AuthenticateOidcConfig": OIDC}),
    "Action.AuthenticateCognitoConfig": ruled({"Type": "authenticate-cognito", "AuthenticateCognitoConfig": POOL}),
}


def claimed(service: str, *, of_task_sets: bool = False) -> set[str]:
    """Members that are said to be refused by their handlers."""
    shapes = CLASSIFIED[service]
    return {
        f"{name}.{member}"
        for name in reachable(service, served(service), shapes)
        for member, support in shapes[name].items()
        if support.effect is Effect.REFUSED and not support.is_gated and of_task_sets is ("TaskSet" in name)
    }


def test_every_claim_of_a_refusal_is_tried_out() -> None:
    assert claimed("ecs") == REFUSED_BY_HANDLERS.keys() | ONLY_REGISTERED.keys()
    assert claimed("elbv2") == REFUSED_BY_ELB.keys()
    assert {name.partition("Request")[0] for name in claimed("ecs", of_task_sets=True)} == OF_TASK_SETS.keys()


@pytest.mark.parametrize("member", REFUSED_BY_HANDLERS)
def test_what_is_said_to_be_refused_is_refused_by_the_code_that_is_named(member: str) -> None:
    shape, name = member.split(".")
    operation, request = REFUSED_BY_HANDLERS[member]

    code, _ = prepared().refusal(operation, **request)

    assert code in ECS_SHAPES[shape][name].remark


@pytest.mark.parametrize("member", REFUSED_BY_ELB)
def test_what_a_load_balancer_is_said_to_refuse_is_refused(member: str) -> None:
    shape, name = member.split(".")
    operation, request = REFUSED_BY_ELB[member]
    world = prepared()
    handler = elbv2.operations(world.region, FakeNetwork())[operation]
    before = world.records()

    with pytest.raises(ApiError) as caught:
        answered(handler(Call(service="elbv2", operation=operation, parameters=request, place=PLACE)))

    assert caught.value.code in ELBV2_SHAPES[shape][name].remark
    assert world.records() == before


def answered(answer: Any) -> Any:
    """What a handler answers, at once or later."""

    async def wait() -> Any:
        return await answer

    return asyncio.run(wait()) if isawaitable(answer) else answer


@pytest.mark.parametrize("member", ONLY_REGISTERED)
def test_what_is_said_to_be_registered_and_not_run_is_registered_and_not_run(member: str) -> None:
    shape, name = member.split(".")
    operation, request = ONLY_REGISTERED[member]
    world = prepared()

    world.call(operation, **request)

    assert ECS_SHAPES[shape][name].remark == NOT_RUN
    for asked, run in (run_with(taskDefinition="new"), service_with(taskDefinition="new")):
        assert world.refusal(asked, **run)[0] == "UnsupportedFeatureException"


# Members that are recorded.

ENCRYPTED = {"managedStorageConfiguration": {"fargateEphemeralStorageKmsKeyId": "k"}}


def registered(world: World, **members: Any) -> Any:
    return world.call("RegisterTaskDefinition", **fargate(family="new", **members))["taskDefinition"]


def created(world: World, **members: Any) -> Any:
    return world.call("CreateService", **create_request(serviceName="new", **members))["service"]


def run(world: World, **members: Any) -> Any:
    return world.call(*run_with()[:1], **run_with(**members)[1])["tasks"][0]


def clustered(world: World, **members: Any) -> Any:
    return world.call("CreateCluster", clusterName="new", **members)["cluster"]


ARM = {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}
ROLE = "arn:aws:iam::111122223333:role/task"
NETWORKED = {"awsvpcConfiguration": {"subnets": ["subnet-a"], "securityGroups": ["sg-1"], "assignPublicIp": "ENABLED"}}
ECHOED: list[tuple[str, Any, dict[str, Any]]] = [
    ("CreateServiceRequest", created, {"availabilityZoneRebalancing": "DISABLED"}),
    ("CreateServiceRequest", created, {"platformVersion": "1.3.0"}),
    ("CreateServiceRequest", created, {"enableECSManagedTags": True}),
    ("CreateServiceRequest", created, {"enableExecuteCommand": True}),
    ("AwsVpcConfiguration", created, {"networkConfiguration": NETWORKED}),
    ("RunTaskRequest", run, {"platformVersion": "1.3.0"}),
    ("RunTaskRequest", run, {"enableExecuteCommand": True}),
    ("RegisterTaskDefinitionRequest", registered, {"executionRoleArn": ROLE}),
    ("RegisterTaskDefinitionRequest", registered, {"ephemeralStorage": {"sizeInGiB": 21}}),
    ("RegisterTaskDefinitionRequest", registered, {"runtimePlatform": ARM}),
    ("RegisterTaskDefinitionRequest", registered, {"enableFaultInjection": True}),
    ("CreateClusterRequest", clustered, {"configuration": ENCRYPTED}),
    ("CreateClusterRequest", clustered, {"serviceConnectDefaults": {"namespace": "n"}}),
]


@pytest.mark.parametrize(
    ("shape", "make", "given"), ECHOED, ids=[f"{shape}.{next(iter(given))}" for shape, _, given in ECHOED]
)
def test_what_is_said_to_be_recorded_is_shown_again(shape: str, make: Any, given: dict[str, Any]) -> None:
    answer = make(prepared(), **given)

    assert {name: answer[name] for name in given} == given
    if shape in ECS_SHAPES and next(iter(given)) in ECS_SHAPES[shape]:
        assert ECS_SHAPES[shape][next(iter(given))].effect is Effect.RECORDED


def test_load_balancers_show_again_what_is_recorded_of_them() -> None:
    world = World()
    plane: Any = FakeDataPlane()
    world.region.data_plane = plane
    operations = elbv2.operations(world.region, FakeNetwork())
    given = {"SecurityGroups": ["sg-1"], "Scheme": "internal", "IpAddressType": "ipv4"}
    call = Call(
        service="elbv2",
        operation="CreateLoadBalancer",
        parameters={"Name": "front", "Subnets": ["subnet-a", "subnet-b"], **given},
        place=PLACE,
    )

    (balancer,) = answered(operations["CreateLoadBalancer"](call))["LoadBalancers"]

    assert {name: balancer[name] for name in given} == given
    assert {ELBV2_SHAPES["CreateLoadBalancerInput"][name].effect for name in given} == {Effect.RECORDED}
