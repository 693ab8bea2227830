"""Docker's log stream, however its pieces fall."""

import socket
import struct
import threading

from hypothesis import given
from hypothesis import strategies as st

from ninelives.runtime.docker_logs import LINE_BYTES_MAX, _lines

INSTANT = "2026-01-02T03:04:05.123456789Z"


def frame(stream: int, text: bytes) -> bytes:
    content = INSTANT.encode() + b" " + text
    return struct.pack(">BxxxL", stream, len(content)) + content


def read(stream: bytes, sizes: list[int]) -> list[str]:
    """The lines of a stream that arrives in pieces of ``sizes``, then the rest."""
    ours, theirs = socket.socketpair()
    with ours, theirs:

        def send() -> None:
            position = 0
            for size in sizes:
                theirs.sendall(stream[position : position + size])
                position += size
            theirs.sendall(stream[position:])
            theirs.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        found = [text for lines in _lines(ours) for instant, text in lines if instant == INSTANT]
        sender.join()
    return found


@given(sizes=st.lists(st.integers(1, 60), max_size=20))
def test_lines_are_the_same_however_they_arrive(sizes: list[int]) -> None:
    stream = (
        frame(1, b"one\n")
        + frame(1, b"long ")
        + frame(2, b"error\r\n")
        + frame(1, b"line\n")
        + frame(1, b"\n")
        + frame(1, b"end")
    )

    assert read(stream, sizes) == ["one", "error", "long line", "", "end"]


def test_a_line_without_end_is_cut() -> None:
    piece = b"x" * (LINE_BYTES_MAX // 2)
    lines = read(frame(1, piece) * 5, [])

    assert [len(line) for line in lines] == [LINE_BYTES_MAX, LINE_BYTES_MAX, LINE_BYTES_MAX // 2]
