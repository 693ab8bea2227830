"""What a release says while it goes on: steps taken, and progress seen. The CLI shows them; nothing depends on them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ninelives.deploy.clock import Clock


class Act(StrEnum):
    """What was done to a thing."""

    FOUND = "found"
    MADE = "made"
    CHANGED = "changed"
    BUILT = "built"
    PUSHED = "pushed"
    REGISTERED = "registered"
    DEPLOYED = "deployed"
    DECIDED = "decided"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that was done, or must be known; ``text`` is a sentence."""

    at: datetime
    act: Act
    text: str


Tell = Callable[[Act, str], None]
"""Takes what was done, and the sentence that says it."""


def telling(listener: Callable[[Step], None], clock: Clock) -> Tell:
    """Steps with the clock's time, to ``listener``."""

    def tell(act: Act, text: str) -> None:
        listener(Step(at=clock.now(), act=act, text=text))

    return tell
