"""Certificates of our own, and clients that speak TLS, HTTP/2 and gRPC to a load balancer."""

import asyncio
import ssl
import struct
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from envoy_world import Answer, read_answer, request_head

from ninelives.model.elbv2 import Certificate


@cache
def certificate(name: str, *names: str, serial: int = 1) -> Certificate:
    """Self-signed; ``serial`` tells two of one name apart."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} {serial}")])
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in (name, *names)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Certificate(
        arn=f"arn:aws:acm:eu-west-1:123456789012:certificate/{name}",
        chain=built.public_bytes(serialization.Encoding.PEM).decode(),
        private_key=key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
        names=(name, *names),
    )


@dataclass
class Shown:
    """What a server showed in the handshake."""

    name: str
    version: str
    cipher: str
    protocol: str | None


def server_context(shown: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    show(context, shown)
    return context


def show(context: ssl.SSLContext, shown: Certificate) -> None:
    """Let a server or a client show a certificate."""
    with tempfile.TemporaryDirectory() as directory:
        pem = Path(directory) / "shown.pem"
        pem.write_text(shown.chain + shown.private_key)
        context.load_cert_chain(pem)


def client_context(*protocols: str, most: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(protocols or ("http/1.1",))
    if most is not None:
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = most
    return context


async def connect(
    url: tuple[str, int], name: str = "", context: ssl.SSLContext | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(*url, ssl=context or client_context(), server_hostname=name)


def shown(writer: asyncio.StreamWriter) -> Shown:
    connection: ssl.SSLObject = writer.get_extra_info("ssl_object")
    found = x509.load_der_x509_certificate(connection.getpeercert(binary_form=True) or b"")
    [name] = found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    cipher = connection.cipher()
    assert cipher is not None
    return Shown(str(name.value), str(connection.version()), cipher[0], connection.selected_alpn_protocol())


async def handshake(url: tuple[str, int], name: str = "", context: ssl.SSLContext | None = None) -> Shown:
    _, writer = await connect(url, name, context)
    try:
        return shown(writer)
    finally:
        writer.close()


async def request_tls(
    url: tuple[str, int], path: str = "/", name: str = "web.test", context: ssl.SSLContext | None = None, **headers: str
) -> Answer:
    reader, writer = await connect(url, name, context)
    try:
        writer.write(request_head(path, **headers))
        async with asyncio.timeout(10):
            return await read_answer(reader)
    finally:
        writer.close()


FRAME = struct.Struct(">HBBBI")
DATA, HEADERS, SETTINGS, ACK, END_STREAM, END_HEADERS = 0, 1, 4, 1, 1, 4
STATUSES = {0x88: 200, 0x8B: 304, 0x8C: 400, 0x8D: 404, 0x8E: 500}
"""The statuses that HPACK's static table has."""


class Http2:
    """As much of HTTP/2 as a GET or POST without a body needs: headers are sent as literals; of those that come, only a
    status of the static table is read. Source: RFC 9113, RFC 7541.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._stream = 1
        writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(SETTINGS, 0, 0, b""))

    async def request(self, path: str = "/", method: str = "GET", **headers: str) -> tuple[int, str]:
        """Status and body."""
        stream, self._stream = self._stream, self._stream + 2
        named = {":method": method, ":scheme": "https", ":authority": "web.test", ":path": path}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        block = b"".join(b"\x00" + _text(name) + _text(value) for name, value in named.items())
        self._writer.write(_frame(HEADERS, END_STREAM | END_HEADERS, stream, block))
        status, body = 0, b""
        async with asyncio.timeout(10):
            while True:
                kind, flags, at, payload = await self._read()
                if kind == SETTINGS and not flags & ACK:
                    self._writer.write(_frame(SETTINGS, ACK, 0, b""))
                if at != stream:
                    continue
                if kind == HEADERS and not status:
                    # A status beyond the static table is a literal: three digits, not compressed or as Huffman code.
                    status = STATUSES.get(payload[0], -1)
                if kind == DATA:
                    body += payload
                if flags & END_STREAM:
                    return status, body.decode()

    async def _read(self) -> tuple[int, int, int, bytes]:
        high, low, kind, flags, stream = FRAME.unpack(await self._reader.readexactly(FRAME.size))
        return kind, flags, stream & 0x7FFFFFFF, await self._reader.readexactly(high << 8 | low)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return FRAME.pack(len(payload) >> 8, len(payload) & 0xFF, kind, flags, stream) + payload


def _text(text: str) -> bytes:
    assert len(text) < 127
    return bytes([len(text)]) + text.encode()


class GrpcBackend:
    """Echoes, once or as often as it is asked; answers the health protocol; knows that one method misses what it seeks; every
    other method is not there.
    """

    def __init__(self) -> None:
        self.port = 0
        self._server: Any = None

    async def start(self, shown: Certificate | None = None) -> None:
        import grpc
        import grpc.aio

        async def once(request: bytes, _: Any) -> bytes:
            return b"echo:" + request

        async def stream(requests: Any, _: Any) -> Any:
            async for request in requests:
                yield b"echo:" + request

        async def check(_: bytes, __: Any) -> bytes:
            return b"\x08\x01"  # SERVING

        async def missing(_: bytes, context: Any) -> bytes:
            await context.abort(grpc.StatusCode.NOT_FOUND)
            return b""

        self._server = grpc.aio.server()
        handlers = {
            "Once": grpc.unary_unary_rpc_method_handler(once),
            "Missing": grpc.unary_unary_rpc_method_handler(missing),
            "Stream": grpc.stream_stream_rpc_method_handler(stream),
        }
        health = {"Check": grpc.unary_unary_rpc_method_handler(check)}
        self._server.add_generic_rpc_handlers(
            (
                grpc.method_handlers_generic_handler("test.Echo", handlers),
                grpc.method_handlers_generic_handler("grpc.health.v1.Health", health),
            )
        )
        if shown is None:
            self.port = self._server.add_insecure_port("127.0.0.1:0")
        else:
            pair = (shown.private_key.encode(), shown.chain.encode())
            self.port = self._server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(grace=None)
