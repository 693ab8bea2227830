"""The region's own registry on a loopback port, for those who push to it."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ninelives.api.server import serve
from ninelives.api.wire import Receive, Scope, Send
from ninelives.registry import Registry, Repository, registry_app

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Served:
    """A registry with the repository ``cats``, in which a tag can be given once."""

    registry: Registry
    uri: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of each request."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.append((scope["method"], scope["path"]))
        await registry_app(self.registry)(scope, receive, send)

    @property
    def uploads(self) -> int:
        return sum(method == "POST" for method, _ in self.asked)


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    registry = Registry(folder, account="111122223333", now=lambda: NOW)
    registry.create_repository(Repository(name="cats", created_at=NOW, tag_mutability="IMMUTABLE"))
    one, ready, stop = Served(registry), threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    def listening(port: int) -> None:
        one.uri = f"127.0.0.1:{port}/cats"
        ready.set()

    job = serve(one, "127.0.0.1", 0, stop=stop, listening=listening)
    thread = threading.Thread(target=lambda: loop.run_until_complete(job))
    thread.start()
    try:
        assert ready.wait(10)
        yield one
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
        registry.close()
