"""CloudFormation through boto3: stacks of resources that are really there."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from running_door import RunningDoor

from ninelives.stacks.types import TYPES

QUICK = {"Delay": 0.05, "MaxAttempts": 200}

LOGS = """
Parameters:
  Days: {Type: Number, Default: 7}
Resources:
  Logs:
    Type: AWS::Logs::LogGroup
    Properties:
      RetentionInDays: !Ref Days
Outputs:
  Group: {Value: !Ref Logs, Description: where the lines go}
  Arn: {Value: !GetAtt Logs.Arn, Export: {Name: !Sub '${AWS::StackName}-logs'}}
"""


@pytest.fixture(scope="module")
def door() -> Iterator[RunningDoor]:
    from moto.core.base_backend import BackendDict

    BackendDict.reset()
    running = RunningDoor({}, types=TYPES)
    yield running
    running.stop()
    BackendDict.reset()


@pytest.fixture
def cfn(door: RunningDoor) -> Any:
    return door.client("cloudformation")


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return str(request.node.name).replace("_", "-")[:100]


def wait(cfn: Any, what: str, name: str) -> dict[str, Any]:
    cfn.get_waiter(what).wait(StackName=name, WaiterConfig=QUICK)
    return stack(cfn, name)


def stack(cfn: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = cfn.describe_stacks(StackName=name)["Stacks"][0]
    return found


def outputs(cfn: Any, name: str) -> dict[str, str]:
    return {one["OutputKey"]: one["OutputValue"] for one in stack(cfn, name)["Outputs"]}


def history(cfn: Any, name: str) -> list[tuple[str, str]]:
    """Logical id and status of all events, the oldest first."""
    pages = cfn.get_paginator("describe_stack_events").paginate(StackName=name)
    events = [event for page in pages for event in page["StackEvents"]]
    return [(event["LogicalResourceId"], event["ResourceStatus"]) for event in reversed(events)]


def refusal(call: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_stack_is_made_changed_and_deleted(door: RunningDoor, cfn: Any, name: str) -> None:
    mode = {"DeploymentConfig": {"Mode": "STANDARD"}}
    made = cfn.create_stack(StackName=name, TemplateBody=LOGS, Tags=[{"Key": "team", "Value": "cats"}], **mode)
    found = wait(cfn, "stack_create_complete", name)
    assert made["StackId"] == found["StackId"]
    group = outputs(cfn, name)["Group"]
    assert group.startswith(f"{name}-Logs-")

    logs = door.client("logs")
    (live,) = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert live["retentionInDays"] == 7
    tags = logs.list_tags_log_group(logGroupName=group)["tags"]
    assert tags["team"] == "cats"
    assert tags["aws:cloudformation:stack-id"] == made["StackId"]
    assert history(cfn, name) == [
        (name, "CREATE_IN_PROGRESS"),
        ("Logs", "CREATE_IN_PROGRESS"),
        ("Logs", "CREATE_IN_PROGRESS"),
        ("Logs", "CREATE_COMPLETE"),
        (name, "CREATE_COMPLETE"),
    ]

    cfn.update_stack(StackName=name, UsePreviousTemplate=True, Parameters=[{"ParameterKey": "Days", "ParameterValue": "14"}])
    wait(cfn, "stack_update_complete", name)
    assert outputs(cfn, name)["Group"] == group
    (live,) = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert live["retentionInDays"] == 14
    assert history(cfn, name)[5:] == [
        (name, "UPDATE_IN_PROGRESS"),
        ("Logs", "UPDATE_IN_PROGRESS"),
        ("Logs", "UPDATE_COMPLETE"),
        (name, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
        (name, "UPDATE_COMPLETE"),
    ]

    again = refusal(
        cfn.update_stack,
        StackName=name,
        UsePreviousTemplate=True,
        Parameters=[{"ParameterKey": "Days", "UsePreviousValue": True}],
    )
    assert again == ("ValidationError", "No updates are to be performed.")

    cfn.delete_stack(StackName=name)
    cfn.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig=QUICK)
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"] == []
    assert stack(cfn, made["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert refusal(cfn.describe_stacks, StackName=name) == ("ValidationError", f"Stack with id {name} does not exist")
    assert history(cfn, made["StackId"])[-4:] == [
        (name, "DELETE_IN_PROGRESS"),
        ("Logs", "DELETE_IN_PROGRESS"),
        ("Logs", "DELETE_COMPLETE"),
        (name, "DELETE_COMPLETE"),
    ]
    json.dumps(history(cfn, made["StackId"]))


def test_what_the_region_has_not_is_refused_with_the_template(cfn: Any, name: str) -> None:
    template = {
        "Conditions": {"Copied": {"Fn::Equals": ["a", "b"]}},
        "Resources": {
            "Pictures": {"Type": "AWS::S3::Bucket", "Properties": {"AbacStatus": "Enabled"}},
            "Names": {
                "Type": "AWS::S3::Bucket",
                "Properties": {"ReplicationConfiguration": {"Fn::If": ["Copied", {"Role": "r"}, {"Ref": "AWS::NoValue"}]}},
            },
        },
    }
    told = refusal(cfn.create_stack, StackName=name, TemplateBody=json.dumps(template))
    express = refusal(cfn.create_stack, StackName=name, TemplateBody=LOGS, DeploymentConfig={"Mode": "EXPRESS"})

    message = "Pictures: Property AbacStatus of AWS::S3::Bucket is not supported by this region: it is not there yet."
    assert told == ("ValidationError", f"Template error: {message}")
    assert express[1].startswith("Deployment mode EXPRESS is not supported by this region")
    assert refusal(cfn.describe_stacks, StackName=name) == ("ValidationError", f"Stack with id {name} does not exist")
