"""How long an application keeps an idle connection, measured on real ones."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ninelives.rehearsal.idle_probe import kept_for
from ninelives.rehearsal.sample import Target


@contextmanager
def server(*, keeps_for: float | None) -> Iterator[Target]:
    """Answers, and closes a connection that has been idle for so long; None: with the answer."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = keeps_for

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            if keeps_for is None:
                self.send_header("Connection", "close")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield Target(host="127.0.0.1", port=listening.server_address[1])
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


def test_a_connection_that_the_application_closes_is_measured() -> None:
    with server(keeps_for=0.1) as target:
        kept = kept_for(target, path="/", at_most=10)

    assert kept is not None
    assert kept < 10


def test_a_connection_that_is_kept_as_long_as_is_waited_is_kept() -> None:
    with server(keeps_for=30) as target:
        assert kept_for(target, path="/", at_most=0.05) is None


def test_a_connection_that_ends_with_its_answer_is_not_kept_at_all() -> None:
    with server(keeps_for=None) as target:
        assert 0.0 == kept_for(target, path="/", at_most=10)


def test_where_nothing_answers_nothing_is_known() -> None:
    assert kept_for(Target(host="127.0.0.1", port=1), path="/", at_most=1) is None
