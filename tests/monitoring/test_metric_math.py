"""Metric math against the tables of the CloudWatch user guide ("Using metric math")."""

import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ninelives.model.metrics import Metric, MetricDataQuery, MetricStat
from ninelives.monitoring import QueriesInvalid, TimeSeries, answer_queries, check_queries
from ninelives.monitoring.expressions import MathError, read_expression
from ninelives.monitoring.metric_math import FUNCTION_NAMES, Scope, evaluate

START = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
Row = Sequence[float | None]


def series(row: Row, label: str = "") -> TimeSeries:
    values = {START + MINUTE * place: float(value) for place, value in enumerate(row) if value is not None}
    return TimeSeries(values=values, label=label, is_metric=True)


def scope(**rows: Row) -> Scope:
    length = max((len(row) for row in rows.values()), default=3)
    return Scope(
        queries={name: series(row, name) for name, row in rows.items()},
        grid=[START + MINUTE * place for place in range(length)],
        metrics=tuple(rows),
    )


def told(value: Any, length: int) -> Any:
    if isinstance(value, TimeSeries):
        return [value.values.get(START + MINUTE * place) for place in range(length)]
    return [told(one, length) for one in value] if isinstance(value, list) else value


GUIDE: dict[str, Row] = {"m1": [30, 20, 0, 0], "m2": [20, None, 20, None]}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("(m1 < m2)", [0, 0, 1, 0]),
        ("(m1 >= 30)", [1, 0, 0, 0]),
        ("(m1 > 15 AND m2 > 15)", [1, 0, 0, 0]),
        ("m1 > 15 && m2 > 15 || m1 == 0", [1, 0, 1, 1]),
        ("m1 + m2", [50, 20, 20, 0]),
        ("m1 / m2", [1.5, None, 0, None]),
        ("100 * m2 / m1", [200 / 3, 0, None, None]),
        ("-m1", [-30, -20, 0, 0]),
        ("m1 - -1", [31, 21, 1, 1]),
        ("2 ^ 3 ^ 2 + 0 * m1", [512, 512, 512, 512]),
        ("-2 ^ 2 + 0 * m1", [-4, -4, -4, -4]),
        ("m1 - 10 - 5", [15, 5, -15, -15]),
        ("m1 / 10 / 3", [1, 2 / 3, 0, 0]),
        ("m1 - MIN(m1)", [30, 20, 0, 0]),
        ("MAX(m1) / m1", [1, 1.5, None, None]),
        ("SUM([m1, m2])", [50, 20, 20, 0]),
        ("SUM(METRICS())", [50, 20, 20, 0]),
        ('SUM(METRICS("2"))', [20, None, 20, None]),
        ("AVG([m1, m2])", [25, 10, 10, 0]),
        ("AVG(METRICS()) * 0 + AVG(m2)", [20, 20, 20, 20]),
        ("MIN([m1, m2])", [20, 20, 0, 0]),
        ("MAX([m1, m2])", [30, 20, 20, 0]),
        ("FILL(m2, 7)", [20, 7, 20, 7]),
        ("FILL(m2, REPEAT)", [20, 20, 20, 20]),
        ("FILL(m2, LINEAR)", [20, 20, 20, None]),
        ("FILL(m2, m1)", [20, 20, 20, 0]),
        ("FILL(m2, MIN(m2))", [20, 20, 20, 20]),
        ("RATE(m1)", [None, -10 / 60, -20 / 60, 0]),
        ("RATE(m2)", [None, None, 0, None]),
        ("DIFF(m1)", [None, -10, -20, 0]),
        ("DIFF_TIME(m2)", [None, None, 120, None]),
        ("RUNNING_SUM(m2)", [20, None, 40, None]),
        ("DATAPOINT_COUNT(METRICS())", [2, 1, 2, 1]),
        ("m1 / DATAPOINT_COUNT(m1)", [7.5, 5, 0, 0]),
        ("m1 / METRIC_COUNT(METRICS())", [15, 10, 0, 0]),
        ("m1 / PERIOD(m1)", [0.5, 20 / 60, 0, 0]),
        ("MINUTE(m2)", [0, 1, 2, 3]),
        ("DAY(m1)", [5, 5, 5, 5]),
        ("TIME_SERIES(10)", [10, 10, 10, 10]),
        ("CEIL(m1 / 7)", [5, 3, 0, 0]),
        ("FLOOR(m1 / 7)", [4, 2, 0, 0]),
        ("ABS(m1 - 25)", [5, 5, 25, 25]),
        ("LOG10(m1 * 10 / 3)", [2, pytest.approx(1.8239, rel=1e-3), None, None]),
        ("STDDEV([m1, m2])", [5, 0, 10, 0]),
        ("FIRST(SORT(METRICS(), SUM, DESC))", [30, 20, 0, 0]),
        ("LAST(SORT(METRICS(), SUM, DESC))", [20, None, 20, None]),
        ("IF(m1 > 15, 1, 0)", [1, 1, 0, 0]),
        ("IF(m1 < 25, m1)", [None, 20, 0, 0]),
        ("IF(1, m1, m2)", [30, 20, 0, 0]),
        ("IF(0, m1)", [None, None, None, None]),
    ],
)
def test_an_expression_means_what_the_guide_says(expression: str, expected: Any) -> None:
    found = told(evaluate(read_expression(expression), scope(**GUIDE)), 4)

    assert [None if one is None else pytest.approx(one) for one in expected] == found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("IF(m1, m2, m3)", [30, 0, 20, None, None]),
        ("IF(m1, 5, m3)", [5, 5, 20, None, None]),
        ("IF(m1, m2, 5)", [30, 0, 5, 5, None]),
        ("IF(m1, m2)", [30, 0, None, None, None]),
    ],
)
def test_if_as_in_the_guides_tables(expression: str, expected: Row) -> None:
    rows: dict[str, Row] = {
        "m1": [1, 1, 0, 0, None],
        "m2": [30, None, 0, 0, 30],
        "m3": [0, 0, 20, None, 20],
    }

    assert expected == told(evaluate(read_expression(expression), scope(**rows)), 5)


def test_arrays_stay_arrays() -> None:
    found = told(evaluate(read_expression("METRICS() / 10"), scope(**GUIDE)), 4)
    sorted_first = told(evaluate(read_expression("SORT([m1, m2], MAX, ASC, 1)"), scope(**GUIDE)), 4)
    sliced = told(evaluate(read_expression("SLICE(METRICS(), 1)"), scope(**GUIDE)), 4)
    emptied = evaluate(read_expression("REMOVE_EMPTY([m1, m9])"), scope(**GUIDE, m9=[]))

    assert [[3, 2, 0, 0], [2, None, 2, None]] == found
    assert [[20, None, 20, None]] == sorted_first == sliced
    assert isinstance(emptied, list)
    assert len(emptied) == 1


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("m1 +", "Unexpected end"),
        ("(m1", "Expected '\\)'"),
        ("m1 m2", "Unexpected 'm2'"),
        ("m1 $ 2", "Unexpected character '\\$'"),
        ("", "Unexpected end"),
        ("m9 + 1", "'m9' is not the Id"),
        ("sum(m1)", "uppercase"),
        ("NOPE(m1)", "Unknown function 'NOPE'"),
        ("ANOMALY_DETECTION_BAND(m1)", "ninelives does not evaluate"),
        ("SUM()", "SUM takes 1 argument, not 0"),
        ("SUM(5)", "Expected a time series"),
        ("METRICS() + METRICS()", "no two arrays"),
        ("FILL(m1)", "FILL takes 2"),
        ("PERIOD(m1 + 1)", "takes a metric"),
        ("SORT(m1)", "SORT takes"),
        ("1 / 0", "divided by zero"),
        ("(" * 60 + "m1" + ")" * 60, "too deeply"),
    ],
)
def test_what_makes_no_sense_is_told(expression: str, said: str) -> None:
    with pytest.raises(MathError, match=said):
        evaluate(read_expression(expression), scope(**GUIDE))


@given(text=st.text(alphabet="m12+-*/^()[],<>=!&|\"' .ABSUMIF", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(MathError):
        evaluate(read_expression(text), scope(**GUIDE))


@given(row=st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1, max_size=8))
def test_filling_leaves_no_gap_and_changes_nothing_that_is_there(row: list[float | None]) -> None:
    filled = told(evaluate(read_expression("FILL(m1, 0)"), scope(m1=row)), len(row))

    assert [0 if one is None else one for one in row] == filled


def metric(id_: str, *, return_data: bool = False) -> MetricDataQuery:
    stat = MetricStat(metric=Metric("N", id_), period=MINUTE, stat="Sum")
    return MetricDataQuery(id=id_, stat=stat, return_data=return_data)


def expression(id_: str, text: str) -> MetricDataQuery:
    return MetricDataQuery(id=id_, expression=text)


def test_expressions_may_use_each_other_in_any_order() -> None:
    queries = [expression("rate", "100 * errors_filled / requests"), expression("errors_filled", "FILL(errors, 0)"),
               metric("errors"), metric("requests")]  # fmt: skip
    rows = {"errors": series([None, 5, None]), "requests": series([10, 10, 10])}
    found = answer_queries(
        queries, lambda query: rows[query.id], grid_of=lambda _: [START + MINUTE * place for place in range(3)]
    )

    assert {"rate": [[0, 50, 0]], "errors_filled": [[0, 5, 0]]} == {name: told(one, 3) for name, one in found.items()}


@pytest.mark.parametrize(
    ("queries", "said"),
    [
        ([expression("a", "b"), expression("b", "a")], "Circular"),
        ([expression("a", "m1 +")], "Error in expression 'a': Unexpected end"),
        ([expression("A", "1")], "not matching the expected pattern"),
        ([metric("m"), metric("m")], "must be unique"),
        ([MetricDataQuery(id="m")], "mutually exclusive"),
        ([expression("a", "ANOMALY_DETECTION_BAND(x)"), metric("x")], "does not evaluate ANOMALY_DETECTION_BAND"),
        ([expression("a", "SEARCH('x AND', 'Sum', 60)")], "ends too early"),
        ([expression("a", "SEARCH('x', 'Sums', 60)")], "Sums"),
        ([expression("a", "SEARCH(x)"), metric("x")], "SEARCH takes"),
        ([MetricDataQuery(id="m", stat=MetricStat(metric=Metric("N", "m"), period=MINUTE, stat="q99"))], "q99"),
    ],
)
def test_queries_that_cannot_be_answered_are_refused(queries: list[MetricDataQuery], said: str) -> None:
    with pytest.raises(QueriesInvalid, match=said):
        check_queries(queries)


def test_a_number_is_no_result() -> None:
    with pytest.raises(QueriesInvalid, match="TIME_SERIES"):
        answer_queries([expression("a", "5")], lambda _: series([]), grid_of=lambda _: [])


def test_a_shorter_clock_does_not_make_rates_larger() -> None:
    """In a region with time scale 60 a period of a minute is a second of the clock."""
    second = timedelta(seconds=1)
    values = {START: 0.0, START + second: 60.0}
    found = evaluate(
        read_expression("RATE(m1)"),
        Scope(queries={"m1": TimeSeries(values=values)}, grid=list(values), time_scale=60),
    )

    assert isinstance(found, TimeSeries)
    assert list(found.values.values()) == [1.0]


def test_every_function_is_named_in_capitals() -> None:
    assert all(name.isupper() for name in FUNCTION_NAMES)
