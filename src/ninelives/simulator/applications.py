"""How tasks of a release behave: what is in the image."""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """Units: seconds. ``luck`` is the part of the tasks that behave well all the same."""

    name: str = "good"
    pull: float = 1
    boot: float = 2
    """From the start to the first check that would pass."""
    life: float | None = None
    """From the start to the crash, if it crashes."""
    exit_code: int = 1
    exit_reason: str | None = None
    pull_failure: str | None = None
    becomes_ready: bool = True
    stop: float | None = 0.5
    """From the stop signal to the end; None for one that is deaf to it."""
    stop_code: int = 143
    first_words: str | None = None
    """What it writes when it starts."""
    last_words: str | None = None
    """What it writes when it is asked to stop."""
    luck: float = 0


GOOD = Application()
SLOW = Application(name="slow", pull=8, boot=12)
BAD = (
    Application(name="crashes at once", life=0.3),
    Application(name="crashes after its first check", life=20),
    Application(
        name="runs out of memory", life=8, exit_code=137, exit_reason="OutOfMemoryError: Container killed due to memory usage"
    ),
    Application(name="missing image", pull_failure="CannotPullContainerError: pull image manifest: not found"),
    Application(name="never ready", becomes_ready=False),
    Application(name="one in two crashes", life=1, luck=0.5),
    Application(name="one in two is never ready", becomes_ready=False, luck=0.5),
    Application(name="one in two images is missing", pull_failure="CannotPullContainerError: timed out", luck=0.5),
)


def draw_application(random: Random, *, may_be_bad: bool) -> Application:
    """A release: good ones, slow ones and, where they may be, bad ones."""
    if may_be_bad and random.random() < 0.6:  # noqa: PLR2004 - a likelihood
        return random.choice(BAD)
    return random.choice((GOOD, GOOD, SLOW))
