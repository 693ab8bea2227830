"""What registries and package indexes are asked, and how: the region's own registry, and indexes that answer as published."""

import json
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

sys.path.append(str(Path(__file__).parents[1] / "deploy"))

from served_registry import served

from ninelives.insight.maintenance.base_images import Published, read_base_image
from ninelives.insight.maintenance.image_checks import Sources, examine
from ninelives.insight.maintenance.locked_packages import Ecosystem, Package
from ninelives.insight.maintenance.published import Unanswered, Web, look_up, published, versions_of

WEB = Web(timeout=5)
NOWHERE = "127.0.0.1:9"
"""The discard port: nobody listens there."""


@dataclass
class Site:
    """What a small web server answers, by path; what it was asked is kept."""

    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    host: str = ""

    def says(self, path: str, body: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers[path] = (status, dict(headers or {}), content)


@pytest.fixture
def site() -> Iterator[Site]:
    with a_site() as one:
        yield one


@contextmanager
def a_site() -> Iterator[Site]:
    one = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            one.asked.append((self.command, self.path, {name.lower(): value for name, value in self.headers.items()}))
            status, headers, body = one.answers.get(self.path) or one.answers.get(urlsplit(self.path).path) or (404, {}, b"")
            wants_token = "www-authenticate" in headers
            if wants_token and self.headers.get("Authorization") == "Bearer secret":
                status, headers = 200, {}
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    one.host = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield one
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


CONFIGURATION = b"{}"


def put(registry_uri: str, tag: str, note: str) -> str:
    """Push a manifest without layers under a tag; its digest."""
    import urllib.request

    host, _, name = registry_uri.partition("/")
    base = f"http://{host}/v2/{name}"
    digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    upload = urllib.request.Request(f"{base}/blobs/uploads/?digest={digest}", data=CONFIGURATION, method="POST")
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(upload).close()
    kind = "application/vnd.oci.image.manifest.v1+json"
    document = {
        "schemaVersion": 2,
        "mediaType": kind,
        "config": {"mediaType": "application/any", "digest": digest, "size": len(CONFIGURATION)},
        "layers": [],
        "annotations": {"note": note},
    }
    asked = urllib.request.Request(
        f"{base}/manifests/{tag}", data=json.dumps(document).encode(), method="PUT", headers={"content-type": kind}
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked) as answer:
        return str(answer.headers["docker-content-digest"])


def test_a_registry_tells_its_tags_and_a_tags_digest(tmp_path: Path) -> None:
    with served(tmp_path) as registry:
        digest = put(registry.uri, "3.4.5-slim", "a")
        put(registry.uri, "3.4.6-slim", "b")

        assert published(read_base_image(f"{registry.uri}:3.4.5-slim"), WEB) == Published(
            tags=("3.4.5-slim", "3.4.6-slim"), digest=digest
        )
        assert published(read_base_image(f"{registry.uri}:gone"), WEB).digest is None
        with pytest.raises(Unanswered, match="404"):
            published(read_base_image(f"{registry.uri}s:1"), WEB)


def test_an_image_on_an_outdated_base_is_told_with_what_to_take(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    with served(tmp_path / "registry") as registry:
        old = put(registry.uri, "3.4.5-slim", "a")
        put(registry.uri, "3.4.6-slim", "b")
        (project / "Dockerfile").write_text(f'FROM {registry.uri}:3.4.5-slim@{old}\nUSER cats\nCMD ["puma"]\n')
        (project / ".dockerignore").write_text(".git\n")
        sources = Sources(folder=project, dockerfile="Dockerfile", arguments={}, port=4567)

        (found,) = examine(sources, date(2026, 11, 27), WEB)

    assert found.check == "base-image-outdated"
    assert "cats:3.4.5-slim has a newer patch release, 3.4.6-slim" in found.what
    assert found.where == "Dockerfile:1"


def test_an_anonymous_token_is_got_where_the_registry_says_and_sent_to_it_alone(site: Site) -> None:
    challenge = f'Bearer realm="http://{site.host}/token",service="registry",scope="repository:library/ruby:pull"'
    for path in ("/v2/library/ruby/tags/list", "/v2/library/ruby/manifests/3.4"):
        headers = {"www-authenticate": challenge, "docker-content-digest": "sha256:aa"}
        site.says(path, {"tags": ["3.4", "3.5"]}, status=401, headers=headers)
    site.says("/token", {"token": "secret"})

    found = published(read_base_image(f"{site.host}/library/ruby:3.4"), WEB)

    assert found.tags == ("3.4", "3.5")
    token = next(path for _, path, _ in site.asked if path.startswith("/token"))
    assert "scope=repository%3Alibrary%2Fruby%3Apull" in token
    assert sum(path.startswith("/token") for _, path, _ in site.asked) == 1
    assert [method for method, path, _ in site.asked if "/manifests/" in path] == ["HEAD"]


def test_tags_are_read_page_by_page(site: Site) -> None:
    path = "/v2/cats/tags/list"
    site.says(f"{path}?n=1000", {"tags": ["1"]}, headers={"link": f'<{path}?last=1&n=1000>; rel="next"'})
    site.says(f"{path}?last=1&n=1000", {"tags": ["2"]})
    site.says("/v2/cats/manifests/1", {})

    assert published(read_base_image(f"{site.host}/cats:1"), WEB).tags == ("1", "2")


@pytest.mark.parametrize("challenge", ['Basic realm="x"', 'Bearer realm="http://elsewhere.example/token"', ""])
def test_a_registry_that_wants_a_login_is_said_so_and_nobody_else_is_asked(site: Site, challenge: str) -> None:
    site.says("/v2/cats/tags/list", {}, status=401, headers={"www-authenticate": challenge})

    with pytest.raises(Unanswered, match="wants a login"):
        published(read_base_image(f"{site.host}/cats:1"), WEB)


def package(ecosystem: Ecosystem, name: str, index: str, version: str = "1.0.0") -> Package:
    return Package(ecosystem=ecosystem, name=name, version=version, index=index)


def test_gems_are_read_from_the_compact_index(site: Site) -> None:
    """Source: RubyGems guides, "Compact Index API": a line a version, its platform after a hyphen."""
    lines = [
        "---",
        "1.0.0 |checksum:aa",
        "1.1.0 rack:>= 2&< 4|checksum:bb,ruby:>= 3.0",
        "1.1.0-java rack:>= 2|checksum:cc",
        "2.0.0.rc1 |checksum:dd,rubygems:> 1.3.1",
    ]
    site.says("/info/puma", "\n".join(lines).encode())

    assert versions_of(package(Ecosystem.RUBYGEMS, "puma", f"http://{site.host}"), WEB) == [
        "1.0.0", "1.1.0", "1.1.0", "2.0.0.rc1",
    ]  # fmt: skip


def test_python_packages_are_read_from_the_simple_index_without_what_was_yanked(site: Site) -> None:
    """Source: PEP 691, PEP 700 (``versions``), PEP 592 (``yanked``)."""
    files = [
        {"filename": "Flask_Thing-1.0-py3-none-any.whl", "yanked": False},
        {"filename": "flask_thing-1.1.tar.gz", "yanked": "broken"},
        {"filename": "flask_thing-1.2.tar.gz"},
    ]
    site.says("/simple/flask-thing/", {"versions": ["1.0", "1.1", "1.2"], "files": files})

    assert versions_of(package(Ecosystem.PYPI, "Flask.Thing", f"http://{site.host}/simple"), WEB) == ["1.0", "1.2"]
    assert site.asked[0][2]["accept"] == "application/vnd.pypi.simple.v1+json"


def test_npm_packages_are_read_by_their_tag_latest(site: Site) -> None:
    site.says("/@team%2Fown", {"dist-tags": {"latest": "2.0.0", "next": "3.0.0"}})

    assert versions_of(package(Ecosystem.NPM, "@team/own", f"http://{site.host}"), WEB) == ["2.0.0"]


def test_an_index_that_does_not_answer_is_asked_once() -> None:
    silent = [package(Ecosystem.NPM, name, f"http://{NOWHERE}") for name in ("a", "b", "c")]

    looked = look_up(silent, WEB)

    assert looked.known == ()
    assert looked.unanswered is not None
    assert NOWHERE in looked.unanswered


@pytest.mark.parametrize("place", [NOWHERE, "[::1", "gems..example", "gems.example:port", None])
def test_what_an_address_has_of_secrets_is_neither_sent_nor_told(site: Site, place: str | None) -> None:
    index = f"http://team:hidden@{place or site.host}/hidden-token/simple"

    looked = look_up([package(Ecosystem.PYPI, "own", index)], WEB)

    assert looked.unanswered is not None
    assert "hidden" not in looked.unanswered
    assert all("authorization" not in headers for _, _, headers in site.asked)
    assert len(site.asked) == (place is None)


def test_a_package_that_is_not_there_does_not_hide_the_others(site: Site) -> None:
    site.says("/a", {"dist-tags": {"latest": "2.0.0"}})
    site.says("/c", b"no JSON")
    index = f"http://{site.host}"

    looked = look_up([package(Ecosystem.NPM, name, index) for name in ("a", "b", "c")], WEB)

    assert [(one.name, versions) for one, versions in looked.known] == [("a", ["2.0.0"])]
    assert looked.unanswered is not None
    assert "404" in looked.unanswered


def test_without_a_network_the_rest_is_examined_and_what_was_not_is_said(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f'FROM {NOWHERE}/ruby:3.1.0-bullseye@sha256:aa\nUSER cats\nCMD ["puma"]\n')
    (tmp_path / ".dockerignore").write_text("")
    (tmp_path / "Gemfile.lock").write_text(
        f"GEM\n  remote: http://{NOWHERE}/\n  specs:\n    puma (6.4.0)\n\nDEPENDENCIES\n  puma\n"
    )
    sources = Sources(folder=tmp_path, dockerfile="Dockerfile", arguments={})

    online = [one.check for one in examine(sources, date(2026, 11, 27), WEB)]
    offline = [one.check for one in examine(sources, date(2026, 11, 27), None)]

    assert online == ["end-of-life", "end-of-life", "not-looked-at", "not-looked-at"]
    assert offline == ["end-of-life", "end-of-life"]
