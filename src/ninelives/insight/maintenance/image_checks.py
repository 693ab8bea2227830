"""Examines what an image is built from: its Dockerfile, its base images, its packages. Reads files, and asks registries."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from ninelives.insight.maintenance.base_images import BaseImage, outdated, unpinned_unseen
from ninelives.insight.maintenance.dockerfile_advice import Build, advice
from ninelives.insight.maintenance.dockerfile_reading import base_images, read_dockerfile
from ninelives.insight.maintenance.end_of_life import ended
from ninelives.insight.maintenance.findings import Finding, Severity
from ninelives.insight.maintenance.locked_packages import LOCKS, READERS, outdated_packages, unlocked
from ninelives.insight.maintenance.published import Unanswered, Web, look_up, published

SCRIPT_BYTES_MAX: Final = 100_000
SHEBANG: Final = ("#!/bin/sh", "#!/bin/bash", "#!/usr/bin/env sh", "#!/usr/bin/env bash", "#!/bin/ash", "#!/bin/dash")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What an image is built from. ``shown`` is how findings name the folder; ``port`` and ``has_command`` are the file's."""

    folder: Path
    dockerfile: str
    arguments: Mapping[str, str]
    shown: str = "."
    port: int | None = None
    has_command: bool = False

    def named(self, name: str) -> str:
        return name if self.shown in {"", "."} else f"{self.shown}/{name}"


def examine(sources: Sources, today: date, web: Web | None) -> Iterator[Finding]:
    """All findings about an image. Without ``web`` nobody is asked, and that is said."""
    text = (sources.folder / sources.dockerfile).read_text(encoding="utf-8", errors="replace")
    dockerfile = read_dockerfile(text, sources.named(sources.dockerfile))
    bases = tuple(base_images(dockerfile, sources.arguments))
    entries = frozenset(path.name for path in sources.folder.iterdir())
    yield from advice(
        Build(
            dockerfile=dockerfile,
            bases=bases,
            port=sources.port,
            has_command=sources.has_command,
            has_ignore_file=bool({".dockerignore", f"{sources.dockerfile}.dockerignore"} & entries),
            entries=entries,
            scripts=_scripts(sources.folder),
        )
    )
    for base in bases:
        yield from ended(base, today)
        yield from _newer(base, web)
    yield from _packages(sources, entries, web)


def _scripts(folder: Path) -> dict[str, str]:
    """Shell scripts at the top of a folder and in ``bin`` and ``docker``, by name."""
    found: dict[str, str] = {}
    for place in (folder, folder / "bin", folder / "docker"):
        for path in sorted(place.iterdir()) if place.is_dir() else ():
            if path.is_file() and path.stat().st_size < SCRIPT_BYTES_MAX:
                text = path.read_text(encoding="utf-8", errors="replace")
                if text.startswith(SHEBANG):
                    found.setdefault(path.name, text)
    return found


def _newer(base: BaseImage, web: Web | None) -> Iterator[Finding]:
    if web is None:
        yield from unpinned_unseen(base)
        return
    try:
        yield from outdated(base, published(base, web))
    except Unanswered as why:
        yield _not_looked_at(f"whether {base.text} is outdated", str(why), base.where)
        yield from unpinned_unseen(base)


def _packages(sources: Sources, entries: frozenset[str], web: Web | None) -> Iterator[Finding]:
    for name in LOCKS:
        if name in entries:
            yield from unlocked(name, sorted(entries), sources.named(name))
    for name, read in READERS.items():
        if name not in entries:
            continue
        where = sources.named(name)
        try:
            packages = read((sources.folder / name).read_text(encoding="utf-8", errors="replace"))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            problem = f"{type(error).__name__}: {error}"
            yield Finding(
                check="lock-unreadable",
                severity=Severity.WARNING,
                what=f"{name} cannot be read ({problem})",
                where=where,
                next="Write it anew.",
            )
            continue
        if web is None:
            continue
        looked = look_up(packages, web)
        yield from outdated_packages(looked.known, where)
        if looked.unanswered is not None:
            yield _not_looked_at(f"whether packages of {name} are outdated", looked.unanswered, where)


def _not_looked_at(what: str, why: str, where: str) -> Finding:
    return Finding(
        check="not-looked-at",
        severity=Severity.NOTE,
        what=f"{what} is not known: {why}",
        where=where,
        next="Run it again where the network lets it, or leave it aside with --offline.",
    )
