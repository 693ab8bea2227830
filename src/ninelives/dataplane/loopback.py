"""Addresses and ports on loopback for load balancers: chosen by trying, so that the operating system has the last word."""

import errno
import hashlib
import socket
from collections.abc import Collection, Iterator

from ninelives.dataplane.sockets import listened_addresses

PRIVILEGED_PORT_SHIFT = 8000
"""What is added to a port that the operating system keeps from us: 80 becomes 8080."""
CANDIDATES = 1000
FALLBACK = "127.0.0.1"


def pick_address(seed: str, taken: Collection[str]) -> str:
    """A free address in 127.0.0.0/8: the same for the same ``seed`` and ``taken``; other seeds hardly ever meet it.

    Not among ``taken``, and nobody listens on it. 127.0.0.1 where the system has no other (macOS).
    """
    busy = {*taken, *listened_addresses()}
    for address in _candidates(seed):
        if address not in busy:
            return address if _may_bind(address) else FALLBACK
    return FALLBACK


def pick_port(address: str, port: int) -> int | None:
    """``port``, or ``port`` + 8000 where we may not bind it; None where another program has it."""
    match _bind_error(address, port):
        case None:
            return port
        case errno.EACCES | errno.EPERM:
            shifted = port + PRIVILEGED_PORT_SHIFT
            return shifted if _bind_error(address, shifted) is None else None
        case _:
            return None


def _candidates(seed: str) -> Iterator[str]:
    """Addresses that nobody is likely to use by hand: not 127.0.x.y (Debian's own name is 127.0.1.1), nor x.y.z.0 and .255."""
    for number in range(CANDIDATES):
        digest = hashlib.sha256(f"{seed}#{number}".encode()).digest()
        yield f"127.{1 + digest[0] % 254}.{digest[1]}.{1 + digest[2] % 254}"


def _may_bind(address: str) -> bool:
    return _bind_error(address, 0) is None


def _bind_error(address: str, port: int) -> int | None:
    """Why a listener cannot be bound, as errno. Connections of an earlier listener that linger do not count (as for Envoy)."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            return error.errno
    return None
