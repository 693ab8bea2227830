"""Pulling over the distribution protocol, and unpacking, from registries that may be at fault."""

import base64
import io
import json
import os
import tarfile
from pathlib import Path

import pytest
from small_images import ARCHITECTURE, MANIFEST, SmallRegistry, archive

from ninelives.region.ports import RegistryLogin
from ninelives.runtime.engine import StartFailed
from ninelives.runtime.registry_client import RegistryClient
from ninelives.runtime.unpack import unpack

INDEX = "application/vnd.oci.image.index.v1+json"


def client(reference: str, password: str | None = None) -> RegistryClient:
    login = None if password is None else RegistryLogin(username="AWS", password=password)
    return RegistryClient(reference, architecture=ARCHITECTURE, login=login)


def failure_of(reference: str, directory: Path, password: str | None = None) -> str:
    """Why an image cannot be pulled."""
    with pytest.raises(StartFailed) as raised:
        one = client(reference, password)
        for number, layer in enumerate(one.manifest().layers):
            one.fetch_layer(layer, directory / str(number))
    assert list(directory.iterdir()) == []
    return str(raised.value)


def test_an_image_has_its_digest_configuration_and_layers(own_registry: SmallRegistry, tmp_path: Path) -> None:
    reference = own_registry.add("cats", "1", [archive({"app/a": b"a"}), archive({"app/b": b"b"})], {"Cmd": ["run"]})
    one = client(reference)
    manifest = one.manifest()
    for number, layer in enumerate(manifest.layers):
        one.fetch_layer(layer, tmp_path / str(number))
    unpack([tmp_path / "0", tmp_path / "1"], tmp_path / "root")

    assert manifest.config == {"Cmd": ["run"]}
    assert f"/v2/cats/manifests/{manifest.digest}" in own_registry.documents
    assert [path.read_bytes() for path in sorted((tmp_path / "root" / "app").iterdir())] == [b"a", b"b"]


def test_of_an_index_the_image_for_this_machine_is_taken(own_registry: SmallRegistry) -> None:
    media_type, manifest = own_registry.manifest("cats", [], {"Cmd": ["mine"]})
    digest = own_registry.put_manifest("cats", "ignored", media_type, manifest)
    platforms = [
        {"digest": "sha256:" + "0" * 64, "platform": {"os": "linux", "architecture": "other"}},
        {"digest": digest, "platform": {"os": "linux", "architecture": ARCHITECTURE}},
    ]
    own_registry.put_manifest("cats", "1", INDEX, json.dumps({"manifests": platforms}).encode())
    own_registry.put_manifest("cats", "2", INDEX, json.dumps({"manifests": platforms[:1]}).encode())

    assert client(f"{own_registry.host}/cats:1").manifest().config == {"Cmd": ["mine"]}
    with pytest.raises(StartFailed, match="does not contain descriptor matching platform"):
        client(f"{own_registry.host}/cats:2").manifest()


def test_a_registry_that_asks_gets_the_token(own_registry: SmallRegistry, tmp_path: Path) -> None:
    reference = own_registry.add("cats", "1", [archive({"a": b"a"})], {"Cmd": ["run"]})
    own_registry.token = "Basic " + base64.b64encode(b"AWS:secret").decode()

    assert client(reference, "secret").manifest().config == {"Cmd": ["run"]}
    for password in (None, "wrong"):
        assert "pull access denied, repository does not exist or may require" in failure_of(reference, tmp_path, password)


def test_a_layer_of_another_digest_is_refused_and_not_kept(own_registry: SmallRegistry, tmp_path: Path) -> None:
    reference = own_registry.add("cats", "1", [archive({"a": b"a"})], {})
    digest = client(reference).manifest().layers[0].digest
    own_registry.documents[f"/v2/cats/blobs/{digest}"] = ("application/octet-stream", b"another")

    assert "does not have its digest" in failure_of(reference, tmp_path)


@pytest.mark.parametrize(
    ("manifest", "says"),
    [
        (b"[", "not JSON"),
        (b"{}", "not one of an image"),
        (json.dumps({"layers": [{"digest": "sha256:../../etc", "mediaType": ""}]}).encode(), "not a sha256 one"),
    ],
)
def test_a_manifest_that_is_none(manifest: bytes, says: str, own_registry: SmallRegistry, tmp_path: Path) -> None:
    own_registry.put_manifest("cats", "1", MANIFEST, manifest)

    assert says in failure_of(f"{own_registry.host}/cats:1", tmp_path)


def test_a_missing_layer_says_what_to_do(own_registry: SmallRegistry, tmp_path: Path) -> None:
    reference = own_registry.add("cats", "1", [archive({"a": b"a"})], {})
    digest = client(reference).manifest().layers[0].digest
    del own_registry.documents[f"/v2/cats/blobs/{digest}"]

    assert "push the image again" in failure_of(reference, tmp_path)


def layer_with(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    one = tarfile.TarInfo(name)
    one.type, one.linkname, one.size = kind, link, 1 if kind == tarfile.REGTYPE else 0
    return one


def test_nothing_is_unpacked_outside_the_root(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    layer = layer_with(
        tmp_path / "layer",
        member("../outside/climbed"),
        member(str(outside / "absolute")),
        member("link", tarfile.SYMTYPE, "../outside"),
        member("link/through"),
        member("link/.wh.kept"),
        member("../outside/.wh.kept"),
        member("../outside/.wh..wh..opq"),
        member("device", tarfile.CHRTYPE),
        member("good"),
    )
    unpack([layer], tmp_path / "root")

    assert [path.name for path in outside.iterdir()] == ["kept"]
    assert (tmp_path / "root" / "good").exists()
    assert not (tmp_path / "root" / "device").exists()


def test_upper_layers_replace_and_remove_what_lower_ones_have(tmp_path: Path) -> None:
    lower = layer_with(tmp_path / "1", member("a/one"), member("a/two"), member("b/three"), member("c/four"))
    upper = layer_with(tmp_path / "2", member("a/.wh.one"), member("b/.wh..wh..opq"), member("b/five"), member("c"))
    unpack([lower, upper], tmp_path / "root")
    found = sorted(os.path.relpath(path, tmp_path / "root") for path in (tmp_path / "root").rglob("*") if path.is_file())

    assert found == ["a/two", "b/five", "c"]


def test_a_layer_that_is_no_archive_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "layer").write_bytes(b"\x28\xb5\x2f\xfd zstandard")

    with pytest.raises(StartFailed, match=r"tar\+gzip"):
        unpack([tmp_path / "layer"], tmp_path / "root")
