"""A provider of OpenID Connect tokens on loopback, as GitHub Actions has one."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

AUDIENCE = "sts.amazonaws.com"


class TokenServer:
    """Signs tokens, and tells the key that they are signed with."""

    def __init__(self, port: int, key_id: str = "one") -> None:
        self.issuer = f"http://127.0.0.1:{port}"
        self.key_id = key_id
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def token(self, *, signed_by: "TokenServer | None" = None, **claims: Any) -> str:
        """A token with these claims; ``None`` leaves a usual one out."""
        now = int(datetime.now(UTC).timestamp())  # noqa: TID251 tokens have the time of who gives them out
        usual = {"iss": self.issuer, "aud": AUDIENCE, "sub": "nobody", "iat": now, "nbf": now - 5, "exp": now + 300}
        told = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        return jwt.encode(told, (signed_by or self)._key, algorithm="RS256", headers={"kid": self.key_id})

    def documents(self) -> Mapping[str, Any]:
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        return {
            "/.well-known/openid-configuration": {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"},
            "/keys": {"keys": [{**public, "kid": self.key_id, "use": "sig", "alg": "RS256"}]},
        }


@contextmanager
def token_server() -> Iterator[TokenServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = provider.documents().get(self.path)
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(json.dumps(found).encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 http.server's own name
            """Nothing is said of requests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = TokenServer(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
