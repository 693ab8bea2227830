"""Tables as Markdown."""

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; the first column left, the others right.

    >>> print(table(["", "a"], [["x", 1]]))
    | | a |
    |---|--:|
    | x | 1 |
    """
    lines = ["| " + " | ".join(str(cell) for cell in row) + " |" for row in [head, *rows]]
    lines[0] = lines[0].replace("|  |", "| |")
    return "\n".join([lines[0], "|---|" + "--:|" * (len(head) - 1), *lines[1:]])


def times(value: float, base: float) -> str:
    """How many times ``base``.

    >>> times(3, 2), times(1, 0)
    ('1.50', '-')
    """
    return f"{value / base:.2f}" if base else "-"
