"""Clusters, tags and account settings: kept, shown where asked for, and refused in ECS's words."""

from dataclasses import replace
from typing import Any

import pytest
from ecs_world import PLACE, World, fargate

from ninelives.api.ecs import operations
from ninelives.model.ecs import LastStatus, ServiceStatus

INVALID = "InvalidParameterException"


def test_a_new_cluster_is_empty_and_shows_its_settings() -> None:
    cluster = World().call("CreateCluster", clusterName="c", tags=[{"key": "a", "value": "b"}])["cluster"]

    assert (cluster["clusterArn"], cluster["status"]) == (PLACE.cluster("c"), "ACTIVE")
    assert cluster["settings"] == [{"name": "containerInsights", "value": "disabled"}]
    assert (cluster["capacityProviders"], cluster["defaultCapacityProviderStrategy"]) == ([], [])
    assert (cluster["activeServicesCount"], cluster["runningTasksCount"], cluster["pendingTasksCount"]) == (0, 0, 0)
    assert cluster["tags"] == [{"key": "a", "value": "b"}]


def test_a_cluster_without_a_name_is_called_default() -> None:
    assert World().call("CreateCluster")["cluster"]["clusterName"] == "default"


def test_creating_a_cluster_again_changes_nothing() -> None:
    world = World()
    world.call("CreateCluster", clusterName="c", settings=[{"name": "containerInsights", "value": "enabled"}])
    before = world.records()

    cluster = world.call("CreateCluster", clusterName="c")["cluster"]

    assert cluster["settings"] == [{"name": "containerInsights", "value": "enabled"}]
    assert world.records() == before


def test_clusters_are_described_with_what_include_asks_for() -> None:
    world = World()
    world.call("CreateCluster", clusterName="c", tags=[{"key": "a", "value": "b"}])

    plain = world.call("DescribeClusters", clusters=["c", "d"])
    (full,) = world.call("DescribeClusters", clusters=[PLACE.cluster("c")], include=["SETTINGS", "TAGS", "STATISTICS"])[
        "clusters"
    ]
    default = world.call("DescribeClusters")

    (cluster,) = plain["clusters"]
    assert (cluster["settings"], cluster["tags"], cluster["statistics"]) == ([], [], [])
    assert plain["failures"] == [{"arn": PLACE.cluster("d"), "reason": "MISSING"}]
    assert len(full["statistics"]) == 12
    assert full["tags"] == [{"key": "a", "value": "b"}]
    assert default["failures"] == [{"arn": PLACE.cluster("default"), "reason": "MISSING"}]


def test_settings_and_capacity_providers_are_changed() -> None:
    world = World()
    world.call("CreateCluster", clusterName="c")
    strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 2}]

    world.call("UpdateClusterSettings", cluster="c", settings=[{"name": "containerInsights", "value": "enhanced"}])
    world.call("UpdateCluster", cluster="c", configuration={"executeCommandConfiguration": {"logging": "NONE"}})
    world.call(
        "PutClusterCapacityProviders",
        cluster="c",
        capacityProviders=["FARGATE", "FARGATE_SPOT"],
        defaultCapacityProviderStrategy=strategy,
    )

    (cluster,) = world.call("DescribeClusters", clusters=["c"], include=["SETTINGS", "CONFIGURATIONS"])["clusters"]
    assert cluster["settings"] == [{"name": "containerInsights", "value": "enhanced"}]
    assert cluster["configuration"] == {"executeCommandConfiguration": {"logging": "NONE"}}
    assert cluster["capacityProviders"] == ["FARGATE", "FARGATE_SPOT"]
    assert cluster["defaultCapacityProviderStrategy"] == [{"capacityProvider": "FARGATE_SPOT", "weight": 2, "base": 0}]


@pytest.mark.parametrize(
    ("providers", "strategy"),
    [
        (["EC2-ASG"], []),
        (["FARGATE"], [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]),
        (
            ["FARGATE", "FARGATE_SPOT"],
            [{"capacityProvider": "FARGATE", "base": 1, "weight": 1}, {"capacityProvider": "FARGATE_SPOT", "base": 1}],
        ),
        (["FARGATE", "FARGATE_SPOT"], [{"capacityProvider": "FARGATE"}, {"capacityProvider": "FARGATE_SPOT"}]),
    ],
)
def test_capacity_that_cannot_be_is_refused(providers: list[str], strategy: list[dict[str, Any]]) -> None:
    world = World()
    world.call("CreateCluster", clusterName="c")

    code, _ = world.refusal(
        "PutClusterCapacityProviders", cluster="c", capacityProviders=providers, defaultCapacityProviderStrategy=strategy
    )

    assert code == INVALID


def test_a_cluster_in_use_is_not_deleted() -> None:
    world = World()
    deployment_id = world.with_service()["deployments"][0]["id"]
    (task,) = world.tasks_of(deployment_id, LastStatus.RUNNING)

    assert world.refusal("DeleteCluster", cluster="c") == (
        "ClusterContainsServicesException",
        "The Cluster cannot be deleted while Services are active.",
    )
    world.call("DeleteService", cluster="c", service="s", force=True)
    service = world.region.state.services[PLACE.service("c", "s")]
    world.put(replace(service, status=ServiceStatus.INACTIVE))
    assert world.refusal("DeleteCluster", cluster="c") == (
        "ClusterContainsTasksException",
        "The Cluster cannot be deleted while Tasks are active.",
    )
    world.put(replace(task, last_status=LastStatus.STOPPED))
    assert world.call("DeleteCluster", cluster="c")["cluster"]["status"] == "INACTIVE"


def test_a_deleted_cluster_is_inactive_and_can_be_made_anew() -> None:
    world = World()
    world.call("CreateCluster", clusterName="c", tags=[{"key": "a", "value": "b"}])
    world.call("DeleteCluster", cluster="c")

    inactive = ("ClusterNotFoundException", "The referenced cluster was inactive.")
    assert world.refusal("ListServices", cluster="c") == inactive
    assert world.refusal("DeleteCluster", cluster="c") == inactive
    assert world.refusal("ListTasks", cluster="d") == ("ClusterNotFoundException", "Cluster not found.")
    assert world.call("DescribeClusters", clusters=["c"])["clusters"][0]["status"] == "INACTIVE"
    assert world.call("ListClusters")["clusterArns"] == []
    assert world.refusal("TagResource", resourceArn=PLACE.cluster("c"), tags=[]) == (
        INVALID,
        "The specified cluster is inactive. Specify an active cluster and try again.",
    )
    assert world.call("CreateCluster", clusterName="c")["cluster"]["tags"] == []


def test_clusters_are_listed_in_pages() -> None:
    world = World()
    for number in range(5):
        world.call("CreateCluster", clusterName=f"c{number}")

    first = world.call("ListClusters", maxResults=3)
    world.call("DeleteCluster", cluster="c0")
    second = world.call("ListClusters", maxResults=3, nextToken=first["nextToken"])

    names = [arn.rpartition("/")[2] for arn in first["clusterArns"] + second["clusterArns"]]
    assert names == ["c0", "c1", "c2", "c3", "c4"]
    assert world.refusal("ListClusters", maxResults=101)[0] == INVALID


def test_tags_are_laid_over_listed_and_removed_on_each_kind_of_resource() -> None:
    world = World()
    deployment_id = world.with_service()["deployments"][0]["id"]
    (task,) = world.tasks_of(deployment_id, LastStatus.RUNNING)

    for arn in (PLACE.cluster("c"), PLACE.service("c", "s"), PLACE.task_definition("cats", 1), task.arn):
        world.call("TagResource", resourceArn=arn, tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])
        world.call("TagResource", resourceArn=arn, tags=[{"key": "b", "value": "3"}])
        world.call("UntagResource", resourceArn=arn, tagKeys=["a", "never"])

        assert world.call("ListTagsForResource", resourceArn=arn)["tags"] == [{"key": "b", "value": "3"}]


@pytest.mark.parametrize(
    "tags",
    [
        [{"key": "aws:own", "value": ""}],
        [{"key": "AWS:own", "value": ""}],
        [{"key": "a"}, {"key": "a"}],
    ],
    ids=["reserved", "reserved in capitals", "twice"],
)
def test_tags_that_ecs_does_not_take_are_refused(tags: list[dict[str, str]]) -> None:
    world = World()
    world.call("CreateCluster", clusterName="c")

    assert world.refusal("TagResource", resourceArn=PLACE.cluster("c"), tags=tags)[0] == INVALID
    assert world.refusal("RegisterTaskDefinition", **fargate(tags=tags))[0] == INVALID


def test_a_resource_has_fifty_tags_at_most() -> None:
    world = World()
    world.call("CreateCluster", clusterName="c", tags=[{"key": str(number)} for number in range(50)])

    assert world.refusal("TagResource", resourceArn=PLACE.cluster("c"), tags=[{"key": "50"}])[0] == INVALID


def test_only_what_exists_is_tagged() -> None:
    world = World()

    code, _ = world.refusal("TagResource", resourceArn=PLACE.service("c", "s"), tags=[])

    assert code == "ResourceNotFoundException"
    assert world.refusal("ListTagsForResource", resourceArn=PLACE.service("c", "s"))[0] == INVALID


def test_an_account_setting_that_was_put_is_remembered_until_it_is_deleted() -> None:
    world = World()
    put = world.call("PutAccountSettingDefault", name="containerInsights", value="enabled")["setting"]

    own = world.call("ListAccountSettings")["settings"]
    effective = world.call("ListAccountSettings", effectiveSettings=True, name="containerInsights")["settings"]
    world.call("DeleteAccountSetting", name="containerInsights")

    assert own == effective == [put]
    assert put["value"] == "enabled"
    assert world.call("ListAccountSettings")["settings"] == []
    after = world.call("ListAccountSettings", effectiveSettings=True, name="containerInsights")["settings"]
    assert [one["value"] for one in after] == ["disabled"]
    assert world.refusal("PutAccountSetting", name="serviceLongArnFormat", value="disabled")[0] == INVALID


def test_fargates_capacity_providers_are_there_and_no_others() -> None:
    world = World()

    everything = world.call("DescribeCapacityProviders")["capacityProviders"]
    some = world.call("DescribeCapacityProviders", capacityProviders=["FARGATE_SPOT", "asg"])

    assert [(one["name"], one["status"]) for one in everything] == [("FARGATE", "ACTIVE"), ("FARGATE_SPOT", "ACTIVE")]
    assert [one["name"] for one in some["capacityProviders"]] == ["FARGATE_SPOT"]
    assert [one["reason"] for one in some["failures"]] == ["MISSING"]
    world.call("CreateCluster", clusterName="c")
    assert world.call("ListContainerInstances", cluster="c")["containerInstanceArns"] == []
    assert len(world.call("DescribeContainerInstances", cluster="c", containerInstances=["i"])["failures"]) == 1


def test_every_operation_is_one_of_ecs() -> None:
    from ecs_world import ECS

    assert set(operations(World().region)) <= set(ECS.operation_names)
