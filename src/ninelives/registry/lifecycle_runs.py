"""Carries lifecycle policies out by and by: soon after a policy was put, and then once a day; and collects what pushes left.

ECR promises 24 hours; here, where images pile up on a laptop, a new policy waits ``SOON`` only. Both waits are policy's, so
the region's time scale shortens them; the days that rules count are those of the images, in real time.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from ninelives.registry.records import Repository
from ninelives.registry.registry import GRACE, Registry

log = logging.getLogger(__name__)

DAILY: Final = timedelta(hours=24)
"""Source: ECR user guide, "How lifecycle policies work": images expire within 24 hours after they meet the criteria."""

SOON: Final = timedelta(minutes=1)
"""From the putting of a policy to its first run: time enough to take a mistake back."""


class LifecycleRuns:
    """Runs the policies of ``registry``; ``scaled`` gives a wait of policy in the region's time."""

    def __init__(self, registry: Registry, *, scaled: Callable[[timedelta], timedelta]) -> None:
        self.registry = registry
        self._scaled = scaled
        self._changed = asyncio.Event()

    def look_again(self) -> None:
        """A policy was put or deleted."""
        self._changed.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            self._changed.clear()
            wait = self.carry_out_what_is_due()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait.total_seconds()):
                    await self._changed.wait()

    def carry_out_what_is_due(self) -> timedelta:
        """Run each policy whose time has come; how long until the next. One that fails holds up no other.

        Blobs that were spared for a push which never named them are collected, too.
        """
        self.registry.collect()
        for repository in self.registry.repositories():
            if repository.lifecycle_policy is not None and self.due(repository) <= self.registry.now():
                self._carry_out(repository.name)
        waits = [
            self.due(one) - self.registry.now() for one in self.registry.repositories() if one.lifecycle_policy is not None
        ]
        return max(min([*waits, GRACE]), timedelta(0))

    def due(self, repository: Repository) -> datetime:
        """When a repository's policy is to be carried out next."""
        last, put = repository.lifecycle_evaluated_at, repository.lifecycle_policy_at or repository.created_at
        return put + self._scaled(SOON) if last is None or last < put else last + self._scaled(DAILY)

    def _carry_out(self, name: str) -> None:
        try:
            marks = self.registry.carry_out_policy(name)
        except Exception:
            log.exception("the lifecycle policy of %s failed; it is tried again in a day", name)
            self.registry.note_policy_run(name)
            return
        if marks:
            log.info("%s: %d images expired or were archived by its lifecycle policy", name, len(marks))
