"""The distribution protocol, request by request, on the ASGI application in process."""

import asyncio
import base64
import hashlib
import json
import tracemalloc
from collections.abc import AsyncIterator, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ninelives.registry import Registry, registry_app

OCI_IMAGE = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_IMAGE = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
MISSING = f"sha256:{'0' * 64}"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(frozen=True)
class Answered:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def error(self) -> tuple[int, str]:
        """Status and error code."""
        return self.status, json.loads(self.body)["errors"][0]["code"]

    @property
    def message(self) -> str:
        return str(json.loads(self.body)["errors"][0]["message"])


class Client:
    def __init__(self, registry: Registry) -> None:
        self._app = registry_app(registry)

    def __call__(self, method: str, url: str, body: bytes = b"", **headers: str) -> Answered:
        return asyncio.run(self.send(method, url, [body], breaks_off=False, **headers))

    async def send(
        self, method: str, url: str, pieces: Iterable[bytes], *, breaks_off: bool = False, **headers: str
    ) -> Answered:
        """Send the body in pieces; with ``breaks_off`` go away after the last one, before the body is whole."""
        path, _, query = url.partition("?")
        sent = _messages(pieces, breaks_off=breaks_off)
        got: list[MutableMapping[str, Any]] = []

        async def take(message: MutableMapping[str, Any]) -> None:
            await asyncio.sleep(0)
            got.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        }
        await self._app(scope, lambda: anext(sent), take)
        if not got:
            return Answered(0, {}, b"")
        return Answered(
            got[0]["status"],
            {name.decode(): value.decode() for name, value in got[0]["headers"]},
            b"".join(message["body"] for message in got[1:]),
        )

    def push_blob(self, content: bytes, *, name: str = "cats") -> str:
        digest = digest_of(content)
        assert self("POST", f"/v2/{name}/blobs/uploads/?digest={digest}", content).status == 201
        return digest

    def push_image(self, *layers: bytes, tag: str = "1", name: str = "cats", kind: str = OCI_IMAGE) -> str:
        """Push an image; its digest."""
        content = self.manifest(*layers, name=name, kind=kind)
        answered = self("PUT", f"/v2/{name}/manifests/{tag}", content, content_type=kind)
        assert answered.status == 201, answered
        return answered.headers["docker-content-digest"]

    def manifest(self, *layers: bytes, name: str = "cats", kind: str = OCI_IMAGE, push: bool = True) -> bytes:
        config = b"{}"
        if push:
            for content in (config, *layers):
                self.push_blob(content, name=name)
        parts = [{"mediaType": "any", "digest": digest_of(one), "size": len(one)} for one in (config, *layers)]
        return json.dumps({"schemaVersion": 2, "mediaType": kind, "config": parts[0], "layers": parts[1:]}).encode()


async def _messages(pieces: Iterable[bytes], *, breaks_off: bool) -> AsyncIterator[MutableMapping[str, Any]]:
    for piece in pieces:
        yield {"type": "http.request", "body": piece, "more_body": True}
    yield {"type": "http.disconnect"} if breaks_off else {"type": "http.request", "body": b"", "more_body": False}


@pytest.fixture
def client(registry: Registry) -> Client:
    return Client(registry)


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 200),
        (basic("AWS:token"), 200),
        (basic("AWS:"), 401),
        (basic("root:token"), 401),
        ("Basic *", 401),
        ("Bearer token", 401),
    ],
)
def test_the_version_check_takes_nobody_and_aws(client: Client, authorization: str | None, status: int) -> None:
    answered = client("GET", "/v2/") if authorization is None else client("GET", "/v2/", authorization=authorization)

    assert answered.status == status
    assert answered.headers["docker-distribution-api-version"] == "registry/2.0"
    assert ("www-authenticate" in answered.headers) == (status == 401)


def test_a_blob_comes_back_as_it_was_pushed_in_chunks(client: Client) -> None:
    content = b"meow" * 1000
    begun = client("POST", "/v2/cats/blobs/uploads/")
    location = begun.headers["location"]
    first = client("PATCH", location, content[:1500], content_range="0-1499")
    status = client("GET", location)
    second = client("PATCH", first.headers["location"], content[1500:3000], content_range="1500-2999")
    done = client("PUT", f"{second.headers['location']}?digest={digest_of(content)}", content[3000:])

    assert [begun.status, first.status, status.status, second.status, done.status] == [202, 202, 204, 202, 201]
    assert status.headers["range"] == "0-1499"
    got = client("GET", done.headers["location"])
    assert got.body == content
    assert got.headers["docker-content-digest"] == digest_of(content)
    head = client("HEAD", done.headers["location"])
    assert (head.status, head.headers["content-length"], head.body) == (200, "4000", b"")
    assert client("GET", location).error == (404, "BLOB_UPLOAD_UNKNOWN")


@pytest.mark.parametrize(
    ("wanted", "status", "body", "content_range"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=8-", 206, b"89", "bytes 8-9/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=-99", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=0-1,4-5", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
    ],
)
def test_ranges_of_a_blob(client: Client, wanted: str, status: int, body: bytes, content_range: str | None) -> None:
    digest = client.push_blob(b"0123456789")

    answered = client("GET", f"/v2/cats/blobs/{digest}", range=wanted)

    assert (answered.status, answered.body, answered.headers.get("content-range")) == (status, body, content_range)


@pytest.mark.parametrize("wanted", ["bytes=10-", "bytes=7-3"])
def test_a_range_outside_of_a_blob_is_refused(client: Client, wanted: str) -> None:
    digest = client.push_blob(b"0123456789")

    answered = client("GET", f"/v2/cats/blobs/{digest}", range=wanted)

    assert (answered.status, answered.headers["content-range"]) == (416, "bytes */10")


def test_an_empty_blob_is_a_blob(client: Client) -> None:
    digest = client.push_blob(b"")

    assert client("GET", f"/v2/cats/blobs/{digest}").body == b""


def test_a_part_that_does_not_follow_is_refused_and_changes_nothing(client: Client) -> None:
    location = client("POST", "/v2/cats/blobs/uploads/").headers["location"]
    client("PATCH", location, b"0123", content_range="0-3")

    refused = client("PATCH", location, b"6789", content_range="6-9")

    assert refused.error == (416, "BLOB_UPLOAD_INVALID")
    assert refused.headers["range"] == "0-3"
    assert client("PUT", f"{location}?digest={digest_of(b'0123')}").status == 201


def test_a_wrong_digest_is_refused_and_no_blob_appears(client: Client, registry: Registry) -> None:
    location = client("POST", "/v2/cats/blobs/uploads/").headers["location"]

    refused = client("PUT", f"{location}?digest={MISSING}", b"something else")

    assert refused.error == (400, "DIGEST_INVALID")
    assert client("GET", f"/v2/cats/blobs/{MISSING}").error == (404, "BLOB_UNKNOWN")
    assert client("GET", location).error == (404, "BLOB_UPLOAD_UNKNOWN")
    assert not list(registry._files.digests())


def test_an_upload_that_broke_off_can_go_on_from_where_it_was(client: Client) -> None:
    location = client("POST", "/v2/cats/blobs/uploads/").headers["location"]
    asyncio.run(client.send("PATCH", location, [b"01", b"23"], breaks_off=True))

    assert client("GET", location).headers["range"] == "0-3"
    assert client("PUT", f"{location}?digest={digest_of(b'01234567')}", b"4567").status == 201


def test_a_whole_upload_in_one_request_that_breaks_off_leaves_nothing(client: Client, registry: Registry) -> None:
    digest = digest_of(b"0123")
    asyncio.run(client.send("POST", f"/v2/cats/blobs/uploads/?digest={digest}", [b"0123"], breaks_off=True))

    assert client("HEAD", f"/v2/cats/blobs/{digest}").status == 404
    assert not registry._uploads


def test_a_cancelled_upload_is_gone(client: Client) -> None:
    location = client("POST", "/v2/cats/blobs/uploads/").headers["location"]

    assert client("DELETE", location).status == 204
    assert client("PATCH", location, b"x").error == (404, "BLOB_UPLOAD_UNKNOWN")


def test_a_blob_of_one_repository_is_not_anothers_until_it_is_mounted(client: Client) -> None:
    digest = client.push_blob(b"shared")
    there = f"/v2/team/dogs/blobs/{digest}"

    assert client("HEAD", there).status == 404
    assert client("POST", f"/v2/team/dogs/blobs/uploads/?mount={digest}&from=nowhere").status == 202
    mounted = client("POST", f"/v2/team/dogs/blobs/uploads/?mount={digest}&from=cats")
    assert (mounted.status, mounted.headers["location"]) == (201, there)
    assert client("GET", there).body == b"shared"


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("POST", "/v2/lions/blobs/uploads/"),
        ("GET", f"/v2/lions/blobs/{MISSING}"),
        ("GET", "/v2/lions/manifests/1"),
        ("PUT", "/v2/lions/manifests/1"),
        ("GET", "/v2/lions/tags/list"),
    ],
)
def test_a_repository_that_was_not_made_is_unknown_in_ecrs_words(client: Client, method: str, url: str) -> None:
    refused = client(method, url)

    assert refused.error == (404, "NAME_UNKNOWN")
    assert refused.message == "The repository with name 'lions' does not exist in the registry with id '111122223333'"


@pytest.mark.parametrize("kind", [OCI_IMAGE, DOCKER_IMAGE])
def test_an_image_comes_back_by_tag_and_by_digest_byte_for_byte(client: Client, kind: str) -> None:
    content = client.manifest(b"layer", kind=kind).replace(b'"config"', b'  "config"')
    put = client("PUT", "/v2/cats/manifests/2.0.1", content, content_type=f"{kind}; charset=utf-8")

    assert (put.status, put.headers["docker-content-digest"]) == (201, digest_of(content))
    for reference in ("2.0.1", digest_of(content)):
        got = client("GET", f"/v2/cats/manifests/{reference}")
        assert (got.body, got.headers["content-type"]) == (content, kind)
        head = client("HEAD", f"/v2/cats/manifests/{reference}")
        assert (head.headers["docker-content-digest"], head.headers["content-length"]) == (
            digest_of(content),
            str(len(content)),
        )


@pytest.mark.parametrize("kind", [OCI_INDEX, DOCKER_LIST])
def test_a_list_of_images_needs_its_images(client: Client, kind: str) -> None:
    child = client.push_image(b"layer", tag="amd64")
    parts = [{"mediaType": OCI_IMAGE, "digest": digest, "size": 3} for digest in (child, MISSING)]
    whole, lacking = ({"schemaVersion": 2, "mediaType": kind, "manifests": some} for some in (parts[:1], parts))

    refused = client("PUT", "/v2/cats/manifests/all", json.dumps(lacking).encode(), content_type=kind)
    assert refused.error == (400, "MANIFEST_BLOB_UNKNOWN")
    assert MISSING in refused.message
    assert client("PUT", "/v2/cats/manifests/all", json.dumps(whole).encode(), content_type=kind).status == 201
    assert client("DELETE", f"/v2/cats/manifests/{child}").error == (403, "DENIED")


def test_an_image_needs_its_layers(client: Client) -> None:
    refused = client("PUT", "/v2/cats/manifests/1", client.manifest(b"never pushed", push=False), content_type=OCI_IMAGE)

    assert refused.error == (400, "MANIFEST_BLOB_UNKNOWN")
    assert digest_of(b"never pushed") in refused.message
    assert client("GET", "/v2/cats/manifests/1").error == (404, "MANIFEST_UNKNOWN")


@pytest.mark.parametrize(
    ("content", "kind", "error"),
    [
        (b"no JSON", OCI_IMAGE, (400, "MANIFEST_INVALID")),
        (b"[]", OCI_IMAGE, (400, "MANIFEST_INVALID")),
        (b'{"schemaVersion": 1}', OCI_IMAGE, (400, "MANIFEST_INVALID")),
        (b'{"schemaVersion": 2, "layers": []}', OCI_IMAGE, (400, "MANIFEST_INVALID")),
        (b'{"schemaVersion": 2, "manifests": []}', "text/plain", (400, "MANIFEST_INVALID")),
        (b'{"schemaVersion": 2, "mediaType": "%s"}' % DOCKER_IMAGE.encode(), OCI_IMAGE, (400, "MANIFEST_INVALID")),
        (b'{"schemaVersion": 2, "manifests": [{"digest": "md5:1", "size": 1}]}', OCI_INDEX, (400, "MANIFEST_INVALID")),
        (b" " * (4 * 1024 * 1024 + 1), OCI_IMAGE, (413, "MANIFEST_INVALID")),
    ],
)
def test_what_is_no_manifest_is_refused(client: Client, content: bytes, kind: str, error: tuple[int, str]) -> None:
    assert client("PUT", "/v2/cats/manifests/1", content, content_type=kind).error == error


@pytest.mark.parametrize(
    ("reference", "error"),
    [
        (MISSING, (400, "DIGEST_INVALID")),
        ("sha256:short", (400, "DIGEST_INVALID")),
        ("-tag", (400, "TAG_INVALID")),
        ("t" * 129, (400, "TAG_INVALID")),
    ],
)
def test_a_reference_that_is_none_or_another_is_refused(client: Client, reference: str, error: tuple[int, str]) -> None:
    content = client.manifest(b"layer")

    assert client("PUT", f"/v2/cats/manifests/{reference}", content, content_type=OCI_IMAGE).error == error


def test_an_immutable_tag_stays_where_it_is(client: Client, registry: Registry) -> None:
    first = client.push_image(b"first", tag="2.0.1")
    registry.change_repository(replace(registry.repository("cats"), tag_mutability="IMMUTABLE"))

    refused = client("PUT", "/v2/cats/manifests/2.0.1", client.manifest(b"second"), content_type=OCI_IMAGE)

    assert refused.error == (400, "TAG_INVALID")
    assert refused.message == (
        "The image tag '2.0.1' already exists in the 'cats' repository and cannot be overwritten because the tag is immutable."
    )
    assert client("HEAD", "/v2/cats/manifests/2.0.1").headers["docker-content-digest"] == first
    assert client("HEAD", f"/v2/cats/manifests/{digest_of(client.manifest(b'second'))}").status == 404


def test_a_mutable_tag_moves_and_the_same_push_again_is_a_success(client: Client) -> None:
    first = client.push_image(b"first", tag="latest")
    second = client.push_image(b"second", tag="latest")

    assert client.push_image(b"second", tag="latest") == second
    assert client("HEAD", "/v2/cats/manifests/latest").headers["docker-content-digest"] == second
    assert client("HEAD", f"/v2/cats/manifests/{first}").status == 200


def test_deleting_a_tag_leaves_the_image_and_deleting_the_digest_takes_all(client: Client) -> None:
    digest = client.push_image(b"layer", tag="1")
    client.push_image(b"layer", tag="2")

    assert client("DELETE", "/v2/cats/manifests/1").status == 202
    assert json.loads(client("GET", "/v2/cats/tags/list").body) == {"name": "cats", "tags": ["2"]}
    assert client("DELETE", f"/v2/cats/manifests/{digest}").status == 202
    assert client("GET", "/v2/cats/manifests/2").error == (404, "MANIFEST_UNKNOWN")
    assert client("DELETE", f"/v2/cats/manifests/{digest}").error == (404, "MANIFEST_UNKNOWN")


def test_tags_and_repositories_come_in_pages_that_link_to_the_next(client: Client) -> None:
    for tag in ("b", "c", "a"):
        client.push_image(b"layer", tag=tag)

    first = client("GET", "/v2/cats/tags/list?n=2")
    link = first.headers["link"].removeprefix("<").partition(">")[0]

    assert json.loads(first.body)["tags"] == ["a", "b"]
    second = client("GET", link)
    assert json.loads(second.body)["tags"] == ["c"]
    assert "link" not in second.headers
    assert json.loads(client("GET", "/v2/_catalog?n=1").body) == {"repositories": ["cats"]}
    assert json.loads(client("GET", "/v2/_catalog?n=1&last=cats").body) == {"repositories": ["team/dogs"]}
    assert client("GET", "/v2/cats/tags/list?n=x").error == (400, "PAGINATION_NUMBER_INVALID")


def test_what_refers_to_an_image_is_listed_by_artifact_type(client: Client) -> None:
    subject = client.push_image(b"layer")
    document = json.loads(client.manifest(b"signature")) | {
        "subject": {"mediaType": OCI_IMAGE, "digest": subject, "size": 1},
        "artifactType": "application/signature",
        "annotations": {"by": "cats"},
    }
    content = json.dumps(document).encode()

    put = client("PUT", f"/v2/cats/manifests/{digest_of(content)}", content, content_type=OCI_IMAGE)

    assert put.headers["oci-subject"] == subject
    expected = {
        "mediaType": OCI_IMAGE,
        "digest": digest_of(content),
        "size": len(content),
        "artifactType": "application/signature",
        "annotations": {"by": "cats"},
    }
    assert json.loads(client("GET", f"/v2/cats/referrers/{subject}").body)["manifests"] == [expected]
    assert json.loads(client("GET", f"/v2/cats/referrers/{subject}?artifactType=other").body)["manifests"] == []
    assert json.loads(client("GET", f"/v2/cats/referrers/{MISSING}").body)["manifests"] == []


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [("GET", "/v2/cats/nothing", 404), ("POST", "/v2/", 405), ("PATCH", "/v2/cats/manifests/1", 405)],
)
def test_what_is_not_there_says_so_in_the_protocols_form(client: Client, method: str, url: str, status: int) -> None:
    assert client(method, url).error == (status, "UNSUPPORTED")


def test_pushes_at_the_same_time_do_not_mix(client: Client) -> None:
    contents = [bytes([number]) * 300_000 for number in range(8)]

    async def push(content: bytes) -> int:
        location = (await client.send("POST", "/v2/cats/blobs/uploads/", [b""])).headers["location"]
        pieces = [content[start : start + 65536] for start in range(0, len(content), 65536)]
        await client.send("PATCH", location, pieces)
        return (await client.send("PUT", f"{location}?digest={digest_of(content)}", [b""])).status

    async def push_all() -> list[int]:
        return await asyncio.gather(*(push(content) for content in [*contents, contents[0]]))

    assert asyncio.run(push_all()) == [201] * 9
    for content in contents:
        assert client("GET", f"/v2/cats/blobs/{digest_of(content)}").body == content


def test_two_requests_do_not_write_to_one_upload_at_the_same_time(client: Client) -> None:
    location = client("POST", "/v2/cats/blobs/uploads/").headers["location"]

    async def both() -> list[int]:
        answers = await asyncio.gather(*(client.send("PATCH", location, [b"x" * 2_000_000]) for _ in range(2)))
        return sorted(answer.status for answer in answers)

    assert asyncio.run(both()) == [202, 416]


def test_a_blob_is_never_whole_in_memory(client: Client) -> None:
    piece, count = b"\0" * 65536, 1024
    whole = hashlib.sha256()
    for _ in range(count):
        whole.update(piece)
    digest = f"sha256:{whole.hexdigest()}"

    async def push_and_pull() -> int:
        await client.send("POST", f"/v2/cats/blobs/uploads/?digest={digest}", (piece for _ in range(count)))
        length = 0

        async def take(message: MutableMapping[str, Any]) -> None:
            nonlocal length
            length += len(message.get("body", b""))

        scope = {"type": "http", "method": "GET", "path": f"/v2/cats/blobs/{digest}", "query_string": b"", "headers": []}
        await client._app(scope, lambda: anext(_messages([], breaks_off=True)), take)
        return length

    tracemalloc.start()
    try:
        length = asyncio.run(push_and_pull())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert length == 64 * 1024 * 1024
    assert peak < 8 * 1024 * 1024


def test_numbers_longer_than_any_are_no_fault_of_ours(client: Client) -> None:
    digest = client.push_blob(b"0123456789")
    location = client("POST", "/v2/cats/blobs/uploads/").headers["location"]
    number = "9" * 5000

    pages = [client("GET", f"/v2/cats/tags/list?n={one}").error for one in (number, "-1", "٣", "")]
    ranged = client("GET", f"/v2/cats/blobs/{digest}", range=f"bytes={number}-")
    part = client("PATCH", location, b"part", content_range=f"0-{number}")

    assert set(pages) == {(400, "PAGINATION_NUMBER_INVALID")}
    assert (ranged.status, ranged.body) == (200, b"0123456789")
    assert part.status == 202
