"""The simulated clock and ids."""

from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from ninelives.simulator.event_loop import SimulatedLoop

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


class SimulatedClock:
    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop

    def now(self) -> datetime:
        return BEGINNING + timedelta(microseconds=self._loop.microseconds)


class SeededIds:
    """Identifiers as AWS shapes them, the same for the same seed. They go on when a control plane dies."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def task_id(self) -> str:
        return f"{self._random.getrandbits(128):032x}"

    def deployment_number(self) -> str:
        return str(10**18 + self._random.randrange(9 * 10**18))

    def service_deployment_id(self) -> str:
        return f"{self._random.getrandbits(64):021d}"

    def load_balancer_id(self) -> str:
        return f"{self._random.getrandbits(64):016x}"

    def uuid(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))
