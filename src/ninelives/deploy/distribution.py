"""Pushes an image to a registry over the OCI distribution protocol, version 1.1 ("Push").

Blobs that the registry has are not sent again; the manifest goes last, for it names the others.
"""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import IO, Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

from ninelives.deploy.errors import PushFailed
from ninelives.deploy.host_image import CONFIG_TYPE, LAYER_TYPE, MANIFEST_TYPE, OciImage, digest_of

TIMEOUT_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository in a registry. ``authorization`` is the value of the header, such as ``Basic …``."""

    base: str
    """Scheme, host and port of the registry."""
    name: str
    authorization: str | None = None

    @property
    def is_on_loopback(self) -> bool:
        """Whether the registry is on this machine."""
        host = urlsplit(self.base).hostname or ""
        return host == "localhost" or host.endswith(".localhost") or host.startswith("127.") or host == "::1"

    def url(self, path: str) -> str:
        return f"{self.base}/v2/{self.name}/{path}"


def repository_of(uri: str, authorization: str | None) -> Repository:
    """The repository that a ``repositoryUri`` names. A registry on a loopback address speaks plain HTTP, as to Docker.

    >>> repository_of("127.0.0.1:4566/cats", None).base
    'http://127.0.0.1:4566'
    """
    host, _, name = uri.partition("/")
    secure = Repository(base=f"https://{host}", name=name, authorization=authorization)
    return replace(secure, base=f"http://{host}") if secure.is_on_loopback else secure


def push(image: OciImage, repository: Repository, tag: str) -> str:
    """Push an image under a tag; the digest under which the registry keeps it. Raises ``PushFailed``."""
    parts = image.parts
    with image.layer.open("rb") as layer:
        _push_blob(repository, layer, parts["layers"][0]["digest"], parts["layers"][0]["size"], LAYER_TYPE)
    _push_blob(repository, image.config, parts["config"]["digest"], len(image.config), CONFIG_TYPE)
    answer = _ask(
        repository, "PUT", repository.url(f"manifests/{quote(tag)}"), image.manifest, {"Content-Type": MANIFEST_TYPE}
    )
    if answer.status not in {200, 201}:
        raise _refused(f"the manifest of {repository.name}:{tag}", answer)
    return answer.headers.get("docker-content-digest") or digest_of(image.manifest)


def _push_blob(repository: Repository, content: bytes | IO[bytes], digest: str, size: int, kind: str) -> None:
    if _ask(repository, "HEAD", repository.url(f"blobs/{digest}")).status == 200:  # noqa: PLR2004 (it is there)
        return
    begun = _ask(repository, "POST", repository.url("blobs/uploads/"), b"", {"Content-Length": "0"})
    location = begun.headers.get("location")
    if begun.status != 202 or not location:  # noqa: PLR2004 (upload begun)
        raise _refused(f"an upload to {repository.name}", begun)
    target = urljoin(repository.base, location)
    target += ("&" if urlsplit(target).query else "?") + urlencode({"digest": digest})
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
    done = _ask(repository, "PUT", target, content, headers)
    if done.status not in {201, 204}:
        raise _refused(f"a blob ({kind}) of {repository.name}", done)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


def _ask(
    repository: Repository,
    method: str,
    url: str,
    body: bytes | IO[bytes] | None = None,
    headers: Mapping[str, str] | None = None,
) -> _Answer:
    address = urlsplit(url)
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = kind(address.hostname or "", address.port, timeout=TIMEOUT_SECONDS)
    sent = dict(headers or {})
    # The token is for this registry only: an upload may be sent on to a storage of its own.
    if repository.authorization and urlsplit(repository.base).netloc == address.netloc:
        sent["Authorization"] = repository.authorization
    try:
        path = f"{address.path}?{address.query}" if address.query else address.path
        connection.request(method, path, body=body, headers=sent)
        answer = connection.getresponse()
        return _Answer(
            status=answer.status, headers={name.lower(): value for name, value in answer.getheaders()}, body=answer.read()
        )
    except (OSError, http.client.HTTPException) as error:
        raise PushFailed(f"The registry {repository.base} does not answer: {error}") from error
    finally:
        connection.close()


def _refused(what: str, answer: _Answer) -> PushFailed:
    """The registry's own words. Source: OCI distribution specification, "Error Codes"."""
    try:
        errors: Any = json.loads(answer.body)["errors"]
        told = "; ".join(f"{error.get('code')}: {error.get('message')}" for error in errors)
    except (ValueError, KeyError, TypeError, AttributeError):
        told = answer.body[:200].decode(errors="replace")
    return PushFailed(f"The registry refused {what} (HTTP {answer.status}): {told or 'no reason given'}")
