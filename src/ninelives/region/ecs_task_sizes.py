"""Task sizes: how ``cpu`` and ``memory`` are written, and whether Fargate has a pair.

Source: ``ecs`` 2014-11-13, ``RegisterTaskDefinitionRequest.cpu`` and ``.memory``.
"""

import re

from ninelives.model.fargate import fargate_memory

CPU_UNITS = range(128, 196_609)
"""What a task's ``cpu`` may be on any launch type."""

_WINDOWS_CPU_MIN = 1024
DIGITS_MAX = 9
"""A number with more is no size; Python's own conversions would raise on the longest."""
_VCPU = re.compile(r"(\d{1,9}|\d{0,9}\.\d{1,9})\s*vcpu", re.IGNORECASE)
_GIB = re.compile(r"(\d{1,9}|\d{0,9}\.\d{1,9})\s*gb", re.IGNORECASE)


def cpu_units(text: str) -> int | None:
    """Units of 1024 a vCPU; None for what is not a size.

    >>> cpu_units("256"), cpu_units("0.5 vCPU"), cpu_units(".25 vcpu"), cpu_units("much")
    (256, 512, 256, None)
    """
    return _units(text, _VCPU)


def memory_mib(text: str) -> int | None:
    """MiB; None for what is not a size.

    >>> memory_mib("512"), memory_mib("1 GB"), memory_mib("0.5GB"), memory_mib("-1")
    (512, 1024, 512, None)
    """
    return _units(text, _GIB)


def _units(text: str, written: re.Pattern[str]) -> int | None:
    text = text.strip()
    if text.isdecimal():
        return int(text) if len(text) <= DIGITS_MAX else None
    match = written.fullmatch(text)
    return None if match is None else int(float(match[1]) * 1024)


def is_fargate_size(cpu: int, memory: int, *, windows: bool = False) -> bool:
    """Whether Fargate has tasks of this size (CPU units, MiB).

    >>> is_fargate_size(256, 512), is_fargate_size(256, 4096), is_fargate_size(256, 512, windows=True)
    (True, False, False)
    """
    return memory in fargate_memory(cpu) and not (windows and cpu < _WINDOWS_CPU_MIN)
