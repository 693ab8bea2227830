"""What the region tells of a metric of its own: its meaning, its unit, and under which dimensions."""

from dataclasses import dataclass

Combinations = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Told:
    meaning: str
    """How it is measured here, for the reference."""
    dimensions: Combinations
    """The combinations under which it is told."""
    unit: str = "Count"
