"""Which conditions ALB takes, by table; and that the data plane's router can read whatever passes."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ninelives.model.elbv2 import Condition
from ninelives.model.errors import ApiError
from ninelives.region.elbv2_rule_checks import check_conditions
from ninelives.routing.conditions import route_match


def condition(field: str, *values: str, name: str | None = None) -> Condition:
    return Condition(field=field, values=values, name=name)


@pytest.mark.parametrize(
    "conditions",
    [
        [condition("path-pattern", "/img/*", "/a?c")],
        [condition("host-header", "*.example.com")],
        [condition("http-header", "*Chrome*", name="User-Agent")],
        [condition("http-header", "a", name="X-A"), condition("http-header", "b", name="X-A")],
        [condition("http-request-method", "GET", "CUSTOM_ONE")],
        [condition("query-string", "version=v1"), condition("query-string", "*example*")],
        [condition("source-ip", "192.0.2.0/24", "2001:db8::/32")],
        [condition("path-pattern", "/" + "a" * 127)],
    ],
)
def test_what_alb_takes_is_taken(conditions: list[Condition]) -> None:
    check_conditions(conditions)

    assert route_match(conditions)


@pytest.mark.parametrize(
    "conditions",
    [
        [],
        [condition("path-pattern")],
        [condition("path-pattern", "")],
        [condition("path-pattern", "/" + "a" * 128)],
        [condition("path-pattern", "/with space")],
        [condition("path-pattern", "/a"), condition("path-pattern", "/b")],
        [condition("path-pattern", "/1", "/2", "/3", "/4", "/5", "/6")],
        [condition("path-pattern", "/*/*/*/*"), condition("host-header", "*.*.*.com")],
        [condition("host-header", "localhost")],
        [condition("host-header", "a_b.example.com")],
        [condition("http-header", "a", name="Host")],
        [condition("http-header", "a", name="X A")],
        [condition("http-header", "a", name=None)],
        [condition("http-request-method", "get")],
        [condition("http-request-method", "G*")],
        [condition("query-string", "with space=1")],
        [condition("source-ip", "10.0.0.1")],
        [condition("source-ip", "10.0.0.0/33")],
        [condition("source-ip", "::1/129")],
    ],
)
def test_what_alb_refuses_is_refused(conditions: list[Condition]) -> None:
    with pytest.raises(ApiError) as caught:
        check_conditions(conditions)

    assert caught.value.code == "ValidationError"


TAKEN = [
    r"^/api/v\d+/(users|cats)$",
    "[^/]+",
    r"\bdeep\b",
    "a|",
    "()",
    "[]a]",
    "x*?y+?",
    "a{0,1000}",
    "[[:alpha:]]",
    r"\/\.\-\_",
]
REFUSED = [
    "",
    "(",
    "a(?=b)",
    "(?<!a)b",
    r"(a)\1",
    "a++",
    "(?P<n>a)",
    "a{1001}",
    "(a{40}){40}",
    "é",
    "a" * 129,
    "(?>a)",
    r"\p{L}",
]


def search(value: str) -> Condition:
    return Condition(field="path-pattern", values=(), regex_values=(value,))


def test_regular_expressions_that_re2_knows_are_taken_and_others_refused() -> None:
    for value in TAKEN:
        check_conditions([search(value)])
        assert value in route_match([search(value)])["safe_regex"]["regex"]
    for value in REFUSED:
        with pytest.raises(ApiError):
            check_conditions([search(value)])
    with pytest.raises(ApiError):
        check_conditions([Condition(field="path-pattern", values=("/a",), regex_values=("b",))])


FIELDS = ["path-pattern", "host-header", "http-header", "http-request-method", "query-string", "source-ip"]
TEXTS = st.text(alphabet=string.printable, min_size=1, max_size=12) | st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}")


@given(st.sampled_from(FIELDS), st.lists(TEXTS, min_size=1, max_size=3))
def test_whatever_passes_the_router_can_read(field: str, values: list[str]) -> None:
    conditions = [condition(field, *values, name="x-cat" if field == "http-header" else None)]
    try:
        check_conditions(conditions)
    except ApiError:
        return

    assert route_match(conditions)
