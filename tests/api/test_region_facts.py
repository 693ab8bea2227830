"""What the guard finds in the region's own records."""

from ecs_world import PLACE, World

from ninelives.api.authorization.known import RegionFacts

ROLE = f"arn:aws:iam::{PLACE.account}:role/app"


def test_tags_and_task_definitions_are_found_by_their_arns() -> None:
    world = World()
    world.call("CreateCluster", clusterName="c", tags=[{"key": "team", "value": "red"}])
    made = world.call(
        "RegisterTaskDefinition",
        family="f",
        taskRoleArn=ROLE,
        containerDefinitions=[{"name": "web", "image": "i", "memory": 128}],
    )["taskDefinition"]["taskDefinitionArn"]
    facts = RegionFacts(world.region)

    assert {"team": "red"} == facts.tags(PLACE.cluster("c"))
    assert facts.tags(PLACE.cluster("other")) is None
    for reference in ("f", "f:1", made):
        found = facts.task_definition(reference)
        assert found is not None
        assert (made, (ROLE,)) == (found.arn, found.roles)
    assert facts.task_definition("g") is None
