import json
from typing import Any

import pytest
from policy_words import allow, ask, document

from ninelives.access import MalformedPolicy, Policies, PolicyKind, read_policy, variables_of

SYNTAX = "Syntax errors in policy."

MALFORMED: list[tuple[Any, str]] = [
    ("{", "This policy contains invalid Json"),
    ("[]", SYNTAX),
    ('{"Version": "2012-10-17", "Version": "2012-10-17", "Statement": []}', SYNTAX),
    ({"Version": "2012-10-17"}, SYNTAX),
    ({"Version": "2012-10-17", "Statement": []}, SYNTAX),
    ({"Version": "2026-01-01", "Statement": [allow()]}, SYNTAX),
    ({"Version": "2008-10-17", "Statement": [allow()]}, "Policy document must be version 2012-10-17 or greater."),
    ([{**allow(), "Effect": "allow"}], SYNTAX),
    ([{**allow(), "Actions": "s3:*"}], SYNTAX),
    ([{**allow(), "NotAction": "s3:*"}], SYNTAX),
    ([{"Effect": "Allow", "Resource": "*"}], "Policy statement must contain actions."),
    ([{"Effect": "Allow", "Action": "s3:*"}], "Policy statement must contain resources."),
    ([allow("UpdateService")], "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
    ([allow("ecs:*", "my-bucket")], 'Resource my-bucket must be in ARN format or "*".'),
    ([allow(Sid="a"), allow(Sid="a")], "Statement IDs (SID) in a single policy must be unique."),
    ([allow(Principal="*")], "Policy document should not specify a principal."),
    ([allow(Condition={"StringEqual": {"aws:x": "y"}})], "Invalid Condition type : StringEqual."),
    ([allow(Condition={"StringEquals": "y"})], SYNTAX),
]


@pytest.mark.parametrize(("given", "message"), MALFORMED)
def test_what_is_wrong_with_a_document_is_told_in_iams_words(given: Any, message: str) -> None:
    if isinstance(given, list):
        given = {"Version": "2012-10-17", "Statement": given}
    text = given if isinstance(given, str) else json.dumps(given)

    with pytest.raises(MalformedPolicy) as caught:
        read_policy(text, PolicyKind.IDENTITY, "p")

    assert message == str(caught.value)


TRUST: list[tuple[dict[str, Any], str]] = [
    ({"Effect": "Allow", "Action": "sts:AssumeRole"}, "Missing required field Principal"),
    (allow("sts:AssumeRole", Principal="*"), "Has prohibited field Resource"),
    (
        {"Effect": "Allow", "Action": "s3:*", "Principal": "*"},
        "AssumeRole policy may only specify STS AssumeRole actions.",
    ),
    (
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "ada"}},
        'Invalid principal in policy: "AWS":"ada"',
    ),
]


@pytest.mark.parametrize(("statement", "message"), TRUST)
def test_what_is_wrong_with_a_trust_policy_is_told(statement: dict[str, Any], message: str) -> None:
    with pytest.raises(MalformedPolicy) as caught:
        read_policy(document(statement), PolicyKind.TRUST, "trust")

    assert message == str(caught.value)


def test_one_statement_needs_no_list_and_variables_are_of_the_newer_version() -> None:
    single = json.dumps({"Version": "2012-10-17", "Statement": allow("s3:*", "arn:aws:s3:::${aws:username}")})
    without_version = json.dumps({"Statement": [allow("s3:*", "arn:aws:s3:::${aws:username}")]})

    def allows(text: str, resource: str) -> bool:
        policies = Policies(identity=(read_policy(text, PolicyKind.IDENTITY, "p"),))
        return ask(policies, "s3:GetObject", resource, aws__username="ada").is_allowed

    assert allows(single, "arn:aws:s3:::ada")
    assert not allows(without_version, "arn:aws:s3:::ada")
    assert allows(without_version, "arn:aws:s3:::${aws:username}")


def test_the_keys_that_a_statement_asks_for_are_known() -> None:
    text = document(
        allow("s3:*", "arn:aws:s3:::${aws:username}", Condition={"StringEquals": {"x:Y": "${aws:PrincipalTag/t}"}})
    )
    (statement,) = read_policy(text, PolicyKind.IDENTITY, "p").statements

    assert {"aws:username", "x:y", "aws:principaltag/t"} == variables_of(statement)
