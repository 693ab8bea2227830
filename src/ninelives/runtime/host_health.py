"""Container health checks on the host: the command at its interval, counted as Docker counts.

Source: botocore ``ecs`` ``HealthCheck``; Docker's HEALTHCHECK.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from ninelives.model.ecs import HealthCheck, HealthStatus
from ninelives.runtime.host_command import HostCommand


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCount:
    """What the checks so far amount to. The first success ends the start period early."""

    status: HealthStatus = HealthStatus.UNKNOWN
    failures: int = 0
    has_started: bool = False

    def after(self, check: HealthCheck, *, passed: bool, elapsed: timedelta) -> "HealthCount":
        """The count after one more check, ``elapsed`` after the container's start.

        >>> check = HealthCheck(command=("CMD", "true"), retries=2)
        >>> one = HealthCount().after(check, passed=False, elapsed=timedelta(seconds=30))
        >>> one.status, one.after(check, passed=False, elapsed=timedelta(seconds=60)).status
        (<HealthStatus.UNKNOWN: 'UNKNOWN'>, <HealthStatus.UNHEALTHY: 'UNHEALTHY'>)
        """
        if passed:
            return HealthCount(status=HealthStatus.HEALTHY, has_started=True)
        if elapsed < check.start_period and not self.has_started:
            return self
        failures = self.failures + 1
        status = HealthStatus.UNHEALTHY if failures >= check.retries else self.status
        return replace(self, failures=failures, status=status)


async def watch_health(
    check: HealthCheck,
    argv: Sequence[str],
    command: HostCommand,
    *,
    count: HealthCount,
    elapsed: Callable[[], timedelta],
    changed: Callable[[HealthStatus], None],
) -> None:
    """Run the check for ever, the first time after one interval; ``changed`` is told each new status."""
    while True:
        await asyncio.sleep(check.interval.total_seconds())
        passed = await _passes(check, argv, command)
        after = count.after(check, passed=passed, elapsed=elapsed())
        if after.status is not count.status:
            changed(after.status)
        count = after


async def _passes(check: HealthCheck, argv: Sequence[str], command: HostCommand) -> bool:
    """Whether the command ends with 0 in time; what it started is ended in any case."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=command.working_directory,
            env={**command.environment, **command.private_environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return False  # no such command here: it cannot say that the container is well
    try:
        async with asyncio.timeout(check.timeout.total_seconds()):
            return await process.wait() == 0
    except TimeoutError:
        return False
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await asyncio.shield(process.wait())
