"""CloudWatch Logs Insights' query language, its common part: a text becomes a query, and a query runs over log events.

Source: CloudWatch Logs user guide, "CloudWatch Logs Insights language query syntax". What is not there (``pattern``, ``diff``,
``anomaly``, ``join`` …) is refused by its name.
"""

from ninelives.monitoring.log_insights.errors import QueryInvalid, QueryTooLarge
from ninelives.monitoring.log_insights.queries import TOLD_MAX, Query, read_query
from ninelives.monitoring.log_insights.records import LogRecord, QueryResult, Statistics

__all__ = ["TOLD_MAX", "LogRecord", "Query", "QueryInvalid", "QueryResult", "QueryTooLarge", "Statistics", "read_query"]
