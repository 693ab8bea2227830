"""One test for each thing of moto's insides that the region leans on; a new moto that breaks one says here which."""

import gc
import json
import pickle
import threading
import weakref
from collections import defaultdict
from typing import Any, cast
from urllib.parse import urlencode

import boto3
import botocore.session
import pytest
from running_door import PLACE

from ninelives.api import moto_internals
from ninelives.api.authorization.records import UserKey
from ninelives.api.moto_internals import Moto, NoSuchRoute, aws_host, backend_name_of
from ninelives.api.moto_records import MOTO_VERSION, BackendKey
from ninelives.api.moto_worker import MotoWorker
from ninelives.api.wire import WireRequest

pytestmark = [pytest.mark.usefixtures("fresh_moto"), pytest.mark.filterwarnings("ignore")]

SCOPE = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261123/eu-west-1/{}/aws4_request, Signature=0"


def request(body: str = "", **headers: str) -> WireRequest:
    return WireRequest(
        method="POST",
        raw_path="/",
        query_string="",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        body=body.encode(),
    )


def logs(moto: Moto, operation: str, body: str) -> Any:
    asked = request(body, x_amz_target=f"Logs_20140328.{operation}", authorization=SCOPE.format("logs"))
    return moto.respond("logs", "eu-west-1", asked)


def put(moto: Moto, *messages: str) -> None:
    import time

    at = int(time.time() * 1000)
    events = ",".join(f'{{"timestamp": {at}, "message": "{message}"}}' for message in messages)
    logs(moto, "PutLogEvents", f'{{"logGroupName": "g", "logStreamName": "s", "logEvents": [{events}]}}')


@pytest.fixture
def moto() -> Moto:
    return Moto(PLACE)


@pytest.fixture
def log_stream(moto: Moto) -> Any:
    logs(moto, "CreateLogGroup", '{"logGroupName": "g"}')
    logs(moto, "CreateLogStream", '{"logGroupName": "g", "logStreamName": "s"}')
    backend: Any = moto.backend(BackendKey("logs", "eu-west-1"))
    return backend.groups["g"].streams["s"]


def test_it_is_the_moto_that_was_measured() -> None:
    assert MOTO_VERSION == "5.2.5"


def test_every_service_that_moto_has_is_found_by_its_signing_name() -> None:
    import boto3

    session = boto3.Session(region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
    for service in ("ec2", "iam", "sts", "logs", "sns", "sqs", "s3", "ssm", "secretsmanager", "events", "servicediscovery"):
        client: Any = cast("Any", session).client(service)
        host = aws_host(client.meta.service_model.signing_name, "eu-west-1", request())

        assert backend_name_of(client.meta.endpoint_url) == backend_name_of(f"https://{host}")


@pytest.mark.parametrize(
    ("service", "target", "backend"),
    [
        ("budgets", "", "budgets"),
        ("dynamodb", "DynamoDBStreams_20120810.ListStreams", "dynamodbstreams"),
        ("dynamodb", "DynamoDB_20120810.ListTables", "dynamodb"),
        ("timestream", "Timestream_20181101.WriteRecords", "timestreamwrite"),
        ("timestream", "Timestream_20181101.Query", "timestreamquery"),
        ("sagemaker", "SageMaker.ListModels", "sagemaker"),
        ("memorydb", "AmazonMemoryDB.DescribeClusters", "memorydb"),
        ("mobiletargeting", "", "pinpoint"),
    ],
)
def test_services_with_hosts_of_their_own_are_found(service: str, target: str, backend: str) -> None:
    assert backend_name_of(f"https://{aws_host(service, 'eu-west-1', request(x_amz_target=target))}") == backend


def test_what_moto_has_not_is_no_route(moto: Moto) -> None:
    with pytest.raises(NoSuchRoute):
        moto.respond("cats", "eu-west-1", request())
    with pytest.raises(NoSuchRoute):
        moto.respond("logs", "cat-land-1", request(x_amz_target="Logs_20140328.DescribeLogGroups"))


def test_the_account_is_the_places_whoever_signs(moto: Moto) -> None:
    form = request(
        "Action=GetCallerIdentity&Version=2011-06-15",
        content_type="application/x-www-form-urlencoded",
        authorization=SCOPE.format("sts"),
    )
    key, answer = moto.respond("sts", "eu-west-1", form)

    assert key == BackendKey("sts", "aws")
    assert f"<Account>{PLACE.account}</Account>".encode() in answer.body


def test_a_region_in_the_user_agent_is_not_believed(moto: Moto) -> None:
    asked = request(
        '{"logGroupName": "g"}',
        x_amz_target="Logs_20140328.CreateLogGroup",
        authorization=SCOPE.format("logs"),
        user_agent="sdk region/us-east-1",
    )
    moto.respond("logs", "eu-west-1", asked)
    backend: Any = moto.backend(BackendKey("logs", "eu-west-1"))

    assert list(backend.groups) == ["g"]


def test_models_die_when_moto_lets_go_of_them(moto: Moto, log_stream: Any) -> None:
    assert type(log_stream).instances_tracked == []
    gone = weakref.ref(log_stream.log_group)
    logs(moto, "DeleteLogGroup", '{"logGroupName": "g"}')
    log_stream.log_group = None
    gc.collect()

    assert gone() is None


def test_only_the_places_instance_offerings_are_loaded() -> None:
    loaded: list[str] = []

    def load(path: str) -> list[str]:
        loaded.append(path)
        return ["offer"]

    loader = moto_internals._OfferingsLoader(load, {"eu-west-1"})
    folder = "ec2/resources/instance_type_offerings/region"

    assert loader(f"{folder}/us-east-1.json.gz") == []
    assert loader(f"{folder}/eu-west-1.json.gz") == ["offer"]
    assert loader("ec2/resources/instance_types.json") == ["offer"]


def test_moto_loads_its_resources_through_the_function_that_is_wrapped(moto: Moto) -> None:
    from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS
    from moto.utilities import utils

    assert isinstance(utils.load_resource, moto_internals._OfferingsLoader)
    assert INSTANCE_TYPE_OFFERINGS["region"]["eu-west-1"]
    assert moto.backend(BackendKey("ec2", "eu-west-1"))


def test_where_ec2_is_is_found_without_its_model_as_botocore_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    session = cast("Any", boto3.Session())
    asks_models = botocore.session.Session.get_available_regions.asks_models  # type: ignore[attr-defined]
    expected = {name: asks_models(session._session, "ec2", name) for name in session.get_available_partitions()}
    monkeypatch.setattr(botocore.session.Session, "get_service_data", lambda *_: pytest.fail("a model was read"))

    found = {name: session.get_available_regions("ec2", partition_name=name) for name in expected}

    assert expected == found
    assert "eu-west-1" in found["aws"]


def test_a_services_model_is_the_one_that_moto_has_read() -> None:
    from moto.core import utils

    assert moto_internals.service_model("ec2") is utils.get_service_model("ec2")


def test_a_bucket_policy_is_not_for_moto_to_decide_by(moto: Moto) -> None:
    def ask(method: str, path: str, query: str = "", body: str = "") -> int:
        call = WireRequest(method=method, raw_path=path, query_string=query, headers={}, body=body.encode())
        return moto.respond("s3", "us-east-1", call)[1].status

    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}
    over_tls = {**statement, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    ask("PUT", "/cats")
    ask("PUT", "/cats", "policy=", json.dumps({"Version": "2012-10-17", "Statement": [over_tls]}))

    assert ask("PUT", "/cats/tom", body="meow") == 200


def test_policies_of_aws_are_there_once_they_are_named_and_only_those(moto: Moto) -> None:
    arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
    call = WireRequest(
        method="POST",
        raw_path="/",
        query_string="",
        headers={"content-type": "application/x-www-form-urlencoded"},
        body=urlencode({"Action": "GetPolicy", "Version": "2010-05-08", "PolicyArn": arn}).encode(),
    )

    _, answer = moto.respond("iam", PLACE.region, call)

    assert answer.status == 200
    iam: Any = moto.backend(BackendKey("iam", moto_internals.GLOBAL_REGION))
    assert list(iam.managed_policies) == [arn]


def test_a_requested_certificate_is_issued_at_once(moto: Moto) -> None:
    backend: Any = moto.backend(BackendKey("acm", PLACE.region))
    arn = backend.request_certificate("cats.example.com", "", [], [])

    assert backend.describe_certificate(arn).status == "ISSUED"


def test_default_images_are_not_loaded(moto: Moto) -> None:
    backend: Any = moto.backend(BackendKey("ec2", "eu-west-1"))

    assert len(backend.amis) == 0


def test_a_backend_goes_out_and_comes_back(moto: Moto) -> None:
    key = BackendKey("ssm", "eu-west-1")
    backend: Any = moto.backend(key)
    asked = request(
        '{"Name": "/k", "Value": "v", "Type": "String"}',
        x_amz_target="AmazonSSM.PutParameter",
        authorization=SCOPE.format("ssm"),
    )
    moto.respond("ssm", "eu-west-1", asked)
    dumped = moto.dump(key)
    backend.reset()
    moto.restore(key, dumped)

    assert moto.backend(key) is backend
    assert backend.get_parameter("/k").value == "v"


def test_factories_that_are_local_functions_go_along(moto: Moto) -> None:
    key = BackendKey("ssm", "eu-west-1")
    backend: Any = moto.backend(key)
    depth = 2
    backend.cats = defaultdict(lambda: [depth])
    dumped = moto.dump(key)
    backend.reset()
    moto.restore(key, dumped)

    assert backend.cats["new"] == [2]


def test_locks_and_references_to_other_backends_are_not_copied(moto: Moto) -> None:
    key, other = BackendKey("ssm", "eu-west-1"), BackendKey("iam", "aws")
    backend: Any = moto.backend(key)
    backend.lock, backend.rlock, backend.friend = threading.Lock(), threading.RLock(), moto.backend(other)
    dumped = moto.dump(key)
    backend.reset()
    moto.restore(key, dumped)

    assert backend.friend is moto.backend(other)
    assert isinstance(backend.rlock, type(threading.RLock()))
    assert isinstance(backend.lock, type(threading.Lock()))


def test_only_the_places_account_is_kept(moto: Moto) -> None:
    from moto.backends import get_backend

    moto.backend(BackendKey("ssm", "eu-west-1"))
    get_backend("ssm")["999999999999"]["eu-west-1"].put_parameter  # noqa: B018 made by being asked for

    assert [key for key, _ in moto.loaded() if key.name == "ssm"] == [BackendKey("ssm", "eu-west-1")]


def test_key_pairs_of_acm_and_iam_are_found_without_the_root_that_moto_adds(moto: Moto) -> None:
    asked = request(
        '{"DomainName": "web.test"}', x_amz_target="CertificateManager.RequestCertificate", authorization=SCOPE.format("acm")
    )
    _, answer = moto.respond("acm", "eu-west-1", asked)
    pair = moto_internals.key_pair_of(moto, json.loads(answer.body)["CertificateArn"])
    assert pair is not None
    chain, key = pair
    assert 1 == chain.count("BEGIN CERTIFICATE")
    assert "PRIVATE KEY" in key
    iam: Any = moto.backend(BackendKey("iam", moto_internals.GLOBAL_REGION))
    iam.upload_server_certificate("web", chain, key, cert_chain="rest", path="/")

    assert (chain + "rest\n", key) == moto_internals.key_pair_of(moto, iam.get_server_certificate("web").arn)
    assert moto_internals.key_pair_of(moto, "arn:aws:acm:eu-west-1:111122223333:certificate/none") is None
    assert moto_internals.key_pair_of(moto, "what?") is None


def test_certificates_survive_a_dump_though_what_is_parsed_of_them_cannot(moto: Moto) -> None:
    asked = request(
        '{"DomainName": "web.test"}', x_amz_target="CertificateManager.RequestCertificate", authorization=SCOPE.format("acm")
    )
    _, answer = moto.respond("acm", "eu-west-1", asked)
    arn = json.loads(answer.body)["CertificateArn"]
    key = BackendKey("acm", "eu-west-1")
    before = moto_internals.key_pair_of(moto, arn)
    dumped = moto.dump(key)
    moto.backend(key).reset()
    assert moto_internals.key_pair_of(moto, arn) is None

    moto.restore(key, dumped)

    assert before == moto_internals.key_pair_of(moto, arn) is not None
    described = request(
        f'{{"CertificateArn": "{arn}"}}',
        x_amz_target="CertificateManager.DescribeCertificate",
        authorization=SCOPE.format("acm"),
    )
    _, answer = moto.respond("acm", "eu-west-1", described)
    assert "web.test" == json.loads(answer.body)["Certificate"]["DomainName"]


def test_a_dump_is_a_plain_pickle_of_the_backends_members(moto: Moto) -> None:
    with pytest.raises(pickle.UnpicklingError):
        moto.restore(BackendKey("ssm", "eu-west-1"), b"\x80\x05no")


def test_an_event_goes_into_the_archive_that_its_rule_names_and_into_no_later_one_of_that_name(moto: Moto) -> None:
    backend: Any = moto.backend(BackendKey("events", "eu-west-1"))
    bus = "arn:aws:events:eu-west-1:111122223333:event-bus/default"
    archive = backend.create_archive("kept", bus, "", '{"source": ["cats"]}', 0)
    (target,) = archive.rule.targets
    template = target["InputTransformer"]["InputTemplate"].replace("<aws.events.event.json>", "0")
    named = json.loads(template.replace("<aws.events.event.ingestion-time>", "0"))["archive-arn"]

    moto_internals.archive_event(moto, "eu-west-1", named, {"id": "1", "time": "2026-11-23T12:00:00Z"})
    moto_internals.archive_event(moto, "eu-west-1", named + "0", {"id": "2", "time": "2026-11-23T12:00:00Z"})

    assert archive.events == [{"id": "1", "time": 1795435200.0}]
    assert not target["Arn"].partition(":events:eu-west-1:")[2].strip(":")


def test_iams_records_are_read_as_they_decide() -> None:
    worker = MotoWorker(place=PLACE, directory=None)
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})

    def call(operation: str, **parameters: Any) -> dict[str, Any]:
        return worker.call("iam", operation, parameters)

    call("CreateUser", UserName="ada", Path="/team/", Tags=[{"Key": "k", "Value": "v"}])
    key = call("CreateAccessKey", UserName="ada")["AccessKey"]
    call("CreateGroup", GroupName="g")
    call("AddUserToGroup", GroupName="g", UserName="ada")
    call("PutGroupPolicy", GroupName="g", PolicyName="of-group", PolicyDocument=document)
    managed = call("CreatePolicy", PolicyName="m", PolicyDocument=document)["Policy"]["Arn"]
    newer = document.replace("s3:*", "ecs:*")
    call("CreatePolicyVersion", PolicyArn=managed, PolicyDocument=newer, SetAsDefault=True)
    role = call("CreateRole", RoleName="r", AssumeRolePolicyDocument=trust, MaxSessionDuration=7200)["Role"]["Arn"]
    call("AttachRolePolicy", RoleName="r", PolicyArn=managed)
    call("PutRolePermissionsBoundary", RoleName="r", PermissionsBoundary=managed)
    call("CreateOpenIDConnectProvider", Url="https://tokens.example/a", ClientIDList=["sts"], ThumbprintList=[])
    secret = worker.call("secretsmanager", "CreateSecret", {"Name": "s", "SecretString": "x"})["ARN"]
    worker.call("s3", "CreateBucket", {"Bucket": "shared", "CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}})
    worker.call("s3", "PutBucketPolicy", {"Bucket": "shared", "Policy": document})
    found = worker.account_records()

    ada, r = found.users["ada"], found.roles[role]
    assert (f"arn:aws:iam::{PLACE.account}:user/team/ada", {"k": "v"}) == (ada.arn, ada.tags)
    assert [("of-group", document)] == [(one.name, one.document) for one in ada.policies]
    assert UserKey(user="ada", secret=key["SecretAccessKey"], is_active=True) == found.keys[key["AccessKeyId"]]
    assert [(managed, newer)] == [(one.name, one.document) for one in r.policies]
    assert r.boundary is not None
    assert (newer, trust, 7200) == (r.boundary.document, r.trust, r.max_session_seconds)
    assert ("sts",) == found.providers["tokens.example/a"].audiences
    assert {"s": secret} == found.secrets
    assert {"arn:aws:s3:::shared": document} == found.resource_policies
    assert ada.arn == found.arns["user", "ada"]


def test_what_stands_in_json_is_never_taken_for_a_form(moto: Moto) -> None:
    logs(moto, "CreateLogGroup", '{"logGroupName": "g"}')
    logs(moto, "CreateLogStream", '{"logGroupName": "g", "logStreamName": "s"}')
    line = "GET /?a=1&Action=DeleteLogGroup&logStreamName=other&x=1"
    put(moto, line)
    _, answer = logs(moto, "GetLogEvents", '{"logGroupName": "g", "logStreamName": "s"}')

    assert [line] == [event["message"] for event in json.loads(answer.body)["events"]]
