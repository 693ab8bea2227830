"""What a base image's tag says, and what the registry's tags and digests say of it. Pure.

Tags are compared within their variant: what follows the version (``-slim-bookworm``) must be the same, and the version as
exact: of ``3.4-slim`` a newer one is ``3.5-slim``, not ``3.4.7-slim``, which that tag means already.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ninelives.insight.maintenance.findings import Finding, Severity
from ninelives.insight.maintenance.versions import Release, Step, release_of, step_between
from ninelives.model.images import DOCKER_HUB, read_reference

HUB_ALIASES = frozenset({"docker.io", "index.docker.io", DOCKER_HUB})


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseImage:
    """An image that a Dockerfile is built from. ``text`` is its name as it stands there, ``where`` file and line."""

    text: str
    registry: str
    """Host and port."""
    repository: str
    tag: str | None
    digest: str | None
    where: str

    @property
    def short(self) -> str:
        return self.repository.removeprefix("library/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What a registry says: all tags, and the digest that the image's tag has now (None: not told)."""

    tags: tuple[str, ...]
    digest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    version: Release
    written: str
    suffix: str


def read_base_image(text: str, where: str = "") -> BaseImage:
    """The parts of an image's name.

    >>> found = read_base_image("ruby:3.4.5-slim@sha256:aa")
    >>> found.registry, found.repository, found.tag, found.digest
    ('registry-1.docker.io', 'library/ruby', '3.4.5-slim', 'sha256:aa')
    >>> read_base_image("public.ecr.aws/docker/library/ruby").repository
    'docker/library/ruby'
    """
    read = read_reference(text)
    registry, repository = read.registry, read.repository
    if registry is None or registry in HUB_ALIASES:
        registry, repository = DOCKER_HUB, repository if "/" in repository else f"library/{repository}"
    return BaseImage(text=text, registry=registry, repository=repository, tag=read.tag, digest=read.digest, where=where)


def read_variant(tag: str) -> Variant | None:
    """The version that a tag begins with, and what follows; None for one that begins with no version.

    >>> read_variant("3.4.5-slim-bookworm")
    Variant(version=(3, 4, 5), written='3.4.5', suffix='-slim-bookworm')
    """
    found = re.fullmatch(r"(v?\d+(?:\.\d+)*)((?:-.*)?)", tag)
    version = release_of(found[1]) if found else None
    if found is None or version is None:
        return None
    return Variant(version=version, written=found[1], suffix=found[2])


def newer_tags(tag: str, tags: Collection[str]) -> dict[Step, str]:
    """Of the tags of the same variant the newest patch, minor and major, as far as there are such."""
    mine = read_variant(tag)
    if mine is None:
        return {}
    found: dict[Step, tuple[Release, str]] = {}
    for other in tags:
        theirs = read_variant(other)
        if theirs is None or theirs.suffix != mine.suffix or len(theirs.version) != len(mine.version):
            continue
        if theirs.version > mine.version:
            step = step_between(mine.version, theirs.version)
            found[step] = max(found.get(step, (theirs.version, other)), (theirs.version, other))
    return {step: tag for step, (_, tag) in sorted(found.items())}


def outdated(image: BaseImage, published: Published) -> Iterator[Finding]:
    """What is newer than a base image: another tag, or the same tag with another digest."""
    newer = newer_tags(image.tag, published.tags) if image.tag is not None else {}
    for step, tag in newer.items():
        severity = Severity.WARNING if step is Step.PATCH else Severity.NOTE
        yield Finding(
            check="base-image-outdated",
            severity=severity,
            what=f"{image.short}:{image.tag} has a newer {step.name.lower()} release, {tag}",
            where=image.where,
            next=f"Try FROM {_renamed(image, tag)}: `ninelives up`, then `ninelives deploy --prove`.",
        )
    if image.tag is not None and published.tags and image.tag not in published.tags and published.digest is None:
        yield Finding(
            check="base-image-gone",
            severity=Severity.ERROR,
            what=f"the registry has no tag {image.tag} of {image.short} any more",
            where=image.where,
            next="Name one that is there: the next build cannot find this one.",
        )
    if image.digest is not None and published.digest is not None and image.digest != published.digest:
        yield Finding(
            check="base-image-moved",
            severity=Severity.WARNING,
            what=f"{image.short}:{image.tag} was built anew since its digest was pinned: fixes of its packages are missing",
            where=image.where,
            next=f"Pin {published.digest}.",
        )
    if image.digest is None:
        yield _unpinned(image, published.digest)


def _unpinned(image: BaseImage, digest: str | None) -> Finding:
    pin = f"@{digest}" if digest is not None else "@sha256:…"
    return Finding(
        check="base-image-unpinned",
        severity=Severity.NOTE,
        what=f"{image.short}:{image.tag or 'latest'} is named without a digest: two builds may differ",
        where=image.where,
        next=f"FROM {image.text}{pin}, and let Dependabot move it (`ninelives workflow` writes its settings).",
    )


def unpinned_unseen(image: BaseImage) -> Iterator[Finding]:
    """What can be said of a base image without its registry."""
    if image.digest is None:
        yield _unpinned(image, None)


def _renamed(image: BaseImage, tag: str) -> str:
    return f"{image.text.partition('@')[0].removesuffix(f':{image.tag}')}:{tag}"
