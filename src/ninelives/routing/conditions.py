"""Rule conditions as an Envoy ``RouteMatch``: conditions are ANDed, the values of one are ORed.

Source: ELB user guide for Application Load Balancers, "Condition types for listener rules". Paths, methods and query strings
are compared as they came: ALB neither normalises nor decodes them.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from ninelives.model.elbv2 import Condition
from ninelives.routing.patterns import alternatives, literal, literal_prefix, regex

Json = dict[str, Any]

SOURCE_ADDRESS = "ninelives.source_address"
"""The connection's filter state object that holds the client's address; listeners set it."""

ANY_PATH: Json = {"prefix": "/"}


def route_match(conditions: Iterable[Condition]) -> Json:
    """The match of a rule; no conditions (the default rule) match every request.

    ``OPTIONS *`` and other targets without a path match no rule.
    """
    match: Json = {}
    for condition in conditions:
        match condition.field:
            case "path-pattern" if match.keys().isdisjoint({"path", "prefix", "safe_regex"}):
                match |= {"safe_regex": {"regex": _searches(condition)}} if condition.regex_values else _path(condition.values)
            case "path-pattern":
                paths = alternatives(regex(value) for value in condition.values)
                _add(match, "headers", _header(":path", rf"{paths}(?:\?.*)?"))
            case "source-ip":
                _add(match, "filter_state", _source(condition.values))
            case _:
                _add(match, "headers", _header_condition(condition))
    return match if match.keys() & {"path", "prefix", "safe_regex"} else ANY_PATH | match


def with_query(match: Json) -> Json:
    """``match``, only for requests that have a query string."""
    return match | {"headers": [*match.get("headers", ()), {"name": ":path", "string_match": {"contains": "?"}}]}


def _add(match: Json, member: str, value: Json) -> None:
    match[member] = [*match.get(member, ()), value]


def _path(values: Sequence[str]) -> Json:
    """A literal path and a literal beginning are looked up without a regular expression: they cost less."""
    if len(values) == 1 and "\\" not in values[0]:
        exact, prefix = literal(values[0]), literal_prefix(values[0])
        if exact is not None:
            return {"path": exact}
        if prefix:
            return {"prefix": prefix}
    return {"safe_regex": {"regex": alternatives(regex(value) for value in values)}}


def _searches(condition: Condition) -> str:
    """The regular expressions of a condition, to be found anywhere: Envoy compares with the whole text."""
    return rf"(?s:.*?){alternatives(f'(?:{value})' for value in condition.regex_values)}(?s:.*)"


def _before_port(expression: str) -> str:
    """An expression for hosts; where it is anchored at the end, a port may follow, which does not count."""
    is_anchored = expression.endswith("$") and not expression.endswith(r"\$")
    return rf"{expression[:-1]}(?::\d+)?$" if is_anchored else expression


def _header_condition(condition: Condition) -> Json:
    match condition.field:
        case "host-header" if condition.regex_values:
            found = replace(condition, regex_values=tuple(_before_port(value) for value in condition.regex_values))
            return _header(":authority", f"(?i){_searches(found)}")
        case "http-header" if condition.regex_values:
            assert condition.name is not None, "an http-header condition names its header"
            return _header(condition.name.lower(), f"(?i){_searches(condition)}")
        case "host-header":
            return _header(":authority", rf"(?i){alternatives(regex(value) for value in condition.values)}(?::\d+)?")
        case "http-header":
            assert condition.name is not None, "an http-header condition names its header"
            return _header(condition.name.lower(), f"(?i){alternatives(regex(value) for value in condition.values)}")
        case "http-request-method":
            return _header(":method", alternatives(re.escape(value) for value in condition.values))
        case "query-string":
            pairs = alternatives(_pair(value) for value in condition.values)
            return _header(":path", rf"(?i)[^?]*\?(?:.*&)?{pairs}(?:&.*)?")
        case _:
            raise AssertionError(f"no such condition: {condition.field}")


def _pair(value: str) -> str:
    """``KEY=VALUE``, or a value whose key is any or none."""
    key, separator, rest = value.partition("=")
    if not separator:
        return f"(?:[^&=]*=)?{regex(value, any_one='[^&]')}"
    return f"{regex(key, any_one='[^&=]')}={regex(rest, any_one='[^&]')}"


def _header(name: str, expression: str) -> Json:
    return {"name": name, "string_match": {"safe_regex": {"regex": expression}}}


def _source(values: Sequence[str]) -> Json:
    """The peer's address, as ALB: X-Forwarded-For does not count."""
    networks = [ipaddress.ip_network(value, strict=False) for value in values]
    ranges = [{"address_prefix": str(network.network_address), "prefix_len": network.prefixlen} for network in networks]
    return {"key": SOURCE_ADDRESS, "address_match": {"ranges": ranges}}
