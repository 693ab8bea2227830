"""Lines in Braille characters: two dots wide and four high a cell, each in the style of what was drawn last. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

DOTS_ACROSS, DOTS_DOWN = 2, 4
BLANK = 0x2800
BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Of a dot by row and column. Source: Unicode, "Braille Patterns"."""

Dot = tuple[int, int]
ROUND_STEPS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


@dataclass(slots=True)
class Canvas:
    """``columns`` by ``rows`` cells; dots count from the left and from the bottom."""

    columns: int
    rows: int
    _dots: dict[tuple[int, int], int] = field(default_factory=dict)
    _styles: dict[tuple[int, int], str] = field(default_factory=dict)

    @property
    def width(self) -> int:
        return self.columns * DOTS_ACROSS

    @property
    def height(self) -> int:
        return self.rows * DOTS_DOWN

    def put(self, across: int, up: int, style: str) -> None:
        """A dot; what lies outside is left out."""
        if not (0 <= across < self.width and 0 <= up < self.height):
            return
        down = self.height - 1 - up
        cell = down // DOTS_DOWN, across // DOTS_ACROSS
        self._dots[cell] = self._dots.get(cell, 0) | BITS[down % DOTS_DOWN][across % DOTS_ACROSS]
        self._styles[cell] = style

    def line(self, begin: Dot, end: Dot, style: str) -> None:
        for across, up in between(begin, end):
            self.put(across, up, style)

    def row(self, number: int) -> Iterator[tuple[str, str | None]]:
        """Characters from the left with their styles; blank cells have none."""
        for column in range(self.columns):
            dots = self._dots.get((number, column))
            yield (chr(BLANK + dots), self._styles[number, column]) if dots else (" ", None)


def between(begin: Dot, end: Dot) -> list[Dot]:
    """The dots of a straight line, both ends included.

    >>> between((0, 0), (3, 1)), between((2, 2), (2, 0))
    ([(0, 0), (1, 0), (2, 1), (3, 1)], [(2, 2), (2, 1), (2, 0)])
    """
    steps = max(abs(end[0] - begin[0]), abs(end[1] - begin[1]))
    if steps == 0:
        return [begin]
    return [(_between(begin[0], end[0], step, steps), _between(begin[1], end[1], step, steps)) for step in range(steps + 1)]


def _between(begin: int, end: int, step: int, steps: int) -> int:
    """Rounded half up, whichever way it goes."""
    return (2 * begin * steps + 2 * (end - begin) * step + steps) // (2 * steps)


def ceiling(value: float) -> float:
    """The top of an axis: the next round number.

    >>> [ceiling(value) for value in (0, 0.3, 3.2, 21, 80, 101)]
    [1.0, 0.3, 4.0, 25.0, 80.0, 150.0]
    """
    if value <= 0:
        return 1.0
    power = 1.0
    while power * 10 <= value:
        power *= 10
    while power > value:
        power /= 10
    return next(round(step * power, 9) for step in ROUND_STEPS if step * power >= value * (1 - 1e-9))


def shown(value: float) -> str:
    """A number in at most five characters or so.

    >>> [shown(value) for value in (0, 0.04, 7, 12.34, 1234, 2_500_000, 99.95)]
    ['0', '0.04', '7', '12.3', '1.23k', '2.5M', '100']
    """
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g}{unit}"
    return f"{value:.3g}"


def joined(points: Sequence[tuple[float, float]], step: float) -> Iterator[Sequence[tuple[float, float]]]:
    """Runs of points that follow each other within ``step``: a gap in the data is a gap in the line.

    >>> [list(run) for run in joined([(0, 1), (1, 2), (5, 3)], 1.5)]
    [[(0, 1), (1, 2)], [(5, 3)]]
    """
    run: list[tuple[float, float]] = []
    for point in points:
        if run and point[0] - run[-1][0] > step:
            yield run
            run = []
        run.append(point)
    if run:
        yield run
