"""Patterns and conditions: what an ALB rule matches, as Envoy's matchers.

The regular expressions are tried with Python's ``re``; the part of the syntax that they use means the same in RE2, and the
live tests of the data plane ask Envoy itself.
"""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ninelives.model.elbv2 import Condition
from ninelives.routing.conditions import route_match, with_query
from ninelives.routing.patterns import literal, literal_prefix, regex


def header_expression(condition: Condition) -> str:
    [header] = route_match([condition])["headers"]
    expression: str = header["string_match"]["safe_regex"]["regex"]
    return expression


def matches(condition: Condition, value: str) -> bool:
    return re.fullmatch(header_expression(condition), value) is not None


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("/img/*", "/img/", True),
        ("/img/*", "/img/a/b", True),
        ("/img/*", "/img", False),
        ("/a?c", "/abc", True),
        ("/a?c", "/ac", False),
        (r"/a\?c", "/a?c", True),
        (r"/a\?c", "/abc", False),
        (r"/a\*", "/a*", True),
        (r"/a\*", "/ab", False),
        (r"/a\\b", r"/a\b", True),
        (r"/a\b", r"/a\b", True),
        ("/a.c", "/abc", False),
        ("/(a|b)+$", "/(a|b)+$", True),
        ("*", "", True),
    ],
)
def test_wildcards(pattern: str, text: str, expected: bool) -> None:
    assert expected is (re.fullmatch(regex(pattern), text) is not None)


@given(st.text(st.characters(codec="ascii", min_codepoint=33, max_codepoint=126)))
def test_a_pattern_made_of_escaped_text_matches_that_text_only(text: str) -> None:
    escaped = re.sub(r"([*?\\])", r"\\\1", text)

    assert literal(escaped) == text
    assert re.fullmatch(regex(escaped), text)
    assert not re.fullmatch(regex(escaped), text + "x")
    assert literal_prefix(escaped) is None
    assert literal_prefix(escaped + "*") in ({text} if not escaped.endswith("\\") else {text, None})


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (("/one",), {"path": "/one"}),
        (("/img/*",), {"prefix": "/img/"}),
        (("/img/*.png",), {"safe_regex": {"regex": r"(?:/img/.*\.png)"}}),
        (("/a", "/b*"), {"safe_regex": {"regex": "(?:/a|/b.*)"}}),
        ((r"/a\?*",), {"safe_regex": {"regex": r"(?:/a\?.*)"}}),
        (("*",), {"safe_regex": {"regex": "(?:.*)"}}),
    ],
)
def test_paths_are_looked_up_without_a_regular_expression_where_possible(
    values: tuple[str, ...], expected: dict[str, object]
) -> None:
    assert expected == route_match([Condition(field="path-pattern", values=values)])


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("api.example.com", True),
        ("API.Example.com", True),
        ("api.example.com:8080", True),
        ("example.com", False),
        ("api.example.com.evil.org", False),
        ("shop.test", True),
        ("apixexample.com", False),
    ],
)
def test_hosts_are_compared_without_case_and_port(host: str, expected: bool) -> None:
    assert expected is matches(Condition(field="host-header", values=("*.example.com", "shop.test")), host)


@pytest.mark.parametrize(
    ("values", "path", "expected"),
    [
        (("version=v1",), "/?version=v1", True),
        (("version=v1",), "/x?a=b&version=v1&c=d", True),
        (("version=v1",), "/?VERSION=V1", True),
        (("version=v1",), "/?version=v12", False),
        (("version=v1*",), "/?version=v12&x=y", True),
        (("version=v1",), "/?conversion=v1", False),
        (("version=v1",), "/version=v1", False),
        (("version=v*2",), "/?version=v1&x=2", False),
        (("beta",), "/?any=beta", True),
        (("beta",), "/?beta", True),
        (("beta",), "/?beta=1", False),
        (("a=1", "b=2"), "/?b=2", True),
        (("a=?",), "/?a=&b", False),
    ],
)
def test_query_strings(values: tuple[str, ...], path: str, expected: bool) -> None:
    assert expected is matches(Condition(field="query-string", values=values), path)


def test_methods_and_headers() -> None:
    method = Condition(field="http-request-method", values=("GET", "PURGE"))
    header = Condition(field="http-header", name="User-Agent", values=("*Chrome*", "curl/?"))

    assert ["GET", "PURGE"] == [one for one in ("GET", "PURGE", "get", "POST") if matches(method, one)]
    assert "user-agent" == route_match([header])["headers"][0]["name"]
    assert [True, True, False] == [matches(header, one) for one in ("x chrome y", "CURL/8", "curl/10")]


def test_conditions_are_anded() -> None:
    match = route_match(
        [
            Condition(field="path-pattern", values=("/a/*",)),
            Condition(field="path-pattern", values=("*/b",)),
            Condition(field="host-header", values=("x",)),
            Condition(field="source-ip", values=("10.0.0.7/8", "2001:db8::/32")),
        ]
    )

    assert "/a/" == match["prefix"]
    assert [":path", ":authority"] == [header["name"] for header in match["headers"]]
    again = match["headers"][0]["string_match"]["safe_regex"]["regex"]
    assert re.fullmatch(again, "/a/b?c")
    assert not re.fullmatch(again, "/a/c?/b/c")
    ranges = [{"address_prefix": "10.0.0.0", "prefix_len": 8}, {"address_prefix": "2001:db8::", "prefix_len": 32}]
    assert ranges == match["filter_state"][0]["address_match"]["ranges"]


def test_no_conditions_match_everything() -> None:
    assert {"prefix": "/"} == route_match([])
    assert {"prefix", "headers"} == with_query(route_match([])).keys()
