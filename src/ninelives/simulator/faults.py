"""When something fails: the one place where the seed decides over the control plane's life and what the world refuses."""

import logging
from collections.abc import Callable
from random import Random

from ninelives.simulator.event_loop import Process, ProcessDied
from ninelives.simulator.options import Fault, Options


class SimulatedFault(OSError):
    """The world's refusal, as a full disk or an engine that is away would have it."""


class Fates:
    """Asked before and after each action of a control plane."""

    def __init__(self, options: Options, random: Random, died: Callable[[str], None]) -> None:
        self._options = options
        self._random = random
        self._died = died
        self.are_on = False
        """Faults happen only while they are on: not while the world is set up, nor when all is to come right."""

    def action(self, process: Process, name: str) -> None:
        """The control plane may die here."""
        if process.is_dead:
            raise ProcessDied
        if self.are_on and self._options.frailty and self._random.random() < self._options.frailty:
            process.die()
            self._died(name)
            raise ProcessDied

    def refuse(self, fault: Fault, likely: float, what: str) -> None:
        """Raise ``SimulatedFault``, if the world has that fault and luck will have it."""
        if self.happens(fault, likely):
            raise SimulatedFault(what)

    def happens(self, fault: Fault, likely: float) -> bool:
        return self.are_on and self._options.has(fault) and self._random.random() < likely


class Complaints(logging.Handler):
    """Errors that the region logs: those that no fault of the world explains are violations."""

    def __init__(self, complain: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self._complain = complain

    def emit(self, record: logging.LogRecord) -> None:
        exception = record.exc_info[1] if record.exc_info else None
        if not isinstance(exception, SimulatedFault):
            self._complain(f"{record.getMessage()}" + (f": {exception!r}" if exception is not None else ""))
