"""Metric statistics, metric math and alarm evaluation. Pure."""

from ninelives.monitoring.alarm_rules import Rule, RuleInvalid, alarm_name, alarms_in, holds, read_rule
from ninelives.monitoring.dashboards import findings
from ninelives.monitoring.distribution import Distribution, merged, of_statistics, of_values
from ninelives.monitoring.evaluation import Datapoint, Evaluation, evaluate_alarm, evaluation_range
from ninelives.monitoring.labels import LabelInvalid, Labelled, check_label, read_zone, written_label
from ninelives.monitoring.metric_math import TimeSeries
from ninelives.monitoring.periods import Series, by_period, period_start, periods_before, periods_between, series_of
from ninelives.monitoring.queries import QueriesInvalid, answer_queries, check_queries, period_of, search_periods
from ninelives.monitoring.reasons import INITIAL, state_reason, state_reason_data, timestamp
from ninelives.monitoring.searches import Search, found_by
from ninelives.monitoring.statistics import Statistic, StatisticUnknown, few_samples, read_statistic, statistic_of

__all__ = [
    "INITIAL",
    "Datapoint",
    "Distribution",
    "Evaluation",
    "LabelInvalid",
    "Labelled",
    "QueriesInvalid",
    "Rule",
    "RuleInvalid",
    "Search",
    "Series",
    "Statistic",
    "StatisticUnknown",
    "TimeSeries",
    "alarm_name",
    "alarms_in",
    "answer_queries",
    "by_period",
    "check_label",
    "check_queries",
    "evaluate_alarm",
    "evaluation_range",
    "few_samples",
    "findings",
    "found_by",
    "holds",
    "merged",
    "of_statistics",
    "of_values",
    "period_of",
    "period_start",
    "periods_before",
    "periods_between",
    "read_rule",
    "read_statistic",
    "read_zone",
    "search_periods",
    "series_of",
    "state_reason",
    "state_reason_data",
    "statistic_of",
    "timestamp",
    "written_label",
]
