"""Packages as lock files name them, and what is newer. Pure.

Source: Bundler, "Gemfile.lock"; pip, "Requirements File Format"; uv, "uv.lock"; npm, "package-lock.json" (versions 2 and 3).
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ninelives.insight.maintenance.findings import Finding, Severity
from ninelives.insight.maintenance.versions import Newer, Step, newer_than

SHOWN_MAX: Final = 8


class Ecosystem(StrEnum):
    RUBYGEMS = "gems"
    PYPI = "Python packages"
    NPM = "npm packages"


INDEXES: Final[Mapping[Ecosystem, str]] = {
    Ecosystem.RUBYGEMS: "https://rubygems.org",
    Ecosystem.PYPI: "https://pypi.org/simple",
    Ecosystem.NPM: "https://registry.npmjs.org",
}
"""Where packages are looked up of which a lock file does not say where they are from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package of a certain version; ``index`` is where it comes from."""

    ecosystem: Ecosystem
    name: str
    version: str
    index: str


def read_gemfile_lock(text: str) -> list[Package]:
    """The gems that the Gemfile itself asks for, from their index; those from git or a folder are left out."""
    section, index = "", INDEXES[Ecosystem.RUBYGEMS]
    specs: dict[str, tuple[str, str]] = {}
    wanted: set[str] = set()
    for line in text.splitlines():
        if line and not line.startswith(" "):
            section = line.strip()
        elif section == "GEM" and (found := re.fullmatch(r"  remote: (\S+)", line)):
            index = found[1].rstrip("/")
        elif section == "GEM" and (found := re.fullmatch(r"    (\S+) \((\d[^)-]*)(?:-[^)]*)?\)", line)):
            specs.setdefault(found[1], (found[2], index))
        elif section == "DEPENDENCIES" and (found := re.match(r"  ([^\s!]+)", line)):
            wanted.add(found[1])
    return [
        Package(ecosystem=Ecosystem.RUBYGEMS, name=name, version=version, index=place)
        for name, (version, place) in specs.items()
        if name in wanted
    ]


def read_requirements(text: str) -> list[Package]:
    """Requirements that are pinned to a version; others are nobody's to judge, nor are those of several indexes.

    Which index a package is from is not written then, and one of the same name in a public index is another.
    """
    if re.search(r"^\s*(?:--extra-index-url|--find-links|-f)\b", text, re.MULTILINE):
        return []
    named = re.findall(r"^\s*(?:--index-url|-i)[ =]\s*(\S+)", text, re.MULTILINE)
    index = named[-1].rstrip("/") if named else INDEXES[Ecosystem.PYPI]
    found = []
    for line in text.splitlines():
        pinned = re.match(r"\s*([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*==\s*([\w.]+)", line)
        if pinned:
            found.append(Package(ecosystem=Ecosystem.PYPI, name=pinned[1], version=pinned[2], index=index))
    return found


def read_uv_lock(text: str) -> list[Package]:
    """What the project itself depends on, as far as it comes from an index."""
    packages = tomllib.loads(text).get("package", [])
    own = [one for one in packages if {"virtual", "editable"} & set(one.get("source", {}))]
    wanted = {one["name"] for package in own for one in package.get("dependencies", [])}
    return [
        Package(
            ecosystem=Ecosystem.PYPI, name=one["name"], version=one["version"], index=one["source"]["registry"].rstrip("/")
        )
        for one in packages
        if one["name"] in wanted and str(one.get("source", {}).get("registry", "")).startswith("http")
    ]


def read_package_lock(text: str) -> list[Package]:
    """What the project itself depends on, for production."""
    packages = json.loads(text).get("packages") or {}
    wanted = (packages.get("") or {}).get("dependencies") or {}
    found = []
    for name in wanted:
        one = packages.get(f"node_modules/{name}") or {}
        index, _, _ = str(one.get("resolved", "")).partition(f"/{name}/-/")
        if one.get("version"):
            place = index if index.startswith("http") else INDEXES[Ecosystem.NPM]
            found.append(Package(ecosystem=Ecosystem.NPM, name=name, version=one["version"], index=place))
    return found


READERS: Final[Mapping[str, Callable[[str], list[Package]]]] = {
    "Gemfile.lock": read_gemfile_lock,
    "requirements.txt": read_requirements,
    "uv.lock": read_uv_lock,
    "package-lock.json": read_package_lock,
}
"""By the file's name."""
LOCKS: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "Gemfile": (("Gemfile.lock",), "bundle lock"),
    "package.json": (("package-lock.json", "yarn.lock", "pnpm-lock.yaml"), "npm install --package-lock-only"),
    "Pipfile": (("Pipfile.lock",), "pipenv lock"),
}
"""Files that ask for packages, the locks that say which ones they get, and the command that writes one."""


def unlocked(name: str, present: Sequence[str], where: str) -> Iterator[Finding]:
    """A file that asks for packages with no lock beside it."""
    locks, command = LOCKS[name]
    if not set(locks) & set(present):
        yield Finding(
            check="no-lock",
            severity=Severity.WARNING,
            what=f"{name} has no lock beside it: which versions an image gets depends on the day of its build",
            where=where,
            next=f"Write one with `{command}`, commit it, and COPY it beside {name}.",
        )


def outdated_packages(known: Sequence[tuple[Package, Sequence[str]]], where: str) -> Iterator[Finding]:
    """What of a lock file is newer in its index: ``known`` has each package with the versions that the index names."""
    newer = [(package, found) for package, versions in known if (found := newer_than(package.version, versions))]
    near = [pair for pair in newer if pair[1].step is not Step.MAJOR]
    far = [pair for pair in newer if pair[1].step is Step.MAJOR]
    if near:
        yield _finding(near, Severity.WARNING, "with newer releases", where)
    if far:
        yield _finding(far, Severity.NOTE, "with a newer major release", where)


def _finding(pairs: Sequence[tuple[Package, Newer]], severity: Severity, words: str, where: str) -> Finding:
    told = [f"{package.name} {package.version} → {found.version}" for package, found in pairs]
    more = f" and {len(told) - SHOWN_MAX} more" if len(told) > SHOWN_MAX else ""
    ecosystem = pairs[0][0].ecosystem.value
    return Finding(
        check="packages-outdated",
        severity=severity,
        what=f"{ecosystem} {words}: {', '.join(told[:SHOWN_MAX])}{more}",
        where=where,
        next="Update the lock, build, and release with `ninelives deploy --prove`; Dependabot does the first part by itself.",
    )
