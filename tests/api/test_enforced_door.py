"""The door where IAM is enforced, by unmodified clients: whose request it is, and what each of them may do."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from running_door import PLACE, RunningDoor

from ninelives.api.authorization.credentials import RegionKeys
from ninelives.api.call import Call, Operations
from ninelives.stacks.types import TYPES

ACCOUNT = PLACE.account
SERVICE_ARN = f"arn:aws:ecs:eu-west-1:{ACCOUNT}:service/c/cats"


def described(call: Call) -> Mapping[str, Any]:
    return {"services": [{"serviceName": name} for name in call.parameters["services"]], "failures": []}


def nothing(_: Call) -> Mapping[str, Any]:
    return {}


OPERATIONS: Mapping[str, Operations] = {
    "ecs": {"DescribeServices": described, "UpdateService": nothing, "RegisterTaskDefinition": nothing},
    "elbv2": {"DescribeLoadBalancers": nothing},
    "cloudwatch": {"ListMetrics": nothing},
}


@pytest.fixture(scope="module")
def door() -> Iterator[RunningDoor]:
    from moto.core.base_backend import BackendDict

    BackendDict.reset()
    running = RunningDoor(OPERATIONS, keys=RegionKeys.new(), types=TYPES)
    yield running
    running.stop()
    BackendDict.reset()


@pytest.fixture(autouse=True)
def real_time(door: RunningDoor) -> None:
    door.minutes_on = 0


def refusal(call: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        call()
    answer = caught.value.response
    return answer["Error"]["Code"], answer["Error"]["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]


def document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def a_user(door: RunningDoor, name: str, *statements: Mapping[str, Any]) -> dict[str, str]:
    """Access keys of a new user with this policy."""
    iam = door.root("iam")
    iam.create_user(UserName=name)
    if statements:
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document(*statements))
    keys: dict[str, str] = iam.create_access_key(UserName=name)["AccessKey"]
    return keys


def a_role(door: RunningDoor, name: str, trust: Mapping[str, Any], *statements: Mapping[str, Any]) -> str:
    """The ARN of a new role with this policy."""
    iam = door.root("iam")
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", **trust}
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(statement))["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document(*statements))
    return arn


# Whose request it is.


def test_the_root_keys_may_do_everything_in_every_protocol(door: RunningDoor) -> None:
    assert "cats" == door.root("ecs").describe_services(cluster="c", services=["cats"])["services"][0]["serviceName"]
    assert door.root("elbv2").describe_load_balancers()
    assert door.root("cloudwatch").list_metrics()
    assert "Vpcs" in door.root("ec2").describe_vpcs()
    assert "Users" in door.root("iam").list_users()
    assert "Buckets" in door.root("s3").list_buckets()


def test_everybody_is_told_who_he_is(door: RunningDoor) -> None:
    keys = a_user(door, "ada")
    role = a_role(door, "reader", {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/ada"}})
    session = door.client_of(keys, "sts").assume_role(RoleArn=role, RoleSessionName="run-1")

    root = door.root("sts").get_caller_identity()
    ada = door.client_of(keys, "sts").get_caller_identity()
    run = door.client_of(session["Credentials"], "sts").get_caller_identity()

    assert (f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT) == (root["Arn"], root["UserId"])
    assert f"arn:aws:iam::{ACCOUNT}:user/ada" == ada["Arn"]
    assert f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/run-1" == run["Arn"] == session["AssumedRoleUser"]["Arn"]
    assert run["UserId"].startswith("AROA")
    assert run["UserId"].endswith(":run-1")


NOBODY = {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
INVALID = "The security token included in the request is invalid."
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and "
    "signing method. Consult the service documentation for details."
)
NOT_VALIDATED = "AWS was not able to validate the provided access credentials"


READS = {
    "elbv2": "describe_load_balancers",
    "cloudwatch": "list_metrics",
    "ec2": "describe_vpcs",
    "iam": "list_users",
    "s3": "list_buckets",
    "ssm": "describe_parameters",
    "sts": "get_caller_identity",
}


def asked(client: Any, service: str) -> Any:
    """A call of a read operation of a service."""
    if service == "ecs":
        return partial(client.describe_services, cluster="c", services=["cats"])
    return getattr(client, READS[service])


@pytest.mark.parametrize(
    ("service", "code", "message", "status"),
    [
        ("ecs", "UnrecognizedClientException", INVALID, 400),
        ("ssm", "UnrecognizedClientException", INVALID, 400),
        ("cloudwatch", "InvalidClientTokenId", INVALID, 400),
        ("elbv2", "InvalidClientTokenId", INVALID, 403),
        ("sts", "InvalidClientTokenId", INVALID, 403),
        ("iam", "InvalidClientTokenId", INVALID, 403),
        ("ec2", "AuthFailure", NOT_VALIDATED, 401),
        ("s3", "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", 403),
    ],
)
def test_an_unknown_key_is_refused_in_each_services_words(
    door: RunningDoor, service: str, code: str, message: str, status: int
) -> None:
    assert (code, message, status) == refusal(asked(door.client_of(NOBODY, service), service))


@pytest.mark.parametrize(
    ("service", "code", "message", "status"),
    [
        ("ecs", "InvalidSignatureException", MISMATCH, 400),
        ("elbv2", "SignatureDoesNotMatch", MISMATCH, 403),
        ("ec2", "AuthFailure", NOT_VALIDATED, 401),
        (
            "s3",
            "SignatureDoesNotMatch",
            (
                "The request signature we calculated does not match the signature you provided. "
                "Check your key and signing method."
            ),
            403,
        ),
    ],
)
def test_a_wrong_secret_is_refused(door: RunningDoor, service: str, code: str, message: str, status: int) -> None:
    assert door.keys is not None
    wrong = {"AccessKeyId": door.keys.access_key, "SecretAccessKey": "wrong"}

    assert (code, message, status) == refusal(asked(door.client_of(wrong, service), service))


def test_a_key_that_is_switched_off_or_deleted_opens_nothing(door: RunningDoor) -> None:
    keys = a_user(door, "bob", allow("iam:*"))
    mine = door.client_of(keys, "iam")
    assert mine.list_users()

    door.root("iam").update_access_key(UserName="bob", AccessKeyId=keys["AccessKeyId"], Status="Inactive")

    assert "InvalidClientTokenId" == refusal(mine.list_users)[0]


@pytest.mark.parametrize(
    ("minutes", "service", "code", "start"),
    [
        (16, "ecs", "InvalidSignatureException", "Signature expired: "),
        (16, "elbv2", "SignatureDoesNotMatch", "Signature expired: "),
        (-16, "elbv2", "SignatureDoesNotMatch", "Signature not yet current: "),
        (16, "s3", "RequestTimeTooSkewed", "The difference between the request time and the current time is too large."),
    ],
)
def test_a_request_is_good_for_a_quarter_of_an_hour(
    door: RunningDoor, minutes: int, service: str, code: str, start: str
) -> None:
    client = door.root(service)
    door.minutes_on = 14 if minutes > 0 else -14
    asked(client, service)()
    door.minutes_on = minutes
    found, message, _ = refusal(asked(client, service))

    assert code == found
    assert message.startswith(start)


def test_a_session_ends(door: RunningDoor) -> None:
    keys = a_user(door, "cleo")
    token = door.client_of(keys, "sts").get_session_token(DurationSeconds=900)["Credentials"]
    assert f"arn:aws:iam::{ACCOUNT}:user/cleo" == door.client_of(token, "sts").get_caller_identity()["Arn"]

    door.minutes_on = 16

    assert ("ExpiredToken", "The security token included in the request is expired", 403) == refusal(
        door.client_of(token, "sts").get_caller_identity
    )
    assert "ExpiredTokenException" == refusal(asked(door.client_of(token, "ecs"), "ecs"))[0]
    assert "RequestExpired" == refusal(asked(door.client_of(token, "ec2"), "ec2"))[0]


def test_a_session_is_of_its_role_and_of_no_later_one_of_that_name(door: RunningDoor) -> None:
    keys = a_user(door, "dina")
    trust = {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/dina"}}
    role = a_role(door, "again", trust)
    session = door.client_of(keys, "sts").assume_role(RoleArn=role, RoleSessionName="run")["Credentials"]
    assert door.client_of(session, "sts").get_caller_identity()

    door.root("iam").delete_role(RoleName="again")
    a_role(door, "again", trust)

    assert "InvalidClientTokenId" == refusal(door.client_of(session, "sts").get_caller_identity)[0]


def test_a_session_outlives_the_control_plane_that_gave_it(door: RunningDoor) -> None:
    keys = a_user(door, "cora")
    token = door.client_of(keys, "sts").get_session_token()["Credentials"]
    later, stranger = RunningDoor({}, keys=door.keys), RunningDoor({}, keys=RegionKeys.new())
    try:
        assert later.client_of(token, "sts").get_caller_identity()["Arn"].endswith("user/cora")
        assert "InvalidClientTokenId" == refusal(stranger.client_of(token, "sts").get_caller_identity)[0]
    finally:
        later.stop()
        stranger.stop()


def test_a_sessions_key_is_nothing_without_its_own_token(door: RunningDoor) -> None:
    keys = a_user(door, "dora")
    first = door.client_of(keys, "sts").get_session_token()["Credentials"]
    other = door.client_of(keys, "sts").get_session_token()["Credentials"]

    for token in (None, other["SessionToken"], first["SessionToken"][:-4] + "AAAA"):
        mixed = {**first, "SessionToken": token} if token else {k: v for k, v in first.items() if k != "SessionToken"}
        assert "InvalidClientTokenId" == refusal(door.client_of(mixed, "sts").get_caller_identity)[0]


def test_an_unsigned_request_misses_its_token(door: RunningDoor) -> None:
    request = urllib.request.Request(door.url + "/", data=b"Action=ListUsers&Version=2010-05-08", method="POST")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)

    assert b"MissingAuthenticationToken" in caught.value.read()


def test_an_incomplete_header_says_what_is_missing(door: RunningDoor) -> None:
    scope = "AKIAIOSFODNN7EXAMPLE/20261127/eu-west-1/iam/aws4_request"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}"}
    request = urllib.request.Request(door.url + "/", data=b"Action=ListUsers", headers=headers, method="POST")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    said = caught.value.read()

    assert b"<Code>IncompleteSignature</Code>" in said
    assert b"requires 'Signature' parameter" in said.replace(b"&#x27;", b"'").replace(b"&apos;", b"'")


@pytest.mark.parametrize("version", ["s3", "s3v4"])
@pytest.mark.parametrize("is_session", [False, True])
def test_presigned_links_work_until_they_expire(door: RunningDoor, version: str, is_session: bool) -> None:
    bucket, config = f"links-{version}-{is_session}".lower(), Config(signature_version=version)
    door.root("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    door.root("s3").put_object(Bucket=bucket, Key="a key/with ü", Body=b"content")
    token = door.root("sts").get_session_token()["Credentials"]
    s3 = door.client_of(token, "s3", config=config) if is_session else door.root("s3", config=config)
    asked = {"Bucket": bucket, "Key": "a key/with ü", "ResponseContentType": "text/plain"}
    link = s3.generate_presigned_url("get_object", asked, ExpiresIn=600)
    with urllib.request.urlopen(link) as response:
        assert b"content" == response.read()

    door.minutes_on = 11
    with pytest.raises(urllib.error.HTTPError) as expired:
        urllib.request.urlopen(link)
    door.minutes_on = 0
    with pytest.raises(urllib.error.HTTPError) as changed:
        urllib.request.urlopen(link.replace("a%20key", "b%20key"))

    assert b"Request has expired" in expired.value.read()
    assert b"SignatureDoesNotMatch" in changed.value.read()


# What they may do.


def test_nothing_is_allowed_that_no_policy_allows_and_each_protocol_says_so(door: RunningDoor) -> None:
    keys = a_user(door, "eve", allow("sts:GetCallerIdentity"))
    start = f"User: arn:aws:iam::{ACCOUNT}:user/eve is not authorized to perform: "

    def said(service: str, action: str, resource: str = "*") -> tuple[str, str, int]:
        code, message, status = refusal(asked(door.client_of(keys, service), service))
        text = f"{start}{action} on resource: {resource} because no identity-based policy allows the {action} action"
        return code, message.replace(text, "…"), status

    assert ("AccessDeniedException", "…", 400) == said("ecs", "ecs:DescribeServices", SERVICE_ARN)
    assert ("AccessDenied", "…", 403) == said("elbv2", "elasticloadbalancing:DescribeLoadBalancers")
    assert ("AccessDenied", "…", 400) == said("cloudwatch", "cloudwatch:ListMetrics")
    assert ("AccessDeniedException", "…", 400) == said("ssm", "ssm:DescribeParameters")
    assert ("AccessDenied", "…", 403) == said("s3", "s3:ListAllMyBuckets")
    code, message, status = said("ec2", "ec2:DescribeVpcs")
    refused, _, encoded = message.partition(". Encoded authorization failure message: ")
    assert ("UnauthorizedOperation", "You are not authorized to perform this operation. …", 403) == (code, refused, status)
    decoded = json.loads(door.root("sts").decode_authorization_message(EncodedMessage=encoded)["DecodedMessage"])
    assert (False, "ec2:DescribeVpcs") == (decoded["explicitDeny"], decoded["context"]["action"])
    assert ("AccessDenied", "…", 403) == said("iam", "iam:ListUsers")
    assert door.client_of(keys, "sts").get_caller_identity()


def test_a_policy_that_changes_counts_at_once(door: RunningDoor) -> None:
    keys = a_user(door, "fay")
    ecs, iam = door.client_of(keys, "ecs"), door.root("iam")
    assert "AccessDeniedException" == refusal(asked(ecs, "ecs"))[0]

    iam.put_user_policy(UserName="fay", PolicyName="read", PolicyDocument=document(allow("ecs:Describe*", SERVICE_ARN)))
    assert asked(ecs, "ecs")()

    forbidding = {"Effect": "Deny", "Action": "ecs:*", "Resource": "*"}
    iam.put_user_policy(UserName="fay", PolicyName="no", PolicyDocument=document(forbidding))
    _, message, _ = refusal(asked(ecs, "ecs"))

    assert message.endswith(f"on resource: {SERVICE_ARN} with an explicit deny in an identity-based policy")


def test_groups_and_managed_policies_count_and_boundaries_limit(door: RunningDoor) -> None:
    iam = door.root("iam")
    keys = a_user(door, "gil")
    iam.create_group(GroupName="readers")
    iam.add_user_to_group(GroupName="readers", UserName="gil")
    arn = iam.create_policy(PolicyName="read-ecs", PolicyDocument=document(allow("ecs:Describe*")))["Policy"]["Arn"]
    iam.attach_group_policy(GroupName="readers", PolicyArn=arn)
    assert asked(door.client_of(keys, "ecs"), "ecs")()

    role = a_role(door, "limited", {"Principal": {"AWS": ACCOUNT}}, allow("*"))
    iam.put_role_permissions_boundary(RoleName="limited", PermissionsBoundary=arn)
    iam.put_user_policy(UserName="gil", PolicyName="assume", PolicyDocument=document(allow("sts:AssumeRole", role)))
    session = door.client_of(keys, "sts").assume_role(RoleArn=role, RoleSessionName="run")["Credentials"]

    assert asked(door.client_of(session, "ecs"), "ecs")()
    assert (
        "because no permissions boundary allows the iam:ListUsers action"
        in refusal(asked(door.client_of(session, "iam"), "iam"))[1]
    )


def test_session_policies_limit_a_session(door: RunningDoor) -> None:
    keys = a_user(door, "hal", allow("sts:AssumeRole"))
    role = a_role(door, "wide", {"Principal": {"AWS": ACCOUNT}}, allow("*"))
    sts = door.client_of(keys, "sts")
    session = sts.assume_role(RoleArn=role, RoleSessionName="run", Policy=document(allow("ecs:*")))["Credentials"]

    assert asked(door.client_of(session, "ecs"), "ecs")()
    assert "because no session policy allows" in refusal(asked(door.client_of(session, "elbv2"), "elbv2"))[1]
    assert (
        "MalformedPolicyDocument"
        == refusal(lambda: sts.assume_role(RoleArn=role, RoleSessionName="run", Policy='{"Statement": 1}'))[0]
    )


def test_a_role_lets_in_whom_it_trusts_and_nobody_else(door: RunningDoor) -> None:
    keys = a_user(door, "ida")
    trusting = a_role(door, "for-bob", {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/bobby"}})
    by_id = a_role(
        door,
        "with-id",
        {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/ida"}, "Condition": {"StringEquals": {"sts:ExternalId": "42"}}},
    )
    sts = door.client_of(keys, "sts")
    text = f"User: arn:aws:iam::{ACCOUNT}:user/ida is not authorized to perform: sts:AssumeRole on resource: "

    assert ("AccessDenied", text + trusting, 403) == refusal(lambda: sts.assume_role(RoleArn=trusting, RoleSessionName="run"))
    assert ("AccessDenied", f"{text}{trusting}-gone", 403) == refusal(
        lambda: sts.assume_role(RoleArn=f"{trusting}-gone", RoleSessionName="run")
    )
    assert "AccessDenied" == refusal(lambda: sts.assume_role(RoleArn=by_id, RoleSessionName="run"))[0]
    assert sts.assume_role(RoleArn=by_id, RoleSessionName="run", ExternalId="42")["Credentials"]
    open_to_all = a_role(door, "open", {"Principal": {"AWS": ACCOUNT}})
    by_root = refusal(lambda: door.root("sts").assume_role(RoleArn=open_to_all, RoleSessionName="run"))
    assert "Roles may not be assumed by root accounts." == by_root[1]


def test_a_role_is_passed_only_with_the_permission_to(door: RunningDoor) -> None:
    role = a_role(door, "task", {"Principal": {"Service": "ecs-tasks.amazonaws.com"}})
    keys = a_user(door, "jim", allow("ecs:*"))
    ecs = door.client_of(keys, "ecs")

    def register() -> Any:
        return ecs.register_task_definition(
            family="cats", taskRoleArn=role, containerDefinitions=[{"name": "web", "image": "cats"}]
        )

    def passing(**condition: Any) -> str:
        return document(allow("iam:PassRole", role, Condition={"StringEquals": condition}))

    text = f"iam:PassRole on resource: {role} because no identity-based policy allows the iam:PassRole action"
    assert refusal(register)[1].endswith(text)

    to_lambda = passing(**{"iam:PassedToService": "lambda.amazonaws.com"})
    door.root("iam").put_user_policy(UserName="jim", PolicyName="pass", PolicyDocument=to_lambda)
    assert refusal(register)[1].endswith(text)

    to_tasks = passing(**{"iam:PassedToService": "ecs-tasks.amazonaws.com"})
    door.root("iam").put_user_policy(UserName="jim", PolicyName="pass", PolicyDocument=to_tasks)
    register()


def test_conditions_see_the_request(door: RunningDoor) -> None:
    keys = a_user(door, "kim", allow("ecs:*", Condition={"ArnEquals": {"ecs:cluster": f"arn:aws:ecs:*:{ACCOUNT}:cluster/c"}}))
    ecs = door.client_of(keys, "ecs")

    assert ecs.describe_services(cluster="c", services=["cats"])
    assert "AccessDeniedException" == refusal(lambda: ecs.describe_services(cluster="d", services=["cats"]))[0]


def test_buckets_have_policies_of_their_own(door: RunningDoor) -> None:
    root = door.root("s3")
    root.create_bucket(Bucket="shared", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    root.put_object(Bucket="shared", Key="public/a", Body=b"a")
    keys = a_user(door, "leo")
    s3 = door.client_of(keys, "s3")
    assert "AccessDenied" == refusal(lambda: s3.get_object(Bucket="shared", Key="public/a"))[0]

    granting = allow("s3:GetObject", "arn:aws:s3:::shared/public/*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:user/leo"})
    root.put_bucket_policy(Bucket="shared", Policy=document(granting))

    assert b"a" == s3.get_object(Bucket="shared", Key="public/a")["Body"].read()
    assert "AccessDenied" == refusal(lambda: s3.put_object(Bucket="shared", Key="public/a", Body=b"b"))[0]


def test_what_decided_is_noted(door: RunningDoor) -> None:
    keys = a_user(door, "mia", allow("ecs:Describe*", Sid="Look"))
    door.noted.clear()
    asked(door.client_of(keys, "ecs"), "ecs")()
    ((request, _, decision),) = door.noted

    assert ("ecs:DescribeServices", SERVICE_ARN) == (request.action, request.resource)
    assert [("own", "Look")] == [(one.policy, one.statement) for one in decision.statements]
    assert ("127.0.0.1",) == request.context["aws:sourceip"]
    assert ("mia",) == request.context["aws:username"]


# The simulator.


def test_the_simulator_answers_as_the_door_does(door: RunningDoor) -> None:
    a_user(door, "ned", allow("ecs:Update*", SERVICE_ARN, Sid="Up"), {"Effect": "Deny", "Action": "iam:*", "Resource": "*"})
    answer = door.root("iam").simulate_principal_policy(
        PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:user/ned",
        ActionNames=["ecs:UpdateService", "ecs:DeleteService", "iam:PassRole"],
        ResourceArns=[SERVICE_ARN],
    )
    found = {one["EvalActionName"]: one["EvalDecision"] for one in answer["EvaluationResults"]}

    assert {"ecs:UpdateService": "allowed", "ecs:DeleteService": "implicitDeny", "iam:PassRole": "explicitDeny"} == found
    assert "own" == answer["EvaluationResults"][0]["MatchedStatements"][0]["SourcePolicyId"]


def test_the_simulator_takes_policies_and_tells_which_keys_it_was_not_given(door: RunningDoor) -> None:
    conditional = document(allow("s3:*", Condition={"StringEquals": {"aws:PrincipalTag/team": "red"}}))

    def asking(**more: Any) -> Any:
        return door.root("iam").simulate_custom_policy(PolicyInputList=[conditional], ActionNames=["s3:GetObject"], **more)[
            "EvaluationResults"
        ][0]

    red = {"ContextKeyName": "aws:PrincipalTag/team", "ContextKeyValues": ["red"], "ContextKeyType": "string"}

    assert ("implicitDeny", ["aws:principaltag/team"]) == (asking()["EvalDecision"], asking()["MissingContextValues"])
    assert "allowed" == asking(ContextEntries=[red])["EvalDecision"]
    assert (
        "InvalidInput"
        == refusal(lambda: door.root("iam").simulate_custom_policy(PolicyInputList=["{}"], ActionNames=["s3:GetObject"]))[0]
    )


# What CloudFormation does for somebody.

GROUP = json.dumps({"Resources": {"Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/of/a/stack"}}}})
STACKS = allow(["cloudformation:*"])
MAKES = allow(["logs:*"])


def outcome(client: Any, name: str, **given: Any) -> tuple[str, str]:
    """How a stack's creation ends: its status, and why its resource failed."""
    stack = client.create_stack(StackName=name, TemplateBody=GROUP, **given)["StackId"]
    waiting = threading.Event()
    for _ in range(400):
        found = client.describe_stack_events(StackName=stack)["StackEvents"]
        ends = [one for one in found if one["LogicalResourceId"] == name and one["ResourceStatus"].endswith("_COMPLETE")]
        if ends:
            reasons = [one.get("ResourceStatusReason", "") for one in found if one["ResourceStatus"] == "CREATE_FAILED"]
            return ends[0]["ResourceStatus"], " ".join(reasons)
        waiting.wait(0.02)
    return pytest.fail("the stack does not end")


def test_a_stack_makes_only_what_who_asks_for_it_may_make(door: RunningDoor) -> None:
    unable = door.client_of(a_user(door, "owl", STACKS), "cloudformation")
    able = door.client_of(a_user(door, "pia", STACKS, MAKES), "cloudformation")

    _, reasons = outcome(unable, "as-owl")
    assert f"User: arn:aws:iam::{ACCOUNT}:user/owl is not authorized to perform: logs:" in reasons

    assert ("CREATE_COMPLETE", "") == outcome(able, "as-pia")
    able.delete_stack(StackName="as-pia")
    able.get_waiter("stack_delete_complete").wait(StackName="as-pia", WaiterConfig={"Delay": 0.05, "MaxAttempts": 200})


def test_a_stack_with_a_role_makes_what_the_role_may_make(door: RunningDoor) -> None:
    role = a_role(door, "stacks", {"Principal": {"Service": "cloudformation.amazonaws.com"}}, MAKES)
    other = a_role(door, "no-stacks", {"Principal": {"Service": "lambda.amazonaws.com"}}, MAKES)
    keys = a_user(door, "quin", STACKS, allow("iam:PassRole", [role, other]))
    client = door.client_of(keys, "cloudformation")
    without = door.client_of(a_user(door, "rex", STACKS), "cloudformation")

    assert "iam:PassRole" in refusal(lambda: without.create_stack(StackName="x", TemplateBody=GROUP, RoleARN=role))[1]
    _, reasons = outcome(client, "not-assumed", RoleARN=other)
    assert f"Role {other} is invalid or cannot be assumed" in reasons
    assert ("CREATE_COMPLETE", "") == outcome(client, "as-a-role", RoleARN=role)


@pytest.mark.parametrize(("name", "is_let_in"), [("everything", True), ("all-of-kms", False), ("all-but-one", False)])
def test_what_cannot_be_made_out_is_done_only_for_who_may_do_everything(door: RunningDoor, name: str, is_let_in: bool) -> None:
    statements = {
        "everything": [allow("*")],
        "all-of-kms": [allow("kms:*")],
        "all-but-one": [allow("*"), {**allow("kms:ScheduleKeyDeletion", "arn:aws:kms:*:*:key/kept*"), "Effect": "Deny"}],
    }
    kms = door.client_of(a_user(door, name, *statements[name]), "kms")
    kms.meta.events.register(
        "before-sign.kms.*",
        lambda request, **_: request.headers.replace_header("X-Amz-Target", "TrentService.listKeys"),
    )
    if is_let_in:
        assert "Keys" in kms.list_keys()
    else:
        assert "AccessDeniedException" == refusal(kms.list_keys)[0]
