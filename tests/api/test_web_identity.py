"""AssumeRoleWithWebIdentity against a provider on loopback: the token is checked, and the role's trust decides."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from oidc_provider import TokenServer, token_server
from running_door import PLACE, RunningDoor

from ninelives.api.authorization.credentials import RegionKeys
from ninelives.api.authorization.web_identity import FetchedKeys

ACCOUNT = PLACE.account
LEGACY = "repo:acme/shop:environment:production"
IMMUTABLE = "repo:acme@1001/shop@2002:environment:production"
DENIED = ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403)


@pytest.fixture(scope="module")
def provider() -> Iterator[TokenServer]:
    with token_server() as running:
        yield running


@pytest.fixture(scope="module")
def door(provider: TokenServer) -> Iterator[RunningDoor]:
    from moto.core.base_backend import BackendDict

    BackendDict.reset()
    running = RunningDoor({}, keys=RegionKeys.new())
    running.root("iam").create_open_id_connect_provider(
        Url=provider.issuer, ClientIDList=["sts.amazonaws.com"], ThumbprintList=["a" * 40]
    )
    yield running
    running.stop()
    BackendDict.reset()


def a_role(door: RunningDoor, provider: TokenServer, name: str, *subjects: str, operator: str = "StringEquals") -> str:
    """The ARN of a role for these subjects."""
    host = provider.issuer.removeprefix("http://")
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{host}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {f"{host}:aud": "sts.amazonaws.com"},
            f"{operator}": {f"{host}:sub": list(subjects)},
        },
    }
    if operator == "StringEquals":
        statement["Condition"] = {"StringEquals": {f"{host}:aud": "sts.amazonaws.com", f"{host}:sub": list(subjects)}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    arn: str = door.root("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    return arn


def assume(door: RunningDoor, role: str, token: str) -> Mapping[str, Any]:
    """As configure-aws-credentials asks: without a signature."""
    config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
    sts = boto3.client("sts", endpoint_url=door.url, region_name=PLACE.region, config=config)
    answer: Mapping[str, Any] = sts.assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="run-777", WebIdentityToken=token
    )
    return answer


def refusal(door: RunningDoor, role: str, token: str) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        assume(door, role, token)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["Error"]["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize("subject", [LEGACY, IMMUTABLE])
def test_a_token_of_either_form_opens_the_role_that_names_it(door: RunningDoor, provider: TokenServer, subject: str) -> None:
    role = a_role(door, provider, f"deploy-{len(subject)}", LEGACY, IMMUTABLE)
    answer = assume(door, role, provider.token(sub=subject))
    session = door.client_of(answer["Credentials"], "sts")

    assert f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy-{len(subject)}/run-777" == session.get_caller_identity()["Arn"]
    assert (subject, "sts.amazonaws.com") == (answer["SubjectFromWebIdentityToken"], answer["Audience"])
    assert answer["Provider"].startswith(f"arn:aws:iam::{ACCOUNT}:oidc-provider/")


@pytest.mark.parametrize(
    ("trusted", "operator", "subject", "is_let_in"),
    [
        (LEGACY, "StringEquals", "repo:acme/shop:ref:refs/heads/main", False),
        (LEGACY, "StringEquals", IMMUTABLE, False),
        ("repo:acme/shop:*", "StringLike", "repo:acme/shop:ref:refs/tags/v2.0.1", True),
        ("repo:acme/shop:*", "StringLike", "repo:acme/shop-evil:ref:refs/heads/main", False),
        ("repo:acme/shop:*", "StringEquals", "repo:acme/shop:ref:refs/heads/main", False),
    ],
)
def test_the_trust_decides_by_the_subject(
    door: RunningDoor, provider: TokenServer, trusted: str, operator: str, subject: str, is_let_in: bool
) -> None:
    name = f"by-{abs(hash((trusted, operator, subject)))}"
    role = a_role(door, provider, name, trusted, operator=operator)
    token = provider.token(sub=subject)

    if is_let_in:
        assert assume(door, role, token)["Credentials"]
    else:
        assert DENIED == refusal(door, role, token)


def test_tags_of_a_token_need_the_roles_leave(door: RunningDoor, provider: TokenServer) -> None:
    tags: dict[str, Any] = {"https://aws.amazon.com/tags": {"principal_tags": {"team": ["red"]}}}
    role = a_role(door, provider, "untagged", LEGACY)

    assert assume(door, role, provider.token(sub=LEGACY))
    assert DENIED == refusal(door, role, provider.token(sub=LEGACY, **tags))


def test_a_role_that_is_not_there_is_told_as_one_that_does_not_trust(door: RunningDoor, provider: TokenServer) -> None:
    assert DENIED == refusal(door, f"arn:aws:iam::{ACCOUNT}:role/nobodys", provider.token(sub=LEGACY))


def test_what_is_wrong_with_a_token_is_told_in_stss_words(door: RunningDoor, provider: TokenServer) -> None:
    role = a_role(door, provider, "checked", LEGACY)
    stranger = TokenServer(1)

    def said(token: str) -> tuple[str, str]:
        code, message, status = refusal(door, role, token)
        assert 400 == status
        return code, message

    unknown = "No OpenIDConnect provider found in your account for http://127.0.0.1:1"
    assert ("InvalidIdentityToken", unknown) == said(stranger.token(sub=LEGACY))
    assert ("InvalidIdentityToken", "Incorrect token audience") == said(provider.token(sub=LEGACY, aud="else"))
    assert ("InvalidIdentityToken", "Token signature invalid") == said(provider.token(sub=LEGACY, signed_by=stranger))
    assert "InvalidIdentityToken" == said("no.jwt.at-all")[0]
    assert ("InvalidIdentityToken", "Missing a required claim: exp") == said(provider.token(sub=LEGACY, exp=None))
    code, message = said(provider.token(sub=LEGACY, exp=1_700_000_000))
    assert "ExpiredTokenException" == code
    assert message.endswith("must be before the expiration date/time 1700000000")


def test_a_token_without_a_good_signature_algorithm_is_refused(door: RunningDoor, provider: TokenServer) -> None:
    import jwt

    role = a_role(door, provider, "no-alg", LEGACY)
    claims = jwt.decode(provider.token(sub=LEGACY), options={"verify_signature": False})

    for forged in (jwt.encode(claims, "", algorithm="none"), jwt.encode(claims, "k" * 32, algorithm="HS256")):
        code, message, _ = refusal(door, role, forged)
        assert "InvalidIdentityToken" == code
        assert message.startswith("The token is signed with")


def test_a_provider_whose_keys_cannot_be_had_vouches_for_nobody(door: RunningDoor) -> None:
    silent = TokenServer(9)  # nothing listens there
    door.root("iam").create_open_id_connect_provider(Url=silent.issuer, ClientIDList=["sts.amazonaws.com"], ThumbprintList=[])
    code, message, _ = refusal(door, f"arn:aws:iam::{ACCOUNT}:role/any", silent.token(sub=LEGACY))

    assert "InvalidIdentityToken" == code
    assert message.startswith("Couldn't retrieve verification key from your identity provider")


def test_a_stand_in_has_the_keys_of_an_issuer(provider: TokenServer) -> None:
    issuer = "https://token.actions.githubusercontent.com"
    keys = FetchedKeys({issuer: provider.issuer})
    at = datetime(2026, 11, 27, tzinfo=UTC)

    assert asyncio.run(keys.key(issuer, provider.key_id, at)) is not None
    assert asyncio.run(keys.key(issuer, "another", at)) is None
