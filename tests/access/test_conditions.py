from typing import Any

import pytest
from policy_words import allow, is_allowed

ABSENT = ()
"""Stands for a key that the request has not."""

TABLE: list[tuple[str, Any, Any, bool]] = [
    # operator, the policy's value, the request's value, whether it holds
    ("StringEquals", "a", "a", True),
    ("StringEquals", ["b", "a"], "a", True),
    ("StringEquals", "a", "A", False),
    ("StringEquals", "a*", "abc", False),
    ("StringEquals", "a", ABSENT, False),
    ("StringNotEquals", "a", "b", True),
    ("StringNotEquals", ["a", "b"], "b", False),
    ("StringNotEquals", "a", ABSENT, True),
    ("StringEqualsIgnoreCase", "A", "a", True),
    ("StringNotEqualsIgnoreCase", "A", "a", False),
    ("StringLike", "repo:acme/*:ref:refs/tags/v?", "repo:acme/shop:ref:refs/tags/v2", True),
    ("StringLike", "repo:acme/*", "repo:acmes/x", False),
    ("StringNotLike", "a*", "abc", False),
    ("StringNotLike", "a*", "b", True),
    ("NumericLessThan", 10, "9.5", True),
    ("NumericLessThan", 10, "10", False),
    ("NumericLessThanEquals", "10", "10", True),
    ("NumericGreaterThan", "10", "nine", False),
    ("NumericGreaterThanEquals", "10", "10", True),
    ("NumericEquals", "1.0", "1", True),
    ("NumericNotEquals", "1", "2", True),
    ("DateLessThan", "2026-11-27T00:00:00Z", "2026-11-26T23:59:59Z", True),
    ("DateGreaterThan", "2026-11-27T00:00:00Z", "1795766400", True),
    ("DateEquals", "2026-11-27", "2026-11-27T00:00:00+00:00", True),
    ("DateNotEquals", "2026-11-27", "2026-11-27T00:00:00Z", False),
    ("DateLessThan", "tomorrow", "2026-11-27", False),
    ("DateLessThan", "2026-11-27", "9" * 400, False),
    ("DateLessThan", "9" * 400, "2026-11-27", False),
    ("Bool", "true", "true", True),
    ("Bool", True, "false", False),
    ("Bool", "false", ABSENT, False),
    ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", True),
    ("BinaryEquals", "QmluYXJ5", "b3RoZXI=", False),
    ("IpAddress", "10.0.0.0/8", "10.1.2.3", True),
    ("IpAddress", ["192.0.2.1", "2001:db8::/32"], "2001:db8::1", True),
    ("IpAddress", "10.0.0.0/8", "11.0.0.1", False),
    ("IpAddress", "10.0.0.0/8", "no address", False),
    ("NotIpAddress", "10.0.0.0/8", "11.0.0.1", True),
    ("ArnEquals", "arn:aws:iam::*:role/deploy*", "arn:aws:iam::123456789012:role/deployer", True),
    ("ArnLike", "arn:aws:*:role/x", "arn:aws:iam::123456789012:role/x", False),
    ("ArnLike", "arn:aws:iam::*:role/x", "no arn", False),
    ("ArnNotLike", "arn:aws:iam::*:role/x", "arn:aws:iam::1:role/y", True),
    ("ArnNotEquals", "arn:aws:iam::*:role/x", "arn:aws:iam::1:role/x", False),
    ("Null", "true", ABSENT, True),
    ("Null", "true", "a", False),
    ("Null", False, "a", True),
    ("StringEqualsIfExists", "a", ABSENT, True),
    ("StringEqualsIfExists", "a", "b", False),
    ("NumericLessThanIfExists", "1", ABSENT, True),
    ("ForAllValues:StringEquals", ["a", "b"], ("a", "b"), True),
    ("ForAllValues:StringEquals", ["a", "b"], ("a", "c"), False),
    ("ForAllValues:StringEquals", ["a"], ABSENT, True),
    ("ForAllValues:StringLike", "a*", ("ab", "ac"), True),
    ("ForAllValues:StringNotEquals", ["c"], ("a", "b"), True),
    ("ForAnyValue:StringEquals", ["a"], ("b", "a"), True),
    ("ForAnyValue:StringEquals", ["a"], ("b", "c"), False),
    ("ForAnyValue:StringEquals", ["a"], ABSENT, False),
    ("ForAnyValue:StringEqualsIfExists", ["a"], ABSENT, True),
    ("ForAnyValue:StringNotEquals", ["a"], ("a", "b"), True),
    ("ForAnyValue:StringNotEquals", ["a"], ("a",), False),
]


@pytest.mark.parametrize(("operator", "wanted", "given", "holds"), TABLE)
def test_an_operator_holds(operator: str, wanted: Any, given: Any, holds: bool) -> None:
    context = {} if given == ABSENT else {"x__Key": given}

    assert holds is is_allowed(allow(Condition={operator: {"x:key": wanted}}), **context)


def test_all_operators_and_all_keys_must_hold_and_of_values_one() -> None:
    conditions = {"StringEquals": {"a:x": ["1", "2"], "a:y": "1"}, "Bool": {"a:z": "true"}}

    assert is_allowed(allow(Condition=conditions), a__x="2", a__y="1", a__z="true")
    assert not is_allowed(allow(Condition=conditions), a__x="2", a__y="2", a__z="true")
    assert not is_allowed(allow(Condition=conditions), a__x="2", a__y="1", a__z="false")


VARIABLES: list[tuple[str, str, dict[str, Any], bool]] = [
    ("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/ada/file", {"aws__username": "ada"}, True),
    ("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/bob/file", {"aws__username": "ada"}, False),
    ("arn:aws:s3:::b/${AWS:UserName}/*", "arn:aws:s3:::b/ada/file", {"aws__username": "ada"}, True),
    ("arn:aws:s3:::b/${aws:username}", "arn:aws:s3:::b/anything", {"aws__username": "*"}, False),
    ("arn:aws:s3:::b/${aws:PrincipalTag/team}", "arn:aws:s3:::b/red", {"aws__PrincipalTag___team": "red"}, True),
    ("arn:aws:s3:::b/${aws:PrincipalTag/team, 'none'}", "arn:aws:s3:::b/none", {}, True),
    ("arn:aws:s3:::b/${aws:PrincipalTag/team}", "arn:aws:s3:::b/", {}, False),
    ("arn:aws:s3:::b/a${*}b${?}${$}", "arn:aws:s3:::b/a*b?$", {}, True),
    ("arn:aws:s3:::b/a${*}", "arn:aws:s3:::b/abc", {}, False),
    ("arn:aws:sqs:${aws:RequestedRegion}:*:q", "arn:aws:sqs:eu-west-1:1:q", {"aws__RequestedRegion": "eu-west-1"}, True),
]


@pytest.mark.parametrize(("wanted", "resource", "context", "is_meant"), VARIABLES)
def test_variables_stand_for_the_requests_values_taken_literally(
    wanted: str, resource: str, context: dict[str, Any], is_meant: bool
) -> None:
    assert is_meant is is_allowed(allow("s3:*", wanted), action="s3:GetObject", resource=resource, **context)


def test_variables_stand_in_conditions_too() -> None:
    own = allow(Condition={"StringEquals": {"aws:ResourceTag/owner": "${aws:username}"}})

    assert is_allowed(own, aws__username="ada", aws__ResourceTag___owner="ada")
    assert not is_allowed(own, aws__username="ada", aws__ResourceTag___owner="bob")
    assert not is_allowed(own, aws__ResourceTag___owner="")
