"""What holds of every resource type, and what a table of types does where a life does not pass by."""

from typing import Any

import pytest
from region_bench import RegionBench, task_definition
from type_bench import Bench

from ninelives.stacks import ResourceFailed
from ninelives.stacks.schemas import schema_of
from ninelives.stacks.types import TYPES

LOG_GROUP = "AWS::Logs::LogGroup"


@pytest.mark.parametrize("type_name", sorted(TYPES))
def test_every_type_has_its_schema_and_takes_nothing_that_is_not_in_it(type_name: str) -> None:
    resource_type, schema = TYPES[type_name], schema_of(type_name)
    known = schema.properties.keys() - {path for path in schema.read_only if "/" not in path}

    assert schema.properties, "run scripts/resource_schemas.py"
    assert resource_type.taken - known <= {name for name in resource_type.taken if name in schema.body.get("required", ())}
    assert resource_type.refused.keys() <= known - resource_type.taken
    assert resource_type.recorded.keys() <= resource_type.taken
    assert set(schema.body.get("required", ())) <= resource_type.taken


def test_what_a_type_has_not_is_refused_by_name_and_never_left_out() -> None:
    bucket = TYPES["AWS::S3::Bucket"]

    assert bucket.refusals({"BucketName": "cats", "ReplicationConfiguration": {}, "AbacStatus": "Enabled"}) == [
        "Property AbacStatus of AWS::S3::Bucket is not supported by this region: it is not there yet.",
        (
            "Property ReplicationConfiguration of AWS::S3::Bucket is not supported by this region: there is no other region "
            "to replicate to."
        ),
    ]


def test_a_resource_has_the_tags_of_its_stack_and_its_own_over_them(bench: Bench) -> None:
    made = bench.create(LOG_GROUP, "Logs", Tags=[{"Key": "team", "Value": "cats"}])
    tags = bench.call("logs", "ListTagsLogGroup", logGroupName=made.physical_id)["tags"]
    changed = bench.update(LOG_GROUP, made)
    left = bench.call("logs", "ListTagsLogGroup", logGroupName=changed.physical_id)["tags"]

    assert tags == {**made.tags, "team": "cats"}
    assert left == made.tags


def test_what_an_interrupted_creation_has_made_is_found_by_its_name(bench: Bench) -> None:
    made = bench.create(LOG_GROUP, "Logs")
    found = bench.find(LOG_GROUP, made)
    bench.delete(LOG_GROUP, made)

    assert (made.physical_id, None) == (found, bench.find(LOG_GROUP, made))


def test_a_service_whose_circuit_breaker_rolls_back_fails_in_the_words_of_cloudformation(region: RegionBench) -> None:
    breaker = {"DeploymentCircuitBreaker": {"Enable": True, "Rollback": True}}
    given: dict[str, Any] = {
        "Cluster": region.cluster,
        "ServiceName": "breaking",
        "DesiredCount": 1,
        "LaunchType": "FARGATE",
        "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": region.subnets}},
        "DeploymentConfiguration": breaker,
    }
    broken = region.create("AWS::ECS::TaskDefinition", "Broken", **task_definition("broken:1")).physical_id
    service = region.create("AWS::ECS::Service", "Breaking", TaskDefinition=region.task_definitions[0], **given)

    with pytest.raises(ResourceFailed) as told:
        region.update("AWS::ECS::Service", service, TaskDefinition=broken, **given)

    assert str(told.value) == "Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'."
    assert told.value.code == "GeneralServiceException"
    (live,) = region.call("ecs", "DescribeServices", cluster=region.cluster, services=["breaking"])["services"]
    assert live["taskDefinition"] == region.task_definitions[0]


def test_a_first_deployment_that_fails_fails_the_service(region: RegionBench) -> None:
    broken = region.create("AWS::ECS::TaskDefinition", "BrokenToo", **task_definition("broken:2")).physical_id

    with pytest.raises(ResourceFailed, match="Circuit Breaker was triggered"):
        region.create(
            "AWS::ECS::Service",
            "NeverGood",
            Cluster=region.cluster,
            TaskDefinition=broken,
            LaunchType="FARGATE",
            NetworkConfiguration={"AwsvpcConfiguration": {"Subnets": region.subnets}},
            DeploymentConfiguration={"DeploymentCircuitBreaker": {"Enable": True, "Rollback": True}},
        )


@pytest.mark.parametrize(
    "shift",
    [
        {"Strategy": "BLUE_GREEN", "BakeTimeInMinutes": 1},
        {"Strategy": "CANARY", "CanaryConfiguration": {"CanaryPercent": 10, "CanaryBakeTimeInMinutes": 1}},
        {"Strategy": "LINEAR", "LinearConfiguration": {"StepPercent": 50, "StepBakeTimeInMinutes": 1}},
    ],
    ids=lambda shift: str(shift["Strategy"]),
)
def test_a_service_is_stable_when_all_its_traffic_has_shifted(region: RegionBench, shift: dict[str, Any]) -> None:
    name = shift["Strategy"].replace("_", "-").lower()
    group: dict[str, Any] = {"Protocol": "HTTP", "Port": 80, "VpcId": region.vpc, "TargetType": "ip"}
    blue, green = (
        region.create("AWS::ElasticLoadBalancingV2::TargetGroup", f"{colour}{name}", **group).physical_id
        for colour in ("Blue", "Green")
    )
    weights = [{"TargetGroupArn": blue, "Weight": 100}, {"TargetGroupArn": green, "Weight": 0}]
    rule = region.create(
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        f"Rule{name}",
        ListenerArn=region.listener,
        Priority=100 + ord(name[0]),
        Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": [f"/{name}"]}}],
        Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": weights}}],
    ).physical_id
    advanced = {"AlternateTargetGroupArn": green, "ProductionListenerRule": rule, "RoleArn": f"arn:aws:iam::1:role/{name}"}
    given: dict[str, Any] = {
        "Cluster": region.cluster,
        "ServiceName": name,
        "DesiredCount": 1,
        "LaunchType": "FARGATE",
        "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": region.subnets}},
        "LoadBalancers": [
            {"ContainerName": "web", "ContainerPort": 4567, "TargetGroupArn": blue, "AdvancedConfiguration": advanced}
        ],
        "DeploymentConfiguration": shift,
    }
    service = region.create("AWS::ECS::Service", name, TaskDefinition=region.task_definitions[0], **given)
    before = weights_of(region, rule)

    region.update("AWS::ECS::Service", service, TaskDefinition=region.task_definitions[1], **given)

    (live,) = region.call("ecs", "DescribeServices", cluster=region.cluster, services=[name])["services"]
    assert live["taskDefinition"] == region.task_definitions[1]
    after = weights_of(region, rule)
    assert sorted(before.values()) == [0, 100]
    assert after == {group: 100 - weight for group, weight in before.items()}


def weights_of(region: RegionBench, rule: str) -> dict[str, int]:
    (shown,) = region.call("elbv2", "DescribeRules", RuleArns=[rule])["Rules"]
    return {one["TargetGroupArn"]: one["Weight"] for one in shown["Actions"][0]["ForwardConfig"]["TargetGroups"]}
