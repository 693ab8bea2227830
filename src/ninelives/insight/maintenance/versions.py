"""Versions in order, and what of a list of versions is newer than one that is in use. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

Release = tuple[int, ...]


class Step(IntEnum):
    """How far a newer version is: which part of it is the first to differ."""

    PATCH = 0
    MINOR = 1
    MAJOR = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Newer:
    version: str
    step: Step


def release_of(text: str) -> Release | None:
    """The numbers of a stable version; None for a prerelease, and for what is no version.

    >>> release_of("3.4.5"), release_of("v2.0"), release_of("7.0.0.beta1"), release_of("latest")
    ((3, 4, 5), (2, 0), None, None)
    """
    found = re.fullmatch(r"v?(\d+(?:\.\d+)*)(?:-\d+)?", text)
    return tuple(int(part) for part in found[1].split(".")) if found else None


def newest(versions: Iterable[str]) -> str | None:
    """The newest stable one."""
    known = [(release, one) for one in versions if (release := release_of(one)) is not None]
    return max(known, key=lambda pair: _padded(pair[0]))[1] if known else None


def newer_than(current: str, versions: Iterable[str]) -> Newer | None:
    """The newest stable version above ``current``, and how far it is; None where there is none.

    >>> newer_than("3.4.5", ["3.4.9", "3.10.0", "4.0.0.rc1"])
    Newer(version='3.10.0', step=<Step.MINOR: 1>)
    """
    here, found = release_of(current), newest(versions)
    there = release_of(found) if found is not None else None
    if found is None or here is None or there is None or _padded(there) <= _padded(here):
        return None
    return Newer(version=found, step=step_between(here, there))


def step_between(older: Release, newer: Release) -> Step:
    """Which part is the first to differ: the first is major, the second minor, all else patch."""
    before, after = _padded(older), _padded(newer)
    place = next(place for place, (one, other) in enumerate(zip(before, after, strict=True)) if one != other)
    return (Step.MAJOR, Step.MINOR)[place] if place < Step.MAJOR else Step.PATCH


PARTS = 6


def _padded(release: Release) -> Release:
    """As long as any, so that 3.4 and 3.4.0 are the same."""
    return (*release, *(0,) * (PARTS - len(release)))[:PARTS]
