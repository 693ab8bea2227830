"""Signature Version 4, as botocore's own signers make it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from botocore.auth import HmacV1QueryAuth, S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from ninelives.api.authorization.old_links import read_old_link
from ninelives.api.authorization.refusals import NotLetIn, Why
from ninelives.api.authorization.signatures import check_signature, check_time, read_signature
from ninelives.api.wire import WireRequest

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
KEYS = Credentials("AKIAIOSFODNN7EXAMPLE", SECRET, "token/with+signs==")


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def arrived(request: AWSRequest) -> WireRequest:
    """What the door sees of a signed request."""
    prepared = request.prepare()
    address = urlsplit(prepared.url)
    headers = {name.lower(): _text(value) for name, value in prepared.headers.items()}
    body: Any = prepared.body or b""
    return WireRequest(
        method=prepared.method,
        raw_path=address.path or "/",
        query_string=address.query,
        headers={"host": address.netloc, **headers},
        body=body.encode() if isinstance(body, str) else body,
        arguments=dict(parse_qsl(address.query, keep_blank_values=True)),
    )


def signed(auth: Any, service: str, url: str, *, method: str = "POST", body: bytes = b"", **settings: Any) -> WireRequest:
    headers: Mapping[str, str] = settings.pop("headers", {})
    request = AWSRequest(method=method, url=url, data=body, headers=dict(headers))
    auth(KEYS, service, "eu-west-1", **settings).add_auth(request)
    return arrived(request)


CASES: list[tuple[Any, str, str, str, bytes, dict[str, str]]] = [
    (SigV4Auth, "ecs", "POST", "http://127.0.0.1:4566/", b'{"a": 1}', {"X-Amz-Target": "x.ListClusters"}),
    (SigV4Auth, "iam", "POST", "http://127.0.0.1:4566/", b"Action=ListUsers&Version=1", {"X-Spaces": "  a   b  "}),
    (SigV4Auth, "lambda", "GET", "http://127.0.0.1:4566/2015-03-31/functions/a%20b/../c//d?x=1&x=0&Y=%2F&e", b"", {}),
    (SigV4Auth, "elasticloadbalancing", "GET", "http://localhost:4566/?Action=Describe&Names.member.1=a%2Ab~", b"", {}),
    (S3SigV4Auth, "s3", "PUT", "http://127.0.0.1:4566/b/a%20key/%C3%BC//x?partNumber=1&uploadId=a%2Bb", b"content", {}),
    (S3SigV4Auth, "s3", "GET", "http://b.localhost:4566/k?list-type=2&prefix=a%20b", b"", {}),
    (SigV4QueryAuth, "sts", "GET", "http://127.0.0.1:4566/?Action=GetCallerIdentity&Version=2011-06-15", b"", {}),
    (S3SigV4QueryAuth, "s3", "GET", "http://127.0.0.1:4566/b/a%20key?response-content-type=text%2Fplain", b"", {}),
]


@pytest.mark.parametrize(("auth", "service", "method", "url", "body", "headers"), CASES)
def test_what_botocore_signs_is_good_and_what_is_changed_afterwards_is_not(
    auth: Any, service: str, method: str, url: str, body: bytes, headers: dict[str, str]
) -> None:
    request = signed(auth, service, url, method=method, body=body, headers=headers)
    signature = read_signature(request)

    check_signature(signature, request, SECRET)
    check_time(signature, datetime.now(UTC))  # noqa: TID251 botocore signs by the clock
    assert ("AKIAIOSFODNN7EXAMPLE", "token/with+signs==", service) == (
        signature.access_key,
        signature.token,
        signature.service,
    )

    for change in ("method", "raw_path", "query_string", "body"):
        before = getattr(request, change)
        if change == "body" and signature.lasts is not None:
            continue  # a link to S3 says nothing of the body
        more: Any = b"x" if change == "body" else "x=1&" if change == "query_string" else ""
        setattr(request, change, more + before if more else before + "x")
        with pytest.raises(NotLetIn):
            check_signature(signature, request, SECRET)
        setattr(request, change, before)
    with pytest.raises(NotLetIn):
        check_signature(signature, request, f"{SECRET}x")


def test_a_header_that_is_signed_cannot_be_changed_and_the_host_must_be_signed() -> None:
    request = signed(SigV4Auth, "ecs", "http://127.0.0.1:4566/", headers={"X-Amz-Target": "x.ListClusters"})
    signature = read_signature(request)
    request.headers = {**request.headers, "x-amz-target": "x.DeleteCluster"}
    with pytest.raises(NotLetIn):
        check_signature(signature, request, SECRET)

    without = signature.__class__(
        **{name: getattr(signature, name) for name in signature.__slots__} | {"signed_headers": ("x-amz-date",)}
    )
    with pytest.raises(NotLetIn, match="must be a 'SignedHeader'"):
        check_signature(without, request, SECRET)


def test_a_header_of_amazon_s_that_is_not_signed_is_refused() -> None:
    """Else the holder of a link to write one object could have any other copied there."""
    link = signed(S3SigV4QueryAuth, "s3", "http://127.0.0.1:4566/b/k", method="PUT")
    signature = read_signature(link)
    check_signature(signature, link, SECRET)

    link.headers = {**link.headers, "x-amz-copy-source": "/b/secret"}
    with pytest.raises(NotLetIn, match="headers present in the request which were not signed"):
        check_signature(signature, link, SECRET)


def test_a_second_credential_is_refused() -> None:
    """Else a request is signed for one service and goes to another."""
    request = signed(SigV4Auth, "ecs", "http://127.0.0.1:4566/")
    other = request.headers["authorization"].replace(
        " Credential=", " Credential=A/20261127/eu-west-1/iam/aws4_request, Credential="
    )
    request.headers = {**request.headers, "authorization": other}
    with pytest.raises(NotLetIn, match="twice"):
        read_signature(request)


def test_an_old_link_signs_the_headers_of_amazon_s_that_come_with_it() -> None:
    request = AWSRequest(method="PUT", url="http://127.0.0.1:4566/b/k", auth_path="/b/k")
    HmacV1QueryAuth(Credentials("AKIAIOSFODNN7EXAMPLE", SECRET)).add_auth(request)
    link = arrived(request)
    old = read_old_link(link)
    assert old is not None
    now = datetime.fromtimestamp(old.expires, UTC)
    old.check(link, SECRET, now)

    link.headers = {**link.headers, "x-amz-copy-source": "/b/secret"}
    with pytest.raises(NotLetIn):
        old.check(link, SECRET, now)


@pytest.mark.parametrize(
    ("after", "is_good"),
    [
        (timedelta(), True),
        (timedelta(minutes=15), True),
        (timedelta(minutes=15, seconds=1), False),
        (-timedelta(minutes=16), False),
    ],
)
def test_a_signature_is_good_for_a_quarter_of_an_hour(after: timedelta, is_good: bool) -> None:
    signature = read_signature(signed(SigV4Auth, "ecs", "http://127.0.0.1:4566/"))
    at = datetime.strptime(signature.signed_at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)

    if is_good:
        check_time(signature, at + after)
    else:
        with pytest.raises(NotLetIn):
            check_time(signature, at + after)


def test_a_link_is_good_for_as_long_as_it_says() -> None:
    signature = read_signature(signed(S3SigV4QueryAuth, "s3", "http://127.0.0.1:4566/b/k", method="GET", expires=7200))
    at = datetime.strptime(signature.signed_at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)

    check_time(signature, at + timedelta(hours=2))
    with pytest.raises(NotLetIn) as caught:
        check_time(signature, at + timedelta(hours=2, seconds=1))
    assert Why.EXPIRED_LINK is caught.value.why


SCOPE = "AKIAIOSFODNN7EXAMPLE/20261127/eu-west-1/ecs/aws4_request"

BROKEN = [
    ("AWS4-HMAC-SHA256 Credential=" + SCOPE, "SignedHeaders' parameter. Authorization header requires 'Signature'"),
    (f"AWS4-HMAC-SHA256 Credential={SCOPE}, SignedHeaders=host, Signature=0", "'X-Amz-Date'"),
    (f"AWS4-ECDSA-P256-SHA256 Credential={SCOPE}, SignedHeaders=host, Signature=0", "Please use AWS4-HMAC-SHA256"),
    ("AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=0", "Date"),
]


@pytest.mark.parametrize(("authorization", "told"), BROKEN)
def test_what_is_missing_is_told(authorization: str, told: str) -> None:
    request = WireRequest(method="POST", raw_path="/", query_string="", headers={"authorization": authorization})

    with pytest.raises(NotLetIn) as caught:
        read_signature(request)
    assert (Why.INCOMPLETE, True) == (caught.value.why, told in str(caught.value))


def test_a_date_that_is_not_the_scopes_is_refused() -> None:
    authorization = f"AWS4-HMAC-SHA256 Credential={SCOPE}, SignedHeaders=host, Signature=0"
    headers = {"authorization": authorization, "x-amz-date": "20261126T235959Z"}
    signature = read_signature(WireRequest(method="POST", raw_path="/", query_string="", headers=headers))

    with pytest.raises(NotLetIn, match="Date in Credential scope does not match"):
        check_time(signature, datetime(2026, 11, 27, tzinfo=UTC))
