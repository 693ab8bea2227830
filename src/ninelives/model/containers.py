"""What a container definition asks for besides an image and a command: restarts, volumes, limits.

Source of every name: botocore ``ecs`` 2014-11-13.
"""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPolicy:
    """A policy that is enabled. Source: ``ecs`` ``ContainerRestartPolicy``."""

    ignored_exit_codes: frozenset[int] = frozenset()
    restart_attempt_period: timedelta = timedelta(seconds=300)
    """How long a container must have run before it may be restarted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MountPoint:
    """A volume of the task at a path of the container. Source: ``ecs`` ``MountPoint``."""

    source_volume: str
    container_path: str
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeFrom:
    """All mounts of another container of the task. Source: ``ecs`` ``VolumeFrom``."""

    source_container: str
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ulimit:
    """Source: ``ecs`` ``Ulimit``; bytes, seconds or a count, by the name of the limit; -1 is without limit."""

    name: str
    soft_limit: int
    hard_limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tmpfs:
    """Source: ``ecs`` ``Tmpfs``."""

    container_path: str
    size_mib: int
    mount_options: tuple[str, ...] = ()
