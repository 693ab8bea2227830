"""GitHub's provider of OpenID Connect tokens, on this machine: signs what a runner asks for, and shows its keys.

``GET /token?…&subject=…&audience=…`` with the runner's bearer gives ``{"value": <JWT>}``, as GitHub's own address does.
Source: GitHub docs, "OpenID Connect reference"; OpenID Connect Discovery 1.0.
"""

import contextlib
import json
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from ninelives.deploy.clock import utc_now

KEY_ID = "the-only-one"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenServer:
    """``url``: of the provider; ``bearer``: what a runner shows to get a token."""

    url: str
    bearer: str

    @property
    def token_url(self) -> str:
        return f"{self.url}/token"


@contextlib.contextmanager
def serving_tokens(issuer: str | None = None) -> Iterator[TokenServer]:
    """A provider that runs until the block ends; ``issuer`` is what its tokens call it, by default its own address."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    bearer = secrets.token_urlsafe(16)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            if address.path == "/token":
                self._token({name: values[0] for name, values in parse_qs(address.query).items()})
            elif address.path == "/.well-known/openid-configuration":
                self._answer(200, {"issuer": own, "jwks_uri": f"{server_url}/keys"})
            elif address.path == "/keys":
                public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
                self._answer(200, {"keys": [public | {"kid": KEY_ID, "alg": "RS256", "use": "sig"}]})
            else:
                self._answer(404, {})

        def _token(self, asked: dict[str, str]) -> None:
            if self.headers.get("Authorization") != f"Bearer {bearer}":
                self._answer(401, {"message": "unauthorized"})
                return
            now = utc_now()
            claims = {
                "iss": own,
                "sub": asked["subject"],
                "aud": asked.get("audience", "https://github.com/acme"),
                "iat": now,
                "nbf": now - timedelta(minutes=5),
                "exp": now + timedelta(minutes=5),
                "jti": secrets.token_hex(8),
            }
            self._answer(200, {"value": jwt.encode(claims, key, algorithm="RS256", headers={"kid": KEY_ID})})

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
    server_url = f"http://127.0.0.1:{server.server_port}"
    own = issuer or server_url
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield TokenServer(url=server_url, bearer=bearer)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
