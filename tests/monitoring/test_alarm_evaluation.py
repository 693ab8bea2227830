"""Alarm states against the tables of the CloudWatch user guide, and reasons against sentences that CloudWatch has sent."""
# ruff: noqa: E501 - sentences of CloudWatch are not broken

import contextlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ninelives.model.alarms import AlarmState, ComparisonOperator, MetricAlarm, TreatMissingData
from ninelives.model.cloudwatch import StateValue
from ninelives.model.metrics import Metric, MetricStat
from ninelives.monitoring import (
    Datapoint,
    RuleInvalid,
    alarms_in,
    evaluate_alarm,
    evaluation_range,
    holds,
    read_rule,
    state_reason,
    state_reason_data,
)
from ninelives.monitoring.reasons import java_double

AT = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
KEEPS = None


def alarm(**members: object) -> MetricAlarm:
    state = AlarmState(value=StateValue.OK, reason="", updated_at=AT, transitioned_at=AT)
    made = MetricAlarm(
        name="a",
        arn="arn:aws:cloudwatch:eu-west-1:123456789012:alarm:a",
        watched=MetricStat(metric=Metric("N", "m"), period=MINUTE, stat="Sum"),
        comparison_operator=ComparisonOperator.GREATER_THAN,
        threshold=1.0,
        evaluation_periods=3,
        state=state,
        configured_at=AT,
    )
    return replace(made, **members)  # type: ignore[arg-type]


def points(row: str) -> list[Datapoint]:
    """``0`` within, ``X`` breaching, ``-`` missing; the newest on the right, as the guide writes them."""
    values = {"0": 0.0, "X": 5.0, "-": None}
    signs = row.split()
    return [Datapoint(at=AT - MINUTE * (len(signs) - place), value=values[sign]) for place, sign in enumerate(signs)]


TREATMENTS = (
    TreatMissingData.MISSING,
    TreatMissingData.IGNORE,
    TreatMissingData.BREACHING,
    TreatMissingData.NOT_BREACHING,
)


@pytest.mark.parametrize(
    ("needed", "row", "expected"),
    [
        (3, "0 - X - X", "OK OK OK OK"),
        (3, "0 - - - -", "OK OK OK OK"),
        (3, "- - - - -", "INSUFFICIENT_DATA - ALARM OK"),
        (3, "0 X X - X", "ALARM ALARM ALARM ALARM"),
        (3, "- - X - -", "ALARM - ALARM OK"),
        (3, "- - - - X", "- - ALARM OK"),
        (3, "- - - X -", "- - ALARM OK"),
        (2, "0 - X - X", "ALARM ALARM ALARM ALARM"),
        (2, "0 0 X 0 X", "ALARM ALARM ALARM ALARM"),
        (2, "0 - X - -", "OK OK ALARM OK"),
        (2, "- - - - 0", "OK OK ALARM OK"),
        (2, "- - - X -", "ALARM - ALARM OK"),
    ],
)
def test_missing_data_is_treated_as_in_the_guides_tables(needed: int, row: str, expected: str) -> None:
    found = [
        evaluate_alarm(alarm(datapoints_to_alarm=needed, treat_missing_data=treat), points(row)).state or "-"
        for treat in TREATMENTS
    ]

    assert expected.split() == found


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        (ComparisonOperator.GREATER_THAN, [False, False, True]),
        (ComparisonOperator.GREATER_THAN_OR_EQUAL, [False, True, True]),
        (ComparisonOperator.LESS_THAN, [True, False, False]),
        (ComparisonOperator.LESS_THAN_OR_EQUAL, [True, True, False]),
    ],
)
def test_a_value_below_at_and_above_the_threshold(operator: ComparisonOperator, expected: list[bool]) -> None:
    one = alarm(comparison_operator=operator, evaluation_periods=1)
    states = [evaluate_alarm(one, [Datapoint(at=AT, value=value)]).state for value in (0.5, 1.0, 1.5)]

    assert expected == [state is StateValue.ALARM for state in states]


def test_more_periods_are_looked_at_than_are_evaluated() -> None:
    assert evaluation_range(alarm(evaluation_periods=3)) == 5


WITH = TreatMissingData


@pytest.mark.parametrize(
    ("members", "row", "expected"),
    [
        (
            {"evaluation_periods": 1, "datapoints_to_alarm": 1},
            "X",
            (
                "Threshold Crossed: 1 out of the last 1 datapoints [5.0 (27/11/26 02:59:00)] was greater than the threshold (1.0) "
                "(minimum 1 datapoint for OK -> ALARM transition)."
            ),
        ),
        (
            {"evaluation_periods": 1, "datapoints_to_alarm": 1},
            "0",
            (
                "Threshold Crossed: 1 out of the last 1 datapoints [0.0 (27/11/26 02:59:00)] was not greater than the threshold "
                "(1.0) (minimum 1 datapoint for ALARM -> OK transition)."
            ),
        ),
        (
            {"datapoints_to_alarm": 2},
            "X 0 X",
            (
                "Threshold Crossed: 2 out of the last 3 datapoints [5.0 (27/11/26 02:59:00), 5.0 (27/11/26 02:57:00)] were greater "
                "than the threshold (1.0) (minimum 2 datapoints for OK -> ALARM transition)."
            ),
        ),
        (
            {
                "evaluation_periods": 3,
                "datapoints_to_alarm": 1,
                "treat_missing_data": WITH.NOT_BREACHING,
                "comparison_operator": ComparisonOperator.GREATER_THAN_OR_EQUAL,
            },
            "- - X",
            (
                "Threshold Crossed: 1 out of the last 3 datapoints [5.0 (27/11/26 02:59:00)] was greater than or equal to the "
                "threshold (1.0) and 2 missing datapoints were treated as [NonBreaching] "
                "(minimum 1 datapoint for OK -> ALARM transition)."
            ),
        ),
        (
            {},
            "X X X",
            (
                "Threshold Crossed: 3 datapoints [5.0 (27/11/26 02:59:00), 5.0 (27/11/26 02:58:00), 5.0 (27/11/26 02:57:00)] were "
                "greater than the threshold (1.0)."
            ),
        ),
        (
            {"treat_missing_data": WITH.BREACHING},
            "- - 0",
            (
                "Threshold Crossed: 1 datapoint [0.0 (27/11/26 02:59:00)] was not greater than the threshold (1.0) and 2 missing "
                "datapoints were treated as [Breaching]."
            ),
        ),
        (
            {"treat_missing_data": WITH.BREACHING},
            "- - -",
            "Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints were treated as [Breaching].",
        ),
        (
            {"treat_missing_data": WITH.NOT_BREACHING, "evaluation_periods": 1},
            "-",
            (
                "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as "
                "[NonBreaching]."
            ),
        ),
        (
            {"treat_missing_data": WITH.BREACHING, "datapoints_to_alarm": 2},
            "- - 0",
            "Threshold Crossed: 1 datapoint was received for 3 periods and 2 missing datapoints were treated as [Breaching].",
        ),
        ({"evaluation_periods": 5}, "- - - - - - -", "Insufficient Data: 5 datapoints were unknown."),
        ({"evaluation_periods": 1}, "- - -", "Insufficient Data: 1 datapoint was unknown."),
    ],
)
def test_a_reason_is_in_cloudwatchs_words(members: dict[str, object], row: str, expected: str) -> None:
    one = alarm(**members)

    assert expected == state_reason(one, evaluate_alarm(one, points(row)))


def test_the_reasons_data_holds_what_was_looked_at() -> None:
    one = alarm()
    found = json.loads(state_reason_data(one, evaluate_alarm(one, points("- - X 0 X")), AT))

    assert found == {
        "version": "1.0",
        "queryDate": "2026-11-27T03:00:00.000+0000",
        "startDate": "2026-11-27T02:57:00.000+0000",
        "statistic": "Sum",
        "period": 60,
        "recentDatapoints": [5.0, 0.0, 5.0],
        "threshold": 1.0,
        "evaluatedDatapoints": [
            {"timestamp": "2026-11-27T02:59:00.000+0000", "value": 5.0},
            {"timestamp": "2026-11-27T02:58:00.000+0000", "value": 0.0},
            {"timestamp": "2026-11-27T02:57:00.000+0000", "value": 5.0},
        ],
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (613.0, "613.0"),
        (89.76470588235294, "89.76470588235294"),
        (0.0484, "0.0484"),
        (1e7, "1.0E7"),
        (9999999.0, "9999999.0"),
        (1e-3, "0.001"),
        (5e-5, "5.0E-5"),
        (-2.5e20, "-2.5E20"),
    ],
)
def test_numbers_are_written_as_java_does(value: float, expected: str) -> None:
    assert expected == java_double(value)


ROWS = st.lists(st.sampled_from("0X-"), min_size=7, max_size=7).map(" ".join)


@given(row=ROWS, periods=st.integers(1, 5), data=st.data())
def test_laws_of_evaluation(row: str, periods: int, data: st.DataObject) -> None:
    needed = data.draw(st.integers(1, periods))
    by_treatment = {
        treat: evaluate_alarm(
            alarm(evaluation_periods=periods, datapoints_to_alarm=needed, treat_missing_data=treat),
            points(row)[-periods - 2 :],
        )
        for treat in TREATMENTS
    }
    states = {treat: evaluation.state for treat, evaluation in by_treatment.items()}
    missing = by_treatment[WITH.MISSING].missing

    if not missing:
        assert len(set(states.values())) == 1, "with enough data its treatment does not matter"
    assert states[WITH.BREACHING] in {StateValue.OK, StateValue.ALARM}
    assert states[WITH.NOT_BREACHING] in {StateValue.OK, StateValue.ALARM}
    if states[WITH.NOT_BREACHING] is StateValue.ALARM:
        assert set(states.values()) == {StateValue.ALARM}, "what breaches by itself breaches however gaps are filled"
    if states[WITH.BREACHING] is StateValue.OK:
        assert set(states.values()) == {StateValue.OK}, "what is OK at the worst is OK"
    if states[WITH.MISSING] is StateValue.INSUFFICIENT_DATA:
        assert missing == periods
    for treat, evaluation in by_treatment.items():
        if evaluation.state is not None:
            reason = state_reason(
                alarm(evaluation_periods=periods, datapoints_to_alarm=needed, treat_missing_data=treat), evaluation
            )
            assert reason.startswith(("Threshold Crossed: ", "Insufficient Data: "))
            assert "[]" not in reason


# Composite alarms.

STATES = {"a": StateValue.ALARM, "b": StateValue.OK, "c": StateValue.INSUFFICIENT_DATA}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("ALARM(a)", True),
        ('ALARM("b")', False),
        ("OK(b) AND ALARM(a)", True),
        ("ALARM(b) OR ALARM(a) AND ALARM(b)", False),
        ("(ALARM(b) OR ALARM(a)) AND NOT ALARM(b)", True),
        ("INSUFFICIENT_DATA(c)", True),
        ("ALARM(arn:aws:cloudwatch:eu-west-1:123456789012:alarm:a)", True),
        ("TRUE", True),
        ("FALSE OR NOT FALSE", True),
        ("ALARM(nobody)", False),
        ("NOT NOT ALARM(a)", True),
    ],
)
def test_a_composite_alarms_rule(rule: str, expected: bool) -> None:
    assert expected is holds(read_rule(rule), STATES.get)


@pytest.mark.parametrize(
    "rule", ["", "ALARM", "ALARM(", "ALARM()", "ALARM(a", "a AND b", "ALARM(a) ALARM(b)", "(ALARM(a)", "NOT"]
)
def test_a_rule_that_makes_no_sense_is_refused(rule: str) -> None:
    with pytest.raises(RuleInvalid):
        read_rule(rule)


def test_names_may_hold_anything_in_quotes() -> None:
    assert list(alarms_in(read_rule(r'ALARM("5xx (p99) \"x\"") OR OK(plain)'))) == ['5xx (p99) "x"', "plain"]


@settings(max_examples=200)
@given(text=st.text(alphabet='ALRMOKNTDU ()"ab', max_size=25))
def test_any_rule_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(RuleInvalid):
        holds(read_rule(text), STATES.get)
