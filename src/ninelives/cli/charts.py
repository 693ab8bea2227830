"""Numbers as rows of blocks. Pure."""

import math
from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"


def bars(values: Sequence[float], peak: float) -> str:
    """A block a value, as high as its share of ``peak``; what is not zero shows, what is zero is blank.

    >>> bars([0, 1, 50, 100], 100)
    ' ▁▄█'
    """
    return "".join(_bar(value, peak) for value in values)


def _bar(value: float, peak: float) -> str:
    if value <= 0:
        return " "
    return BLOCKS[max(0, min(len(BLOCKS), math.ceil(value / peak * len(BLOCKS))) - 1)]


def binned(values: Sequence[float], size: int) -> list[float]:
    """Means of ``size`` values each; of the rest at the end, too.

    >>> binned([1, 3, 5, 7, 8], 2)
    [2.0, 6.0, 8.0]
    """
    groups = (values[start : start + size] for start in range(0, len(values), size))
    return [sum(group) / len(group) for group in groups]


def bin_size(count: int, columns: int) -> int:
    """How many values share a column so that ``count`` of them fit.

    >>> bin_size(60, 80), bin_size(81, 80), bin_size(0, 80)
    (1, 2, 1)
    """
    return max(1, math.ceil(count / columns))
