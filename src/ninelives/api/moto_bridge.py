"""What the region leaves to moto: a worker thread of its own, so that neither moto's imports nor its pickles stop the loop."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

from ninelives.api.authorization.records import AccountRecords
from ninelives.api.moto_worker import MotoWorker, changes_nothing, moves_messages
from ninelives.api.wire import CredentialScope, WireRequest, WireResponse
from ninelives.model.arns import Place

logger = logging.getLogger(__name__)

T = TypeVar("T")

SAVE_DELAY_SECONDS: Final = 0.1
"""How long may gather what no answer waits for: messages, and what the region itself changes."""


class MotoBridge:
    """moto's records behind one thread. moto is imported at its first use, or by ``start`` where there are records to read.

    ``directory`` is where the records live; None keeps them in memory only.
    """

    def __init__(self, *, place: Place, directory: Path | None = None) -> None:
        self._worker = MotoWorker(place=place, directory=directory)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="moto")
        self._timer: asyncio.TimerHandle | None = None
        self._background: set[Future[Any]] = set()
        self._observers: dict[str, list[Callable[[], Awaitable[None]]]] = {}

    def start(self) -> None:
        """Begin to read the records of an earlier run in the background; requests to moto wait for it, others do not."""
        if self._worker.has_records:
            self._submit(self._worker.load)

    async def handle(self, request: WireRequest, scope: CredentialScope) -> WireResponse:
        """The answer to a signed request for a service that is not the region's own; what it changed is on disk by then,
        but for messages, which may gather for a moment.
        """
        answer = await self._run(lambda: self._worker.respond(request, scope))
        if not changes_nothing(request):
            if not moves_messages(request, scope):
                await self.saved()
            for observed in self._observers.get(scope.service, ()):
                await observed()
        return answer

    def subscribe(self, services: Collection[str], observed: Callable[[], Awaitable[None]]) -> None:
        """Called after each request to one of ``services`` that may have changed something, before it is answered."""
        for service in services:
            self._observers.setdefault(service, []).append(observed)

    async def key_pair(self, arn: str) -> tuple[str, str] | None:
        """A server certificate of ACM or IAM with its private key, in PEM; None where it is not there."""
        return await self._run(lambda: self._worker.key_pair(arn))

    async def call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Call an operation from within the region: botocore's service name, parameters and answer. Raises ``ApiError``."""
        return await self._run(lambda: self._worker.call(service, operation, parameters))

    async def account_records(self) -> AccountRecords:
        """IAM's records and the policies on resources, as they are now."""
        return await self._run(self._worker.account_records)

    async def archive_event(self, archive: str, event: Mapping[str, Any]) -> None:
        """Add an event to one of EventBridge's archives, named as the rule names it that moto made for it."""
        await self._run(lambda: self._worker.archive_event(archive, event))

    async def saved(self) -> None:
        """Return once all changes so far are on disk."""
        if self._worker.is_dirty:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._worker.save)

    def changes(self, backend: str) -> int:
        """A number that grows whenever the records of a backend (by its name in moto) may have changed."""
        return self._worker.changes[backend]

    def has_records_of(self, backend: str) -> bool:
        """Whether a backend has been used, now or in an earlier run; moto is not imported to find out."""
        return self._worker.has_records_of(backend)

    async def close(self) -> None:
        """Write what is not written yet and end the thread. Nothing may be asked afterwards."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await asyncio.get_running_loop().run_in_executor(self._thread, self._worker.close)
        self._thread.shutdown()

    async def _run(self, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, work)
        finally:
            if self._worker.is_dirty and self._timer is None:
                self._timer = loop.call_later(SAVE_DELAY_SECONDS, self._save_soon)

    def _save_soon(self) -> None:
        self._timer = None
        self._submit(self._worker.save)

    def _submit(self, work: Callable[[], object]) -> None:
        future = self._thread.submit(work)
        self._background.add(future)
        future.add_done_callback(self._done)

    def _done(self, future: Future[Any]) -> None:
        self._background.discard(future)
        if not future.cancelled() and future.exception() is not None:
            logger.error("Work on moto's records failed", exc_info=future.exception())
