"""What goes into a query and what comes out."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecord:
    """A log event. Instants in milliseconds since 1970."""

    timestamp: int
    message: str
    stream: str = ""
    group: str = ""
    """As ``@log`` has it: ``123456789012:/ecs/cats``."""
    ingested: int | None = None
    pointer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """As GetQueryResults tells them: events that the query's filters let through, events and bytes that it has read."""

    records_matched: int
    records_scanned: int
    bytes_scanned: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryResult:
    """Rows of fields and their texts, in order; a field without a value is left out of its row, as GetQueryResults does it."""

    rows: tuple[tuple[tuple[str, str], ...], ...]
    statistics: Statistics
