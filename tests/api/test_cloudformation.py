"""CloudFormation through boto3: stacks of resources that are really there."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
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


def physical_ids(cfn: Any, name: str) -> dict[str, str]:
    rows = cfn.list_stack_resources(StackName=name)["StackResourceSummaries"]
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in rows}


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


def parameter(value: Any, **more: Any) -> dict[str, Any]:
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": value, **more}}


def resources(**found: Any) -> str:
    return json.dumps({"Resources": found})


def test_a_change_set_says_what_would_change_and_does_it(cfn: Any, name: str) -> None:
    text = json.dumps(
        {
            "Parameters": {"Color": {"Type": "String", "Default": "red"}},
            "Resources": {
                "One": parameter({"Ref": "Color"}),
                "Named": parameter("1", Name=f"/{name}/named"),
                "Gone": parameter("3"),
            },
        }
    )
    first = cfn.create_change_set(StackName=name, ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=text)
    assert stack(cfn, name)["StackStatus"] == "REVIEW_IN_PROGRESS"
    cfn.get_waiter("change_set_create_complete").wait(ChangeSetName=first["Id"], WaiterConfig=QUICK)
    described = cfn.describe_change_set(ChangeSetName="first", StackName=name)
    adds = [(one["ResourceChange"]["Action"], one["ResourceChange"]["LogicalResourceId"]) for one in described["Changes"]]
    assert adds == [("Add", "Gone"), ("Add", "Named"), ("Add", "One")]
    cfn.execute_change_set(ChangeSetName=first["Id"])
    assert wait(cfn, "stack_create_complete", name)["ChangeSetId"] == first["Id"]

    edited = json.loads(text)
    del edited["Resources"]["Gone"]
    edited["Resources"]["Named"]["Properties"]["Name"] = f"/{name}/renamed"
    edited["Resources"]["Uses"] = parameter({"Ref": "Named"})
    values = [{"ParameterKey": "Color", "ParameterValue": "blue"}]
    cfn.create_change_set(StackName=name, ChangeSetName="second", TemplateBody=json.dumps(edited), Parameters=values)
    found = {
        one["ResourceChange"]["LogicalResourceId"]: one["ResourceChange"]
        for one in cfn.describe_change_set(ChangeSetName="second", StackName=name)["Changes"]
    }
    assert {key: (one["Action"], one.get("Replacement")) for key, one in found.items()} == {
        "One": ("Modify", "False"),
        "Named": ("Modify", "True"),
        "Uses": ("Add", None),
        "Gone": ("Remove", None),
    }
    assert [(one["ChangeSource"], one["Evaluation"], one.get("CausingEntity")) for one in found["One"]["Details"]] == [
        ("ParameterReference", "Static", "Color"),
        ("DirectModification", "Dynamic", None),
    ]
    target = {"Attribute": "Properties", "Name": "Name", "RequiresRecreation": "Always"}
    assert found["Named"]["Details"][0]["Target"] == target
    assert found["Named"]["Scope"] == ["Properties"]

    cfn.execute_change_set(ChangeSetName="second", StackName=name)
    wait(cfn, "stack_update_complete", name)
    statuses = {one["ChangeSetName"]: one["ExecutionStatus"] for one in cfn.list_change_sets(StackName=name)["Summaries"]}
    assert statuses == {"first": "EXECUTE_COMPLETE", "second": "EXECUTE_COMPLETE"}
    rows = cfn.list_stack_resources(StackName=name)["StackResourceSummaries"]
    assert [one["LogicalResourceId"] for one in rows] == ["Named", "One", "Uses"]


def test_a_change_set_without_changes_has_failed(cfn: Any, name: str) -> None:
    cfn.create_stack(StackName=name, TemplateBody=resources(One=parameter("1")))
    wait(cfn, "stack_create_complete", name)

    made = cfn.create_change_set(StackName=name, ChangeSetName="none", UsePreviousTemplate=True)

    described = cfn.describe_change_set(ChangeSetName=made["Id"])
    assert (described["Status"], described["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    reason = "The submitted information didn't contain changes. Submit different information to create a change set."
    assert described["StatusReason"] == reason
    code, message = refusal(cfn.execute_change_set, ChangeSetName=made["Id"])
    assert code == "InvalidChangeSetStatus"
    assert message == f"ChangeSet [{made['Id']}] cannot be executed in its current status of [FAILED]"
    cfn.delete_change_set(ChangeSetName=made["Id"])
    assert refusal(cfn.describe_change_set, ChangeSetName=made["Id"])[0] == "ChangeSetNotFound"


def test_a_creation_that_fails_is_rolled_back(cfn: Any, name: str) -> None:
    text = resources(
        First=parameter("1"),
        Second={"Type": "AWS::Logs::LogGroup", "DependsOn": "First", "Properties": {"LogGroupName": f"{name}-taken"}},
        Third={"Type": "AWS::Logs::LogGroup", "DependsOn": "Second", "Properties": {"LogGroupName": f"{name}-taken"}},
    )
    cfn.create_stack(StackName=name, TemplateBody=text)

    until(cfn, name, "ROLLBACK_COMPLETE")

    events = cfn.describe_stack_events(StackName=name)["StackEvents"][::-1]
    (failed,) = [one for one in events if one["ResourceStatus"] == "CREATE_FAILED"]
    assert failed["LogicalResourceId"] == "Third"
    assert "HandlerErrorCode: AlreadyExists" in failed["ResourceStatusReason"]
    (back,) = [one for one in events if one["ResourceStatus"] == "ROLLBACK_IN_PROGRESS"]
    assert back["ResourceStatusReason"] == "The following resource(s) failed to create: [Third]. Rollback requested by user."
    deleted = [one["LogicalResourceId"] for one in events if one["ResourceStatus"] == "DELETE_COMPLETE"]
    assert deleted == ["Third", "Second", "First"]
    code, message = refusal(cfn.update_stack, StackName=name, TemplateBody=text)
    assert code == "ValidationError"
    assert message.endswith("is in ROLLBACK_COMPLETE state and can not be updated.")


def test_a_failed_creation_can_be_left_as_it_is(cfn: Any, name: str) -> None:
    text = resources(Good=parameter("1"), Bad=parameter("2", Type="Nonsense"))
    cfn.create_stack(StackName=name, TemplateBody=text, OnFailure="DO_NOTHING")
    cfn.get_waiter("stack_exists").wait(StackName=name, WaiterConfig=QUICK)
    until(cfn, name, "CREATE_FAILED")

    rows = {one["LogicalResourceId"]: one for one in cfn.describe_stack_resources(StackName=name)["StackResources"]}
    assert rows["Good"]["ResourceStatus"] == "CREATE_COMPLETE"
    assert rows["Bad"]["ResourceStatus"] == "CREATE_FAILED"
    assert "not a valid enum value" in rows["Bad"]["ResourceStatusReason"]

    cfn.update_stack(StackName=name, TemplateBody=resources(Good=parameter("1"), Bad=parameter("2")))
    wait(cfn, "stack_update_complete", name)


def until(cfn: Any, name: str, status: str) -> dict[str, Any]:
    found = stack(cfn, name)
    for _ in range(4000):
        if found["StackStatus"] == status:
            return found
        found = stack(cfn, name)
    raise AssertionError(f"{found['StackStatus']}, not {status}: {found.get('StackStatusReason')}")


def test_an_update_that_fails_goes_back(door: RunningDoor, cfn: Any, name: str) -> None:
    cfn.create_stack(StackName=name, TemplateBody=resources(One=parameter("1"), Two=parameter("1", Name=f"/{name}/two")))
    wait(cfn, "stack_create_complete", name)

    changed = resources(
        One=parameter("2"),
        Two=parameter("1", Name=f"/{name}/2"),
        Bad=parameter({"Fn::GetAtt": ["Two", "Type"]}, Type="Nonsense"),
    )
    cfn.update_stack(StackName=name, TemplateBody=changed)
    wait(cfn, "stack_rollback_complete", name)

    rows = physical_ids(cfn, name)
    assert rows.keys() == {"One", "Two"}
    assert rows["Two"] == f"/{name}/two"
    ssm = door.client("ssm")
    assert ssm.get_parameter(Name=rows["One"])["Parameter"]["Value"] == "1"
    assert refusal(ssm.get_parameter, Name=f"/{name}/2")[0] == "ParameterNotFound"
    order = [one for one in history(cfn, name) if one[0] == name][-4:]
    assert [status for _, status in order] == [
        "UPDATE_IN_PROGRESS",
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE",
    ]


def test_exports_are_held_while_they_are_used(cfn: Any, name: str) -> None:
    giver, user = f"{name}-giver", f"{name}-user"
    given = json.loads(resources(One=parameter("1")))
    given["Outputs"] = {"One": {"Value": {"Ref": "One"}, "Export": {"Name": f"{name}-one"}}}
    used = resources(Two=parameter({"Fn::ImportValue": f"{name}-one"}))
    cfn.create_stack(StackName=user, TemplateBody=used)
    until(cfn, user, "ROLLBACK_COMPLETE")
    reasons = {one.get("ResourceStatusReason") for one in cfn.describe_stack_events(StackName=user)["StackEvents"]}
    assert f"No export named {name}-one found. Rollback requested by user." in reasons
    cfn.delete_stack(StackName=user)
    cfn.get_waiter("stack_delete_complete").wait(StackName=user, WaiterConfig=QUICK)
    cfn.create_stack(StackName=giver, TemplateBody=json.dumps(given))
    wait(cfn, "stack_create_complete", giver)
    cfn.create_stack(StackName=user, TemplateBody=used)
    wait(cfn, "stack_create_complete", user)
    assert f"{name}-one" in {one["Name"] for one in cfn.list_exports()["Exports"]}
    assert cfn.list_imports(ExportName=f"{name}-one")["Imports"] == [user]

    cfn.delete_stack(StackName=giver)
    held = until(cfn, giver, "DELETE_FAILED")
    assert held["StackStatusReason"] == f"Export {name}-one cannot be deleted as it is in use by {user}"

    cfn.delete_stack(StackName=user)
    cfn.get_waiter("stack_delete_complete").wait(StackName=user, WaiterConfig=QUICK)
    cfn.delete_stack(StackName=giver)
    cfn.get_waiter("stack_delete_complete").wait(StackName=giver, WaiterConfig=QUICK)


def test_a_stack_policy_and_termination_protection_protect(cfn: Any, name: str) -> None:
    policy = {
        "Statement": [
            {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": "Update:Modify", "Principal": "*", "Resource": "LogicalResourceId/One"},
        ]
    }
    cfn.create_stack(
        StackName=name,
        TemplateBody=resources(One=parameter("1")),
        StackPolicyBody=json.dumps(policy),
        EnableTerminationProtection=True,
    )
    wait(cfn, "stack_create_complete", name)
    assert json.loads(cfn.get_stack_policy(StackName=name)["StackPolicyBody"]) == policy

    cfn.update_stack(StackName=name, TemplateBody=resources(One=parameter("2")))
    until(cfn, name, "UPDATE_ROLLBACK_COMPLETE")
    reasons = {one.get("ResourceStatusReason", "") for one in cfn.describe_stack_events(StackName=name)["StackEvents"]}
    denied = (
        "Action denied by stack policy: Statement [#2] does not allow [Update:Modify] for resource [LogicalResourceId/One]"
    )
    assert denied in reasons
    allowing = json.dumps({"Statement": [policy["Statement"][0]]})
    cfn.update_stack(StackName=name, TemplateBody=resources(One=parameter("2")), StackPolicyDuringUpdateBody=allowing)
    wait(cfn, "stack_update_complete", name)

    code, message = refusal(cfn.delete_stack, StackName=name)
    assert (code, message.endswith("cannot be deleted while TerminationProtection is enabled")) == ("ValidationError", True)
    cfn.update_termination_protection(StackName=name, EnableTerminationProtection=False)
    cfn.delete_stack(StackName=name)
    cfn.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig=QUICK)


def test_what_is_retained_stays_and_is_told(door: RunningDoor, cfn: Any, name: str) -> None:
    kept = parameter("1", Name=f"/{name}/kept") | {"DeletionPolicy": "Retain"}
    made = cfn.create_stack(StackName=name, TemplateBody=resources(Kept=kept, Gone=parameter("2")))
    wait(cfn, "stack_create_complete", name)
    cfn.delete_stack(StackName=name)
    cfn.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig=QUICK)

    assert ("Kept", "DELETE_SKIPPED") in history(cfn, made["StackId"])
    assert door.client("ssm").get_parameter(Name=f"/{name}/kept")["Parameter"]["Value"] == "1"


def test_drift_is_what_was_changed_behind_the_stacks_back(door: RunningDoor, cfn: Any, name: str) -> None:
    cfn.create_stack(StackName=name, TemplateBody=LOGS)
    wait(cfn, "stack_create_complete", name)
    detection = cfn.detect_stack_drift(StackName=name)["StackDriftDetectionId"]
    told = cfn.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
    assert (told["DetectionStatus"], told["StackDriftStatus"]) == ("DETECTION_COMPLETE", "IN_SYNC")

    group = outputs(cfn, name)["Group"]
    door.client("logs").put_retention_policy(logGroupName=group, retentionInDays=30)
    cfn.detect_stack_drift(StackName=name)
    (drift,) = cfn.describe_stack_resource_drifts(StackName=name)["StackResourceDrifts"]
    assert drift["StackResourceDriftStatus"] == "MODIFIED"
    (difference,) = drift["PropertyDifferences"]
    assert (difference["PropertyPath"], difference["ExpectedValue"], difference["ActualValue"]) == (
        "/RetentionInDays",
        "7",
        "30",
    )

    door.client("logs").delete_log_group(logGroupName=group)
    cfn.detect_stack_drift(StackName=name)
    (drift,) = cfn.describe_stack_resource_drifts(StackName=name)["StackResourceDrifts"]
    assert drift["StackResourceDriftStatus"] == "DELETED"
    assert stack(cfn, name)["DriftInformation"]["StackDriftStatus"] == "DRIFTED"


def test_parameters_come_from_parameter_store_and_secrets_stay_hidden(door: RunningDoor, cfn: Any, name: str) -> None:
    door.client("ssm").put_parameter(Name=f"/{name}/days", Value="30", Type="String")
    door.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps({"word": "hush"}))
    text = json.dumps(
        {
            "Parameters": {
                "Days": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": f"/{name}/days"},
                "Word": {"Type": "String", "NoEcho": True},
            },
            "Resources": {
                "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": {"Ref": "Days"}}},
                "Secret": parameter(f"{{{{resolve:secretsmanager:{name}:SecretString:word}}}}"),
                "Given": parameter({"Fn::Sub": "it is ${Word}"}),
            },
            "Outputs": {"Secret": {"Value": {"Ref": "Secret"}}, "Group": {"Value": {"Ref": "Logs"}}},
        }
    )
    cfn.create_stack(StackName=name, TemplateBody=text, Parameters=[{"ParameterKey": "Word", "ParameterValue": "veiled"}])
    found = wait(cfn, "stack_create_complete", name)

    shown = {one["ParameterKey"]: (one["ParameterValue"], one.get("ResolvedValue")) for one in found["Parameters"]}
    assert shown == {"Days": (f"/{name}/days", "30"), "Word": ("****", None)}
    (live,) = door.client("logs").describe_log_groups(logGroupNamePrefix=outputs(cfn, name)["Group"])["logGroups"]
    assert live["retentionInDays"] == 30
    assert door.client("ssm").get_parameter(Name=outputs(cfn, name)["Secret"])["Parameter"]["Value"] == "hush"
    assert door.client("ssm").get_parameter(Name=physical_ids(cfn, name)["Given"])["Parameter"]["Value"] == "it is veiled"
    cfn.detect_stack_drift(StackName=name)
    edited = json.loads(text)
    edited["Resources"]["Given"]["Properties"]["Description"] = "new"
    del edited["Resources"]["Secret"], edited["Outputs"]["Secret"]
    values = [{"ParameterKey": "Word", "ParameterValue": "veiled anew"}]
    cfn.create_change_set(StackName=name, ChangeSetName="c", TemplateBody=json.dumps(edited), Parameters=values)
    for shown in (
        cfn.describe_stack_events(StackName=name),
        cfn.describe_stack_resource_drifts(StackName=name),
        cfn.describe_change_set(StackName=name, ChangeSetName="c", IncludePropertyValues=True),
    ):
        assert "it is ****" in json.dumps(shown, default=str)
        assert not {word for word in ("hush", "veiled", "anew") if word in json.dumps(shown, default=str)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "Template format error: At least one Resources member must be defined."),
        ("Resources:\n  A: b: c", "Template format error: YAML not well-formed. (line 2, column 7)"),
        (
            resources(A=parameter(None)),
            "Template format error: [/Resources/A/Properties/Value] 'null' values are not allowed in templates",
        ),
        (resources(A={"Type": "AWS::Braket::Job"}), "Template format error: Unrecognized resource types: [AWS::Braket::Job]"),
        (
            resources(A=parameter({"Ref": "B"})),
            "Template format error: Unresolved resource dependencies [B] in the Resources block of the template",
        ),
        (
            resources(A=parameter({"Ref": "B"}), B=parameter({"Ref": "A"})),
            "Circular dependency between resources: [A, B]",
        ),
        (
            resources(A=parameter({"Fn::GetAtt": ["B", "Type"]})),
            "Template error: instance of Fn::GetAtt references undefined resource B",
        ),
        (
            json.dumps({"Parameters": {"P": {"Type": "String"}}, "Resources": {"A": parameter("1")}}),
            "Parameters: [P] must have values",
        ),
        (
            json.dumps({"Transform": "AWS::Serverless-2016-10-31", "Resources": {"A": parameter("1")}}),
            "This region does not run the transform AWS::Serverless-2016-10-31; AWS::LanguageExtensions is the one it has.",
        ),
    ],
)
def test_a_template_that_cannot_be_used_is_refused_before_anything_is_made(cfn: Any, text: str, message: str) -> None:
    assert refusal(cfn.create_stack, StackName="unusable", TemplateBody=text) == ("ValidationError", message)
    assert refusal(cfn.describe_stacks, StackName="unusable")[1] == "Stack with id unusable does not exist"


def test_iam_asks_for_its_capability(cfn: Any) -> None:
    role: dict[str, Any] = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": []}}}
    assert refusal(cfn.create_stack, StackName="roles", TemplateBody=resources(Role=role)) == (
        "InsufficientCapabilitiesException",
        "Requires capabilities : [CAPABILITY_IAM]",
    )
    role["Properties"]["RoleName"] = "named"
    given = ["CAPABILITY_IAM"]
    assert refusal(cfn.create_stack, StackName="roles", TemplateBody=resources(Role=role), Capabilities=given)[1] == (
        "Requires capabilities : [CAPABILITY_NAMED_IAM]"
    )
    checked = cfn.validate_template(TemplateBody=resources(Role=role))
    assert checked["Capabilities"] == ["CAPABILITY_NAMED_IAM"]
    assert checked["CapabilitiesReason"] == "The following resource(s) require capabilities: [AWS::IAM::Role]"


def test_a_template_lies_in_s3(door: RunningDoor, cfn: Any, name: str) -> None:
    s3 = door.client("s3")
    s3.create_bucket(Bucket="templates", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="templates", Key="cats/web.json", Body=resources(One=parameter("1")).encode())

    cfn.create_stack(StackName=name, TemplateURL=f"{door.url}/templates/cats/web.json")
    wait(cfn, "stack_create_complete", name)

    summary = cfn.get_template_summary(TemplateURL="https://templates.s3.eu-west-1.amazonaws.com/cats/web.json")
    assert summary["ResourceTypes"] == ["AWS::SSM::Parameter"]
    code, message = refusal(cfn.create_stack, StackName="none", TemplateURL=f"{door.url}/templates/none.json")
    assert (code, message.splitlines()[0]) == ("ValidationError", "S3 error: The specified key does not exist.")
    assert cfn.get_template(StackName=name)["TemplateBody"] == json.loads(resources(One=parameter("1")))


def test_loops_are_written_out(door: RunningDoor, cfn: Any, name: str) -> None:
    text = json.dumps(
        {
            "Transform": "AWS::LanguageExtensions",
            "Parameters": {"Names": {"Type": "CommaDelimitedList", "Default": "Red,Blue"}},
            "Resources": {
                "Fn::ForEach::Colors": ["Color", {"Ref": "Names"}, {"In${Color}": parameter({"Fn::Sub": "${Color}!"})}],
                "Count": parameter({"Fn::Length": {"Ref": "Names"}}),
            },
        }
    )
    cfn.create_stack(StackName=name, TemplateBody=text)
    wait(cfn, "stack_create_complete", name)

    rows = physical_ids(cfn, name)
    ssm = door.client("ssm")
    values = {key: ssm.get_parameter(Name=physical)["Parameter"]["Value"] for key, physical in rows.items()}
    assert values == {"InRed": "Red!", "InBlue": "Blue!", "Count": "2"}
    written = cfn.get_template(StackName=name, TemplateStage="Processed")["TemplateBody"]
    assert set(written["Resources"]) == {"InRed", "InBlue", "Count"}


def aws(door: RunningDoor, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The AWS CLI, unmodified."""
    keys = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "eu-west-1"}
    program = Path(sys.executable).with_name("aws")
    return subprocess.run(
        [sys.executable, "-W", "ignore", program, *arguments],
        env={**os.environ, **keys, "AWS_ENDPOINT_URL": door.url, "AWS_PAGER": "", "AWS_CONFIG_FILE": os.devnull},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def next_second() -> None:
    """The CLI names its change sets by the second in which they are made."""
    threading.Event().wait(1 - time.time() % 1)


def test_aws_cloudformation_deploy_works_as_it_is(door: RunningDoor, cfn: Any, name: str, tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    file.write_text(LOGS)
    deploy = ("cloudformation", "deploy", "--stack-name", name, "--template-file", str(file), "--tags", "team=cats")

    made = aws(door, *deploy)
    next_second()
    again = aws(door, *deploy, "--no-fail-on-empty-changeset")
    next_second()
    door.client("s3").create_bucket(Bucket="uploads", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    changed = aws(door, *deploy, "--s3-bucket", "uploads", "--force-upload", "--parameter-overrides", "Days=30")

    assert (made.returncode, made.stderr) == (0, "")
    assert f"Successfully created/updated stack - {name}" in made.stdout
    assert (again.returncode, again.stderr) == (0, "")
    assert f"No changes to deploy. Stack {name} is up to date" in again.stdout
    assert changed.returncode == 0, changed.stderr
    assert stack(cfn, name)["StackStatus"] == "UPDATE_COMPLETE"
    (live,) = door.client("logs").describe_log_groups(logGroupNamePrefix=outputs(cfn, name)["Group"])["logGroups"]
    assert live["retentionInDays"] == 30


def test_stacks_are_nested(door: RunningDoor, cfn: Any, name: str) -> None:
    s3 = door.client("s3")
    s3.create_bucket(Bucket="nested", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="nested", Key="logs.yml", Body=LOGS.encode())
    inner = {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {
            "TemplateURL": f"{door.url}/nested/logs.yml",
            "Parameters": {"Days": {"Fn::GetAtt": ["Days", "Value"]}},
        },
    }
    outer = json.loads(
        resources(Inner=inner, Days=parameter("7"), Handle={"Type": "AWS::CloudFormation::WaitConditionHandle"})
    )
    outer["Outputs"] = {"Group": {"Value": {"Fn::GetAtt": ["Inner", "Outputs.Group"]}}}
    cfn.create_stack(StackName=name, TemplateBody=json.dumps(outer))
    root = wait(cfn, "stack_create_complete", name)

    nested = stack(cfn, physical_ids(cfn, name)["Inner"])
    assert nested["StackName"].startswith(f"{name}-Inner-")
    assert (nested["ParentId"], nested["RootId"]) == (root["StackId"], root["StackId"])
    group = outputs(cfn, name)["Group"]
    assert group == outputs(cfn, nested["StackId"])["Group"]
    logs = door.client("logs")
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["retentionInDays"] == 7

    outer["Resources"]["Days"] = parameter("5")
    cfn.update_stack(StackName=name, TemplateBody=json.dumps(outer))
    wait(cfn, "stack_update_complete", name)
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["retentionInDays"] == 5

    s3.put_object(
        Bucket="nested",
        Key="logs.yml",
        Body=LOGS.replace("Resources:", "Resources:\n  More: {Type: AWS::SNS::Topic}").encode(),
    )
    outer["Resources"]["Days"]["Properties"]["Description"] = "days"
    cfn.update_stack(StackName=name, TemplateBody=json.dumps(outer))
    wait(cfn, "stack_update_complete", name)
    assert set(physical_ids(cfn, nested["StackId"])) == {"Logs", "More"}

    outer["Resources"]["Days"] = parameter("6")  # which no log group takes
    cfn.update_stack(StackName=name, TemplateBody=json.dumps(outer))
    wait(cfn, "stack_rollback_complete", name)
    events = cfn.describe_stack_events(StackName=name)["StackEvents"]
    reasons = [one.get("ResourceStatusReason", "") for one in events if one["LogicalResourceId"] == "Inner"]
    failure = f"Embedded stack {nested['StackId']} was not successfully updated. Currently in UPDATE_ROLLBACK_COMPLETE"
    assert failure in reasons
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["retentionInDays"] == 5

    cfn.delete_stack(StackName=name)
    cfn.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig=QUICK)
    assert stack(cfn, nested["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_an_attribute_that_a_type_has_not_is_refused(cfn: Any, name: str) -> None:
    text = resources(One=parameter("1"), Two=parameter({"Fn::GetAtt": ["One", "Color"]}))

    assert refusal(cfn.create_stack, StackName=name, TemplateBody=text) == (
        "ValidationError",
        "Template error: resource One does not support attribute type Color in Fn::GetAtt",
    )
