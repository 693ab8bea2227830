"""Where a runner of GitHub's asks for its job's token.

``GET /?…&subject=…&audience=…`` with the runner's bearer gives ``{"value": <JWT>}``.

Source: GitHub docs, "OpenID Connect reference", "Using the OIDC token" (``ACTIONS_ID_TOKEN_REQUEST_URL``).
"""

import contextlib
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequests:
    """``url``: where it is asked; ``bearer``: what a runner shows."""

    url: str
    bearer: str


@contextlib.contextmanager
def serving_tokens(sign: Callable[..., str]) -> Iterator[TokenRequests]:
    """Answers runners until the block ends; ``sign`` makes the token of its claims ``sub`` and ``aud``."""
    bearer = secrets.token_urlsafe(16)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Authorization") != f"Bearer {bearer}":
                self._answer(401, {"message": "unauthorized"})
                return
            asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            self._answer(200, {"value": sign(sub=asked["subject"], aud=asked.get("audience", "https://github.com/acme"))})

        def _answer(self, status: int, body: Any) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (its name in the base class)
            """Nothing: the tests tell what matters."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield TokenRequests(url=f"http://127.0.0.1:{server.server_port}/", bearer=bearer)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
