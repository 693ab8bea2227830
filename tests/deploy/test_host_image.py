"""Host images: a real OCI image whose bytes depend on the input alone, and its way into a registry."""

import base64
import gzip
import io
import json
import os
import tarfile
import urllib.request
from pathlib import Path

import pytest
from served_registry import served

from ninelives.deploy.build_context import read_context
from ninelives.deploy.distribution import push, repository_of
from ninelives.deploy.dockerfile import interpret
from ninelives.deploy.errors import BuildFailed, PushFailed
from ninelives.deploy.host_image import OciImage, digest_of, make_host_image

DOCKERFILE = """\
FROM ruby:3.4
WORKDIR /app
COPY app.rb run.sh lib ./
ENV B=2 A=1
EXPOSE 4567
STOPSIGNAL SIGQUIT
CMD ["ruby", "app.rb"]
"""


def make(tmp_path: Path, name: str, *, dockerfile: str = DOCKERFILE, stamp: float = 0.0) -> OciImage:
    folder = tmp_path / name
    (folder / "lib").mkdir(parents=True)
    for path, text in {"app.rb": "puts 1", "run.sh": "#!/bin/sh", "lib/a.rb": "1"}.items():
        (folder / path).write_text(text)
        os.utime(folder / path, (stamp, stamp))
    (folder / "run.sh").chmod(0o711)
    (folder / "lib" / "link.rb").symlink_to("a.rb")
    out = tmp_path / f"{name}-out"
    out.mkdir()
    return make_host_image(interpret(dockerfile, read_context(folder), {}), out, version="1.0.0")


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = make(tmp_path, "a", stamp=1.0), make(tmp_path, "b", stamp=2_000_000.0)

    assert first.digest == second.digest
    assert first.layer.read_bytes() == second.layer.read_bytes()


def test_another_input_gives_another_digest(tmp_path: Path) -> None:
    assert make(tmp_path, "a").digest != make(tmp_path, "b", dockerfile=DOCKERFILE.replace("A=1", "A=3")).digest


def test_the_layer_holds_the_files_where_the_image_has_them(tmp_path: Path) -> None:
    image = make(tmp_path, "a")

    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(image.layer.read_bytes()))) as layer:
        members = {member.name: member for member in layer.getmembers()}
        content = layer.extractfile("app/app.rb")
        assert content is not None
        assert b"puts 1" == content.read()
    assert ["app", "app/a.rb", "app/app.rb", "app/link.rb", "app/run.sh"] == sorted(members)
    assert (0o644, 0o755, "a.rb") == (members["app/app.rb"].mode, members["app/run.sh"].mode, members["app/link.rb"].linkname)
    assert {(0, 0, 0)} == {(member.mtime, member.uid, member.gid) for member in members.values()}


@pytest.mark.parametrize(("workdir", "prefix"), [("", ""), ("WORKDIR /", ""), ("WORKDIR //app", "app/")])
def test_an_image_may_work_in_the_root(tmp_path: Path, workdir: str, prefix: str) -> None:
    image = make(tmp_path, "a", dockerfile=f"FROM ruby\n{workdir}\nCOPY app.rb .\nCMD ruby app.rb\n")

    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(image.layer.read_bytes()))) as layer:
        assert f"{prefix}app.rb" in layer.getnames()


def test_the_config_says_how_to_run_it_and_the_manifest_what_it_is(tmp_path: Path) -> None:
    image = make(tmp_path, "a")

    config = json.loads(image.config)
    assert {
        "Cmd": ["ruby", "app.rb"],
        "Env": ["A=1", "B=2"],
        "ExposedPorts": {"4567/tcp": {}},
        "Labels": {"dev.ninelives.image": "host"},
        "StopSignal": "SIGQUIT",
        "WorkingDir": "/app",
    } == config["config"]
    assert [digest_of(gzip.decompress(image.layer.read_bytes()))] == config["rootfs"]["diff_ids"]
    assert "host" == image.parts["annotations"]["dev.ninelives.image"]
    assert digest_of(image.config) == image.parts["config"]["digest"]
    assert digest_of(image.layer.read_bytes()) == image.parts["layers"][0]["digest"]


def test_an_image_without_a_command_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildFailed, match="neither CMD nor ENTRYPOINT"):
        make(tmp_path, "a", dockerfile="FROM ruby\nCOPY app.rb /\n")


AS_AWS = f"Basic {base64.b64encode(b'AWS:token').decode()}"


def test_a_push_brings_blobs_and_manifest_and_sends_nothing_twice(tmp_path: Path) -> None:
    image = make(tmp_path, "a")
    with served(tmp_path / "registry") as registry:
        digests = {push(image, repository_of(registry.uri, AS_AWS), tag) for tag in ("1.0.0", "same")}

        assert {image.digest} == digests
        assert 2 == registry.uploads
        for what, content in (
            ("manifests/1.0.0", image.manifest),
            ("manifests/same", image.manifest),
            (f"blobs/{digest_of(image.config)}", image.config),
            (f"blobs/{digest_of(image.layer.read_bytes())}", image.layer.read_bytes()),
        ):
            host, _, name = registry.uri.partition("/")
            with urllib.request.urlopen(f"http://{host}/v2/{name}/{what}") as answer:
                assert content == answer.read(), what


def test_a_refusal_is_told_in_the_registrys_words(tmp_path: Path) -> None:
    image, other = make(tmp_path, "a"), make(tmp_path, "b", dockerfile=DOCKERFILE.replace("A=1", "A=3"))
    with served(tmp_path / "registry") as registry:
        with pytest.raises(PushFailed, match="UNAUTHORIZED: Log in as AWS"):
            push(image, repository_of(registry.uri, "Basic wrong"), "1.0.0")
        push(image, repository_of(registry.uri, AS_AWS), "1.0.0")
        with pytest.raises(PushFailed, match=r"TAG_INVALID: .*immutable"):
            push(other, repository_of(registry.uri, AS_AWS), "1.0.0")
        uri = registry.uri

    with pytest.raises(PushFailed, match="does not answer"):
        push(image, repository_of(uri, None), "1.0.0")


def test_only_loopback_registries_are_spoken_to_without_tls() -> None:
    bases = [
        repository_of(f"{host}/cats", None).base
        for host in ("127.0.0.1:1", "localhost:1", "1.dkr.ecr.eu-west-1.amazonaws.com")
    ]

    assert ["http://127.0.0.1:1", "http://localhost:1", "https://1.dkr.ecr.eu-west-1.amazonaws.com"] == bases
