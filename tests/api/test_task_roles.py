"""What ECS does as a task's roles, where IAM is enforced; asked of a door's guard."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from running_door import PLACE, RunningDoor

from ninelives.api.authorization.credentials import RegionKeys
from ninelives.api.authorization.task_roles import TaskRoles
from ninelives.model.errors import ApiError

TRUST = {
    "Effect": "Allow",
    "Principal": {"Service": "ecs-tasks.amazonaws.com"},
    "Action": "sts:AssumeRole",
    "Condition": {
        "StringEquals": {"aws:SourceAccount": PLACE.account},
        "ArnLike": {"aws:SourceArn": f"arn:aws:ecs:eu-west-1:{PLACE.account}:*"},
    },
}


@pytest.fixture(scope="module")
def door() -> Iterator[RunningDoor]:
    from moto.core.base_backend import BackendDict

    BackendDict.reset()
    running = RunningDoor({}, keys=RegionKeys.new())
    yield running
    running.stop()
    BackendDict.reset()


def a_role(door: RunningDoor, name: str, **trust: Any) -> str:
    document = json.dumps({"Version": "2012-10-17", "Statement": [TRUST | trust]})
    arn: str = door.root("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    return arn


def assume(door: RunningDoor, role: str) -> Mapping[str, Any]:
    """As the agent asks for a task's credentials."""

    async def nothing(service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        raise AssertionError((service, operation, parameters))

    assert door.guard is not None
    roles = TaskRoles(door.guard, nothing, registry="127.0.0.1:1")
    asking = roles.agents_call("sts", "AssumeRole", {"RoleArn": role, "RoleSessionName": "0f3d"})
    return asyncio.run_coroutine_threadsafe(asking, door.loop).result(10)


def test_a_task_gets_credentials_of_a_role_that_trusts_ecs_for_this_account(door: RunningDoor) -> None:
    found = assume(door, a_role(door, "app"))["Credentials"]

    assert f"arn:aws:sts::{PLACE.account}:assumed-role/app/0f3d" == door.client_of(found, "sts").get_caller_identity()["Arn"]


@pytest.mark.parametrize(
    "trust",
    [
        {"Principal": {"Service": "lambda.amazonaws.com"}},
        {"Condition": {"StringEquals": {"aws:SourceAccount": "999988887777"}}},
        {"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:ecs:us-east-1:*:*"}}},
    ],
)
def test_a_task_gets_none_of_a_role_that_does_not(door: RunningDoor, trust: dict[str, Any]) -> None:
    with pytest.raises(ApiError, match="is not authorized to perform: sts:AssumeRole"):
        assume(door, a_role(door, f"not-{abs(hash(str(trust)))}", **trust))
