"""Image references: ``registry/repository:tag@digest`` read as Docker reads them."""

from dataclasses import dataclass

DOCKER_HUB = "registry-1.docker.io"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageReference:
    """``registry`` is None where the reference names none (then Docker means its Hub, or an image that is there)."""

    registry: str | None
    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def name(self) -> str:
        """The reference without tag and digest."""
        return f"{self.registry}/{self.repository}" if self.registry else self.repository

    @property
    def version(self) -> str:
        """The digest or else the tag, as the registry's API and Docker's want it."""
        return self.digest or self.tag or "latest"

    @property
    def tag_meant(self) -> str | None:
        """The tag; ``latest`` for a reference with neither tag nor digest."""
        return self.tag or (None if self.digest else "latest")


def read_reference(text: str) -> ImageReference:
    """Read a reference; its first part is a registry if it looks like a host.

    >>> read_reference("127.0.0.1:4566/cats:2.0.1")
    ImageReference(registry='127.0.0.1:4566', repository='cats', tag='2.0.1', digest=None)
    >>> read_reference("cats").version, read_reference("a.b/c@sha256:0f").version
    ('latest', 'sha256:0f')
    """
    rest, _, digest = text.partition("@")
    first, slash, after = rest.partition("/")
    is_host = bool(slash) and (first == "localhost" or "." in first or ":" in first)
    registry, path = (first, after) if is_host else (None, rest)
    repository, _, tag = path.partition(":")
    return ImageReference(registry=registry, repository=repository, tag=tag or None, digest=digest or None)
