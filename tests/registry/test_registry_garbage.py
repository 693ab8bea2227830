"""What is removed, when, and what a restart finds."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from ninelives.registry import Registry, Repository
from ninelives.registry.errors import UploadNotFound
from ninelives.registry.manifests import OCI_IMAGE, OCI_INDEX
from ninelives.registry.names import digest_of
from ninelives.registry.registry import GRACE

Advance = Callable[[timedelta], None]


def push_blob(registry: Registry, content: bytes, *, name: str = "cats") -> str:
    async def push() -> str:
        upload = registry.begin_upload(name)
        await registry.append(upload, content)
        await registry.finish_upload(upload, digest_of(content))
        return digest_of(content)

    return asyncio.run(push())


def push_image(registry: Registry, *layers: bytes, tag: str | None = None, name: str = "cats") -> str:
    parts = [{"mediaType": "any", "digest": push_blob(registry, one, name=name), "size": len(one)} for one in (b"{}", *layers)]
    content = json.dumps({"schemaVersion": 2, "config": parts[0], "layers": parts[1:]}).encode()
    return registry.put_image(name, content, media_type=OCI_IMAGE, tag=tag).digest


def files(tmp_path: Path) -> set[str]:
    """Digests of the blobs that lie on disk."""
    return {f"sha256:{path.name}" for path in (tmp_path / "registry" / "blobs").glob("sha256/*/*")}


def delete(registry: Registry, digest: str, *, name: str = "cats") -> None:
    registry.delete_image(registry.image(name, digest=digest))


def test_a_deleted_image_takes_the_blobs_that_only_it_named(registry: Registry, tmp_path: Path) -> None:
    first = push_image(registry, b"base", b"first", tag="1")
    push_image(registry, b"base", b"second", tag="2")

    delete(registry, first)

    assert files(tmp_path) == {digest_of(one) for one in (b"{}", b"base", b"second")}
    assert registry.blob_size("cats", digest_of(b"first")) is None


def test_a_blob_stays_while_another_repository_has_it(registry: Registry, tmp_path: Path) -> None:
    first = push_image(registry, b"base", tag="1")
    push_image(registry, b"base", tag="1", name="team/dogs")

    delete(registry, first)

    assert digest_of(b"base") in files(tmp_path)
    assert registry.blob_size("cats", digest_of(b"base")) is None
    assert registry.blob_size("team/dogs", digest_of(b"base")) == 4


def test_a_push_under_way_keeps_its_blobs_for_a_while(registry: Registry, tmp_path: Path, advance: Advance) -> None:
    awaited = push_blob(registry, b"awaits its manifest")
    other = push_image(registry, b"other", tag="1")

    delete(registry, other)
    assert files(tmp_path) == {awaited}

    advance(GRACE + timedelta(seconds=1))
    registry.collect()
    assert not files(tmp_path)


def test_a_blob_that_a_client_was_told_of_is_kept_for_its_manifest(registry: Registry, tmp_path: Path) -> None:
    first = push_image(registry, b"base", tag="1")
    assert registry.blob_size("cats", digest_of(b"base")) == 4  # Another push asks, and will not send it.

    delete(registry, first)

    assert files(tmp_path) == {digest_of(b"base")}
    push_image(registry, tag="2")
    assert registry.find_image("cats", tag="2")


def test_an_image_goes_when_nothing_lists_it_any_more(registry: Registry, tmp_path: Path) -> None:
    child = push_image(registry, b"layer")
    document = {"schemaVersion": 2, "manifests": [{"mediaType": OCI_IMAGE, "digest": child, "size": 1}]}
    index = registry.put_image("cats", json.dumps(document).encode(), media_type=OCI_INDEX, tag="all")
    assert index.size_in_bytes == len(b"{}layer")

    delete(registry, index.digest)
    delete(registry, child)

    assert not files(tmp_path)


def test_a_deleted_repository_takes_its_blobs_and_uploads(registry: Registry, tmp_path: Path) -> None:
    push_image(registry, b"base", b"cats", tag="1")
    push_image(registry, b"base", tag="1", name="team/dogs")
    upload = registry.begin_upload("cats")

    registry.delete_repository("cats", force=True)

    assert files(tmp_path) == {digest_of(one) for one in (b"{}", b"base")}
    assert not list((tmp_path / "registry" / "uploads").iterdir())
    with pytest.raises(UploadNotFound):
        asyncio.run(registry.append(upload, b"too late"))


def test_a_repository_that_goes_while_a_blob_is_kept_leaves_no_file(registry: Registry, tmp_path: Path) -> None:
    async def push() -> tuple[BaseException | None, BaseException | None]:
        upload = registry.begin_upload("cats")
        await registry.append(upload, b"late")

        async def delete_repository() -> None:
            registry.delete_repository("cats")

        return await asyncio.gather(
            registry.finish_upload(upload, digest_of(b"late")), delete_repository(), return_exceptions=True
        )

    finished, deleted = asyncio.run(push())

    assert isinstance(finished, Exception)
    assert deleted is None
    assert not files(tmp_path)


def test_a_silent_upload_ends(registry: Registry, tmp_path: Path, advance: Advance) -> None:
    silent = registry.begin_upload("cats")

    advance(GRACE + timedelta(seconds=1))
    begun = registry.begin_upload("cats")

    assert [path.name for path in (tmp_path / "registry" / "uploads").iterdir()] == [begun.id]
    with pytest.raises(UploadNotFound):
        registry.upload("cats", silent.id)


def test_a_restart_keeps_images_and_forgets_what_was_half_done(
    open_registry: Callable[[], Registry], registry: Registry, tmp_path: Path
) -> None:
    push_image(registry, b"layer", tag="1")
    upload = registry.begin_upload("cats")
    asyncio.run(registry.append(upload, b"half"))
    orphan = registry._files.path(digest_of(b"without a record"))
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"without a record")

    again = open_registry()

    assert again.repository("cats") == Repository(name="cats", created_at=again.now())
    assert again.content(again.image("cats", tag="1"))
    assert files(tmp_path) == {digest_of(one) for one in (b"{}", b"layer")}
    assert not list((tmp_path / "registry" / "uploads").iterdir())
