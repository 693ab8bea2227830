"""Laws of Logs Insights queries: what is printed reads as it was, filters only take away, groups agree with plain Python."""

import json
import math
import re
from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from ninelives.monitoring.log_insights import LogRecord, QueryInvalid, read_query
from ninelives.monitoring.log_insights.aggregates import AGGREGATES
from ninelives.monitoring.log_insights.functions import FUNCTIONS
from ninelives.monitoring.log_insights.queries import Query
from ninelives.monitoring.log_insights.reading import PERIOD_PLACES
from ninelives.monitoring.log_insights.syntax import (
    Binary,
    Call,
    Column,
    Command,
    Dedup,
    Display,
    Expression,
    Field,
    Fields,
    Filter,
    In,
    Like,
    Limit,
    Literal,
    Parse,
    Period,
    Regex,
    Sort,
    SortKey,
    Stats,
    Unary,
    write_query,
)

NAMES = st.sampled_from(["a", "b.c", "@message", "status-code", "by", "x y", "not", "a.0.b"])
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
LITERALS = st.one_of(
    st.integers(0, 10**12), st.floats(0, 1e12, allow_nan=False).map(lambda value: value + 0.5), st.booleans(), TEXTS
).map(Literal)
FIELDS = NAMES.map(Field)
PERIODS = st.builds(Period, st.integers(1, 90), st.sampled_from(["ms", "s", "m", "h", "d", "w", "mo", "q", "y"]))
REGEXES = st.sampled_from(["^a+", r"\d{3}\/x", "(?i)cat|dog"]).map(Regex)


def calls(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    @st.composite
    def call(draw: st.DrawFn) -> Expression:
        function = draw(st.sampled_from(sorted(FUNCTIONS.values(), key=lambda one: one.name)))
        count = draw(st.integers(function.fewest, function.most if function.most is not None else function.fewest + 2))
        place = PERIOD_PLACES.get(function.name.lower())
        return Call(function.name, tuple(draw(PERIODS if at == place else inner) for at in range(count)))

    return call()


def deeper(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    operators = st.sampled_from(["or", "and", "=", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "^"])
    return st.one_of(
        st.builds(Binary, operators, inner, inner),
        st.builds(Unary, st.sampled_from(["-", "not"]), inner),
        st.builds(Like, inner, st.one_of(TEXTS, REGEXES), st.booleans()),
        st.builds(In, inner, st.lists(inner, max_size=3).map(tuple), st.booleans()),
        calls(inner),
    )


EXPRESSIONS = st.recursive(st.one_of(LITERALS, FIELDS), deeper, max_leaves=6)
COLUMNS = st.lists(st.builds(Column, EXPRESSIONS, NAMES), min_size=1, max_size=3).map(tuple)


@st.composite
def aggregates(draw: st.DrawFn) -> Expression:
    function = AGGREGATES[draw(st.sampled_from(sorted(AGGREGATES)))]
    constants = [Literal(draw(st.integers(1, 99))) for _ in range(function.constants)]
    call = Call(function.name, (draw(EXPRESSIONS), *constants))
    either: list[Expression] = [call, Binary("-", call, Literal(1)), Binary("*", Literal(2), call), Call("count", ())]
    return draw(st.sampled_from(either))


STATS = st.builds(Stats, st.lists(st.builds(Column, aggregates(), NAMES), min_size=1, max_size=2).map(tuple), COLUMNS)
GLOBS = st.sampled_from([("[*] *", ("a", "b.c")), ('say "*"', ("x y",)), ("\\*", ("a",))])
ROW_WISE = st.one_of(
    st.builds(Fields, COLUMNS),
    st.builds(Display, COLUMNS),
    st.builds(Filter, EXPRESSIONS),
    st.builds(lambda source, glob: Parse(source, *glob), FIELDS, GLOBS),
    st.builds(lambda source: Parse(source, Regex("user=(?<user>.*)"), ("user",)), FIELDS),
)
SORTS = st.builds(Sort, st.lists(st.builds(SortKey, EXPRESSIONS, st.booleans()), min_size=1, max_size=2).map(tuple))
LIMITS = st.builds(Limit, st.integers(1, 10_000), st.booleans())
COMMANDS = st.tuples(
    st.lists(ROW_WISE, max_size=2), st.lists(STATS, max_size=2), st.lists(SORTS, max_size=1),
    st.lists(st.builds(Dedup, st.lists(FIELDS, min_size=1, max_size=2).map(tuple)), max_size=1), st.lists(LIMITS, max_size=1),
).map(lambda parts: tuple(command for part in parts for command in part))  # fmt: skip


@given(COMMANDS)
@settings(max_examples=150)
def test_a_query_that_is_printed_reads_as_it_was(commands: tuple[Command, ...]) -> None:
    assert read_query(write_query(commands)).commands == commands


EVENTS = st.lists(
    st.builds(
        lambda at, event: LogRecord(timestamp=at, message=json.dumps(event) if isinstance(event, dict) else event),
        st.integers(0, 600_000),
        st.one_of(
            st.text(max_size=10),
            st.fixed_dictionaries({}, optional={"a": st.sampled_from(["x", "y", "5"]), "n": st.integers(-50, 50)}),
        ),
    ),
    max_size=30,
)


@given(COMMANDS, EVENTS)
@settings(max_examples=100)
def test_any_query_runs_over_any_events(commands: tuple[Command, ...], events: list[LogRecord]) -> None:
    found = Query(commands).run(events)

    assert found.statistics.records_matched <= found.statistics.records_scanned <= len(events)
    assert all(isinstance(value, str) for row in found.rows for _, value in row)


@given(st.text(max_size=40))
def test_any_text_is_a_query_or_is_refused_with_its_place(text: str) -> None:
    try:
        read_query(text)
    except QueryInvalid as refused:
        assert 0 <= refused.start <= refused.end <= len(text)  # noqa: PT017 both ways are told apart


@given(EXPRESSIONS, EXPRESSIONS, EVENTS)
def test_a_further_filter_only_takes_away_and_either_of_two_adds(
    one: Expression, other: Expression, events: list[LogRecord]
) -> None:
    def matched(*commands: Command) -> int:
        return Query(commands).run(events).statistics.records_matched

    alone = matched(Filter(one))

    assert matched(Filter(one), Filter(other)) == matched(Filter(Binary("and", one, other))) <= alone
    assert alone <= matched(Filter(Binary("or", one, other))) <= len(events)


@given(EVENTS)
def test_statistics_of_groups_agree_with_plain_python(events: list[LogRecord]) -> None:
    query = (
        "stats count(*) as rows, count(n) as some, sum(n) as total, min(n) as low, max(n) as high, pct(n, 75) as p75,"
        " count_distinct(n) as different, latest(n) as last by bin(1m) as minute, a"
    )
    groups: dict[tuple[int, str | None], list[tuple[int, int | None]]] = defaultdict(list)
    for event in events:
        members = json.loads(event.message) if re.fullmatch(r"\{.*\}", event.message) else {}
        groups[event.timestamp // 60_000, members.get("a")].append((event.timestamp, members.get("n")))
    expected = {}
    for (minute, a), found in groups.items():
        numbers = sorted(n for _, n in found if n is not None)
        told: dict[str, object] = {"rows": len(found), "some": len(numbers), "different": len(set(numbers))}
        if numbers:
            first_at_last = max(at for at, n in found if n is not None)
            last = next(n for at, n in found if n is not None and at == first_at_last)
            told |= {"total": sum(numbers), "low": numbers[0], "high": numbers[-1], "last": last}
            told["p75"] = numbers[math.ceil(0.75 * len(numbers)) - 1]
        expected[minute, a] = {name: str(value) for name, value in told.items()}

    rows = [dict(row) for row in read_query(query).run(events).rows]

    seen = {(int(row.pop("minute")[14:16]), row.pop("a", None)): row for row in rows}
    assert seen == expected
