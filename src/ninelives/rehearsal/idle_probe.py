"""How long an application keeps an idle connection: one request, and then waiting for the other side to hang up."""

import http.client
import socket
import time

from ninelives.rehearsal.sample import Target


def kept_for(target: Target, *, path: str, at_most: float, timeout: float = 5.0) -> float | None:
    """Seconds until the application closed a connection on which it had answered one request; None where it had not
    within ``at_most``, or where no answer came.
    """
    connection = http.client.HTTPConnection(target.host, target.port, timeout=timeout)
    try:
        connection.request("GET", path)
        connection.getresponse().read()
        kept = connection.sock
        if kept is None:
            return 0.0  # it was closed with the answer
        began = time.monotonic()
        kept.settimeout(at_most)
        try:
            kept.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return None
        return time.monotonic() - began
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
