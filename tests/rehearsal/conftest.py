"""What the rehearsal's tests share."""

import asyncio
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "dataplane"))
from faulty_server import FaultyServer, faulty_server


@pytest.fixture
def serving() -> Iterator[FaultyServer]:
    """A server in a thread with a loop of its own, as a load's process needs."""
    ready, done = threading.Event(), threading.Event()
    found: list[FaultyServer] = []

    async def serve() -> None:
        async with faulty_server() as server:
            found.append(server)
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(5)
    yield found[0]
    done.set()
    thread.join(10)
