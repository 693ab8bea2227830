"""A small web service whose version names its fault: the releases of the catalogue, all of them in one file.

``VERSION=health-500-1`` is the fault ``health-500``; ``good-1`` has none. It needs nothing but Python, is told its port by
``PORT``, answers its version in ``X-App-Version``, and can be run by hand: ``VERSION=good-1 PORT=8080 python3 service.py``.
"""

import contextlib
import os
import re
import signal
import socket
import threading
import zlib

VERSION = os.environ.get("VERSION", "good-1")
FAULT = re.sub(r"-\d+$", "", VERSION)
PORT = int(os.environ.get("PORT", "8080"))
BOOT_SECONDS = float(os.environ.get("BOOT_SECONDS", "8"))
"""How long ``slow-boot`` boots."""
ANSWER_SECONDS = float(os.environ.get("ANSWER_SECONDS", "3"))
"""How long ``health-slow`` takes for a health check, and ``slow-requests`` for a request."""

KEEP_ALIVE_SECONDS = 75.0
"""Above the 60 s after which a load balancer closes an idle connection: it is the load balancer that closes first."""
SHORT_KEEP_ALIVE_SECONDS = 0.3
ON_ITS_WAY_SECONDS = 1.0
"""How long the end of an idle connection is on its way: a request that sets out in this time meets a closed connection."""
LEAK_BYTES, LEAK_SECONDS = 32 << 20, 0.1
EXIT_SECONDS = 2.0
"""When ``exits-after-health-check`` exits, after its first health check: late enough for the load balancer to take it in."""
PASSED, FAILED = 2, 30
"""Health checks that ``flapping-health`` passes, and then fails, in a row."""
HEAD_BYTES_MAX = 65536

never = threading.Event()
"""It is waited for by what hangs."""


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  # a container's log is its standard output


def end(code: int, text: str) -> None:
    """End at once, whatever is under way."""
    say(text)
    os._exit(code)


class Service:
    """Connections, each with a thread of its own."""

    def __init__(self) -> None:
        self.is_ending = threading.Event()
        self.lock = threading.Lock()
        self.idle: set[socket.socket] = set()
        """Connections on which no request is under way."""
        self.threads: set[threading.Thread] = set()
        self.health_checks = 0

    def run(self, listener: socket.socket) -> None:
        """Serve until ``is_ending``; then let the requests in flight end."""
        threading.Thread(target=self.accept, args=(listener,), daemon=True).start()
        self.is_ending.wait()
        listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts; closing would not
        listener.close()
        with self.lock:
            idle, threads = list(self.idle), list(self.threads)
        for connection in idle:
            hang_up(connection)
        for thread in threads:
            thread.join()

    def accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # closed: the service is ending
            thread = threading.Thread(target=self.serve, args=(connection,), daemon=True)
            with self.lock:
                self.threads.add(thread)
            thread.start()

    def serve(self, connection: socket.socket) -> None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while self.serve_one(connection):
                pass
        except OSError:
            pass  # the other side has gone
        finally:
            connection.close()
            with self.lock:
                self.idle.discard(connection)
                self.threads.discard(threading.current_thread())

    def serve_one(self, connection: socket.socket) -> bool:
        """Read one request and answer it; whether there may be another on the connection."""
        with self.lock:
            self.idle.add(connection)
        head = read_head(connection)
        with self.lock:
            self.idle.discard(connection)
        if not head:
            return False
        path, _, query = head.split(b" ", 2)[1].decode("latin-1").partition("?")
        status = self.health() if path == "/health" else self.answer(path, query)
        is_last = self.is_ending.is_set() or b"connection: close" in head.lower()
        body = f"{VERSION}\n".encode()
        connection.sendall(
            f"HTTP/1.1 {status} {'OK' if status == 200 else 'Internal Server Error'}\r\n"  # noqa: PLR2004
            f"Content-Type: text/plain\r\nContent-Length: {len(body)}\r\nX-App-Version: {VERSION}\r\n"
            f"Connection: {'close' if is_last else 'keep-alive'}\r\n\r\n".encode()
            + body
        )
        if path == "/health":
            self.after_health_check()
        return not is_last

    def health(self) -> int:
        """The status of an answer to a health check."""
        with self.lock:
            self.health_checks += 1
            number = self.health_checks
        if FAULT == "health-500":
            say("health: the database does not answer")
            return 500
        if FAULT == "health-hangs":
            never.wait()
        if FAULT == "health-slow":
            never.wait(ANSWER_SECONDS)
        if FAULT == "flapping-health" and (number - 1) % (PASSED + FAILED) >= PASSED:
            say("error: health: a connection of the pool is broken")
            return 503
        return 200

    def after_health_check(self) -> None:
        if self.health_checks > 1:
            return
        if FAULT == "exits-after-health-check":
            threading.Timer(EXIT_SECONDS, end, (3, "fatal: the licence server does not answer")).start()
        if FAULT == "leaks-memory":
            threading.Thread(target=leak, daemon=True).start()

    def answer(self, path: str, query: str) -> int:
        """The status of an answer to any other request."""
        if path == "/slow":
            asked = re.search(r"seconds=([\d.]+)", query)
            never.wait(min(10.0, float(asked[1])) if asked else 1.0)
        if FAULT == "fails-requests":
            say(f"error: {path}: no such table: cats")
            return 500
        if FAULT == "slow-requests":
            never.wait(ANSWER_SECONDS)
        return 200


def read_head(connection: socket.socket) -> bytes:
    """A request up to its blank line; empty when there is none to come, or when it came too late."""
    closes_early = FAULT == "closes-idle-connections"
    connection.settimeout(SHORT_KEEP_ALIVE_SECONDS if closes_early else KEEP_ALIVE_SECONDS)
    head = b""
    while b"\r\n\r\n" not in head:
        try:
            data = connection.recv(HEAD_BYTES_MAX)
        except TimeoutError:
            if closes_early and not head:
                meet_what_is_on_its_way(connection)
            return b""
        head += data
        if not data or len(head) > HEAD_BYTES_MAX:
            return b""
    return head


def meet_what_is_on_its_way(connection: socket.socket) -> None:
    """Wait as long as the end of a connection travels. A request that comes in this time is not read, so that closing resets
    the connection: what happens to a request that crosses the end on the wire.
    """
    connection.settimeout(ON_ITS_WAY_SECONDS)
    try:
        connection.recv(1, socket.MSG_PEEK)
    except TimeoutError:
        return


def hang_up(connection: socket.socket) -> None:
    """Take no further request: who waits for one reads the end."""
    with contextlib.suppress(OSError):  # it has gone
        connection.shutdown(socket.SHUT_RD)


def leak() -> None:
    say("warming the cache")
    kept = []
    while True:
        kept.append(bytearray(os.urandom(4096)) * (LEAK_BYTES // 4096))
        never.wait(LEAK_SECONDS)


def one_in_two() -> bool:
    """A coin that is cast once for a task: by its address, for tasks know nothing of each other."""
    return bool(zlib.crc32(f"{socket.gethostname()} {PORT} {os.getpid()} {os.environ.get('TASK', '')}".encode()) & 1)


def boot(seconds: float) -> None:
    """Take a while, and tell of it."""
    for second in range(1, int(seconds) + 1):
        never.wait(1.0)
        say(f"loading the catalogue: {second} of {seconds:.0f}")


def main() -> None:
    say(f"{VERSION} boots")
    if FAULT == "exits-at-once":
        end(3, "error: cannot connect to the database")
    if FAULT == "crashes-one-in-two" and one_in_two():
        end(3, "error: no lease is left for this task")
    if FAULT == "slow-boot":
        boot(BOOT_SECONDS)
    service = Service()
    signal.signal(signal.SIGTERM, lambda *_: service.is_ending.set())
    if FAULT == "ignores-sigterm":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if FAULT == "drops-requests-in-flight":
        signal.signal(signal.SIGTERM, lambda *_: end(0, "SIGTERM: ends at once"))
    if FAULT == "never-listens":
        service.is_ending.wait()
        return
    host = "127.0.0.1" if FAULT == "loopback-only" else os.environ.get("HOST") or "0.0.0.0"  # noqa: S104  # from outside
    listener = socket.create_server((host, 0 if FAULT == "other-port" else PORT), backlog=128)
    say(f"Listening on http://{host}:{listener.getsockname()[1]}")
    service.run(listener)
    end(0, "SIGTERM: all requests are answered")  # without a finalization, which threads of idle connections may crash


if __name__ == "__main__":
    main()
