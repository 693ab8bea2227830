"""Delivers what waits in the outbox to the targets of the rules that it matches: in order for each, none holding up another.

A target that fails is tried again, ever more slowly, up to its retry policy; meanwhile its later events wait behind the one
that failed. An event leaves the outbox when each of its targets has it or has been given up.
"""

import asyncio
import contextlib
import json
import logging
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from ninelives.eventbridge.inputs import target_input
from ninelives.eventbridge.rules import Rule, Rules
from ninelives.eventbridge.targets import Delivery, NotNow, Targets, Undeliverable
from ninelives.model.arns import Place
from ninelives.model.events import BusEvent

log = logging.getLogger(__name__)

RETRY_AFTER: Final = timedelta(seconds=1)
"""When what failed is tried again; twice as long after each further failure."""
RETRY_AFTER_MOST: Final = timedelta(minutes=1)
RETRIES: Final = 185
AGE: Final = timedelta(hours=24)
"""Defaults of a target's retry policy. Source: ``events`` 2015-10-07, ``RetryPolicy``."""
READ_AGAIN_AFTER: Final = timedelta(seconds=1)
"""When the rules are read again after they could not be."""


class Outbox(Protocol):
    """Where events wait (``region.outbox``)."""

    bell: asyncio.Event

    def waiting(self) -> list[BusEvent]: ...

    def remove(self, events: list[BusEvent]) -> None: ...

    def pass_on(self, event: BusEvent, bus: str) -> None: ...


@dataclass(frozen=True, slots=True)
class _Waiting:
    event: BusEvent
    delivery: Delivery


class EventBridge:
    """One instance, one coroutine, and one more for each target that has something to get."""

    def __init__(
        self,
        outbox: Outbox,
        rules: Rules,
        targets: Targets,
        *,
        place: Place,
        now: Callable[[], datetime],
        retry_after: timedelta = RETRY_AFTER,
    ) -> None:
        self._outbox = outbox
        self._rules = rules
        self._targets = targets
        self._place = place
        self._now = now
        self._retry_after = retry_after
        self._taken = 0
        """Sequence of the last event that was handed to its targets' queues."""
        self._queues: dict[tuple[str, str], deque[_Waiting]] = {}
        self._workers: set[asyncio.Task[None]] = set()
        self._open: Counter[int] = Counter()
        """Deliveries that each event still waits for, by its sequence."""
        self._done: list[BusEvent] = []

    async def run(self) -> None:
        """Deliver for ever. Cancel it to end; what was not delivered stays in the outbox."""
        try:
            while True:
                self._outbox.bell.clear()
                try:
                    await self._hand_out()
                except Exception:
                    log.exception("events could not be handed to their targets; it is tried again in a moment")
                    await asyncio.sleep(READ_AGAIN_AFTER.total_seconds())
                    continue
                await self._outbox.bell.wait()
        finally:
            for worker in self._workers:
                worker.cancel()
            await asyncio.gather(*self._workers, return_exceptions=True)
            with contextlib.suppress(Exception):
                self._forget_done()
            self._targets.close()

    async def _hand_out(self) -> None:
        for event in self._outbox.waiting():
            if event.sequence <= self._taken:
                continue
            written = event.written(self._place)
            matched = [rule for rule in await self._rules.of(event.bus) if rule.takes(written)]
            self._taken = event.sequence
            pairs = [(rule, target) for rule in matched for target in rule.targets]
            self._open[event.sequence] = len(pairs) + 1
            for rule, target in pairs:
                try:
                    self._queue(event, written, rule, target)
                except Exception:
                    log.exception("an event (%s) for %s was dropped", event.detail_type, target["Arn"])
                    self._end(event)
            self._end(event)
        self._forget_done()

    def _queue(self, event: BusEvent, written: Mapping[str, Any], rule: Rule, target: Mapping[str, Any]) -> None:
        ingested_at = event.time.strftime("%Y-%m-%dT%H:%M:%SZ")
        delivery = Delivery(
            rule_arn=rule.arn,
            target=target,
            input=target_input(target, written, rule_arn=rule.arn, ingested_at=ingested_at),
            time_ms=round(event.time.timestamp() * 1000),
        )
        name = rule.arn, target["Id"]
        queue = self._queues.get(name)
        if queue is None:
            queue = self._queues[name] = deque()
            worker = asyncio.create_task(self._work(name, queue), name=f"events to {target['Arn']}")
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)
        queue.append(_Waiting(event, delivery))

    async def _work(self, name: tuple[str, str], queue: deque[_Waiting]) -> None:
        while queue:
            waiting = queue[0]
            try:
                await self._deliver(waiting)
            except Undeliverable as error:
                await self._give_up(waiting, error)
            except Exception:
                log.exception("an event for %s was dropped", waiting.delivery.target["Arn"])
            queue.popleft()
            self._end(waiting.event)
        del self._queues[name]
        self._outbox.bell.set()

    async def _deliver(self, waiting: _Waiting) -> None:
        """Try until the target takes it. Raises ``Undeliverable`` once it is to be given up."""
        target, event = waiting.delivery.target, waiting.event
        policy = target.get("RetryPolicy", {})
        retries = policy.get("MaximumRetryAttempts", RETRIES)
        until = event.time + timedelta(seconds=policy.get("MaximumEventAgeInSeconds", AGE.total_seconds()))
        for attempt in range(retries + 1):
            try:
                if not self._pass_on(event, str(target["Arn"])):
                    await self._targets.deliver(waiting.delivery)
            except NotNow as error:
                if attempt == retries or self._now() >= until:
                    raise
                log.info("an event (%s) for %s waits: %s", event.detail_type, target["Arn"], error)
                delay = min(self._retry_after * (1 << min(attempt, 16)), RETRY_AFTER_MOST)
                await asyncio.sleep(delay.total_seconds())
            else:
                return

    def _pass_on(self, event: BusEvent, arn: str) -> bool:
        """Whether ``arn`` is another bus of this region, which gets the event unless it comes from another bus itself."""
        _, marker, bus = arn.partition(f":events:{self._place.region}:{self._place.account}:event-bus/")
        if not marker:
            return False
        if not event.is_passed_on:
            self._outbox.pass_on(event, bus)
        return True

    async def _give_up(self, waiting: _Waiting, error: Undeliverable) -> None:
        target = waiting.delivery.target
        log.warning("an event (%s) for %s was given up: %s", waiting.event.detail_type, target["Arn"], error)
        queue = target.get("DeadLetterConfig", {}).get("Arn")
        if queue is None:
            return
        try:
            await self._targets.to_queue(queue, json.dumps(waiting.event.written(self._place)), {})
        except Exception as failure:  # noqa: BLE001 (whatever it is, there is no further place to put it)
            log.warning("the dead-letter queue %s did not take it either: %s", queue, failure)

    def _end(self, event: BusEvent) -> None:
        self._open[event.sequence] -= 1
        if not self._open[event.sequence]:
            del self._open[event.sequence]
            self._done.append(event)

    def _forget_done(self) -> None:
        if self._done:
            done, self._done = self._done, []
            self._outbox.remove(done)
