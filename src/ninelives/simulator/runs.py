"""Many worlds, one after the other or in some processes side by side."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing import get_context

from ninelives.simulator.options import draw
from ninelives.simulator.world import Violation, World

AT_ONCE = 50
"""Worlds that a process takes at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a world: no violation is good."""

    seed: int
    violations: tuple[Violation, ...] = ()


def simulate(seed: int) -> Outcome:
    """Live through the world of ``seed``."""
    world = World(draw(seed))
    world.run()
    return Outcome(seed=seed, violations=tuple(world.violations))


def simulate_all(seeds: Iterable[int], *, processes: int = 1) -> Iterator[Outcome]:
    """The outcomes of many worlds, in the order of their seeds."""
    if processes == 1:
        yield from map(simulate, seeds)
        return
    with get_context("spawn").Pool(processes) as pool:
        yield from pool.imap(simulate, seeds, chunksize=AT_ONCE)
