"""SEARCH expressions: which metrics a search finds.

``{Namespace, Dimension, …}`` asks for metrics that have exactly those dimensions; words ask for parts of names and values, in
any case, ``"…"`` for the whole of one; ``Namespace=``, ``MetricName=`` and the name of a dimension say where; ``AND`` (also
what stands between two words), ``OR``, ``NOT`` and parentheses join them.
Source: "CloudWatch search expression syntax", CloudWatch user guide.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Final

from ninelives.model.metrics import Metric

FOUND_MAX: Final = 500
"""Series of one search."""
LENGTH_MAX: Final = 1024
DEPTH_MAX: Final = 50


class SearchInvalid(Exception):
    """A search that CloudWatch would refuse; the text says why."""


@dataclass(frozen=True, slots=True)
class Word:
    """A part of a name or value, or the whole of one; ``where`` says of what, None for anything."""

    text: str
    is_whole: bool
    where: str | None = None


@dataclass(frozen=True, slots=True)
class No:
    term: "Term"


@dataclass(frozen=True, slots=True)
class Both:
    left: "Term"
    right: "Term"


@dataclass(frozen=True, slots=True)
class OneOf:
    left: "Term"
    right: "Term"


Term = Word | No | Both | OneOf


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    namespace: str | None
    """None where no schema is given."""
    dimensions: frozenset[str]
    term: Term | None


SCHEMA: Final = re.compile(r"\s*\{(?P<parts>[^}]*)\}")
PART: Final = re.compile(r'\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^,"]*?))\s*(?:,|$)')
TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<sign>[()])
      | (?:(?P<where>[\w.:/-]+|"(?:[^"\\]|\\.)*")\s*=\s*)?(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s()"=]+))
    )""",
    re.VERBOSE,
)
OPERATORS: Final = frozenset({"AND", "OR", "NOT"})


def read_search(text: str) -> Search:
    """The search in the first argument of SEARCH. Raises ``SearchInvalid``.

    >>> read_search('{AWS/ApplicationELB,LoadBalancer} MetricName="RequestCount"').term
    Word(text='RequestCount', is_whole=True, where='MetricName')
    """
    if len(text) > LENGTH_MAX:
        raise SearchInvalid(f"The search is longer than {LENGTH_MAX} characters")
    schema = SCHEMA.match(text)
    names = list(_parts(schema["parts"])) if schema is not None else []
    if schema is not None and not names:
        raise SearchInvalid("The schema of a search begins with a namespace")
    tokens = list(_tokens(text[schema.end() if schema is not None else 0 :]))
    if schema is None and not tokens:
        raise SearchInvalid("The search is empty")
    return Search(
        namespace=names[0] if names else None,
        dimensions=frozenset(names[1:]),
        term=_Reader(tokens).whole() if tokens else None,
    )


def _parts(text: str) -> Iterator[str]:
    at = 0
    while at < len(text.rstrip()):
        found = PART.match(text, at)
        if found is None:
            raise SearchInvalid(f"The schema '{{{text}}}' cannot be read")
        name = _unescaped(found["quoted"]) if found["quoted"] is not None else found["plain"].strip()
        if name:
            yield name
        at = max(found.end(), at + 1)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


Token = str | Word
"""An operator or a parenthesis, or a word."""


def _tokens(text: str) -> Iterator[Token]:
    at, end = 0, len(text.rstrip())
    while at < end:
        found = TOKEN.match(text, at)
        if found is None:
            raise SearchInvalid(f"Unexpected '{text[at:].lstrip()[0]}' in the search")
        at = found.end()
        if found["sign"]:
            yield found["sign"]
        elif found["plain"] in OPERATORS and found["where"] is None:
            yield found["plain"]
        else:
            where = found["where"]
            if where is not None and where.startswith('"'):
                where = _unescaped(where[1:-1])
            quoted = found["quoted"]
            yield Word(found["plain"] if quoted is None else _unescaped(quoted), is_whole=quoted is not None, where=where)


class _Reader:
    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def whole(self) -> Term:
        found = self._one_of()
        if self._at < len(self._tokens):
            raise SearchInvalid(f"Unexpected '{self._next()}' in the search")
        return found

    def _next(self) -> Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _one_of(self) -> Term:
        left = self._both()
        while self._next() == "OR":
            self._at += 1
            left = OneOf(left, self._both())
        return left

    def _both(self) -> Term:
        left = self._not()
        while self._next() not in {None, "OR", ")"}:
            if self._next() == "AND":
                self._at += 1
            left = Both(left, self._not())
        return left

    def _not(self) -> Term:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise SearchInvalid("The search is nested too deeply")
        if self._next() == "NOT":
            self._at += 1
            found: Term = No(self._not())
        else:
            found = self._single()
        self._depth -= 1
        return found

    def _single(self) -> Term:
        found = self._next()
        self._at += 1
        if isinstance(found, Word):
            return found
        if found != "(":
            raise SearchInvalid(f"Unexpected '{found}' in the search" if found else "The search ends too early")
        inner = self._one_of()
        if self._next() != ")":
            raise SearchInvalid("A parenthesis of the search is not closed")
        self._at += 1
        return inner


def found_by(search: Search, metrics: Iterable[Metric]) -> list[Metric]:
    """The metrics that a search finds, in their order."""
    return list(islice((metric for metric in metrics if _is_found(search, metric)), FOUND_MAX))


def _is_found(search: Search, metric: Metric) -> bool:
    return _has_schema(search, metric) and (search.term is None or _holds(search.term, metric))


def _has_schema(search: Search, metric: Metric) -> bool:
    if search.namespace is None:
        return True
    return metric.namespace == search.namespace and {name for name, _ in metric.dimensions} == search.dimensions


def _holds(term: Term, metric: Metric) -> bool:
    match term:
        case Word():
            return any(_is_in(term, text) for text in _texts(metric, term.where))
        case No(inner):
            return not _holds(inner, metric)
        case Both(left, right):
            return _holds(left, metric) and _holds(right, metric)
        case OneOf(left, right):
            return _holds(left, metric) or _holds(right, metric)


def _texts(metric: Metric, where: str | None) -> Iterator[str]:
    if where in {None, "Namespace"}:
        yield metric.namespace
    if where in {None, "MetricName"}:
        yield metric.name
    for name, value in metric.dimensions:
        if where is None:
            yield name
        if where in {None, name}:
            yield value


def _is_in(word: Word, text: str) -> bool:
    """Whether a word is one of a text's tokens (or a run of them); a whole one is all of it. Case does not matter.

    >>> [_is_in(Word(text, is_whole=False), "HTTPCode_Target_5XX_Count") for text in ("target", "HTTPCode", "targ")]
    [True, True, False]
    """
    if word.is_whole:
        return word.text.lower() == text.lower()
    wanted, tokens = tokens_of(word.text), tokens_of(text)
    runs = range(len(tokens) - len(wanted) + 1)
    return word.text.lower() == text.lower() or any(tokens[at : at + len(wanted)] == wanted for at in runs if wanted)


@lru_cache(maxsize=16_384)
def tokens_of(text: str) -> tuple[str, ...]:
    """The parts into which names fall: at signs, and where letters and digits or small and large letters meet.

    >>> tokens_of("CPUUtilization"), tokens_of("app/cats-2")
    (('cpu', 'utilization'), ('app', 'cats', '2'))
    """
    return tuple(found for part in re.split(r"[^A-Za-z0-9]+", text) for found in _camel_parts(part))


def _camel_parts(text: str) -> list[str]:
    """``CPUUtilization`` is CPU and Utilization: the last of several large letters begins what small ones follow."""
    return [part.lower() for part in re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+", text)]
