"""Asks registries and package indexes what they have: over HTTP, anonymously, with time-outs. What cannot be asked is data.

Source: OCI distribution specification 1.1, "Listing Tags", "Checking if content exists"; Docker Registry, "Token
authentication"; RubyGems guides, "Compact Index API"; Python packaging, "Simple repository API" (JSON, PEP 691 and 700); npm,
"Package metadata".
"""

import http.client
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from ninelives.insight.maintenance.base_images import BaseImage, Published
from ninelives.insight.maintenance.locked_packages import Ecosystem, Package

TIMEOUT_SECONDS: Final = 5.0
PAGES_MAX: Final = 30
"""Of tags, a thousand each."""
BYTES_MAX: Final = 32 * 1024 * 1024
THREADS: Final = 8
MANIFEST_TYPES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
MANIFESTS: Final = ", ".join(MANIFEST_TYPES)
UNAUTHORIZED: Final = 401
NOT_FOUND: Final = 404
LOOPBACK: Final = re.compile(r"(127\.\d+\.\d+\.\d+|localhost|\[::1\])(:\d+)?")


class Unanswered(Exception):
    """Somebody could not be asked, or would not tell. The text says why, in a few words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class Web:
    """HTTP with a time-out; no proxy leads to this machine."""

    def __init__(self, timeout: float = TIMEOUT_SECONDS) -> None:
        self._timeout = timeout

    def ask(self, url: str, headers: Mapping[str, str], *, method: str = "GET") -> Answer:
        """Raises ``Unanswered`` where nothing comes; a refusal is an answer.

        A name and password in an address are neither sent nor told: nothing of ``url`` but its host is in a message.
        """
        host = host_of(url)
        bare = urllib.parse.urlunsplit(urllib.parse.urlsplit(url)._replace(netloc=host))
        own = [urllib.request.ProxyHandler({})] if LOOPBACK.fullmatch(host) else []
        asked = urllib.request.Request(bare, method=method)  # noqa: S310 (http or https, as was just checked)
        for name, value in headers.items():
            asked.add_unredirected_header(name, value)
        try:
            with urllib.request.build_opener(*own).open(asked, timeout=self._timeout) as response:
                return Answer(status=response.status, headers=_lower(response.headers), body=response.read(BYTES_MAX))
        except urllib.error.HTTPError as refused:
            with refused:
                return Answer(status=refused.code, headers=_lower(refused.headers), body=b"")
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "reason", error)
            said = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
            raise Unanswered(f"{host} does not answer ({said})") from None


def host_of(url: str) -> str:
    """Host and port of an address, without a name and password. Raises ``Unanswered`` for what is no address of the web.

    >>> host_of("https://team:secret@gems.example:8443/private")
    'gems.example:8443'
    """
    try:
        address = urllib.parse.urlsplit(url)
    except ValueError:
        raise Unanswered("an index has an address that is none of the web") from None
    if address.scheme not in {"http", "https"}:
        raise Unanswered("an index has an address that is none of the web")
    return address.netloc.rpartition("@")[2]


def _lower(headers: Any) -> dict[str, str]:
    return {str(name).lower(): str(value) for name, value in headers.items()}


def published(image: BaseImage, web: Web) -> Published:
    """All tags of an image's repository, and the digest of its tag. Raises ``Unanswered``."""
    registry = _Registry(image, web)
    return Published(tags=tuple(registry.tags()), digest=registry.digest() if image.tag is not None else None)


class _Registry:
    """One repository of one registry; the token that it asks for is got once."""

    def __init__(self, image: BaseImage, web: Web) -> None:
        self._image = image
        self._web = web
        self._base = f"{'http' if LOOPBACK.fullmatch(image.registry) else 'https'}://{image.registry}"
        self._authorization: dict[str, str] = {}

    def tags(self) -> list[str]:
        url, found = f"{self._base}/v2/{self._image.repository}/tags/list?n=1000", list[str]()
        for _ in range(PAGES_MAX):
            answer = self._asked(url)
            found += _json(answer, url).get("tags") or ()
            further = re.search(r'<([^>]+)>\s*;\s*rel="?next"?', answer.headers.get("link", ""))
            if further is None:
                return found
            url = urllib.parse.urljoin(url, further[1])
        return found

    def digest(self) -> str | None:
        url = f"{self._base}/v2/{self._image.repository}/manifests/{urllib.parse.quote(str(self._image.tag))}"
        answer = self._asked(url, method="HEAD", missing=True)
        return None if answer.status == NOT_FOUND else answer.headers.get("docker-content-digest")

    def _asked(self, url: str, *, method: str = "GET", missing: bool = False) -> Answer:
        answer = self._web.ask(url, {"Accept": MANIFESTS, **self._authorization}, method=method)
        if answer.status == UNAUTHORIZED and not self._authorization:
            self._authorization = self._token(answer.headers.get("www-authenticate", ""))
            answer = self._web.ask(url, {"Accept": MANIFESTS, **self._authorization}, method=method)
        if answer.status == http.client.OK or (missing and answer.status == NOT_FOUND):
            return answer
        raise Unanswered(f"{self._image.registry} answers {answer.status} for {self._image.repository}")

    def _token(self, challenge: str) -> dict[str, str]:
        """An anonymous token, as the challenge says where. Raises ``Unanswered`` where one must log in."""
        scheme, _, rest = challenge.partition(" ")
        said = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        if scheme.lower() != "bearer" or not said.get("realm", "").startswith(("https://", "http://127.0.0.1:")):
            raise Unanswered(f"{self._image.registry} wants a login")
        query = urllib.parse.urlencode({name: said[name] for name in ("service", "scope") if name in said})
        url = f"{said['realm']}?{query}"
        body = _json(self._web.ask(url, {}), url)
        return {"Authorization": f"Bearer {body.get('token') or body.get('access_token')}"}


def versions_of(package: Package, web: Web) -> list[str]:
    """All versions of a package that its index has and that were not taken back. Raises ``Unanswered``."""
    return _READERS[package.ecosystem](package, web)


def _gem(package: Package, web: Web) -> list[str]:
    """A line for each version: its number, its platform after a hyphen, a space, and what it needs."""
    url = f"{package.index}/info/{urllib.parse.quote(package.name)}"
    lines = _ok(web.ask(url, {}), url).decode(errors="replace").splitlines()
    return [found[1] for line in lines if (found := re.match(r"(\d[^\s-]*)(?:-\S+)? ", line))]


def _python(package: Package, web: Web) -> list[str]:
    """The versions of which a file is there that was not yanked."""
    name = re.sub(r"[-_.]+", "-", package.name).lower()
    url = f"{package.index}/{urllib.parse.quote(name)}/"
    body = _json(web.ask(url, {"Accept": "application/vnd.pypi.simple.v1+json"}), url)
    files = [str(one.get("filename", "")) for one in body.get("files") or () if not one.get("yanked")]
    return [one for one in body.get("versions") or () if any(f"-{one}-" in name or f"-{one}." in name for name in files)]


def _npm(package: Package, web: Web) -> list[str]:
    """The version that `npm install` would take: the tag ``latest``."""
    url = f"{package.index}/{urllib.parse.quote(package.name, safe='@')}"
    body = _json(web.ask(url, {"Accept": "application/vnd.npm.install-v1+json"}), url)
    return [str(body.get("dist-tags", {}).get("latest", ""))]


_READERS: Final[Mapping[Ecosystem, Callable[[Package, Web], list[str]]]] = {
    Ecosystem.RUBYGEMS: _gem,
    Ecosystem.PYPI: _python,
    Ecosystem.NPM: _npm,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What indexes said of packages, and the first reason why one said nothing."""

    known: tuple[tuple[Package, Sequence[str]], ...]
    unanswered: str | None


def look_up(packages: Sequence[Package], web: Web) -> Looked:
    """The versions of each package, several at a time. Where an index does not answer, it is not asked again."""

    def one(package: Package) -> Sequence[str] | Unanswered:
        try:
            return versions_of(package, web)
        except Unanswered as error:
            return error

    if not packages:
        return Looked(known=(), unanswered=None)
    first = one(packages[0])
    if isinstance(first, Unanswered):
        return Looked(known=(), unanswered=str(first))
    with ThreadPoolExecutor(THREADS) as pool:
        answers = [first, *pool.map(one, packages[1:])]
    told = [str(answer) for answer in answers if isinstance(answer, Unanswered)]
    known = tuple((p, found) for p, found in zip(packages, answers, strict=True) if not isinstance(found, Unanswered))
    return Looked(known=known, unanswered=told[0] if told else None)


def _ok(answer: Answer, url: str) -> bytes:
    if answer.status != http.client.OK:
        raise Unanswered(f"{host_of(url)} answers {answer.status}")
    return answer.body


def _json(answer: Answer, url: str) -> Any:
    try:
        found = json.loads(_ok(answer, url))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Unanswered(f"{host_of(url)} answers with something else than JSON")
    return found
