"""The engine's events of one instance's containers, followed by a thread; after a break everything is looked at afresh."""

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docker import APIClient
    from docker.types import CancellableStream

log = logging.getLogger(__name__)

RECONNECT_SECONDS = 1.0
ACTIONS = ["die", "destroy", "health_status"]


class DockerEvents:
    """Calls ``happened`` (container id, action, attributes) and, after each (re)connection, ``resumed``, on the loop."""

    def __init__(
        self,
        client: "APIClient",
        *,
        label: str,
        happened: Callable[[str, str, Mapping[str, str]], None],
        resumed: Callable[[], None],
    ) -> None:
        self._client = client
        self._filters = {"type": "container", "label": label, "event": ACTIONS}
        self._happened = happened
        self._resumed = resumed
        self._loop = asyncio.get_running_loop()
        self._closing = threading.Event()
        self._stream: CancellableStream[dict[str, Any]] | None = None
        self._is_away = False
        threading.Thread(target=self._follow, name="docker events", daemon=True).start()

    def close(self) -> None:
        self._closing.set()
        if self._stream is not None:
            self._stream.close()

    def _follow(self) -> None:
        while not self._closing.is_set():
            try:
                self._listen()
            except Exception as error:  # noqa: BLE001  # the SDK lets sockets', HTTP's and its own errors through
                if not self._closing.is_set() and not self._is_away:
                    self._is_away = True
                    log.warning("Docker's events broke off (%s); they are followed again once it answers", error)
            self._closing.wait(RECONNECT_SECONDS)

    def _listen(self) -> None:
        self._stream = self._client.events(decode=True, filters=self._filters)
        if self._is_away:
            self._is_away = False
            log.info("Docker answers again")
        self._call(self._resumed)
        for event in self._stream:
            actor = event["Actor"]
            self._call(self._happened, actor["ID"], event["Action"].partition(":")[0], actor["Attributes"])

    def _call(self, callback: Callable[..., None], *arguments: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, *arguments)
        except RuntimeError:
            self._closing.set()  # the loop is closed: nobody listens any more
