"""The functions of a query, in a table: what each takes, gives and means. The reference is written from it.

Source: CloudWatch Logs user guide, "Boolean, comparison, numeric, datetime, and other functions". Of an argument without a
value nothing comes, unless the function asks for just that.
"""

import base64
import ipaddress
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, unquote

from ninelives.monitoring.log_insights.bins import ceil, floor
from ninelives.monitoring.log_insights.syntax import Period
from ninelives.monitoring.log_insights.values import Instant, Value, is_true, number, text, written

BITS_MAX: Final = 1024
"""Of a whole number: what is larger has no value, as a fraction of that size has none."""
TEXT_MAX: Final = 1 << 20
"""Characters of a text: what is longer has no value. An event has no more, and texts put together could be as long as all of
memory."""
Argument = Any
"""A value, or a period."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """``apply`` gets as many values as were written, from ``fewest`` to ``most``; ``most`` None where any number will do."""

    name: str
    topic: str
    takes: str
    meaning: str
    fewest: int
    most: int | None
    apply: Callable[..., Value]


def _numeric(compute: Callable[..., Value]) -> Callable[..., Value]:
    """Of numbers only, and of texts that spell them."""

    def apply(*values: Argument) -> Value:
        numbers = [number(value) for value in values]
        return None if None in numbers else compute(*numbers)

    return apply


def _textual(compute: Callable[..., Value]) -> Callable[..., Value]:
    def apply(*values: Argument) -> Value:
        texts = [text(value) for value in values]
        return None if None in texts else compute(*texts)

    return apply


def _round(value: float, digits: float = 0) -> Value:
    scale = 10.0 ** int(digits)
    return math.floor(value * scale + 0.5) / scale


def _substr(value: Value, start: Value, length: Value = None) -> Value:
    found, begin = text(value), number(start)
    if found is None or begin is None:
        return None
    rest = found[max(0, int(begin)) :]
    count = number(length)
    return rest if count is None else rest[: max(0, int(count))]


def _coalesce(*values: Value) -> Value:
    return next((value for value in values if value is not None), None)


def _case(*values: Value) -> Value:
    pairs = zip(values[::2], values[1::2], strict=False)
    default = values[-1] if len(values) % 2 else None
    return next((value for condition, value in pairs if is_true(condition)), default)


def _json_parse(value: Value) -> Value:
    try:
        found = json.loads(text(value) or "")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict | list) else None


def _json_array(value: Value) -> list[Any] | None:
    found = value if isinstance(value, list) else _json_parse(value)
    return found if isinstance(found, list) else None


def _json_array_size(value: Value) -> Value:
    found = _json_array(value)
    return None if found is None else len(found)


def _json_array_contains(value: Value, wanted: Value) -> Value:
    return any(written(one) == written(wanted) for one in _json_array(value) or ())


def _address(value: Value) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text(value) or "")
    except ValueError:
        return None


def _is_address(*versions: int) -> Callable[[Value], Value]:
    def apply(value: Value) -> Value:
        found = _address(value)
        return found is not None and found.version in versions

    return apply


def _in_subnet(*versions: int) -> Callable[[Value, Value], Value]:
    def apply(value: Value, subnet: Value) -> Value:
        found = _address(value)
        try:
            network = ipaddress.ip_network(text(subnet) or "", strict=False)
        except ValueError:
            return False
        return found is not None and found.version in versions and found.version == network.version and found in network

    return apply


def _datefloor(value: Value, period: Period) -> Value:
    found = number(value)
    return None if found is None else floor(int(found), period)


def _dateceil(value: Value, period: Period) -> Value:
    found = number(value)
    return None if found is None else ceil(int(found), period)


def _strcontains(value: str, wanted: str, folded: str = "0") -> Value:
    return int(wanted.lower() in value.lower()) if folded in ("1", "true") else int(wanted in value)


def _replace(value: str, searched: str, put: str) -> Value:
    if not searched:
        return value
    longer = value.count(searched) * (len(put) - len(searched))
    return value.replace(searched, put) if len(value) + longer <= TEXT_MAX else None


def _concat(*values: Value) -> Value:
    texts = [text(value) or "" for value in values]
    return "".join(texts) if sum(map(len, texts)) <= TEXT_MAX else None


def _base64decode(value: str) -> Value:
    return base64.b64decode(value, validate=True).decode()


def _power(left: float, right: float) -> Value:
    found = float(left) ** right
    return None if isinstance(found, complex) or not math.isfinite(found) else int(found) if found == int(found) else found


NUMBERS: Final = "numbers"
TEXTS: Final = "texts"
DATES: Final = "dates"
GENERAL: Final = "general"
JSON: Final = "JSON"
ADDRESSES: Final = "IP addresses"


def _row(topic: str, signature: str, meaning: str, arity: tuple[int, int | None], apply: Callable[..., Value]) -> Function:
    name, _, takes = signature.partition("(")
    return Function(name=name, topic=topic, takes=takes[:-1], meaning=meaning, fewest=arity[0], most=arity[1], apply=apply)


ROWS: Final = (
    _row(NUMBERS, "abs(a)", "without its sign", (1, 1), _numeric(abs)),
    _row(NUMBERS, "ceil(a)", "the whole number above", (1, 1), _numeric(math.ceil)),
    _row(NUMBERS, "floor(a)", "the whole number below", (1, 1), _numeric(math.floor)),
    _row(NUMBERS, "round(a, digits)", "rounded, to digits behind the point", (1, 2), _numeric(_round)),
    _row(NUMBERS, "greatest(a, …)", "the largest", (1, None), _numeric(lambda *a: max(a))),
    _row(NUMBERS, "least(a, …)", "the smallest", (1, None), _numeric(lambda *a: min(a))),
    _row(NUMBERS, "log(a)", "natural logarithm", (1, 1), _numeric(math.log)),
    _row(NUMBERS, "sqrt(a)", "square root", (1, 1), _numeric(math.sqrt)),
    _row(NUMBERS, "toNumber(a)", "the number that a text spells", (1, 1), _numeric(lambda a: a)),
    _row(NUMBERS, "toInt(a)", "the same, without what is behind the point", (1, 1), _numeric(int)),
    _row(NUMBERS, "toLong(a)", "the same, without what is behind the point", (1, 1), _numeric(int)),
    _row(NUMBERS, "toDouble(a)", "the same, with what is behind the point", (1, 1), _numeric(float)),
    _row(TEXTS, "strlen(s)", "characters", (1, 1), _textual(len)),
    _row(TEXTS, "strcontains(s, searched)", "1 where it is in it, else 0", (2, 3), _textual(_strcontains)),
    _row(TEXTS, "startsWith(s, searched)", "1 where it begins so", (2, 2), _textual(lambda s, b: int(s.startswith(b)))),
    _row(TEXTS, "endsWith(s, searched)", "1 where it ends so", (2, 2), _textual(lambda s, e: int(s.endswith(e)))),
    _row(TEXTS, "replace(s, searched, put)", "every one replaced", (3, 3), _textual(_replace)),
    _row(TEXTS, "trim(s, characters)", "without spaces, or these, at both ends", (1, 2), _textual(str.strip)),
    _row(TEXTS, "ltrim(s, characters)", "the same at the beginning", (1, 2), _textual(str.lstrip)),
    _row(TEXTS, "rtrim(s, characters)", "the same at the end", (1, 2), _textual(str.rstrip)),
    _row(TEXTS, "toupper(s)", "in capitals", (1, 1), _textual(str.upper)),
    _row(TEXTS, "tolower(s)", "in small letters", (1, 1), _textual(str.lower)),
    _row(TEXTS, "substr(s, start, length)", "from a character on, counted from 0", (2, 3), _substr),
    _row(TEXTS, "concat(s, …)", "one after the other; what is missing adds nothing", (1, None), _concat),
    _row(TEXTS, "isempty(s)", "1 where it is missing or empty", (1, 1), lambda s: int(not written(s))),
    _row(TEXTS, "isblank(s)", "1 where it is missing, empty or spaces", (1, 1), lambda s: int(not (written(s) or "").strip())),
    _row(TEXTS, "urlencode(s)", "with what a URL cannot hold escaped", (1, 1), _textual(lambda s: quote(s, safe=""))),
    _row(TEXTS, "urldecode(s)", "the other way round", (1, 1), _textual(unquote)),
    _row(TEXTS, "base64encode(s)", "in Base64", (1, 1), _textual(lambda s: base64.b64encode(s.encode()).decode())),
    _row(TEXTS, "base64decode(s)", "the other way round", (1, 1), _textual(_base64decode)),
    _row(DATES, "bin(period)", "`datefloor(@timestamp, period)`", (1, 1), lambda _: None),
    _row(DATES, "now()", "when the query began, in seconds since 1970", (0, 0), lambda: None),
    _row(DATES, "datefloor(at, period)", "the beginning of the period", (2, 2), _datefloor),
    _row(DATES, "dateceil(at, period)", "the end of the period", (2, 2), _dateceil),
    _row(DATES, "fromMillis(a)", "milliseconds since 1970 as a date", (1, 1), _numeric(lambda a: Instant(int(a)))),
    _row(DATES, "toMillis(at)", "a date as milliseconds since 1970", (1, 1), _numeric(int)),
    _row(GENERAL, "ispresent(field)", "whether there is one", (1, 1), lambda value: value is not None),
    _row(GENERAL, "coalesce(field, …)", "the first that there is", (1, None), _coalesce),
    _row(GENERAL, "if(condition, then, else)", "one of two", (3, 3), lambda condition, a, b: a if is_true(condition) else b),
    _row(GENERAL, "case(condition, then, …, else)", "the first whose condition holds", (2, None), _case),
    _row(GENERAL, "isNumeric(field)", "whether it is or spells a number", (1, 1), lambda value: number(value) is not None),
    _row(GENERAL, "messageSize(s)", "bytes", (1, 1), _textual(lambda s: len(s.encode("utf-8", "surrogateescape")))),
    _row(JSON, "jsonParse(s)", "a map or a list", (1, 1), _json_parse),
    _row(JSON, "jsonStringify(value)", "the other way round", (1, 1), written),
    _row(JSON, "jsonArraySize(s)", "elements", (1, 1), _json_array_size),
    _row(JSON, "jsonArrayContains(s, value)", "whether it is one of them", (2, 2), _json_array_contains),
    _row(ADDRESSES, "isValidIp(s)", "whether it is an address", (1, 1), _is_address(4, 6)),
    _row(ADDRESSES, "isValidIpV4(s)", "whether it is one of IPv4", (1, 1), _is_address(4)),
    _row(ADDRESSES, "isValidIpV6(s)", "whether it is one of IPv6", (1, 1), _is_address(6)),
    _row(ADDRESSES, "isIpInSubnet(s, subnet)", "whether it is in a subnet such as 10.0.0.0/8", (2, 2), _in_subnet(4, 6)),
    _row(ADDRESSES, "isIpv4InSubnet(s, subnet)", "the same, of IPv4", (2, 2), _in_subnet(4)),
    _row(ADDRESSES, "isIpv6InSubnet(s, subnet)", "the same, of IPv6", (2, 2), _in_subnet(6)),
)  # fmt: skip
FUNCTIONS: Final[Mapping[str, Function]] = {row.name.lower(): row for row in ROWS}
"""By their names in small letters: a query may write them in any case. ``bin`` and ``now`` look at more than arguments."""

ARITHMETIC: Final[Mapping[str, Callable[..., Value]]] = {
    "+": _numeric(lambda a, b: a + b),
    "-": _numeric(lambda a, b: a - b),
    "*": _numeric(lambda a, b: a * b),
    "/": _numeric(lambda a, b: a / b),
    "%": _numeric(math.fmod),
    "^": _numeric(_power),
}


def applied(compute: Callable[..., Value], values: list[Argument]) -> Value:
    """The result, or None where mathematics or memory has none."""
    try:
        found = compute(*values)
    except (ArithmeticError, ValueError):
        return None
    if isinstance(found, float) and not math.isfinite(found):
        return None
    if isinstance(found, str) and len(found) > TEXT_MAX:
        return None
    return None if isinstance(found, int) and found.bit_length() > BITS_MAX else found
