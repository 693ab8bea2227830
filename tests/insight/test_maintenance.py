"""What is outdated: base images against tags and digests, ends of support, packages of lock files."""

import json
from datetime import date
from typing import Any

import pytest

from ninelives.insight.maintenance import Finding, Severity
from ninelives.insight.maintenance.base_images import Published, newer_tags, outdated, read_base_image
from ninelives.insight.maintenance.end_of_life import as_of, brought_by, ended, products
from ninelives.insight.maintenance.findings import report
from ninelives.insight.maintenance.locked_packages import (
    Ecosystem,
    Package,
    outdated_packages,
    read_gemfile_lock,
    read_package_lock,
    read_requirements,
    read_uv_lock,
    unlocked,
)
from ninelives.insight.maintenance.versions import Step, newer_than

TAGS = (
    "3.4.5-slim-bookworm", "3.4.8-slim-bookworm", "3.4.10-slim-bookworm", "3.4.9-slim-trixie", "3.4-slim-bookworm",
    "3.5.0-slim-bookworm", "4.0.1-slim-bookworm", "4.1.0-preview1-slim-bookworm", "4.1.0-rc1-slim-bookworm", "latest",
    "3.4.11", "slim-bookworm",
)  # fmt: skip


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        (
            "3.4.5-slim-bookworm",
            {Step.PATCH: "3.4.10-slim-bookworm", Step.MINOR: "3.5.0-slim-bookworm", Step.MAJOR: "4.0.1-slim-bookworm"},
        ),
        ("3.4-slim-bookworm", {}),
        ("3.4.9-slim-trixie", {}),
        ("3.3.1", {Step.MINOR: "3.4.11"}),
        ("latest", {}),
    ],
)
def test_a_newer_tag_is_of_the_same_variant_and_as_exact(tag: str, expected: dict[Step, str]) -> None:
    assert newer_tags(tag, TAGS) == expected


def checks(name: str, published: Published) -> list[tuple[str, Severity]]:
    return [(one.check, one.severity) for one in outdated(read_base_image(name, "Dockerfile:1"), published)]


def test_a_patch_is_a_warning_and_what_may_break_is_a_note() -> None:
    pinned = checks("ruby:3.4.5-slim-bookworm@sha256:aa", Published(tags=TAGS, digest="sha256:aa"))

    assert {check for check, _ in pinned} == {"base-image-outdated"}
    assert [severity for _, severity in pinned] == [Severity.WARNING, Severity.NOTE, Severity.NOTE]


def test_the_next_step_names_the_image_as_the_dockerfile_does() -> None:
    image = read_base_image("localhost:5000/team/ruby:3.4.5-slim-bookworm", "Dockerfile:1")

    first = next(iter(outdated(image, Published(tags=TAGS, digest="sha256:bb"))))

    assert "FROM localhost:5000/team/ruby:3.4.10-slim-bookworm:" in first.next


def test_a_digest_that_its_tag_has_left_is_told() -> None:
    assert checks("ruby:3.4-slim-bookworm@sha256:aa", Published(tags=TAGS, digest="sha256:bb")) == [
        ("base-image-moved", Severity.WARNING)
    ]


def test_an_unpinned_image_is_told_with_the_digest_to_pin() -> None:
    found = list(outdated(read_base_image("ruby:3.4-slim-bookworm"), Published(tags=TAGS, digest="sha256:bb")))

    assert [one.check for one in found] == ["base-image-unpinned"]
    assert "ruby:3.4-slim-bookworm@sha256:bb" in found[0].next


def test_a_tag_that_is_gone_fails_the_next_build() -> None:
    assert ("base-image-gone", Severity.ERROR) in checks("ruby:2.1.0@sha256:aa", Published(tags=TAGS, digest=None))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ruby:3.4.5-slim-bookworm", [("ruby", "3.4"), ("debian", "12")]),
        ("python:3.11-alpine3.20", [("python", "3.11"), ("alpine", "3.20")]),
        ("node:20.1.0-bullseye", [("node", "20"), ("debian", "11")]),
        ("debian:12-slim", [("debian", "12")]),
        ("debian:bookworm-slim", [("debian", "12")]),
        ("public.ecr.aws/docker/library/alpine:3.19.1", [("alpine", "3.19")]),
        ("node:lts", []),
        ("example.org/own:1.0", []),
    ],
)
def test_what_an_image_brings_is_told_from_its_name_and_tag(name: str, expected: list[tuple[str, str]]) -> None:
    assert [(one.key, cycle) for one, cycle in brought_by(read_base_image(name))] == expected


@pytest.mark.parametrize(
    ("name", "today", "severity"),
    [
        ("debian:12", date(2025, 6, 1), None),
        ("debian:12", date(2026, 3, 1), Severity.NOTE),
        ("debian:12", date(2026, 11, 27), Severity.WARNING),
        ("debian:12", date(2028, 7, 1), Severity.ERROR),
        ("python:3.9", date(2025, 10, 31), Severity.NOTE),
        ("python:3.9", date(2025, 11, 1), Severity.ERROR),
    ],
)
def test_the_end_of_support_is_told_before_it_comes_and_is_worse_when_nobody_mends(
    name: str, today: date, severity: Severity | None
) -> None:
    found = list(ended(read_base_image(name), today))

    assert [one.severity for one in found] == ([] if severity is None else [severity])
    assert all(str(as_of()) in one.next and "https://" in one.next for one in found)


def test_the_table_is_whole() -> None:
    for product in products().values():
        assert product.source.startswith("https://")
        assert set(product.codenames.values()) <= set(product.cycles)
        assert all(product.long_term[cycle] > product.cycles[cycle] for cycle in product.long_term)


@pytest.mark.parametrize(
    ("current", "known", "expected"),
    [
        ("1.0.0", ["1.0.1", "1.0.0"], ("1.0.1", Step.PATCH)),
        ("1.9", ["1.10"], ("1.10", Step.MINOR)),
        ("1.9", ["2.0.0.pre1", "1.9.0"], None),
        ("6.4.0", ["7.1.0", "6.4.3"], ("7.1.0", Step.MAJOR)),
        ("1.0.0.0.1", ["1.0.0.0.2"], ("1.0.0.0.2", Step.PATCH)),
        ("main", ["1.0"], None),
        ("1.0", [], None),
    ],
)
def test_newer_is_the_newest_stable_one(current: str, known: list[str], expected: tuple[str, Step] | None) -> None:
    found = newer_than(current, known)

    assert (None if found is None else (found.version, found.step)) == expected


GEMFILE_LOCK = """\
GIT
  remote: https://github.com/example/own.git
  revision: 0123
  specs:
    own (0.1.0)

GEM
  remote: https://gems.example/
  specs:
    nio4r (2.7.0)
    nokogiri (1.18.1-x86_64-linux-gnu)
    puma (6.4.0)
      nio4r (~> 2.0)
    sinatra (4.0.0)

PLATFORMS
  x86_64-linux

DEPENDENCIES
  nokogiri
  own!
  puma (>= 5.6.5, < 8)
  sinatra (>= 3)

BUNDLED WITH
   2.5.0
"""
UV_LOCK = """\
version = 1

[[package]]
name = "app"
version = "0.1.0"
source = { virtual = "." }
dependencies = [{ name = "click" }, { name = "local" }]

[[package]]
name = "click"
version = "8.1.0"
source = { registry = "https://pypi.org/simple" }

[[package]]
name = "colorama"
version = "0.4.0"
source = { registry = "https://pypi.org/simple" }

[[package]]
name = "local"
version = "1.0.0"
source = { directory = "local" }
"""


def test_a_gemfile_lock_tells_the_gems_that_were_asked_for_and_their_index() -> None:
    assert [(one.name, one.version, one.index) for one in read_gemfile_lock(GEMFILE_LOCK)] == [
        ("nokogiri", "1.18.1", "https://gems.example"),
        ("puma", "6.4.0", "https://gems.example"),
        ("sinatra", "4.0.0", "https://gems.example"),
    ]


def test_requirements_that_are_pinned_are_read() -> None:
    lines = ["--index-url https://index.example/simple/", "click==8.1.0 ; python_version > '3' # why"]
    text = "\n".join([*lines, "requests[socks] == 2.31.0", "flask>=3"])

    assert [(one.name, one.version, one.index) for one in read_requirements(text)] == [
        ("click", "8.1.0", "https://index.example/simple"),
        ("requests", "2.31.0", "https://index.example/simple"),
    ]


@pytest.mark.parametrize("option", ["--extra-index-url https://pypi.org/simple", "--find-links=wheels", "-f wheels"])
def test_packages_of_several_indexes_are_not_judged_by_one_of_them(option: str) -> None:
    assert read_requirements(f"own==1.0\n{option}\n") == []


def test_an_index_that_is_named_last_is_that_of_all_lines() -> None:
    assert [one.index for one in read_requirements("own==1.0\n-i https://index.example/simple\n")] == [
        "https://index.example/simple"
    ]


def test_uvs_lock_tells_what_the_project_depends_on_itself() -> None:
    assert [(one.name, one.version) for one in read_uv_lock(UV_LOCK)] == [("click", "8.1.0")]


def test_npms_lock_tells_what_the_project_depends_on_itself() -> None:
    lock: dict[str, Any] = {
        "packages": {
            "": {"dependencies": {"express": "^4", "@team/own": "^1"}},
            "node_modules/express": {"version": "4.17.0", "resolved": "https://npm.example/express/-/express-4.17.0.tgz"},
            "node_modules/@team/own": {"version": "1.0.0", "resolved": "https://npm.example/@team/own/-/own-1.0.0.tgz"},
            "node_modules/accepts": {"version": "1.3.8"},
        }
    }

    assert [(one.name, one.version, one.index) for one in read_package_lock(json.dumps(lock))] == [
        ("express", "4.17.0", "https://npm.example"),
        ("@team/own", "1.0.0", "https://npm.example"),
    ]


def test_packages_are_told_in_two_findings_what_is_safe_to_take_and_what_may_break() -> None:
    gem = {"ecosystem": Ecosystem.RUBYGEMS, "index": "https://gems.example"}
    known = [
        (Package(name="puma", version="6.4.0", **gem), ["6.4.0", "7.1.0"]),  # type: ignore[arg-type]
        (Package(name="sinatra", version="4.0.0", **gem), ["4.0.1"]),  # type: ignore[arg-type]
        (Package(name="rack", version="3.0.0", **gem), ["3.0.0"]),  # type: ignore[arg-type]
    ]

    found = list(outdated_packages(known, "Gemfile.lock"))

    assert [(one.severity, one.what) for one in found] == [
        (Severity.WARNING, "gems with newer releases: sinatra 4.0.0 → 4.0.1"),
        (Severity.NOTE, "gems with a newer major release: puma 6.4.0 → 7.1.0"),
    ]


@pytest.mark.parametrize(
    ("name", "present", "count"),
    [("Gemfile", ["Gemfile"], 1), ("Gemfile", ["Gemfile", "Gemfile.lock"], 0), ("package.json", ["yarn.lock"], 0)],
)
def test_a_file_without_its_lock_is_told(name: str, present: list[str], count: int) -> None:
    assert len(list(unlocked(name, present, name))) == count


def test_a_report_has_the_worst_first_and_fails_by_errors_alone_unless_it_is_strict() -> None:
    def finding(severity: Severity, what: str) -> Finding:
        return Finding(check="c", severity=severity, what=what, where="here")

    mild = report([finding(Severity.NOTE, "a"), finding(Severity.WARNING, "b"), finding(Severity.NOTE, "c")], ["x"])
    grave = report([*mild.findings, finding(Severity.ERROR, "d")], ["x"])

    assert [one.what for one in grave.findings] == ["d", "b", "a", "c"]
    assert (mild.has_failed(strict=False), mild.has_failed(strict=True)) == (False, True)
    assert grave.has_failed(strict=False)
