"""Live: rules that ask for tokens (``jwt-validation``), with an issuer of our own whose keys Envoy fetches."""

import asyncio
import json
import ssl
import time
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from envoy_world import Answer, World, forward, in_world
from tls_world import certificate, connect, request_tls, server_context, shown

from ninelives.model.elbv2 import Condition, FixedResponse, JwtClaim, JwtValidation

pytestmark = pytest.mark.live

WEB = certificate("web.test")
ISSUER = "https://issuer.test/"


def encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def number(value: int) -> str:
    return encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class Issuer:
    """Signs tokens, and serves its keys by TLS at ``endpoint``."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.curve = ec.generate_private_key(ec.SECP256R1())
        self.port = 0
        self.asked = 0
        self.is_down = False
        self._server: asyncio.Server | None = None

    @property
    def endpoint(self) -> str:
        return f"https://localhost:{self.port}/keys"

    async def start(self, tls: ssl.SSLContext) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()

    def keys(self) -> list[dict[str, str]]:
        public, point = self.key.public_key().public_numbers(), self.curve.public_key().public_numbers()
        return [
            {"kty": "RSA", "kid": "1", "use": "sig", "n": number(public.n), "e": number(public.e)},
            {"kty": "EC", "kid": "2", "use": "sig", "crv": "P-256", "x": number(point.x), "y": number(point.y)},
        ]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        body = json.dumps({"keys": self.keys()}).encode()
        status = 500 if self.is_down else 200
        writer.write(f"HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    def token(self, *, signer: rsa.RSAPrivateKey | None = None, **claims: Any) -> str:
        claims = {"iss": ISSUER, "exp": int(time.time()) + 600, **claims}
        head = {"alg": "RS256", "kid": "1", "typ": "JWT"}
        given = {name: value for name, value in claims.items() if value is not None}
        signed = ".".join(encoded(json.dumps(part).encode()) for part in (head, given))
        return f"{signed}.{encoded((signer or self.key).sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    def token_by_curve(self) -> str:
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

        head = {"alg": "ES256", "kid": "2"}
        parts = (head, {"iss": ISSUER, "exp": int(time.time()) + 600})
        signed = ".".join(encoded(json.dumps(part).encode()) for part in parts)
        pair = decode_dss_signature(self.curve.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{encoded(b''.join(one.to_bytes(32, 'big') for one in pair))}"


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """The TLS of an issuer whose certificate this machine trusts."""
    own = certificate("localhost")
    bundle = tmp_path / "authorities.pem"
    bundle.write_text(own.chain)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    return server_context(own)


async def get(world: World, token: str | None, path: str = "/") -> Answer:
    if token is None:
        return await request_tls(world.url, path)
    return await request_tls(world.url, path, authorization=f"Bearer {token}")


def test_a_rule_that_validates_tokens_lets_good_ones_pass_and_answers_401_to_all_others(trusted: ssl.SSLContext) -> None:
    async def test(world: World) -> None:
        issuer = Issuer()
        await issuer.start(trusted)
        world.records.certificates = [WEB]
        world.records.rule(forward(("web", 1)), validation=JwtValidation(jwks_endpoint=issuer.endpoint, issuer=ISSUER))
        open_to_all = FixedResponse(status_code=200, message_body="open")
        world.records.rule(open_to_all, Condition(field="path-pattern", values=("/open",)), priority=1)
        await world.serve("a")

        now = int(time.time())
        good = issuer.token()
        passed = await get(world, good)
        assert (200, "a") == (passed.status, passed.body)
        assert f"authorization: bearer {good}".lower() in world.backends[0].last_head.lower(), "it is passed on as it came"
        assert 200 == (await get(world, issuer.token(nbf=now - 5, iat=now - 5))).status
        refused = {
            "none": None,
            "not one": "nonsense",
            "expired": issuer.token(exp=now - 600),
            "without an end": issuer.token(exp=None),
            "of another issuer": issuer.token(iss="https://other.test/"),
            "not yet valid": issuer.token(nbf=now + 600),
            "issued in time to come": issuer.token(iat=now + 600),
            "signed by another": issuer.token(signer=rsa.generate_private_key(public_exponent=65537, key_size=2048)),
            "not RS256": issuer.token_by_curve(),
        }
        for what, token in refused.items():
            answer = await get(world, token)
            assert (401, "awselb/2.0") == (answer.status, answer.headers["server"]), what
            assert "401 Authorization Required" in answer.body
        assert "open" == (await get(world, None, "/open")).body
        assert issuer.asked in {1, 2}, "each of the two workers has kept the keys"
        await issuer.stop()

    in_world(test)


def test_additional_claims_are_looked_at_by_their_format_and_a_change_touches_no_listener(trusted: ssl.SSLContext) -> None:
    wanted = (
        JwtClaim(name="tenant", format="single-string", values=("cats", "dogs")),
        JwtClaim(name="roles", format="string-array", values=("reader", "writer")),
        JwtClaim(name="scope", format="space-separated-values", values=("read:api",)),
    )
    good: dict[str, Any] = {"tenant": "dogs", "roles": ["writer", "x", "reader"], "scope": "email read:api"}

    async def test(world: World) -> None:
        issuer = Issuer()
        await issuer.start(trusted)
        world.records.certificates = [WEB]
        await world.serve("a")
        _, writer = await connect(world.url, "web.test")
        listeners = world.records.snapshot().listeners

        world.records.rules.clear()
        validation = JwtValidation(jwks_endpoint=issuer.endpoint, issuer=ISSUER, additional_claims=wanted)
        world.records.rule(forward(("web", 1)), validation=validation)
        await world.publish()

        assert listeners == world.records.snapshot().listeners
        assert 200 == (await get(world, issuer.token(**good))).status
        others: list[dict[str, Any]] = [
            {"tenant": "birds"},
            {"tenant": None},
            {"roles": ["reader"]},
            {"roles": "reader writer"},
        ]
        for bad in (*others, {"scope": "read"}):
            assert 401 == (await get(world, issuer.token(**{**good, **bad}))).status, bad
        assert "web.test 1" == shown(writer).name
        writer.close()
        await issuer.stop()

    in_world(test)


def test_keys_that_cannot_be_fetched_are_a_562(trusted: ssl.SSLContext) -> None:
    async def test(world: World) -> None:
        issuer = Issuer()
        await issuer.start(trusted)
        issuer.is_down = True
        world.records.certificates = [WEB]
        world.records.rule(forward(("web", 1)), validation=JwtValidation(jwks_endpoint=issuer.endpoint, issuer=ISSUER))
        await world.serve("a")

        answer = await get(world, issuer.token())
        assert (562, "awselb/2.0") == (answer.status, answer.headers["server"])
        assert 401 == (await get(world, None)).status, "without a token no keys are asked for"
        await issuer.stop()

    in_world(test)
