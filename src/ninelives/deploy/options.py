"""What a command may ask of a release, and what it assumes: imports nothing heavy, so that help is quick."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

FILE_NAME = "ninelives.yml"
LOCAL = "local"
"""The environment of the embedded region; it always exists."""
DEFAULT_TIMEOUT = timedelta(minutes=30)


class Builder(StrEnum):
    """What builds images. ``auto``: Docker where its engine answers, else this host."""

    AUTO = "auto"
    DOCKER = "docker"
    HOST = "host"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to release, and how to follow it. ``force`` replaces the tasks even if nothing changed."""

    builder: Builder = Builder.AUTO
    timeout: timedelta | None = None
    """How long the verdict is waited for; None: ``DEFAULT_TIMEOUT`` and what the release itself waits on purpose."""
    force: bool = False
    wait: bool = True
    waits_for_decisions: bool = False
    """Whether a paused release is followed on until somebody has decided."""
