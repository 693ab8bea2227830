"""A query's text becomes its commands. What the language has and we have not is refused by its name.

Binding, the loosest first: ``or``, ``and``, ``not``, comparisons, ``+ -``, ``* / %``, unary minus, ``^``.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeVar

from ninelives.monitoring.log_insights.aggregates import AGGREGATES, AggregateFunction
from ninelives.monitoring.log_insights.bins import UNITS
from ninelives.monitoring.log_insights.errors import QueryInvalid
from ninelives.monitoring.log_insights.functions import FUNCTIONS, Function
from ninelives.monitoring.log_insights.patterns import read_regex
from ninelives.monitoring.log_insights.syntax import (
    KEYWORDS,
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
)
from ninelives.monitoring.regular_expressions import ExpressionInvalid

T = TypeVar("T")

LENGTH_MAX: Final = 10_000
DEPTH_MAX: Final = 50
LIMIT_MAX: Final = 10_000
STATS_MAX: Final = 2
GAP: Final = re.compile(r"(?:\s|#[^\n]*)*")
WORD: Final = re.compile(r"[A-Za-z_]\w*")
NAME: Final = re.compile(r"(?:[@A-Za-z_][\w@]*|`[^`]+`)(?:\.(?:[\w@]+|`[^`]+`)|\[\d+\])*")
NAME_PART: Final = re.compile(r"`([^`]+)`|\[(\d+)\]|([\w@]+)")
NUMBER: Final = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])")
PERIOD: Final = re.compile(r"(\d+)\s*([A-Za-z]+)\b")
QUOTED: Final = re.compile(r""""((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'""", re.DOTALL)
ESCAPED: Final = re.compile(r"""\\(["'\\])""")
SLASHED: Final = re.compile(r"/((?:[^/\\]|\\.)+)/")
THING: Final = re.compile(r"[\w@.]+|\S")
COMPARISONS: Final = ("!=", "<=", ">=", "=", "<", ">")
LEVELS: Final = (("+", "-"), ("*", "/", "%"))
PERIOD_PLACES: Final = {"bin": 0, "datefloor": 1, "dateceil": 1}
"""Which argument of a function is a period."""
ASTERISK: Final = "*"

REFUSED: Final = {
    "addtotals": "sums of rows",
    "anomaly": "anomaly detection",
    "diff": "comparison with the time before",
    "expand": "a row for each element of a list",
    "filterindex": "field indexes",
    "join": "joined log groups",
    "lookup": "lookup tables",
    "pattern": "clusters of messages",
    "relevantfields": "relevance of fields",
    "source": "choice of log groups by the query; name them in the request",
    "subqueries": "queries in queries",
    "unmask": "data protection",
    "unnest": "a row for each element of a list",
}
"""Commands that CloudWatch Logs Insights has and this language has not, and what they are for."""


def read_commands(text: str) -> tuple[Command, ...]:
    """The commands of a query. Raises ``QueryInvalid``."""
    if len(text) > LENGTH_MAX:
        raise QueryInvalid(f"the query is longer than {LENGTH_MAX} characters", LENGTH_MAX, len(text))
    reader = _Reader(text)
    return reader.commands()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._aggregating = False
        self._aggregated: set[Call] = set()

    # --- characters

    def _skip(self) -> None:
        found = GAP.match(self._text, self._at)
        assert found is not None
        self._at = found.end()

    def _next(self, expression: re.Pattern[str]) -> re.Match[str] | None:
        """What comes next, where it is of this form, taken."""
        self._skip()
        found = expression.match(self._text, self._at)
        if found is not None:
            self._at = found.end()
        return found

    def _takes(self, sign: str) -> bool:
        self._skip()
        if not self._text.startswith(sign, self._at):
            return False
        self._at += len(sign)
        return True

    def _peeks_word(self) -> str:
        self._skip()
        found = WORD.match(self._text, self._at)
        return found[0].lower() if found else ""

    def _takes_words(self, *words: str) -> bool:
        before = self._at
        for word in words:
            if self._peeks_word() != word:
                self._at = before
                return False
            self._at += len(word)
        return True

    def _expect(self, sign: str) -> None:
        if not self._takes(sign):
            raise self._unexpected()

    def _unexpected(self, at: int | None = None) -> QueryInvalid:
        """The thing at a place, or that comes next, does not belong there."""
        if at is not None:
            self._at = at
        self._skip()
        found = THING.match(self._text, self._at)
        if found is None:
            return QueryInvalid("unexpected end of the query", self._at, self._at)
        return self._wrong(f"unexpected symbol found {found[0]}", self._at, found.end())

    def _wrong(self, what: str, start: int, end: int) -> QueryInvalid:
        line = self._text.count("\n", 0, start) + 1
        position = start - (self._text.rfind("\n", 0, start) + 1)
        return QueryInvalid(f"{what} at line {line} and position {position}", start, end)

    # --- commands

    def commands(self) -> tuple[Command, ...]:
        self._skip()
        if self._at == len(self._text):
            return ()
        found: list[Command] = []
        self._takes("|")
        while True:
            self._skip()
            start = self._at
            command = self._command()
            self._check_place(command, found, start)
            found.append(command)
            self._skip()
            if self._at == len(self._text):
                return tuple(found)
            self._expect("|")

    def _command(self) -> Command:
        start = self._at
        found = self._next(WORD)
        word = found[0].lower() if found else ""
        if word in REFUSED:
            raise self._wrong(f"the command {word} ({REFUSED[word]}) is not supported here", start, self._at)
        match word:
            case "fields":
                return Fields(self._columns())
            case "display":
                return Display(self._columns())
            case "filter":
                return Filter(self._expression())
            case "parse":
                return self._parse()
            case "stats":
                return self._stats()
            case "sort" | "order":
                self._takes_words("by")
                return Sort(self._list(self._sort_key))
            case "limit" | "head":
                return self._limit()
            case "dedup":
                return Dedup(self._list(self._field))
            case _:
                raise self._unexpected(start)

    def _check_place(self, command: Command, before: list[Command], start: int) -> None:
        """Behind ``dedup`` only ``limit`` may stand, and what sorts or limits stands behind the last ``stats``."""
        if any(isinstance(one, Dedup) for one in before) and not isinstance(command, Limit):
            raise self._unexpected(start)
        if isinstance(command, Stats):
            if sum(isinstance(one, Stats) for one in before) == STATS_MAX:
                raise self._wrong(f"more than {STATS_MAX} stats commands", start, self._at)
            if any(isinstance(one, Sort | Limit) for one in before):
                raise self._unexpected(start)

    def _list(self, read: Callable[[], T]) -> tuple[T, ...]:
        found = [read()]
        while self._takes(","):
            found.append(read())
        return tuple(found)

    def _columns(self) -> tuple[Column, ...]:
        return self._list(self._column)

    def _column(self) -> Column:
        self._skip()
        start = self._at
        expression = self._expression()
        written = self._text[start : self._at].strip()
        if self._takes_words("as"):
            return Column(expression, self._alias())
        return Column(expression, expression.name if isinstance(expression, Field) else written)

    def _alias(self) -> str:
        self._skip()
        start = self._at
        found = self._field()
        if found.name.lower() in KEYWORDS and self._text[start] != "`":
            raise self._unexpected(start)
        return found.name

    def _parse(self) -> Parse:
        source: Expression = Field("@message")
        self._skip()
        if self._text[self._at : self._at + 1] not in ("/", '"', "'"):
            source = self._field()
        self._skip()
        start = self._at
        if (wanted := self._regex()) is not None:
            names = read_regex(wanted.text).names
            if not names:
                raise self._wrong("the regular expression has no named group such as (?<name>…)", start, self._at)
            return Parse(source, wanted, names)
        glob = self._string()
        if glob is None:
            raise self._unexpected()
        end = self._at
        if not self._takes_words("as"):
            raise self._unexpected()
        names = self._list(self._alias)
        if len(names) != glob.count(ASTERISK):
            raise self._wrong(f"{glob.count(ASTERISK)} asterisks for {len(names)} names", start, end)
        return Parse(source, glob, names)

    def _stats(self) -> Stats:
        self._aggregating = True
        self._skip()
        start = self._at
        aggregates = self._columns()
        self._aggregating = False
        names: set[str] = set()
        for column in aggregates:
            calls = {call for call in calls_in(column.expression) if call.function.lower() in AGGREGATES}
            if not calls and not names & set(fields_in(column.expression)):
                raise self._wrong(f"{column.name} is no aggregate", start, self._at)
            names.add(column.name)
            self._aggregated |= calls
        return Stats(aggregates, self._columns() if self._takes_words("by") else ())

    def _sort_key(self) -> SortKey:
        expression = self._expression()
        descending = self._takes_words("desc")
        if not descending:
            self._takes_words("asc")
        return SortKey(expression, descending)

    def _limit(self) -> Limit:
        any_will_do = self._takes_words("any")
        self._skip()
        start = self._at
        found = self._next(NUMBER)
        if found is None or not found[0].isdecimal():
            raise self._unexpected(start)
        if not 1 <= int(found[0]) <= LIMIT_MAX:
            raise self._wrong(f"the limit {found[0]} is not between 1 and {LIMIT_MAX}", start, self._at)
        return Limit(int(found[0]), any_will_do)

    # --- expressions

    def _expression(self) -> Expression:
        left = self._conjunction()
        while self._takes_words("or"):
            left = Binary("or", left, self._conjunction())
        return left

    def _conjunction(self) -> Expression:
        left = self._negation()
        while self._takes_words("and"):
            left = Binary("and", left, self._negation())
        return left

    def _negation(self) -> Expression:
        if self._takes_words("not"):
            with_depth = self._deeper()
            try:
                return Unary("not", self._negation())
            finally:
                self._depth -= with_depth
        return self._comparison()

    def _comparison(self) -> Expression:
        left = self._arithmetic(0)
        for operator in COMPARISONS:
            if self._takes(operator):
                if operator == "=" and self._takes("~"):
                    return Like(left, self._wanted(left))
                return Binary(operator, left, self._arithmetic(0))
        for negated in (False, True):
            words = ("not",) if negated else ()
            if self._takes_words(*words, "like"):
                return Like(left, self._wanted(left), negated)
            if self._takes_words(*words, "in"):
                return In(left, self._items(), negated)
        return left

    def _wanted(self, left: Expression) -> str | Regex:  # noqa: ARG002 reads what stands to its right
        found = self._regex()
        if found is not None:
            return found
        text = self._string()
        if text is None:
            raise self._unexpected()
        return text

    def _items(self) -> tuple[Expression, ...]:
        self._expect("[")
        items: tuple[Expression, ...] = () if self._peeks("]") else self._list(self._expression)
        self._expect("]")
        return items

    def _peeks(self, sign: str) -> bool:
        self._skip()
        return self._text.startswith(sign, self._at)

    def _arithmetic(self, level: int) -> Expression:
        if level == len(LEVELS):
            return self._unary()
        left = self._arithmetic(level + 1)
        while (operator := next((sign for sign in LEVELS[level] if self._takes(sign)), None)) is not None:
            left = Binary(operator, left, self._arithmetic(level + 1))
        return left

    def _unary(self) -> Expression:
        with_depth = self._deeper()
        try:
            if self._takes("-"):
                return Unary("-", self._unary())
            base = self._primary()
            return Binary("^", base, self._unary()) if self._takes("^") else base
        finally:
            self._depth -= with_depth

    def _deeper(self) -> int:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise self._wrong("the query is nested too deeply", self._at, self._at)
        return 1

    def _primary(self) -> Expression:
        self._skip()
        start = self._at
        if self._takes("("):
            aggregating, inner = self._aggregating, self._expression()
            self._aggregating = aggregating
            self._expect(")")
            return inner
        text = self._string()
        if text is not None:
            return Literal(text)
        found = self._next(NUMBER)
        if found is not None:
            return Literal(int(found[0]) if found[0].isdecimal() else float(found[0]))
        word = self._peeks_word()
        if word in ("true", "false"):
            self._takes_words(word)
            return Literal(word == "true")
        if word in KEYWORDS:
            raise self._unexpected()
        called = WORD.match(self._text, self._at)
        if called is not None and self._text[called.end() :].lstrip()[:1] == "(":
            self._at = called.end()
            return self._call(called[0], start)
        return self._field()

    def _call(self, name: str, start: int) -> Expression:
        """An aggregate function stands in ``stats``, or behind it just as it stood there."""
        aggregating = self._aggregating
        table: Mapping[str, Function | AggregateFunction]
        table = AGGREGATES if name.lower() in AGGREGATES and (aggregating or self._aggregated) else FUNCTIONS
        function = table.get(name.lower())
        if function is None:
            known = name.lower() in AGGREGATES
            what = f"{name} stands in stats only" if known else f"there is no function {name}"
            raise self._wrong(what, start, start + len(name))
        self._expect("(")
        self._aggregating = aggregating and isinstance(function, Function)
        arguments = self._arguments(name.lower())
        self._aggregating = aggregating
        self._check_arguments(function, arguments, start)
        call = Call(function.name, arguments)
        if isinstance(function, AggregateFunction) and not aggregating and call not in self._aggregated:
            raise self._wrong(f"{name} stands in stats only", start, self._at)
        return call

    def _arguments(self, name: str) -> tuple[Expression, ...]:
        if self._takes(")"):
            return ()
        if name == "count" and self._takes(ASTERISK):
            self._expect(")")
            return ()
        found: list[Expression] = []
        while not found or self._takes(","):
            found.append(self._period() if PERIOD_PLACES.get(name) == len(found) else self._expression())
        self._expect(")")
        return tuple(found)

    def _check_arguments(self, function: Function | AggregateFunction, arguments: tuple[Expression, ...], start: int) -> None:
        if isinstance(function, Function):
            fits = function.fewest <= len(arguments) and (function.most is None or len(arguments) <= function.most)
        else:
            fits = len(arguments) == 1 + function.constants or (function.name == "count" and not arguments)
            fits &= all(isinstance(one, Literal) and isinstance(one.value, int | float) for one in arguments[1:])
        if not fits:
            raise self._wrong(f"{function.name} takes {function.name}({function.takes})", start, self._at)

    def _period(self) -> Period:
        self._skip()
        start = self._at
        found = self._next(PERIOD)
        if found is None:
            raise self._unexpected()
        unit = UNITS.get(found[2] if found[2] in UNITS else found[2].lower())
        if unit is None or int(found[1]) == 0:
            raise self._wrong(f"{found[0]} is no period such as 30s, 5m or 1h", start, self._at)
        return Period(int(found[1]), unit)

    def _field(self) -> Field:
        self._skip()
        start = self._at
        found = self._next(NAME)
        if found is None or (found[0].lower() in KEYWORDS and not found[0].startswith("`")):
            raise self._unexpected(start)
        return Field(".".join(next(filter(None, parts)) for parts in NAME_PART.findall(found[0])))

    def _string(self) -> str | None:
        found = self._next(QUOTED)
        return None if found is None else ESCAPED.sub(r"\1", found[1] if found[1] is not None else found[2])

    def _regex(self) -> Regex | None:
        self._skip()
        start = self._at
        found = self._next(SLASHED)
        if found is None:
            return None
        try:
            read_regex(found[1])
        except ExpressionInvalid as error:
            raise self._wrong(f"the regular expression {found[0]} is not valid: {error}", start, self._at) from None
        return Regex(found[1])


def calls_in(expression: Expression) -> Iterator[Call]:
    """Every call of a function in an expression, the outermost first."""
    match expression:
        case Call(_, arguments):
            yield expression
            for argument in arguments:
                yield from calls_in(argument)
        case Unary(_, operand) | Like(operand, _, _):
            yield from calls_in(operand)
        case Binary(_, left, right):
            yield from calls_in(left)
            yield from calls_in(right)
        case In(operand, items, _):
            for one in (operand, *items):
                yield from calls_in(one)
        case Literal() | Field() | Period():
            return


def fields_in(expression: Expression) -> Iterator[str]:
    """The name of every field in an expression."""
    match expression:
        case Field(name):
            yield name
        case Call(_, arguments):
            for argument in arguments:
                yield from fields_in(argument)
        case Unary(_, operand) | Like(operand, _, _):
            yield from fields_in(operand)
        case Binary(_, left, right):
            yield from fields_in(left)
            yield from fields_in(right)
        case In(operand, items, _):
            for one in (operand, *items):
                yield from fields_in(one)
        case Literal() | Period():
            return
