"""The simulator: a seeded world around the region's real loop, with faults, and laws that must hold all the while.

One seed makes one world, bit for bit: its services, what its users do, and what befalls it. The real ``Region``, ``State``,
``Loop`` and intents run in it on simulated ports. Safety is checked at every commit, every call to the world and every
instant; then faults stop, and all must come right. ``python -m ninelives.simulator`` runs many worlds.
"""

from ninelives.simulator.runs import Outcome, simulate

__all__ = ["Outcome", "simulate"]
