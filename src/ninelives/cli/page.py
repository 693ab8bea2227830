"""Where tables and coloured lines go: as wide as the terminal, and never wrapped where there is none."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

WIDTH_WITHOUT_A_TERMINAL = 10_000


def page() -> "Console":
    """Standard output."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH_WITHOUT_A_TERMINAL)
