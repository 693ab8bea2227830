"""A query as a tree, and the tree as a text again."""

import re
from dataclasses import dataclass
from typing import Final, assert_never


@dataclass(frozen=True, slots=True)
class Literal:
    value: str | int | float | bool


@dataclass(frozen=True, slots=True)
class Field:
    """A field by its name: discovered in the event, or made by an earlier command."""

    name: str


@dataclass(frozen=True, slots=True)
class Period:
    """``5m``: of ``bin``, ``datefloor`` and ``dateceil``. ``unit`` is the shortest spelling."""

    amount: int
    unit: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function, its name as the table spells it; ``count(*)`` has no arguments."""

    function: str
    arguments: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Unary:
    operator: str
    operand: "Expression"


@dataclass(frozen=True, slots=True)
class Binary:
    operator: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True)
class Regex:
    """As it stands between its slashes."""

    text: str


@dataclass(frozen=True, slots=True)
class Like:
    operand: "Expression"
    wanted: str | Regex
    negated: bool = False


@dataclass(frozen=True, slots=True)
class In:
    operand: "Expression"
    items: tuple["Expression", ...]
    negated: bool = False


Expression = Literal | Field | Period | Call | Unary | Binary | Like | In


@dataclass(frozen=True, slots=True)
class Column:
    """An expression and the name that its values get: its alias, else itself as it was written."""

    expression: Expression
    name: str


@dataclass(frozen=True, slots=True)
class Fields:
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Display:
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Filter:
    condition: Expression


@dataclass(frozen=True, slots=True)
class Parse:
    """``wanted``: a glob, whose asterisks are what ``names`` name, or a regular expression with named groups."""

    source: Expression
    wanted: str | Regex
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stats:
    aggregates: tuple[Column, ...]
    by: tuple[Column, ...] = ()


@dataclass(frozen=True, slots=True)
class SortKey:
    expression: Expression
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Sort:
    keys: tuple[SortKey, ...]


@dataclass(frozen=True, slots=True)
class Limit:
    count: int
    any: bool = False
    """Whether any will do: reading ends with the last one."""


@dataclass(frozen=True, slots=True)
class Dedup:
    fields: tuple[Expression, ...]


Command = Fields | Display | Filter | Parse | Stats | Sort | Limit | Dedup

PLAIN_NAME: Final = re.compile(r"[@A-Za-z_][A-Za-z0-9_@]*(?:\.[@A-Za-z0-9_]+)*")
KEYWORDS: Final = frozenset({"and", "or", "not", "like", "in", "as", "by", "asc", "desc", "true", "false"})
TIGHTNESS: Final = {
    "or": 1, "and": 2, "not": 3, "=": 4, "!=": 4, "<": 4, "<=": 4, ">": 4, ">=": 4,
    "+": 5, "-": 5, "*": 6, "/": 6, "%": 6, "negative": 7, "^": 8,
}  # fmt: skip
"""How tightly an operator binds; ``not`` and ``negative`` stand before their operand."""


def write_query(commands: tuple[Command, ...]) -> str:
    """The query as a text, which reads as the same commands.

    >>> write_query((Filter(Binary("=", Field("status"), Literal(500))), Limit(20)))
    'filter status = 500 | limit 20'
    """
    return " | ".join(map(_written, commands))


def _written(command: Command) -> str:
    match command:
        case Fields(columns):
            return f"fields {_columns(columns)}"
        case Display(columns):
            return f"display {_columns(columns)}"
        case Filter(condition):
            return f"filter {write_expression(condition)}"
        case Parse(source, wanted, names):
            named = "" if isinstance(wanted, Regex) else f" as {', '.join(map(write_name, names))}"
            return f"parse {write_expression(source)} {_pattern(wanted)}{named}"
        case Stats(aggregates, by):
            return f"stats {_columns(aggregates)}" + (f" by {_columns(by)}" if by else "")
        case Sort(keys):
            return "sort " + ", ".join(
                f"{write_expression(key.expression)} {'desc' if key.descending else 'asc'}" for key in keys
            )
        case Limit(count, any_will_do):
            return f"limit {'any ' if any_will_do else ''}{count}"
        case Dedup(fields):
            return f"dedup {', '.join(map(write_expression, fields))}"
        case _:
            assert_never(command)


def _columns(columns: tuple[Column, ...]) -> str:
    return ", ".join(map(_column, columns))


def _column(column: Column) -> str:
    written = write_expression(column.expression)
    named = isinstance(column.expression, Field) and column.expression.name == column.name
    return written if named or written == column.name else f"{written} as {write_name(column.name)}"


def write_expression(expression: Expression, above: int = 0) -> str:
    """``above``: how tightly the operator around it binds."""
    match expression:
        case Literal(value):
            return _literal(value)
        case Field(name):
            return write_name(name)
        case Period(amount, unit):
            return f"{amount}{unit}"
        case Call("count", ()):
            return "count(*)"
        case Call(function, arguments):
            return f"{function}({', '.join(map(write_expression, arguments))})"
        case Unary(operator, operand):
            own = TIGHTNESS["negative" if operator == "-" else operator]
            text = f"{operator}{' ' if operator == 'not' else ''}{write_expression(operand, own + 1)}"
            return _enclosed(text, own, above)
        case Binary(operator, left, right):
            own = TIGHTNESS[operator]
            alone = own == TIGHTNESS["="]  # comparisons stand one by one
            first = write_expression(left, own + (alone or operator == "^"))
            second = write_expression(right, own + (alone or operator != "^"))
            return _enclosed(f"{first} {operator} {second}", own, above)
        case Like(operand, wanted, negated):
            text = f"{write_expression(operand, TIGHTNESS['='] + 1)} {'not ' if negated else ''}like {_pattern(wanted)}"
            return _enclosed(text, TIGHTNESS["="], above)
        case In(operand, items, negated):
            listed = ", ".join(map(write_expression, items))
            text = f"{write_expression(operand, TIGHTNESS['='] + 1)} {'not ' if negated else ''}in [{listed}]"
            return _enclosed(text, TIGHTNESS["="], above)
        case _:
            assert_never(expression)


def _enclosed(text: str, own: int, above: int) -> str:
    return f"({text})" if own < above else text


def write_name(name: str) -> str:
    plain = PLAIN_NAME.fullmatch(name) and name.lower() not in KEYWORDS
    return name if plain else f"`{name}`"


def _literal(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return _quoted(value) if isinstance(value, str) else repr(value)


def _pattern(wanted: str | Regex) -> str:
    return f"/{wanted.text}/" if isinstance(wanted, Regex) else _quoted(wanted)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
