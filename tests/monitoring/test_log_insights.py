"""Logs Insights queries: the examples of CloudWatch Logs' user guide as tables, what is refused and where, bounded memory."""

import json
import time
from collections.abc import Iterable

import pytest

from ninelives.monitoring.log_insights import LogRecord, QueryInvalid, QueryTooLarge, queries, read_query
from ninelives.monitoring.log_insights.functions import FUNCTIONS
from ninelives.monitoring.log_insights.queries import GROUPS_MAX

MINUTE = 60_000
START = 1_700_000_040_000  # 2023-11-14 22:14:00


def events(*messages: str, every: int = 1000) -> list[LogRecord]:
    return [
        LogRecord(timestamp=START + at * every, message=message, stream=f"cats/cats/{at}", group="000000000000:/ecs/cats",
                  ingested=START + at * every + 5, pointer=f"p{at}")
        for at, message in enumerate(messages)
    ]  # fmt: skip


def rows(query: str, over: Iterable[LogRecord]) -> list[dict[str, str]]:
    return [dict(row) for row in read_query(query).run(over).rows]


def values(query: str, over: Iterable[LogRecord]) -> list[tuple[str, ...]]:
    return [tuple(value for name, value in row if name != "@ptr") for row in read_query(query).run(over).rows]


REQUESTS = events(
    *(
        json.dumps({"status": status, "path": path, "ms": ms, "user": {"name": user}, "tags": ["a", {"k": status}]})
        for status, path, ms, user in (
            (200, "/cats", 10, "ann"),
            (200, "/cats", 30, "bob"),
            (503, "/cats", 900, "ann"),
            (404, "/dogs", 5, "cid"),
            (200, "/health", 1, "ann"),
        )
    ),
    "plain text: ERROR 42",
)


def test_without_fields_an_event_is_told_by_its_time_its_text_and_its_pointer_the_latest_first() -> None:
    found = read_query("").run(REQUESTS)

    assert found.rows[0] == (("@timestamp", "2023-11-14 22:14:05.000"), ("@message", "plain text: ERROR 42"), ("@ptr", "p5"))
    assert [dict(row)["@ptr"] for row in found.rows] == ["p5", "p4", "p3", "p2", "p1", "p0"]


def test_statistics_count_what_was_read_and_what_the_filters_let_through() -> None:
    found = read_query("filter status = 200 | limit 1").run(REQUESTS).statistics

    assert (found.records_matched, found.records_scanned) == (3, 6)
    assert found.bytes_scanned == sum(len(event.message) for event in REQUESTS)


def test_reading_ends_where_any_will_do() -> None:
    found = read_query("filter status = 200 | limit any 2").run(REQUESTS)

    assert [dict(row)["@ptr"] for row in found.rows] == ["p0", "p1"]
    assert found.statistics.records_scanned == 2


@pytest.mark.parametrize(
    ("condition", "pointers"),
    [
        ("status = 200", "p0 p1 p4"),
        ("status != 200", "p2 p3"),  # what has no status is neither equal nor different
        ("not status = 200", "p2 p3"),
        ("status >= 400 and path = '/cats'", "p2"),
        ("status = 404 or ms > 500", "p2 p3"),
        ("status = 404 or status = 503 and ms < 5", "p3"),
        ("(status = 404 or status = 503) and ms < 5", ""),
        ("status in [404, '503']", "p2 p3"),
        ("path not in ['/cats', '/dogs']", "p4"),
        ("path like /^.c/", "p0 p1 p2"),
        ("path like 'og'", "p3"),
        ('path not like "cats"', "p3 p4"),
        ("path =~ /H|D/", ""),
        ("path like /(?i)H|D/", "p3 p4"),
        ("@message like /ERROR \\d+/", "p5"),
        ("user.name = 'ann' and ms * 2 >= 20", "p0 p2"),
        ("tags.1.k = 503", "p2"),
        ("`user.name` = 'bob'", "p1"),
        ("ispresent(status)", "p0 p1 p2 p3 p4"),
        ("not ispresent(status)", "p5"),
        ("isempty(status) = 1", "p5"),
        ("@logStream = 'cats/cats/3'", "p3"),
        ("@log like 'ecs/cats' and ms % 2 = 1", "p3 p4"),
        ("strcontains(path, 'o')", "p3"),
        ("-ms < -100", "p2"),
        ("ms = 2 ^ 2 + 1", "p3"),
        ("toMillis(@timestamp) >= (now() * 1000 - 2000)", "p3 p4 p5"),
        ("status / 0 = 1", ""),
    ],
)
def test_a_filter_lets_through_what_it_says(condition: str, pointers: str) -> None:
    found = read_query(f"filter {condition} | sort @timestamp").run(REQUESTS, now_seconds=START // 1000 + 5)

    assert " ".join(dict(row)["@ptr"] for row in found.rows) == pointers


ONE = events(
    '{"s": "xyZxyfooxyZ", "n": 7.25, "minus": -3, "ip": "10.1.2.3", "j": "{\\"a\\": [1, {\\"b.c\\": 2}]}", "yes": true}'
)


EXAMPLES = [
    ("abs(minus)", "3"), ("ceil(n)", "8"), ("floor(n)", "7"), ("round(n)", "7"), ("round(n, 1)", "7.3"),
    ("greatest(1, n, minus)", "7.25"), ("least(1, n, minus)", "-3"), ("log(1)", "0"), ("sqrt(16)", "4"),
    ("toNumber('12')", "12"), ("toInt('12.9')", "12"), ("toLong(n)", "7"), ("toDouble('1e3')", "1000"),
    ("strlen('añ')", "2"), ("strcontains(s, 'foo')", "1"), ("strcontains(s, 'FOO')", "0"), ("startsWith(s, 'xy')", "1"),
    ("endsWith(s, 'xy')", "0"), ("replace(s, 'xyZ', '-')", "-xyfoo-"),
    ("ltrim(s, 'xyZ')", "fooxyZ"), ("rtrim('xyZfooxyxyZ', 'xyZ')", "xyZfoo"), ("trim('xyZxyfooxyxyZ', 'xyZ')", "foo"),
    ("trim('  a ')", "a"), ("toupper('ab')", "AB"), ("tolower('AB')", "ab"), ("substr('xyZfooxyZ', 3)", "fooxyZ"),
    ("substr('xyZfooxyZ', 3, 3)", "foo"), ("concat('a', '-', n)", "a-7.25"), ("isempty('')", "1"), ("isblank(' ')", "1"),
    ("isblank(missing)", "1"), ("urlencode('a b/c')", "a%20b%2Fc"), ("urldecode('a%20b')", "a b"),
    ("base64encode('cat')", "Y2F0"), ("base64decode('Y2F0')", "cat"),
    ("bin(5m)", "2023-11-14 22:10:00.000"), ("bin(300s)", "2023-11-14 22:14:00.000"),
    ("bin(1 hour)", "2023-11-14 22:00:00.000"),
    ("datefloor(@timestamp, 1d)", "2023-11-14 00:00:00.000"), ("dateceil(@timestamp, 1h)", "2023-11-14 23:00:00.000"),
    ("datefloor(@timestamp, 1w)", "2023-11-13 00:00:00.000"), ("datefloor(@timestamp, 1mo)", "2023-11-01 00:00:00.000"),
    ("dateceil(@timestamp, 1y)", "2024-01-01 00:00:00.000"), ("datefloor(@timestamp, 1q)", "2023-10-01 00:00:00.000"),
    ("fromMillis(0)", "1970-01-01 00:00:00.000"), ("toMillis(@timestamp)", str(START)), ("now()", "77"),
    ("ispresent(n)", "1"), ("ispresent(missing)", "0"), ("coalesce(missing, n)", "7.25"),
    ("if(n > 5, 'big', 'small')", "big"), ("case(n > 9, 'a', n > 7, 'b', 'c')", "b"), ("isNumeric('1x')", "0"),
    ("messageSize('añ')", "3"), ("jsonStringify(jsonParse('[1,2]'))", "[1, 2]"), ("jsonArraySize('[1,2]')", "2"),
    ("jsonArrayContains('[1,2]', '2')", "1"), ("isValidIp(ip)", "1"), ("isValidIpV4('::1')", "0"),
    ("isValidIpV6('::1')", "1"),
    ("isIpInSubnet(ip, '10.0.0.0/8')", "1"), ("isIpv4InSubnet(ip, '10.2.0.0/16')", "0"),
    ("isIpv6InSubnet('2001:db8::1', '2001:db8::/32')", "1"), ("jsonParse('{\"a\": 1}')", '{"a": 1}'),
    ("n / 3", "2.4167"), ("10 % 3", "1"), ("2 ^ 3 ^ 2", "512"), ("-2 ^ 2", "-4"), ("7 - 2 - 1", "4"),
    ("yes", "1"), ("1 + 2 * 3", "7"),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "value"), EXAMPLES)
def test_functions_and_arithmetic(expression: str, value: str) -> None:
    assert read_query(f"fields {expression} as x | display x").run(ONE, now_seconds=77).rows[0][0] == ("x", value)


def test_every_function_has_an_example_above() -> None:
    examples = " ".join(expression for expression, _ in EXAMPLES)

    assert [function.name for function in FUNCTIONS.values() if f"{function.name}(" not in examples] == []


@pytest.mark.parametrize("expression", ["missing + 1", "s * 2", "1 / 0", "sqrt(-1)", "9 ^ 9999", "toupper(jsonParse('[1]'))"])
def test_what_has_no_value_is_left_out_of_its_row(expression: str) -> None:
    assert rows(f"fields {expression} as x", ONE) == [{"@ptr": "p0"}]


LINE = "25 May 2019 10:24:39,474 [ERROR] {foo=2, bar=data} The error was: DataIntegrityException"


@pytest.mark.parametrize(
    "parse",
    [
        'parse @message "[*] * The error was: *" as level, config, exception',
        "parse @message '[*] * The error was: *' as level, config, exception",
        'parse "[*] * The error was: *" as level, config, exception',
        r"parse @message /\[(?<level>\S+)\]\s+(?<config>\{.*\})\s+The error was: (?<exception>\S+)/",
    ],
)
def test_parse_takes_a_message_apart(parse: str) -> None:
    found = values(f"{parse} | filter level = 'ERROR' | display level, config, exception", events(LINE, "[INFO] nothing"))

    assert found == [("ERROR", "{foo=2, bar=data}", "DataIntegrityException")]


def test_fields_of_fields_and_parts_of_parts() -> None:
    query = """
        fields jsonParse(j) as parsed          # a map
        # | filter 1 = 2
        | fields parsed.a[1].`b.c` as inner, parsed.a.0 as first
        | parse ip "10.*.*" as second, rest
        | display inner, first, second, rest
    """

    assert values(query, ONE) == [("2", "1", "1", "2.3")]


def test_columns_are_those_of_fields_and_parse_or_of_the_last_display() -> None:
    assert list(rows("fields path | parse path '/*' as name | fields ms + 1", REQUESTS[:1])[0]) == [
        "path",
        "name",
        "ms + 1",
        "@ptr",
    ]
    assert list(rows("fields path | display ms | display status, ms", REQUESTS[:1])[0]) == ["status", "ms", "@ptr"]
    assert list(rows("parse path '/*' as name", REQUESTS[:1])[0]) == ["@timestamp", "@message", "name", "@ptr"]
    assert list(rows("stats count() by status | fields status / 100", REQUESTS[:1])[0]) == [
        "status",
        "count()",
        "status / 100",
    ]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("stats count(*)", [("6",)]),
        ("stats count() as n, count(status), count_distinct(path) as paths", [("6", "5", "3")]),
        ("stats sum(ms), avg(ms), min(ms), max(ms)", [("946", "189.2", "1", "900")]),
        ("stats pct(ms, 50), median(ms), pct(ms, 99.9), stddev(ms)", [("10", "10", "900", "355.5398")]),
        ("stats earliest(path), latest(status), sortsFirst(path), sortsLast(path)", [("/cats", "200", "/cats", "/health")]),
        ("stats min(path), earliest(@timestamp), max(@timestamp)", [("/cats", str(START), str(START + 5000))]),
        ("stats count(*) as n by path | sort n desc, path", [("/cats", "3"), ("1",), ("/dogs", "1"), ("/health", "1")]),
        ("filter ispresent(path) | stats count(*) by status, path | sort status desc, path | limit 2",
         [("503", "/cats", "1"), ("404", "/dogs", "1")]),
        ("stats count(*) as n by bin(2s) as t | sort t desc",
         [("2023-11-14 22:14:04.000", "2"), ("2023-11-14 22:14:02.000", "2"), ("2023-11-14 22:14:00.000", "2")]),
        ("stats count(*) by bin(1m) | sort bin(1m), count(*) desc", [("2023-11-14 22:14:00.000", "6")]),
        ("stats max(ms) - min(ms) as spread, spread / 2 + count(*) as odd by user.name | sort spread desc | limit 1", None),
        ("stats max(ms) - min(ms) as spread, sum(ms) / count(ms) as mean by user.name | sort spread desc | limit 1",
         [("ann", "899", "303.6667")]),
        ("stats max(ms) as top, top * 2 + min(ms) as double", [("900", "1801")]),
        ("stats count(*) as n by path, status | stats max(n) as most, count(*) as groups", [("2", "5")]),
        ("stats sum(status = 200) as ok, sum(if(status >= 500, 1, 0)) as bad", [("3", "1")]),
        ("filter 1 = 2 | stats count(*)", []),
    ],
)  # fmt: skip
def test_stats_sum_up_groups(query: str, told: list[tuple[str, ...]] | None) -> None:
    if told is None:
        told = [("ann", "899", "452.5")]
    assert values(query, REQUESTS) == told


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("fields ms | sort ms | limit 2", [(), ("1",)]),
        ("fields ms | sort ms desc | limit 2", [("900",), ("30",)]),
        ("fields ms | sort path, ms desc | filter ispresent(ms) | limit 3", [("900",), ("30",), ("10",)]),
        ("fields ms, path | sort ms desc | dedup path | limit 2", [("900", "/cats"), ("5", "/dogs")]),
        ("fields path | dedup path", [(), ("/health",), ("/dogs",), ("/cats",)]),
        ("fields ms | limit 2 | sort ms desc", [("1",), ()]),
        ("fields ms | sort ms desc | fields 0 - ms as ms | limit 1", [("-900",)]),
        ("stats count(*) as n by path, status | sort n desc, status | display path, n | dedup path", None),
    ],
)
def test_rows_are_sorted_cut_and_told_once(query: str, told: list[tuple[str, ...]] | None) -> None:
    if told is None:
        told = [("/cats", "2"), ("1",), ("/health", "1"), ("/dogs", "1")]
    assert values(query, REQUESTS) == told


def test_texts_sort_naturally_before_numbers_and_what_is_missing_before_both() -> None:
    given = events(*(json.dumps({"v": value} if value else {}) for value in ("10", "b10", "9", "b9", "", "a", "2.5")))

    assert [value for (value,) in values("fields v | sort v", given)[1:]] == ["a", "b9", "b10", "2.5", "9", "10"]


@pytest.mark.parametrize(
    ("query", "message", "place"),
    [
        ("fields @timestamp | sort", "unexpected end of the query", (24, 24)),
        ("fields a | frobnicate b", "unexpected symbol found frobnicate at line 1 and position 11", (11, 21)),
        ("fields a\n| filter b = = 1", "unexpected symbol found = at line 2 and position 13", (22, 23)),
        ("filter a = 'x", "unexpected symbol found '", (11, 12)),
        ("dedup a | sort b", "unexpected symbol found sort", (10, 14)),
        ("sort a | stats count(*)", "unexpected symbol found stats", (9, 14)),
        ("stats count(*) | stats count(*) | stats count(*)", "more than 2 stats commands", (34, 48)),
        ("pattern @message", "the command pattern (clusters of messages) is not supported", (0, 7)),
        ("fields a | unmask b", "the command unmask (data protection) is not supported", (11, 17)),
        ("SOURCE 'x' | fields a", "the command source (choice of log groups by the query", (0, 6)),
        ("filter foo(a)", "there is no function foo", (7, 10)),
        ("filter count(a) > 1", "count stands in stats only", (7, 12)),
        ("stats a", "a is no aggregate", (6, 7)),
        ("stats avg()", "avg takes avg(field)", (6, 11)),
        ("stats pct(a, b)", "pct takes pct(field, percent)", (6, 15)),
        ("fields strlen(a, b)", "strlen takes strlen(s)", (7, 19)),
        ("fields bin(5 parsecs)", "5 parsecs is no period", (11, 20)),
        ("limit 10001", "the limit 10001 is not between 1 and 10000", (6, 11)),
        ("limit 1.5", "unexpected symbol found 1.5", (6, 9)),
        ("parse @message '* *' as a", "2 asterisks for 1 names", (15, 20)),
        ("parse @message /(a)/", "the regular expression has no named group", (15, 20)),
        ("filter a like /(/", "the regular expression /(/ is not valid", (14, 17)),
        ("fields a as by", "unexpected symbol found by", (12, 14)),
        ("fields " + "(" * 60 + "1" + ")" * 60, "the query is nested too deeply", None),
        ("fields " + "not " * 60 + "1", "the query is nested too deeply", None),
        ("stats " + "1+" * 2_000 + "count(*)", "the query is nested too deeply", None),
        ("fields a" + " " * 10_000, "the query is longer than 10000 characters", None),
    ],
)
def test_a_wrong_query_is_refused_with_its_place(query: str, message: str, place: tuple[int, int] | None) -> None:
    with pytest.raises(QueryInvalid) as refused:
        read_query(query)

    assert str(refused.value).startswith(message)
    assert place in (None, (refused.value.start, refused.value.end))


def test_only_the_rows_that_will_be_told_are_held() -> None:
    class Watched(LogRecord):
        __slots__ = ("__weakref__",)

    import gc
    import weakref

    alive: weakref.WeakSet[Watched] = weakref.WeakSet()
    most = 0

    def many() -> Iterable[LogRecord]:
        nonlocal most
        for at in range(20_000):
            event = Watched(timestamp=at, message=str(at))
            alive.add(event)
            most = max(most, len(alive))
            yield event

    found = read_query("sort @timestamp desc | filter @message like /7/ | limit 10").run(many())
    gc.collect()

    assert [dict(row)["@message"] for row in found.rows][:2] == ["19997", "19987"]
    assert most < 2_000


def test_events_beyond_what_memory_may_hold_end_the_query(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "HELD_MAX", 1 << 20)

    def large(count: int) -> Iterable[LogRecord]:
        return (LogRecord(timestamp=at, message=f"{at} {'x' * 2000}") for at in range(count))

    assert len(read_query("fields @message | limit 20").run(large(3_000)).rows) == 20
    for query in ("fields @message", "dedup @message", "dedup nothing"):
        with pytest.raises(QueryTooLarge, match="more than 1 MiB of events"):
            read_query(query).run(large(3_000))


def test_groups_beyond_what_memory_may_hold_end_the_query() -> None:
    def numbered() -> Iterable[LogRecord]:
        return (LogRecord(timestamp=at, message=str(at)) for at in range(GROUPS_MAX + 1))

    with pytest.raises(QueryTooLarge, match=str(GROUPS_MAX)):
        read_query("stats count(*) by @message").run(numbered())


def test_values_beyond_what_memory_may_hold_end_the_query(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "VALUES_MAX", 1000)

    def numbered() -> Iterable[LogRecord]:
        return (LogRecord(timestamp=at, message=json.dumps({"n": at, "group": at % 50})) for at in range(2_000))

    assert len(read_query("stats count(*), sum(n), max(n) by group").run(numbered()).rows) == 50
    for function in ("count_distinct(n)", "pct(n, 99)", "median(n)"):
        with pytest.raises(QueryTooLarge, match="more than 1000 values"):
            read_query(f"stats {function} by group").run(numbered())


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("stats count(*) by @message", "1 MiB of values to group by"),
        ("stats latest(@message) by @timestamp", "1000 values"),
        ("fields @message | limit any 1000", "1 MiB in its result"),
        ("fields concat(short, short, short) as long | sort long", "1 MiB of events"),
    ],
)
def test_whatever_a_query_holds_is_bounded(query: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, most in (("HELD_MAX", 1 << 20), ("TOLD_MAX", 1 << 20), ("VALUES_MAX", 1000)):
        monkeypatch.setattr(queries, name, most)
    short = {"fields concat": 60}.get(query[:13], 200)
    large = (LogRecord(timestamp=at, message=json.dumps({"at": at, "short": "x" * short * 10})) for at in range(600))

    with pytest.raises(QueryTooLarge, match=f"more than {told}"):
        read_query(query).run(large)


def test_estimates_of_very_many_values_are_near() -> None:
    def numbered() -> Iterable[LogRecord]:
        return (LogRecord(timestamp=at, message=str(at)) for at in range(30_000))

    [(distinct, p50)] = values("stats count_distinct(@message), pct(@message, 50)", numbered())

    assert 29_000 <= int(distinct) <= 31_000
    assert 14_800 <= float(p50) <= 15_200


def test_no_expression_takes_more_than_the_text_is_long() -> None:
    long = events("a" * 100_000 + "b")

    assert values("filter @message like /(a+)+$/ | stats count(*)", long) == []
    assert values("parse @message '*a*a*a*a*c' as k, l, m, n, o | stats count(o)", long) == [("0",)]


def test_numbers_that_are_none_take_no_longer_than_they_are_long() -> None:
    begun = time.process_time()
    assert values("filter toNumber(@message) > 1", events("1" * 30_000 + "x")) == []
    with pytest.raises(QueryInvalid):
        read_query("fields " + "1" * 9_900 + "x")

    assert time.process_time() - begun < 4


@pytest.mark.parametrize(
    "made", ["concat(" + "@message, " * 800 + "@message)", "replace(@message, 'a', @message)", "urlencode(@message)"]
)
def test_a_text_that_would_fill_the_memory_has_no_value(made: str) -> None:
    long = events("a" * 10_000, "é" * 400_000)

    assert values(f"filter not ispresent({made}) | stats count(*)", long)[0] != ("0",)


def test_a_result_is_cut_at_the_request_s_limit() -> None:
    assert len(read_query("fields @message").run(REQUESTS, limit=2).rows) == 2


def test_events_with_a_json_of_very_many_members_keep_the_first_two_hundred() -> None:
    wide = events(json.dumps({f"k{at}": at for at in range(300)}))

    assert rows("fields k199, k200", wide) == [{"k199": "199", "@ptr": "p0"}]
