"""Patterns match what EventBridge's match, and nothing else. Cases: EventBridge user guide, "Comparison operators"."""

from typing import Any

import pytest

from ninelives.eventbridge import InvalidPattern, check_pattern, matches

ABSENT = object()

CONDITIONS: list[tuple[list[Any], Any, bool]] = [
    (["running"], "running", True),
    (["running", "stopped"], "stopped", True),
    (["running"], "RUNNING", False),
    (["running"], ABSENT, False),
    ([300], 300.0, True),
    ([1], True, False),
    ([True], True, True),
    ([None], None, True),
    ([None], ABSENT, False),
    ([""], "", True),
    ([{"prefix": "us-"}], "us-east-1", True),
    ([{"prefix": "us-"}], "eu-us-1", False),
    ([{"prefix": "us-"}], 5, False),
    ([{"prefix": {"equals-ignore-case": "US-"}}], "us-east-1", True),
    ([{"suffix": ".png"}], "cat.png", True),
    ([{"suffix": {"equals-ignore-case": ".PNG"}}], "cat.png", True),
    ([{"suffix": ".png"}], "cat.jpg", False),
    ([{"equals-ignore-case": "Alice"}], "aLICE", True),
    ([{"equals-ignore-case": "Alice"}], "alicia", False),
    ([{"wildcard": "dir/*/file.txt"}], "dir/a/b/file.txt", True),
    ([{"wildcard": "dir/*/file.txt"}], "dir/file.txt", False),
    ([{"wildcard": "a\\*b"}], "a*b", True),
    ([{"wildcard": "a\\*b"}], "axb", False),
    ([{"wildcard": "a.b*"}], "axb", False),
    ([{"anything-but": "initializing"}], "running", True),
    ([{"anything-but": "initializing"}], ABSENT, False),
    ([{"anything-but": ["stopped", "overloaded"]}], "stopped", False),
    ([{"anything-but": 123}], 124, True),
    ([{"anything-but": {"prefix": "init"}}], "initializing", False),
    ([{"anything-but": {"prefix": ["init", "term"]}}], "running", True),
    ([{"anything-but": {"suffix": ".txt"}}], "a.csv", True),
    ([{"anything-but": {"equals-ignore-case": ["A", "b"]}}], "B", False),
    ([{"anything-but": {"wildcard": "*/lib/*"}}], "a/lib/b", False),
    ([{"numeric": [">", 0, "<=", 5]}], 5, True),
    ([{"numeric": [">", 0, "<=", 5]}], 0, False),
    ([{"numeric": ["=", 3.018e2]}], 301.8, True),
    ([{"numeric": [">", 0]}], "7", False),
    ([{"cidr": "10.0.0.0/24"}], "10.0.0.255", True),
    ([{"cidr": "10.0.0.0/24"}], "10.0.1.0", False),
    ([{"cidr": "10.0.0.0/24"}], "no address", False),
    ([{"exists": True}], "", True),
    ([{"exists": True}], ABSENT, False),
    ([{"exists": False}], ABSENT, True),
    ([{"exists": False}], None, False),
    ([{"exists": True}], {"deeper": 1}, False),
    (["running", {"prefix": "st"}], "stopped", True),
    (["b"], ["a", "b"], True),
    ([{"prefix": "z"}], ["a", "b"], False),
    (["a"], [], False),
]


@pytest.mark.parametrize(("asked", "value", "is_match"), CONDITIONS)
def test_a_condition_holds_for_the_values_that_eventbridge_says(asked: list[Any], value: Any, *, is_match: bool) -> None:
    pattern = {"detail": {"state": asked}}
    event = {"detail": {} if value is ABSENT else {"state": value}}

    check_pattern(pattern)
    assert is_match is matches(pattern, event)


@pytest.mark.parametrize(
    ("pattern", "is_match"),
    [
        ({"source": ["aws.ecs"], "detail": {"group": [{"prefix": "service:"}]}}, True),
        ({"source": ["aws.ecs"], "detail": {"group": ["service:dogs"]}}, False),
        ({"detail": {"containers": {"exitCode": [{"anything-but": 0}]}}}, True),
        ({"detail": {"containers": {"name": ["web"], "exitCode": [0]}}}, True),
        ({"detail": {"containers": {"name": ["web"], "exitCode": [1]}}}, False),
        ({"resources": [{"suffix": "/cats"}]}, True),
        ({"$or": [{"source": ["aws.ec2"]}, {"detail": {"group": ["service:cats"]}}]}, True),
        ({"source": ["aws.ecs"], "$or": [{"account": ["1"]}, {"account": ["2"]}]}, False),
        ({"detail": {"$or": [{"lastStatus": ["STOPPED"]}, {"stopCode": [{"exists": False}]}]}}, True),
        ({"detail": {"stopCode": {"deeper": [{"exists": False}]}}}, True),
    ],
)
def test_a_pattern_holds_when_each_of_its_members_does(pattern: dict[str, Any], *, is_match: bool) -> None:
    event = {
        "source": "aws.ecs",
        "resources": ["arn:aws:ecs:eu-west-1:1:service/c/cats"],
        "detail": {
            "group": "service:cats",
            "lastStatus": "RUNNING",
            "containers": [{"name": "web", "exitCode": 0}, {"name": "db", "exitCode": 1}],
        },
    }

    check_pattern(pattern)
    assert is_match is matches(pattern, event)


@pytest.mark.parametrize(
    "pattern",
    [
        [],
        {},
        {"source": "aws.ecs"},
        {"source": []},
        {"source": [["aws.ecs"]]},
        {"source": [{"prefix": "a", "suffix": "b"}]},
        {"source": [{"starts-with": "a"}]},
        {"source": [{"prefix": 1}]},
        {"source": [{"numeric": [">", 0, "<"]}]},
        {"source": [{"numeric": ["~", 0]}]},
        {"source": [{"numeric": [">", "0"]}]},
        {"source": [{"cidr": "10.0.0.0/99"}]},
        {"source": [{"exists": "yes"}]},
        {"source": [{"anything-but": {"starts-with": "a"}}]},
        {"detail": {}},
        {"$or": [{"source": "aws.ecs"}]},
    ],
)
def test_what_is_no_pattern_is_told(pattern: Any) -> None:
    with pytest.raises(InvalidPattern):
        check_pattern(pattern)
