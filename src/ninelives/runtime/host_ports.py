"""Free loopback ports for tasks on the host."""

import socket
import zlib
from collections.abc import Iterable

FIRST, LAST = 20_000, 32_000
"""Below the range from which the kernel takes ports for outgoing connections: nothing else comes upon them by chance."""


class NoFreePort(Exception):
    """Every port of the range is taken."""

    def __str__(self) -> str:
        return f"no free port between {FIRST} and {LAST} on this machine; stop what holds them."


class HostPorts:
    """Hands out ports in turn, beginning elsewhere for each instance; one that was given back comes again last."""

    def __init__(self, instance: str) -> None:
        self._next = zlib.crc32(instance.encode()) % (LAST - FIRST)
        self._taken: set[int] = set()

    def take(self) -> int:
        """A port that nothing listens on. Raises ``NoFreePort``."""
        for _ in range(LAST - FIRST):
            port = FIRST + self._next
            self._next = (self._next + 1) % (LAST - FIRST)
            if port not in self._taken and _is_free(port):
                self._taken.add(port)
                return port
        raise NoFreePort

    def keep(self, ports: Iterable[int]) -> None:
        """These are taken by tasks that were adopted."""
        self._taken.update(ports)

    def give_back(self, ports: Iterable[int]) -> None:
        self._taken.difference_update(ports)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
