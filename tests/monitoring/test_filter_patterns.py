"""Filter patterns: the examples of CloudWatch Logs' user guide, what it refuses, and two laws."""

import json
import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ninelives.monitoring.filter_patterns import PatternInvalid, read_pattern

REQUESTS = (
    "[ERROR 400] BAD REQUEST",
    "[ERROR 401] UNAUTHORIZED REQUEST",
    "[ERROR 419] MISSING ARGUMENTS",
    "[ERROR 420] INVALID ARGUMENTS",
)


@pytest.mark.parametrize(
    ("pattern", "matching"),
    [
        ("", (0, 1, 2, 3)),
        ("   ", (0, 1, 2, 3)),
        ("ERROR", (0, 1, 2, 3)),
        ("error", ()),
        ("ERROR REQUEST", (0, 1)),
        ("?400 ?401", (0, 1)),
        ("ERROR -ARGUMENTS", (0, 1)),
        ("-ARGUMENTS", (0, 1)),
        ("?UNAUTHORIZED ?BAD REQUEST", (0, 1)),  # beside another term the optional ones mean nothing
        ("?UNAUTHORIZED ?BAD ARGUMENTS", (2, 3)),
        ('"[ERROR 4"', (0, 1, 2, 3)),
        ('"INVALID ARGUMENTS"', (3,)),
        ('-"BAD REQUEST" REQUEST', (1,)),
        ('?"ERROR 419" ?"ERROR 420"', (2, 3)),
        ('" "', (0, 1, 2, 3)),
        ("%AUTHORIZED%", (1,)),
        (r"%\[ERROR 4[0-1][0-9]\]%", (0, 1, 2)),
        ("%BAD|MISSING%", (0, 2)),
        ("%^ERROR%", ()),
    ],
)
def test_terms_match_as_in_the_user_guide(pattern: str, matching: tuple[int, ...]) -> None:
    found = read_pattern(pattern)

    assert tuple(at for at, message in enumerate(REQUESTS) if found.matches(message)) == matching


@pytest.mark.parametrize(
    ("regex", "matching", "other"),
    [
        ("^[hc]at", "hat trick", "a hat"),
        ("[hc]at$", "the cat", "cats"),
        ("colou?r", "colour", "colr"),
        ("^a{3,5}$", "aaaa", "aa"),
        ("^starting|^shutting down", "shutting down", "not starting"),
        (r"\[.\]", "value [7]", "value 7"),
        ("ab*c", "ac", "adc"),
        ("ab+c", "abbc", "ac"),
        (r"^\d\D\s\w$", "1a _", "aa _"),
        (r"\x3A", "key:value", "key=value"),
        (r"10\.10\.0\.1", "from 10.10.0.1", "from 10010,0.1"),
        (r"[^A-Z_\-]", "Ab", "A-B_"),
        ("[|x]{2}", "a||b", "a|b"),
    ],
)
def test_regular_expressions_do_what_the_user_guide_says(regex: str, matching: str, other: str) -> None:
    pattern = read_pattern(f"%{regex}%")

    assert pattern.matches(matching)
    assert not pattern.matches(other)


EVENT = json.dumps(
    {
        "eventType": "UpdateTrail",
        "sourceIPAddress": "111.111.111.111",
        "arrayKey": ["value", "another value"],
        "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
        "SomeObject": None,
        "ThisFlag": True,
        "cluster.name": "c",
        "bandwidth": 80,
        "latency": 49.5,
        "errorCode": "404",
        "user": {"id": 1, "email": "John.Stiles@example.com"},
        "users": [{"id": 2, "email": "John.Doe@example.com"}, {"id": 3, "email": "Jane.Doe@example.com"}],
        "actions": ["GET", "PUT", "DELETE"],
        "coordinates": [[0, 1, 2], [4, 5, 6], [7, 8, 9]],
    }
)


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ('{ $.eventType = "UpdateTrail" }', True),
        ("{$.eventType=UpdateTrail}", True),
        ("{ $.eventType = Update* }", True),
        ('{ $.eventType = "*" }', True),
        ("{ $.sourceIPAddress != 123.123.* }", True),
        ("{ $.sourceIPAddress != 111.111.* }", False),
        ('{ $.arrayKey[0] = "value" }', True),
        ('{ $.arrayKey[1] = "value" }', False),
        ("{ $.eventType = %Trail% }", True),
        ("{ $.arrayKey[*] = %val.{2}% }", True),
        (r"{ $.* = %111\.111\.111\.1[0-9]{1,2}% }", True),
        ("{ $.['cluster.name'] = \"c\" }", True),
        ("{ $['cluster.name'] = \"c\" }", True),
        ("{ $.SomeObject IS NULL }", True),
        ("{ $.eventType IS NULL }", False),
        ("{ $.missing IS NULL }", False),
        ("{ $.SomeOtherObject NOT EXISTS }", True),
        ("{ $.SomeObject NOT EXISTS }", False),
        ("{ $.ThisFlag IS TRUE }", True),
        ("{ $.ThisFlag IS FALSE }", False),
        ("{ $.ThisFlag = true }", False),  # truth values are not compared
        ("{ $.bandwidth > 75 }", True),
        ("{ $.bandwidth > 80 }", False),
        ("{ $.bandwidth >= 80 && $.latency < 50 && $.latency <= 49.5 }", True),
        ("{ $.bandwidth = 8e1 }", True),
        ("{ $.bandwidth = 8* }", True),
        ("{ $.errorCode = 404 }", True),
        ("{ $.errorCode != 404 }", False),
        ("{ $.eventType > 2 }", False),
        ("{ $.missing != 2 }", False),
        ("{ $.arrayKey = value }", False),
        ("{ $.objectList[*].id = 2 }", True),
        ("{ $.coordinates[1][2] = 6 }", True),
        ("{ $.coordinates[9][2] = 6 }", False),
        ('{ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") }', True),
        ('{ $.user.email = "John.Stiles@example.com" || $.actions[0] = "x" && $.actions[2] = "x" }', True),
        ('{ ($.user.email = "John.Stiles@example.com" || $.actions[0] = "x") && $.actions[2] = "x" }', False),
    ],
)
def test_json_selectors_match_as_in_the_user_guide(pattern: str, *, matches: bool) -> None:
    assert read_pattern(pattern).matches(EVENT) == matches


@pytest.mark.parametrize("message", ["not json", "", '2026 INFO {"a": 1}', '"a"', "{", "[" * 100_000])
def test_what_is_no_json_event_matches_no_json_pattern(message: str) -> None:
    assert not read_pattern("{ $.a NOT EXISTS }").matches(message)


def test_a_reference_into_a_json_event_is_told_as_it_is_written() -> None:
    pattern = read_pattern("{ $.eventType = * }")

    found = {name: pattern.value(EVENT, name) for name in ("$.latency", "$.ThisFlag", "$.users[1].id", "$.missing", "$.users")}
    assert found == {"$.latency": "49.5", "$.ThisFlag": "true", "$.users[1].id": "3", "$.missing": None, "$.users": None}
    assert pattern.extract(EVENT) == {}
    assert pattern.declares("$.anything[2]")
    assert not pattern.declares("$name")


APACHE = '127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("[ip, user, username, timestamp, request, status_code, bytes]", True),
        (r"[ip=%127\.0\.0\.[1-9]%, user, username, timestamp, request =*.html*, status_code = 4*, bytes]", True),
        ("[..., request =*.html*, status_code = 4*, bytes]", True),
        ("[..., request =*.html*, status_code = 4*,]", True),
        ("[ip, user, username, timestamp, request, status_code = 404 || status_code = 410, bytes]", True),
        ("[ip, user, username, timestamp, request, status_code, bytes > 1000 && bytes < 2000]", True),
        ("[ip, user, username, timestamp, request, status_code, bytes > 2000]", False),
        ('[..., request="GET /index.html HTTP/1.0", status_code, bytes]', True),
        ("[ip != 10.*, ...]", True),
        ("[ip, user, rest]", True),
        ("[ip, ..., bytes]", True),
        ("[ip = 127.0.0.1]", False),  # the last field takes the rest of the line
        ("[a, b, c, d, e, f, g, h]", False),
        ("[a, b, c, d, e, f, g, h, ...]", False),
        ("[]", True),
    ],
)
def test_fields_of_a_line_match_as_in_the_user_guide(pattern: str, *, matches: bool) -> None:
    assert read_pattern(pattern).matches(APACHE) == matches


def test_the_first_word_is_told_from_the_others() -> None:
    lines = ("ERROR WARN message", "ERROR message", "WARN message", "INFO all is well")
    found = {
        pattern: [line for line in lines if read_pattern(pattern).matches(line)]
        for pattern in ("[w1=ERROR, w2]", "[w1=ERROR || w1=%WARN%, w2]", "[w1!=ERROR&&w1!=WARN, w2]")
    }

    assert list(found.values()) == [list(lines[:2]), list(lines[:3]), [lines[3]]]


@pytest.mark.parametrize(
    ("pattern", "values"),
    [
        (
            "[ip, identity, user_id, timestamp, request, status_code, size]",
            {"$ip": "127.0.0.1", "$identity": "Prod", "$user_id": "frank", "$timestamp": "10/Oct/2000:13:25:15 -0700",
             "$request": "GET /index.html HTTP/1.0", "$status_code": "404", "$size": "1534"},
        ),
        (
            "[..., size]",
            {"$1": "127.0.0.1", "$2": "Prod", "$3": "frank", "$4": "10/Oct/2000:13:25:15 -0700",
             "$5": "GET /index.html HTTP/1.0", "$6": "404", "$size": "1534"},
        ),
        ("[ip, user, rest]", {"$ip": "127.0.0.1", "$user": "Prod", "$rest": APACHE.split(" ", 2)[2]}),
    ],
)  # fmt: skip
def test_fields_are_extracted_by_name_and_the_others_by_number(pattern: str, values: dict[str, str]) -> None:
    assert read_pattern(pattern).extract(APACHE) == values


def test_a_position_may_be_referred_to_beside_a_name() -> None:
    pattern = read_pattern("[ip, ..., bytes]")

    assert [pattern.value(APACHE, name) for name in ("$bytes", "$7", "$2", "$9", "$size")] == [
        "1534",
        "1534",
        "Prod",
        None,
        None,
    ]
    assert [pattern.declares(name) for name in ("$bytes", "$2", "$size", "$.ip")] == [True, True, False, False]


@pytest.mark.parametrize(
    "pattern",
    [
        "foo:bar", "ERROR ? WARN", "-", '"not closed', "%something!%", "%(ab)+%", "%café%", r"%\p%", "%%", "%abc", "%a{3,%",
        "%[a%", "%a% b", "%a**%", "{ $.a = }", "{ $.a }", "{ $.a = 1", "{ $.a = 1 } more", "{ a = 1 }", "{ $.a == 1 }",
        "{ $.a = 1 && }", "{ ($.a = 1 }", "{ $.a IS MAYBE }", "{ $.a EXISTS }", "{ $.a[x] = 1 }", "{ $.a > b }", "{ }",
        '{ $.a = "not closed }', "{ $ = 1 }", "{ $.*[*] = 1 }", "{ $.a[*]=1 || $.b[*]=1 || $.c[*]=1 || $.d[*]=1 }",
        "[a=%x%, b=%y%, c=%z%]",
        "[a, ..., b, ..., c]", "[a, a]", "[a = ]", "[a, b", "[a, b] more", "[a = 1 ||]", "[1a]", "[a, b=x || c=y]",
        "{ " + "(" * 60 + "$.a = 1" + ")" * 60 + " }",
    ],
)  # fmt: skip
def test_what_the_service_would_refuse_is_refused_with_a_reason(pattern: str) -> None:
    with pytest.raises(PatternInvalid, match=r"^Invalid "):
        read_pattern(pattern)


@pytest.mark.parametrize("pattern", ["%.*a.*a.*a.*a.*c%", "[x = *a*a*a*a*c*]", '{ $.x = "*a*a*a*a*c" }'])
def test_no_pattern_takes_more_than_the_text_is_long(pattern: str) -> None:
    long = "a" * 100_000

    assert not read_pattern(pattern).matches(f'{{"x": "{long}"}}' if pattern.startswith("{") else long)


@pytest.mark.parametrize(
    ("pattern", "line"),
    [("[a, b, c]", "[ " * 30_000), ("[x > 5]", "1" * 30_000 + "x"), ("{ $.x = 5 }", json.dumps({"x": "1" * 30_000 + "x"}))],
)
def test_no_line_takes_more_than_it_is_long(pattern: str, line: str) -> None:
    """With a step for each pair of its characters, each of these would take from ten seconds to a minute."""
    begun = time.process_time()
    read_pattern(pattern).matches(line)

    assert time.process_time() - begun < 5


@given(st.text(max_size=60))
def test_any_text_is_a_pattern_or_is_refused(text: str) -> None:
    try:
        pattern = read_pattern(text)
    except PatternInvalid:
        return
    assert pattern.matches("a message") in (True, False)


@given(
    terms=st.lists(st.text(string.ascii_letters, min_size=1, max_size=3), min_size=1, max_size=3),
    more=st.text(string.ascii_letters, min_size=1, max_size=3),
    message=st.text(string.ascii_letters + " ", max_size=30),
)
def test_a_further_term_or_exclusion_never_adds_a_message(terms: list[str], more: str, message: str) -> None:
    narrower = [read_pattern(" ".join([*terms, f"{sign}{more}"])).matches(message) for sign in ("", "-")]

    assert not any(narrower) or read_pattern(" ".join(terms)).matches(message)
    assert sum(narrower) == read_pattern(" ".join(terms)).matches(message)
