"""Where `ninelives bootstrap` has laid a service's ground, its stack's outputs and the file are all that a release needs."""

from typing import Any

import pytest
from release_world import TEXT, World

from ninelives.deploy.errors import MissingPieces
from ninelives.deploy.options import Options
from ninelives.deploy.release import deploy
from ninelives.deploy.reports import Act

ROLE = "arn:aws:iam::123456789012:role/cats-service-{}"
OUTPUTS = {
    "TaskSubnets": "subnet-0a,subnet-0b",
    "TaskSecurityGroup": "sg-0a",
    "AssignPublicIp": "DISABLED",
    "ExecutionRoleArn": ROLE.format("Execution"),
    "TaskRoleArn": ROLE.format("Task"),
    "InfrastructureRoleArn": ROLE.format("Infrastructure"),
}
BLUE_GREEN = TEXT.replace("{rollback: {failures: 2}}", "{strategy: blue-green, bake: 0s}").replace(
    "{port: 8080}", "{port: 8080, test_listener: {port: 8081}}"
)


def lay(world: World, **outputs: str) -> None:
    """What the stacks make, as far as a release looks at it."""
    ec2, elbv2 = world.client("ec2"), world.client("elbv2")
    subnets = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"][:2]
    group = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
    balancer = elbv2.create_load_balancer(Name="cats", Subnets=[one["SubnetId"] for one in subnets])["LoadBalancers"][0]
    health = {"HealthCheckPath": "/other", "HealthCheckIntervalSeconds": 30}
    groups = [
        elbv2.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=subnets[0]["VpcId"], TargetType="ip", **health)[
            "TargetGroups"
        ][0]["TargetGroupArn"]
        for name in ("cats", "cats-alternate")
    ]
    both = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in zip(groups, (100, 0), strict=True)]
    for port in (8080, 8081):
        listener = elbv2.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"],
            Protocol="HTTP",
            Port=port,
            DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}],
        )["Listeners"][0]
        elbv2.create_rule(
            ListenerArn=listener["ListenerArn"],
            Priority=1000,
            Conditions=[{"Field": "path-pattern", "Values": ["/*"]}],
            Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": both}}],
        )
    world.client("logs").create_log_group(logGroupName="/ecs/cats")
    world.client("ecs").create_cluster(clusterName="Staging-Cluster")
    network = {"TaskSubnets": ",".join(one["SubnetId"] for one in subnets), "TaskSecurityGroup": group}
    world.stacks.outputs["cats-service"] = {**OUTPUTS, **network, **outputs}


def request(world: World, call: str) -> dict[str, Any]:
    return next(one for name, one in world.ecs.calls if name == call)


@pytest.mark.parametrize("environment", ["local", "staging"])
def test_a_release_takes_network_and_roles_from_the_stack_and_makes_nothing(world: World, environment: str) -> None:
    lay(world)

    release = deploy(world.session(environment=environment), "1.0.0", Options())

    assert release.has_succeeded
    laid = world.stacks.outputs["cats-service"]
    assert {
        "subnets": laid["TaskSubnets"].split(","),
        "securityGroups": [laid["TaskSecurityGroup"]],
        "assignPublicIp": "DISABLED",
    } == request(world, "CreateService")["networkConfiguration"]["awsvpcConfiguration"]
    definition = world.client("ecs").describe_task_definition(taskDefinition="cats")["taskDefinition"]
    assert (ROLE.format("Execution"), ROLE.format("Task")) == (definition["executionRoleArn"], definition["taskRoleArn"])
    assert ["service cats with 2 tasks of 1.0.0"] == world.said(Act.MADE)
    assert [] == world.said(Act.CHANGED)  # not the health check either: that is the stack's to change


def test_a_shift_works_on_the_rules_that_the_stack_made(world: World) -> None:
    lay(world)

    deploy(world.session(BLUE_GREEN), "1.0.0", Options())

    [balancer] = request(world, "CreateService")["loadBalancers"]
    shifting = balancer["advancedConfiguration"]
    elbv2 = world.client("elbv2")
    for key in ("productionListenerRule", "testListenerRule"):
        [rule] = elbv2.describe_rules(RuleArns=[shifting[key]])["Rules"]
        assert "1000" == rule["Priority"], key
    assert ROLE.format("Infrastructure") == shifting["roleArn"]


def test_a_network_that_has_changed_in_the_stack_is_the_services_at_the_next_release(world: World) -> None:
    lay(world)
    deploy(world.session(), "1.0.0", Options())
    world.stacks.outputs["cats-service"]["AssignPublicIp"] = "ENABLED"

    deploy(world.session(), "2.0.1", Options())

    network = request(world, "UpdateService")["networkConfiguration"]["awsvpcConfiguration"]
    assert "ENABLED" == network["assignPublicIp"]


def test_what_is_missing_beside_a_stack_is_the_stacks_to_make(world: World) -> None:
    lay(world)
    balancer = world.client("elbv2").describe_load_balancers(Names=["cats"])["LoadBalancers"][0]
    world.client("elbv2").delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])

    with pytest.raises(MissingPieces) as told:
        deploy(world.session(), "1.0.0", Options())

    assert (
        "The stack cats-service is older than the service file: `ninelives bootstrap` brings it up to date." == told.value.hint
    )


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "DELETE_FAILED", "CREATE_IN_PROGRESS"])
def test_a_stack_that_does_not_stand_is_none(world: World, status: str) -> None:
    lay(world)
    world.stacks.status = status

    with pytest.raises(MissingPieces) as told:
        deploy(world.session(environment="staging"), "1.0.0", Options())

    assert told.value.hint is not None
    assert "`ninelives bootstrap`" in told.value.hint
