"""The images that the runtimes' contract runs: made here, since none can be pulled from anywhere."""

import gzip
import hashlib
import io
import json
import platform
import shutil
import subprocess
import tarfile
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ninelives.cli.docker_images import forget_images

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
APPLETS = ("sh", "sleep", "echo", "httpd", "cat", "true", "false", "head", "tr", "seq", "kill", "touch", "test", "env", "ls")
PAGE = b"meow\n"
SERVER = b"""
import http.server, os
class Meow(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"meow\\n")
http.server.HTTPServer((os.environ["BIND"], int(os.environ["PORT"])), Meow).serve_forever()
"""


def archive(files: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> bytes:
    """A tar archive of executable files and symbolic links."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for name, body in files.items():
            member = tarfile.TarInfo(name)
            member.mode, member.size = 0o755, len(body)
            tar.addfile(member, io.BytesIO(body))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            tar.addfile(member)
    return content.getvalue()


def docker_root() -> bytes:
    """The archive of a base of one static program (Debian: ``busybox-static``)."""
    found = shutil.which("busybox")
    program = Path(found).read_bytes() if found else b""
    if not program or b"ld-linux" in program[:8192]:
        pytest.skip("no static busybox here to make an image of: `apt-get install busybox-static`")
    return archive({"bin/busybox": program, "www/index.html": PAGE}, {f"bin/{name}": "busybox" for name in APPLETS})


def make_docker_image() -> str:
    """That base as a local image, under a name that no other has."""
    name = f"ninelives-contract/small:{uuid.uuid4().hex[:12]}"
    subprocess.run(
        ["docker", "import", "-", name],
        input=docker_root(),
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return name


class SmallRegistry:
    """Serves images of given layers over the OCI distribution protocol."""

    def __init__(self) -> None:
        self.documents: dict[str, tuple[str, bytes]] = {"/v2/": ("application/json", b"{}")}
        """Media type and content by path."""
        self.asked: list[str] = []
        self.token: str | None = None
        """The ``Authorization`` that is asked for, if any."""
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                registry.asked.append(self.path)
                media_type, content = registry.documents.get(self.path, ("", b""))
                if registry.token is not None and self.headers.get("Authorization") != registry.token:
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="small"')
                    content = b""
                elif not media_type:
                    self.send_response(404)
                    content = b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}'
                else:
                    self.send_response(200)
                    self.send_header("Docker-Content-Digest", _digest(content))
                self.send_header("Content-Type", media_type or "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(content)

            def do_HEAD(self) -> None:
                self.do_GET()

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_address[1]}"

    def add(self, repository: str, tag: str, layers: list[bytes], config: Mapping[str, Any]) -> str:
        """Put an image there. Answers its reference."""
        media_type, manifest = self.manifest(repository, layers, config)
        self.put_manifest(repository, tag, media_type, manifest)
        return f"{self.host}/{repository}:{tag}"

    def manifest(self, repository: str, layers: list[bytes], config: Mapping[str, Any]) -> tuple[str, bytes]:
        """Put an image's blobs there. Answers its manifest and that one's media type."""
        document = json.dumps(
            {
                "os": "linux",
                "architecture": ARCHITECTURE,
                "config": config,
                "rootfs": {"type": "layers", "diff_ids": [_digest(layer) for layer in layers]},
            }
        ).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self._blob(repository, document, "application/vnd.oci.image.config.v1+json"),
            "layers": [
                self._blob(repository, gzip.compress(layer, mtime=0), "application/vnd.oci.image.layer.v1.tar+gzip")
                for layer in layers
            ],
        }
        return MANIFEST, json.dumps(manifest).encode()

    def put_manifest(self, repository: str, tag: str, media_type: str, manifest: bytes) -> str:
        """Answers its digest."""
        digest = _digest(manifest)
        for version in (tag, digest):
            self.documents[f"/v2/{repository}/manifests/{version}"] = (media_type, manifest)
        return digest

    def _blob(self, repository: str, content: bytes, media_type: str) -> dict[str, Any]:
        digest = _digest(content)
        self.documents[f"/v2/{repository}/blobs/{digest}"] = ("application/octet-stream", content)
        return {"mediaType": media_type, "digest": digest, "size": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@contextmanager
def small_registry() -> Iterator[SmallRegistry]:
    """A registry; what Docker has pulled from it is removed with it."""
    registry = SmallRegistry()
    thread = threading.Thread(target=registry.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield registry
    finally:
        registry.server.shutdown()
        registry.server.server_close()
        thread.join()
        forget_images(registry.host)
