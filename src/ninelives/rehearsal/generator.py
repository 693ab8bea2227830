"""The load generator as a process of its own, so that the tool's work delays no request.

``python -m ninelives.rehearsal.generator FILE`` reads a ``LoadOrder`` as one line of JSON from stdin, answers ``ready`` and
the instant at which the first request is due (seconds of the monotonic clock), and appends each request to FILE as a line
with a JSON array (a ``Sample``). The end of stdin ends it: requests in flight are waited for; so it also ends when the
process that started it is gone.
"""

import asyncio
import contextlib
import gc
import os
import resource
import signal
import sys
from pathlib import Path

import orjson

from ninelives.rehearsal.load import resolve, send_load
from ninelives.rehearsal.sample import LoadOrder, Sample

FLUSH_SECONDS = 0.2
RUN_UP_SECONDS = 0.05
URGENT_NICENESS = -10
"""A request sent late measures the machine, not the service; the generator itself needs little."""


class SampleFile:
    """Appends samples; whole lines, every fifth of a second."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._lines: list[bytes] = []

    def record(self, sample: Sample) -> None:
        self._lines.append(orjson.dumps(tuple(sample), option=orjson.OPT_APPEND_NEWLINE))

    def flush(self) -> None:
        text, self._lines = b"".join(self._lines), []
        while text:
            text = text[os.write(self._descriptor, text) :]

    async def flush_for_ever(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            self.flush()


async def generate(order: LoadOrder, file: SampleFile) -> None:
    """Send the load until stdin ends."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stdin_ready() -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            loop.remove_reader(sys.stdin.fileno())
            stop.set()

    await resolve(order.target)
    loop.add_reader(sys.stdin.fileno(), stdin_ready)
    start_at = loop.time() + RUN_UP_SECONDS
    sys.stdout.write(f"ready {start_at!r}\n")
    sys.stdout.flush()
    flushing = asyncio.create_task(file.flush_for_ever())
    try:
        await send_load(order.target, order.kinds, start_at=start_at, record=file.record, stop=stop)
    finally:
        flushing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await flushing
        file.flush()


def main() -> None:
    # Ctrl-C goes to the whole terminal; when the load ends is the starter's decision.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a service that hangs holds a socket a request
    with contextlib.suppress(OSError):  # root only
        os.nice(URGENT_NICENESS)
    order = LoadOrder.from_json(orjson.loads(sys.stdin.buffer.readline()))
    # What stands now stays: no collection need look at it again.
    gc.collect()
    gc.freeze()
    asyncio.run(generate(order, SampleFile(Path(sys.argv[1]))))


if __name__ == "__main__":
    main()
