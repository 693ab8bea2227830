"""The image of a version: taken from the repository if it is there, else built and pushed.

A tag is never moved: what is in the repository under the version's name *is* the version.
"""

import base64
import contextlib
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from ninelives.deploy import docker_build
from ninelives.deploy.aws import Aws, error_code
from ninelives.deploy.build_context import read_context
from ninelives.deploy.distribution import push, repository_of
from ninelives.deploy.docker_build import Build, why_docker_cannot
from ninelives.deploy.dockerfile import in_a_line, interpret
from ninelives.deploy.errors import BuildFailed, DeployError, PushFailed
from ninelives.deploy.foundation import ecr_repository_name
from ninelives.deploy.host_image import OciImage, make_host_image
from ninelives.deploy.options import Builder
from ninelives.deploy.reading import Definition
from ninelives.deploy.reports import Act, Tell
from ninelives.deploy.service_file import TAG_PATTERN, VERSION_PLACEHOLDER

AWS_PLATFORM = "linux/amd64"
"""What Fargate runs on when the file names no platform."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """The image of a version. ``digest`` is None where the repository is not ours to ask."""

    reference: str
    version: str
    digest: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What a version is built from, the placeholders filled in."""

    folder: Path
    dockerfile: str


def require_version(version: str) -> str:
    """The version, if it can tag an image and names one. Raises ``DeployError``."""
    if not re.fullmatch(TAG_PATTERN, version):
        raise DeployError(
            f"{version!r} cannot name a version: expected letters, digits, dots, hyphens and underscores, 128 at the most."
        )
    if version == "latest":
        raise DeployError(
            "'latest' names no version: nobody could tell tomorrow what it was.",
            hint="Use a release number or a commit, such as 2.0.1.",
        )
    return version


def find_digest(aws: Aws, definition: Definition, version: str) -> str | None:
    """Digest of the version's image in the service's repository; None when it is not there."""
    name = ecr_repository_name(definition.file)
    try:
        found = aws.ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": version}])["imageDetails"]
    except Exception as error:
        if error_code(error) in {"ImageNotFoundException", "RepositoryNotFoundException"}:
            return None
        raise
    return str(found[0]["imageDigest"]) if found else None


def require_sources(definition: Definition, version: str) -> Sources:
    """What the version is built from. Raises ``BuildFailed`` naming what is missing."""
    image = definition.file.image
    assert image.build is not None
    folder = definition.folder / image.build.replace(VERSION_PLACEHOLDER, version)
    dockerfile = image.dockerfile.replace(VERSION_PLACEHOLDER, version)
    if not folder.is_dir():
        raise BuildFailed(
            f"{definition.path}: image.build: there is no folder {folder}.",
            hint=_versions_hint(definition, image.build, version),
        )
    if not (folder / dockerfile).is_file():
        raise BuildFailed(
            f"{definition.path}: there is no Dockerfile {folder / dockerfile}.",
            hint="Write one, or name it with `image: {build: …, dockerfile: …}`.",
        )
    return Sources(folder=folder, dockerfile=dockerfile)


def _versions_hint(definition: Definition, build: str, version: str) -> str | None:
    """Which versions there are, when the version is a folder's name."""
    before, placeholder, _ = build.partition(VERSION_PLACEHOLDER)
    above = definition.folder / (before or ".")
    if not placeholder or not before.endswith("/") or not above.is_dir():
        return None
    known = sorted(path.name for path in above.iterdir() if path.is_dir() and not path.name.startswith("."))
    return f"Version {version} is not there; {above} holds {', '.join(known) or 'none'}."


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerImage:
    """An image that Docker's engine holds."""

    image_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HostImage:
    """An image in a folder of ours."""

    image: OciImage
    file_count: int


Built = DockerImage | HostImage


@contextlib.contextmanager
def built_image(aws: Aws, definition: Definition, version: str, builder: Builder, tell: Tell) -> Iterator[Built | None]:
    """Build what is not in the repository yet; nothing is made in the account. None when there is nothing to build.

    Raises ``BuildFailed``.
    """
    if definition.file.image.build is None or find_digest(aws, definition, version) is not None:
        yield None
        return
    sources = require_sources(definition, version)
    if _chosen(builder, tell) is Builder.DOCKER:
        wanted = Build(
            folder=sources.folder,
            dockerfile=sources.dockerfile,
            arguments=_arguments(definition, version),
            platform=definition.file.image.platform or (None if definition.is_local else AWS_PLATFORM),
            labels={"org.opencontainers.image.version": version},
        )
        image_id = docker_build.build(wanted)
        tell(Act.BUILT, f"image of {version} with Docker")
        yield DockerImage(image_id=image_id)
        return
    with tempfile.TemporaryDirectory(prefix="ninelives-image-") as folder:
        yield _built_on_host(definition, version, sources, Path(folder), tell)


def _built_on_host(definition: Definition, version: str, sources: Sources, folder: Path, tell: Tell) -> HostImage:
    dockerfile = sources.folder / sources.dockerfile
    recipe = interpret(
        dockerfile.read_text(encoding="utf-8"),
        read_context(sources.folder),
        _arguments(definition, version),
        name=str(dockerfile),
    )
    image = make_host_image(recipe, folder, version=version, command=definition.file.command)
    tell(Act.BUILT, f"host image of {version} ({len(recipe.files)} files)")
    if recipe.skipped:
        tell(Act.NOTE, f"not carried out on the host: {in_a_line(recipe.skipped)}; this machine must bring what they make")
    return HostImage(image=image, file_count=len(recipe.files))


def push_image(aws: Aws, definition: Definition, version: str, repository_uri: str, built: Built | None, tell: Tell) -> Image:
    """The version's image in the repository, pushed if it was just built. Raises ``PushFailed`` or ``BuildFailed``.

    Where another release of the same version was quicker, its image is the version.
    """
    reference = f"{repository_uri}:{version}"
    is_ours = definition.file.image.build is not None
    try:
        _push_built(aws, version, repository_uri, built, tell)
    except PushFailed:
        digest = find_digest(aws, definition, version)
        if digest is None:
            raise
        tell(Act.FOUND, f"image {reference}, which another release has just pushed; a tag is never moved")
    else:
        digest = find_digest(aws, definition, version) if is_ours else None
    return Image(reference=reference, version=version, digest=digest)


def _push_built(aws: Aws, version: str, repository_uri: str, built: Built | None, tell: Tell) -> None:
    reference = f"{repository_uri}:{version}"
    match built:
        case None:
            tell(Act.FOUND, f"image {reference}; a version is never built twice")
        case DockerImage(image_id=image_id):
            username, _, password = base64.b64decode(_credentials(aws)).decode().partition(":")
            docker_build.push(image_id, repository_uri, version, username=username, password=password)
            tell(Act.PUSHED, f"image {reference}")
        case HostImage(image=image):
            _push_host_image(aws, repository_uri, version, image)
            tell(Act.PUSHED, f"host image {reference}")
        case _:
            assert_never(built)


def _push_host_image(aws: Aws, repository_uri: str, version: str, image: OciImage) -> None:
    repository = repository_of(repository_uri, f"Basic {_credentials(aws)}")
    if not repository.is_on_loopback:
        raise BuildFailed(
            f"A host image runs in the embedded region only; {repository_uri} is not on this machine.",
            hint="Build with Docker, or push the image yourself and deploy its version.",
        )
    push(image, repository, version)


def _chosen(builder: Builder, tell: Tell) -> Builder:
    if builder is Builder.HOST:
        return builder
    problem = why_docker_cannot()
    if problem is None:
        return Builder.DOCKER
    if builder is Builder.DOCKER:
        raise BuildFailed(
            f"The image cannot be built: {problem}",
            hint="Without Docker, `--builder host` makes images for the embedded region.",
        )
    tell(Act.NOTE, f"{problem} A host image is made instead.")
    return Builder.HOST


def _arguments(definition: Definition, version: str) -> dict[str, str]:
    return {name: value.replace(VERSION_PLACEHOLDER, version) for name, value in definition.file.image.args.items()}


def _credentials(aws: Aws) -> str:
    """ECR's token: ``user:password`` in base 64."""
    data = aws.ecr.get_authorization_token()["authorizationData"]
    return str(data[0]["authorizationToken"])
