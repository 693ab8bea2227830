"""A registry that keeps what is pushed to it, over the OCI distribution protocol, on a loopback port."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, urlsplit


class FakeRegistry:
    """``blobs`` by digest, ``manifests`` by tag; wants ``authorization`` if it is set."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, bytes] = {}
        self.uploads = 0
        self.authorization: str | None = None
        self.refuses_manifests = False
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def uri(self) -> str:
        return f"127.0.0.1:{self.server.server_address[1]}/cats"

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        return type("Handler", (_Handler,), {"registry": self})


class _Handler(BaseHTTPRequestHandler):
    registry: FakeRegistry

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.send_response(200 if self.path.rsplit("/", 1)[-1] in self.registry.blobs else 404)
        self.end_headers()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.registry.authorization not in {None, self.headers.get("Authorization")}:
            self.answer(401, b'{"errors":[{"code":"UNAUTHORIZED","message":"who are you"}]}')
            return
        self.registry.uploads += 1
        self.answer(202, Location=f"/v2/cats/blobs/uploads/{self.registry.uploads}?state=x")

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        if "/manifests/" not in self.path:
            wanted = parse_qs(urlsplit(self.path).query)["digest"][0]
            self.registry.blobs[wanted] = body
            self.answer(201 if wanted == digest else 400)
        elif self.registry.refuses_manifests:
            self.answer(400, b'{"errors":[{"code":"TAG_INVALID","message":"the tag is immutable"}]}')
        else:
            self.registry.manifests[self.path.rsplit("/", 1)[-1]] = body
            self.answer(201, Docker_Content_Digest=digest)

    def log_message(self, *_: object) -> None: ...
