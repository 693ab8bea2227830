"""Fetches images by the OCI distribution protocol, over HTTP, from the registry that their reference names. It blocks.

Source: OCI distribution specification 1.1 (pulling), image specification 1.1 (index, manifest); Docker's token flow.
"""

import base64
import hashlib
import ipaddress
import json
import re
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import Any, BinaryIO

from ninelives.model.images import DOCKER_HUB, ImageReference, read_reference
from ninelives.region.ports import RegistryLogin
from ninelives.runtime.engine import StartFailed, cannot_pull
from ninelives.runtime.start_failures import (
    image_not_found,
    no_such_platform,
    pull_failed,
    pull_not_permitted,
    registry_unreachable,
)

TIMEOUT_SECONDS = 30
CHUNK_BYTES = 1024 * 1024
DOCUMENT_BYTES_MAX = 4 * 1024 * 1024
"""Manifests and configurations are small; a registry that sends more is at fault."""
INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
UNAUTHORIZED, FORBIDDEN, NOT_FOUND = 401, 403, 404
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    digest: str
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageManifest:
    """What a registry says of an image. ``config`` is the image configuration's ``config`` member: command, environment, …"""

    digest: str
    layers: tuple[Layer, ...]
    config: Mapping[str, Any]


class RegistryClient:
    """Pulls from one registry for one image; ``login`` is shown to a registry that asks for one."""

    def __init__(self, reference: str, *, architecture: str, login: RegistryLogin | None = None) -> None:
        self._reference = reference
        self._architecture = architecture
        self._login = login
        self._authorization: str | None = None
        image = read_reference(reference)
        if image.registry in {None, "docker.io"}:
            repository = image.repository if "/" in image.repository else f"library/{image.repository}"
            image = ImageReference(registry=DOCKER_HUB, repository=repository, tag=image.tag, digest=image.digest)
        assert image.registry is not None, "Docker Hub is the default"
        self._image = image
        self._registry = image.registry
        is_local = _is_loopback(image.registry)
        self._base = f"{'http' if is_local else 'https'}://{image.registry}/v2/{image.repository}"
        # A proxy knows nothing of this machine's loopback.
        self._opener = urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if is_local else []))

    def manifest(self) -> ImageManifest:
        """The image's manifest for this machine. Raises ``StartFailed``."""
        body, digest, media_type = self._manifest(self._image.version)
        if media_type in INDEX_TYPES or "manifests" in body:
            body, digest, _ = self._manifest(self._pick(body["manifests"]))
        try:
            layers = tuple(Layer(digest=_checked(one["digest"]), media_type=one["mediaType"]) for one in body["layers"])
            config = json.loads(self._document("blobs", _checked(body["config"]["digest"]))[0])
            return ImageManifest(digest=digest, layers=layers, config=config.get("config") or {})
        except (KeyError, TypeError, ValueError) as error:
            raise cannot_pull(f"the manifest of {self._reference} is not one of an image ({error!r}).") from error

    def fetch_layer(self, layer: Layer, path: Path) -> None:
        """Write a layer's blob to ``path``, its digest checked; half of one is never left there. Raises ``StartFailed``."""
        draft = path.with_name(f"{path.name}.{threading.get_ident()}.draft")
        hashed = hashlib.sha256()
        try:
            with self._open("blobs", layer.digest) as response, draft.open("wb") as file:
                while chunk := response.read(CHUNK_BYTES):
                    hashed.update(chunk)
                    file.write(chunk)
        except (OSError, HTTPException) as error:
            draft.unlink(missing_ok=True)
            raise self._unreachable(error) from error
        if f"sha256:{hashed.hexdigest()}" != layer.digest:
            draft.unlink()
            raise cannot_pull(f"a layer of {self._reference} does not have its digest {layer.digest}; push the image again.")
        draft.replace(path)

    def _manifest(self, version: str) -> tuple[dict[str, Any], str, str]:
        content, media_type = self._document("manifests", version)
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if version.startswith("sha256:") and version != digest:
            raise cannot_pull(f"the registry {self._registry} answered {version} with a manifest of another digest.")
        try:
            body: dict[str, Any] = json.loads(content)
        except ValueError as error:
            raise cannot_pull(f"the manifest of {self._reference} is not JSON.") from error
        return body, digest, media_type

    def _pick(self, manifests: list[dict[str, Any]]) -> str:
        platforms = {
            (one.get("platform", {}).get("os"), one.get("platform", {}).get("architecture")): one["digest"]
            for one in manifests
        }
        digest = platforms.get(("linux", self._architecture))
        if digest is None:
            raise no_such_platform(self._architecture)
        return _checked(digest)

    def _document(self, kind: str, name: str) -> tuple[bytes, str]:
        try:
            with self._open(kind, name) as response:
                content = response.read(DOCUMENT_BYTES_MAX)
        except (OSError, HTTPException) as error:
            raise self._unreachable(error) from error
        if kind == "blobs" and f"sha256:{hashlib.sha256(content).hexdigest()}" != name:
            raise cannot_pull(f"the configuration of {self._reference} does not have its digest; push the image again.")
        headers: HTTPMessage = response.headers  # type: ignore[attr-defined]  # urllib's responses have headers
        return content, headers.get_content_type()

    def _open(self, kind: str, name: str) -> BinaryIO:
        """GET a manifest or blob; where the registry asks who we are, once more with an answer."""
        url = f"{self._base}/{kind}/{urllib.parse.quote(name, safe=':')}"
        try:
            return self._get(url)
        except urllib.error.HTTPError as error:
            if error.code != UNAUTHORIZED or self._authorization is not None:
                raise self._refused(error, kind) from error
            self._authorization = self._answer(error.headers.get("WWW-Authenticate", ""))
        try:
            return self._get(url)
        except urllib.error.HTTPError as error:
            raise self._refused(error, kind) from error

    def _get(self, url: str) -> BinaryIO:
        request = urllib.request.Request(url, headers={"Accept": ", ".join([*MANIFEST_TYPES, *INDEX_TYPES])})  # noqa: S310  # http(s) by construction
        if self._authorization is not None:
            # The token is the registry's: where it redirects to must not see it.
            request.add_unredirected_header("Authorization", self._authorization)
        response: BinaryIO = self._opener.open(request, timeout=TIMEOUT_SECONDS)
        return response

    def _answer(self, challenge: str) -> str | None:
        """The ``Authorization`` that a challenge wants: the token as it is, or one that is got for it."""
        scheme, _, rest = challenge.partition(" ")
        basic = None
        if self._login is not None:
            basic = "Basic " + base64.b64encode(f"{self._login.username}:{self._login.password}".encode()).decode()
        if scheme.lower() != "bearer":
            return basic
        values = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        query = urllib.parse.urlencode({key: values[key] for key in ("service", "scope") if key in values})
        realm = values.get("realm", "")
        if not realm.startswith(("https://", "http://")):
            return basic
        request = urllib.request.Request(f"{realm}?{query}", headers={"Authorization": basic} if basic else {})  # noqa: S310  # checked above
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                body = json.loads(response.read(DOCUMENT_BYTES_MAX))
        except (OSError, HTTPException, ValueError):
            return basic
        return f"Bearer {body.get('token') or body.get('access_token')}"

    def _refused(self, error: urllib.error.HTTPError, kind: str) -> StartFailed:
        said = f"unexpected status code [{kind} {self._image.version}]: {error.code} {error.reason}"
        if error.code == NOT_FOUND and kind == "manifests":
            return image_not_found(self._reference)
        if error.code == NOT_FOUND:
            said += " (a layer is missing in the registry; push the image again)"
        if error.code in {UNAUTHORIZED, FORBIDDEN}:
            return pull_not_permitted(self._reference, said)
        return pull_failed(self._reference, said)

    def _unreachable(self, error: Exception) -> StartFailed:
        reason = getattr(error, "reason", error)
        said = (reason.strerror or str(reason)).lower() if isinstance(reason, OSError) else str(reason)
        return registry_unreachable(self._reference, f'Head "{self._base}/manifests/{self._image.version}": {said}')


def _is_loopback(registry: str) -> bool:
    host = registry.rpartition(":")[0].strip("[]") if ":" in registry else registry
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _checked(digest: str) -> str:
    """A digest that may name a file."""
    if DIGEST.fullmatch(digest) is None:
        raise cannot_pull(f"digest {digest!r} is not a sha256 one.")
    return digest
