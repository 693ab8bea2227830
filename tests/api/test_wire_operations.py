"""Which operation a request to moto is: what clients send is made out, what means two things at once is not."""

from typing import Any
from urllib.parse import parse_qsl

import pytest

from ninelives.api.authorization.wire_operations import UNKNOWN, read_operation
from ninelives.api.wire import CredentialScope, WireRequest

FORM = "application/x-www-form-urlencoded; charset=utf-8"


def read(service: str, method: str = "POST", url: str = "/", body: bytes = b"", **headers: str) -> tuple[str, dict[str, Any]]:
    path, _, query = url.partition("?")
    arguments: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        arguments.setdefault(name, value)
    request = WireRequest(
        method=method,
        raw_path=path,
        query_string=query,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        body=body,
        arguments=arguments,
    )
    _, operation, parameters = read_operation(request, CredentialScope(access_key="", region="", service=service))
    return operation, parameters


S3: list[tuple[str, str, str, dict[str, Any]]] = [
    ("GET", "/", "ListBuckets", {}),
    ("PUT", "/b", "CreateBucket", {"Bucket": "b"}),
    ("GET", "/b/?list-type=2&prefix=x%20y", "ListObjectsV2", {"Bucket": "b", "Prefix": "x y"}),
    ("GET", "/b?prefix=x", "ListObjects", {"Bucket": "b", "Prefix": "x"}),
    ("GET", "/b/folder/", "GetObject", {"Bucket": "b", "Key": "folder/"}),
    ("GET", "/b/a%20b/c?versionId=1&x-id=GetObject", "GetObject", {"Bucket": "b", "Key": "a b/c", "VersionId": "1"}),
    ("PUT", "/b/k?partNumber=1&uploadId=2", "UploadPart", {"Bucket": "b", "Key": "k", "PartNumber": "1", "UploadId": "2"}),
    ("GET", "/b?policy", "GetBucketPolicy", {"Bucket": "b"}),
    ("GET", "/b?list-type=2&policy", UNKNOWN, {}),
]


@pytest.mark.parametrize(("method", "url", "operation", "parameters"), S3)
def test_a_request_to_s3_is_told_by_method_path_and_arguments(
    method: str, url: str, operation: str, parameters: dict[str, Any]
) -> None:
    assert (operation, parameters) == read("s3", method, url)


def test_what_is_no_argument_of_s3_changes_nothing() -> None:
    assert "GetObject" == read("s3", "GET", "/b/k", x_amz_target="x.ListBuckets")[0]
    assert "DeleteObjects" == read("s3", "POST", "/b?delete", b"<Delete><Object><Key>a&amp;b</Key></Object></Delete>")[0]
    copied = read("s3", "PUT", "/b/k", x_amz_copy_source="/a/x")
    assert ("CopyObject", "/a/x") == (copied[0], copied[1]["CopySource"])


def test_json_and_forms_are_read_with_their_parameters() -> None:
    assert ("GetParameters", {"Names": ["a"]}) == read("ssm", body=b'{"Names": ["a"]}', x_amz_target="AmazonSSM.GetParameters")
    assert ("CreateRole", {"Action": "CreateRole", "Tags": [{"Key": "k"}]}) == read(
        "iam", body=b"Action=CreateRole&Tags.member.1.Key=k", content_type=FORM
    )
    assert "DescribeVpcs" == read("ec2", "GET", "/?Action=DescribeVpcs&X-Amz-Signature=0")[0]


ODD: list[tuple[str, dict[str, Any]]] = [
    ("iam", {"body": b"Action=ListUsers", "content_type": FORM, "x_amz_target": "x.GetUser"}),
    ("iam", {"url": "/?Action=ListUsers", "body": b"Action=DeleteUser", "content_type": FORM}),
    ("iam", {"url": "/?Action=ListUsers", "body": b"Action=DeleteUser", "content_type": "text/plain"}),
    ("iam", {"body": b"Action=GetUser&UserName=a&UserName=b", "content_type": FORM}),
    ("iam", {"body": b"Action=GetUser", "content_type": FORM, "content_encoding": "gzip"}),
    ("ssm", {"url": "/?Action=DeleteParameter", "body": b"{}", "x_amz_target": "AmazonSSM.GetParameter"}),
    ("ssm", {"body": b"{}", "x_amz_target": "AmazonSSM.GetParameter", "action": "DeleteParameter"}),
    ("ssm", {"body": b"Action=DeleteParameter", "content_type": FORM, "x_amz_target": "AmazonSSM.GetParameter"}),
    ("ssm", {"body": b"Action=DeleteParameter", "content_type": FORM}),
    ("ssm", {"url": "/service/x/operation/GetParameter", "smithy_protocol": "rpc-v2-cbor"}),
    ("nobodys", {"body": b"{}", "x_amz_target": "x.GetParameter"}),
    ("lambda", {"method": "GET", "url": "/nowhere"}),
    ("logs", {"body": b"{}", "x_amz_target": "Logs_20140328.deleteLogGroup"}),
    ("logs", {"body": b"{}", "x_amz_target": "Logs_20140328.delete_log_group"}),
    ("iam", {"body": b"Action=delete User", "content_type": FORM}),
    ("ec2", {"body": b"Action=deleteVpc", "content_type": FORM}),
    ("lambda", {"method": "GET", "url": "/2015-03-31/functions?Action=DeleteFunction"}),
    ("lambda", {"method": "GET", "url": "/2015-03-31/functions", "x_amz_target": "x.DeleteFunction"}),
    ("lambda", {"url": "/2015-03-31/functions/f/invocations", "body": b'{"a": "&Action=DeleteFunction&"}'}),
    ("s3", {"method": "GET", "url": "/bucket%2Fkey"}),
]


@pytest.mark.parametrize(("service", "given"), ODD)
def test_what_could_be_taken_for_something_else_is_not_made_out(service: str, given: dict[str, Any]) -> None:
    assert UNKNOWN == read(service, **given)[0]
