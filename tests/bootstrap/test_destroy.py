"""What is taken down is counted first, goes in order, and leaves nothing; what others use stays."""

import json
from typing import Any

import boto3
import pytest
from bootstrap_account import FILE, Account
from fake_cloudformation import REGION, Failure

from ninelives.bootstrap.template import Kind
from ninelives.deploy.host_image import MANIFEST_TYPE

BUCKET = "cats-access-logs"


def fill(account: Account) -> None:
    """What the stacks' resources hold in the end: the script of CloudFormation makes none itself."""
    account.told("--yes")
    s3, ecr = boto3.client("s3", REGION), boto3.client("ecr", REGION)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    for number in range(3):
        s3.put_object(Bucket=BUCKET, Key=f"cats/AWSLogs/{number}", Body=b"a line")
    ecr.create_repository(repositoryName="cats")
    for tag in ("1.0.0", "2.0.1"):
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": {"digest": tag}}
        ecr.put_image(repositoryName="cats", imageTag=tag, imageManifest=json.dumps(manifest))
    boto3.client("logs", REGION).create_log_group(logGroupName="/ecs/cats")


def goes_with_the_stack() -> None:
    """What CloudFormation would delete: only what is empty, of the bucket and the repository."""
    boto3.client("s3", REGION).delete_bucket(Bucket=BUCKET)
    boto3.client("ecr", REGION).delete_repository(repositoryName="cats")
    boto3.client("logs", REGION).delete_log_group(logGroupName="/ecs/cats")


def test_what_would_be_lost_is_counted_and_nothing_is_touched_before_somebody_agrees(account: Account) -> None:
    fill(account)

    code, _, err = account.bootstrap("--destroy")

    assert 1 == code
    assert "Lost for good: 2 images, 3 access logs, the logs in /ecs/cats." in err
    assert "Agree beforehand with --yes. Nothing was changed." in err
    assert "DeleteStack" not in account.stacks.calls
    assert 3 == boto3.client("s3", REGION).list_objects_v2(Bucket=BUCKET)["KeyCount"]


def test_all_goes_in_order_and_what_is_left_is_told(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(account)
    delete = account.stacks.delete_stack

    def deleting(StackName: str) -> None:  # noqa: N803 (boto3's own)
        delete(StackName)
        if StackName == "cats-service":
            goes_with_the_stack()  # fails where the bucket or the repository is not empty

    monkeypatch.setattr(account.stacks, "delete_stack", deleting)

    told = account.told("--destroy", "--yes")

    assert ("destroyed", []) == (told["result"], told["left"])
    assert ["cats-github", "cats-service", "ninelives-github", "Staging-Cluster-cluster", "Staging-Cluster-network"] == [
        stack.name for stack in account.stacks.gone
    ]
    code, out, _ = account.bootstrap("--destroy", "--yes")
    assert (0, "There is nothing to delete.\n") == (code, out)


def test_what_the_stack_has_not_deleted_is_named(account: Account) -> None:
    fill(account)

    code, out, _ = account.bootstrap("--destroy", "--yes")

    assert 1 == code
    assert "left: ECR repository cats\nleft: log group /ecs/cats\n" in out


def test_stacks_that_another_service_uses_stay(account: Account) -> None:
    account.told("--yes")
    account.stacks.has("dogs-service", Kind.SERVICE, parameters={"ClusterName": "Staging-Cluster"})
    account.stacks.imports = {
        "Staging-Cluster-network-VpcId": ["cats-service", "dogs-service"],
        "ninelives-github-ProviderArn": ["cats-github", "dogs-github"],
    }

    told = account.told("--destroy", "--yes")

    assert ["cats-github", "cats-service"] == told["stacks"]
    assert [
        ("ninelives-github", "used by dogs-github"),
        ("Staging-Cluster-cluster", "used by dogs-service"),
        ("Staging-Cluster-network", "used by dogs-service"),
    ] == [(one["stack"], one["reason"]) for one in told["kept"]]


def test_a_deletion_that_fails_is_explained(account: Account) -> None:
    account.told("--yes")
    account.stacks.fails = Failure("TaskSecurityGroup", "resource sg-0a has a dependent object (DependencyViolation)")

    code, _, err = account.bootstrap("--destroy", "--yes")

    assert 1 == code
    assert "The stack cats-service failed (DELETE_FAILED): TaskSecurityGroup" in err
    assert "Something that no stack of ninelives made still hangs on it" in err


def test_a_bucket_that_was_written_to_meanwhile_is_emptied_again(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    account.told("--yes")
    delete, failures = (
        account.stacks.delete_stack,
        iter([Failure("AccessLogs", "The bucket is not empty (BucketNotEmpty)"), None]),
    )

    def deleting(StackName: str) -> None:  # noqa: N803 (boto3's own)
        account.stacks.fails = next(failures, None) if StackName == "cats-service" else None
        delete(StackName)

    monkeypatch.setattr(account.stacks, "delete_stack", deleting)

    assert "destroyed" == account.told("--destroy", "--yes")["result"]


def test_what_is_not_ours_is_never_deleted(account: Account) -> None:
    account.stacks.has("cats-service", Kind.SERVICE, tags={"ninelives:stack": "another's"})

    code, _, err = account.bootstrap("--destroy", "--yes")

    assert 1 == code
    assert "The stack cats-service was not made by ninelives." in err
    assert "DeleteStack" not in account.stacks.calls


def test_another_account_is_not_destroyed(account: Account) -> None:
    account.told("--yes")
    account.write(FILE.replace("123456789012", "999999999999"))

    code, _, err = account.bootstrap("--destroy", "--yes")

    assert 1 == code
    assert "expects 999999999999" in err
    assert "DeleteStack" not in account.stacks.calls


def drifted(logical_id: str, type_: str, *paths: str, status: str = "MODIFIED") -> dict[str, Any]:
    differences = [
        {"PropertyPath": path, "ExpectedValue": "1", "ActualValue": "2", "DifferenceType": "NOT_EQUAL"} for path in paths
    ]
    return {
        "LogicalResourceId": logical_id,
        "PhysicalResourceId": f"the-{logical_id}",
        "ResourceType": type_,
        "StackResourceDriftStatus": status,
        "PropertyDifferences": differences,
    }


RULE = "AWS::ElasticLoadBalancingV2::ListenerRule"


def test_drift_is_told_but_not_the_weights_that_are_ecs_own(account: Account) -> None:
    account.told("--yes")
    account.stacks.drifts["cats-service"] = [
        drifted("ProductionRule", RULE, "/Actions/0/ForwardConfig/TargetGroups/0/Weight"),
        drifted("TargetGroup", "AWS::ElasticLoadBalancingV2::TargetGroup", "/HealthCheckPath"),
        drifted("LatencyAlarm", "AWS::CloudWatch::Alarm", status="DELETED"),
    ]

    told = account.told("--drift")["drifted"]

    assert [("TargetGroup", "modified"), ("LatencyAlarm", "deleted")] == [(one["resource"], one["status"]) for one in told]
    _, out, _ = account.bootstrap("--drift")
    assert "  /HealthCheckPath: expected 1, found 2\n" in out
    account.stacks.drifts.clear()
    assert (0, "No drift: everything is as the stacks say.\n") == account.bootstrap("--drift")[:2]


def test_without_stacks_there_is_no_drift_to_look_at(account: Account) -> None:
    code, _, err = account.bootstrap("--drift")

    assert 1 == code
    assert "There is no stack to look at." in err


def test_drift_in_another_account_is_not_looked_at(account: Account) -> None:
    account.told("--yes")
    account.write(FILE.replace("123456789012", "999999999999"))

    code, _, err = account.bootstrap("--drift")

    assert 1 == code
    assert "expects 999999999999" in err
