"""CloudWatch Logs' filter patterns: of FilterLogEvents, Live Tail, metric and subscription filters.

Source: CloudWatch Logs user guide, "Filter pattern syntax for metric filters, subscription filters, filter log events, and
Live Tail". Three languages, told apart by how a pattern begins: ``{`` selects members of JSON events, ``[`` names the fields
of space-delimited ones, anything else is terms or one regular expression between percent signs.
"""

from ninelives.monitoring.filter_patterns.delimited import DelimitedPattern, read_delimited
from ninelives.monitoring.filter_patterns.json_selectors import JsonPattern, read_json_pattern
from ninelives.monitoring.filter_patterns.scanning import PatternInvalid, Scanner
from ninelives.monitoring.filter_patterns.terms import EverythingPattern, RegexPattern, TermsPattern, read_terms

__all__ = ["Pattern", "PatternInvalid", "read_pattern"]

Pattern = EverythingPattern | TermsPattern | RegexPattern | JsonPattern | DelimitedPattern
"""What all have: ``matches(message)``; ``extract(message)``, the ``extractedValues`` of TestMetricFilter, None where the
message does not match; ``value(message, reference)``, what a metric's value or dimension such as ``$.latency`` or ``$bytes``
refers to in a message, None where there is nothing; ``declares(reference)``, whether such a reference can mean anything."""


def read_pattern(text: str) -> Pattern:
    """The pattern of a text; the empty one matches everything. Raises ``PatternInvalid``.

    >>> read_pattern("ERROR -timeout").matches("ERROR: no route")
    True
    >>> read_pattern('{ $.status = 5* && $.path != "/health" }').matches('{"status": 503, "path": "/cats"}')
    True
    >>> read_pattern("[..., status=4*, bytes]").extract('GET /cats 404 17')
    {'$1': 'GET', '$2': '/cats', '$status': '404', '$bytes': '17'}
    """
    stripped = text.strip()
    scanner = Scanner(stripped)
    match stripped[:1]:
        case "":
            return EverythingPattern()
        case "{":
            return read_json_pattern(scanner)
        case "[":
            return read_delimited(scanner)
        case _:
            return read_terms(scanner)
