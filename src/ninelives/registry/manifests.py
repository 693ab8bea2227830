"""Manifests: what an image or an index names, read from the bytes that were pushed.

Source: OCI image specification 1.1, "Image Manifest", "Image Index"; Docker "Image Manifest Version 2, Schema 2".
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ninelives.registry.errors import DigestInvalid, ManifestInvalid
from ninelives.registry.names import checked_digest, digest_of

BYTES_MAX: Final = 4 * 1024 * 1024
"""The longest manifest. Source: OCI distribution specification 1.1, "Pushing Manifests"; ``ecr`` ``ImageManifest``."""

DOCKER_IMAGE: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_IMAGE: Final = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"

IMAGE_TYPES: Final = frozenset({DOCKER_IMAGE, OCI_IMAGE})
LIST_TYPES: Final = frozenset({DOCKER_LIST, OCI_INDEX})


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """What a manifest says of a blob or of another manifest; ``size`` in bytes. A foreign one lies elsewhere."""

    digest: str
    size: int
    media_type: str
    is_foreign: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A manifest as it was pushed, and what was read from it."""

    digest: str
    media_type: str
    content: bytes
    blobs: tuple[Descriptor, ...] = ()
    """Configuration and layers, of an image."""
    manifests: tuple[Descriptor, ...] = ()
    """Of an index or list."""
    subject: str | None = None
    artifact_type: str | None = None
    """The artifact's own type, or the media type of its configuration."""
    annotations: Mapping[str, str] | None = None

    @property
    def is_list(self) -> bool:
        return self.media_type in LIST_TYPES


def read_manifest(content: bytes, media_type: str | None) -> Manifest:
    """The manifest; without ``media_type`` it is what the document says of itself. Raises ``ManifestInvalid``."""
    if len(content) > BYTES_MAX:
        raise ManifestInvalid(f"manifest must not be longer than {BYTES_MAX} bytes")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise ManifestInvalid("manifest must be JSON") from None
    if not isinstance(document, dict) or document.get("schemaVersion") != 2:  # noqa: PLR2004 (schema 1 named no configuration)
        raise ManifestInvalid("manifest must have schemaVersion 2")
    said = document.get("mediaType")
    kind = media_type or said or (OCI_INDEX if "manifests" in document else OCI_IMAGE)
    if kind not in IMAGE_TYPES | LIST_TYPES:
        raise ManifestInvalid(f"unsupported manifest media type {kind}")
    if said is not None and said != kind:
        raise ManifestInvalid(f"manifest media type in manifest ({said}) does not match the one that was declared ({kind})")
    config = None if kind in LIST_TYPES else _descriptor(document.get("config"), "config")
    layers = () if kind in LIST_TYPES else _descriptors(document, "layers")
    return Manifest(
        digest=digest_of(content),
        media_type=str(kind),
        content=content,
        blobs=(config, *layers) if config else (),
        manifests=_descriptors(document, "manifests") if kind in LIST_TYPES else (),
        subject=_descriptor(document["subject"], "subject").digest if document.get("subject") else None,
        artifact_type=str(document.get("artifactType") or (config.media_type if config else "")) or None,
        annotations=document.get("annotations") if isinstance(document.get("annotations"), dict) else None,
    )


def _descriptors(document: Mapping[str, Any], member: str) -> tuple[Descriptor, ...]:
    found = document.get(member)
    if not isinstance(found, list):
        raise ManifestInvalid(f"manifest must have a list of {member}")
    return tuple(_descriptor(one, member) for one in found)


def _descriptor(found: Any, member: str) -> Descriptor:
    match found:
        case {"digest": str(digest), "size": int(size)} if size >= 0:
            pass
        case _:
            raise ManifestInvalid(f"each of {member} must have a digest and a size")
    try:
        checked_digest(digest)
    except DigestInvalid as error:
        raise ManifestInvalid(f"{member}: {error}") from error
    return Descriptor(digest=digest, size=size, media_type=str(found.get("mediaType", "")), is_foreign=bool(found.get("urls")))
