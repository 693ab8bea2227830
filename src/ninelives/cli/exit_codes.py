"""The exit codes of every verb: documented, frozen (``docs/reference/exit-codes.md``)."""

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended. A code never changes its meaning."""

    OK = 0
    """Done; for ``deploy``, ``promote``, ``rollback``, ``wait``: the release succeeded and the old tasks have drained; for
    ``abort``: it was rolled back."""
    ERROR = 1
    """A mistake in the file or the command, a missing piece, a refused call; a deployment that failed without a rollback; an
    error that the doctor found; a question that nobody agreed to."""
    CHANGES = 2
    """A written workflow or a dashboard differs (``workflow --check``, ``dashboard --diff``); kept for a plan that has
    changes."""
    NOT_VERIFIED = 3
    """Verify failed; kept, no verb ends so yet."""
    ROLLED_BACK = 4
    """The release was taken back: the old version serves."""
    TIMED_OUT = 5
    """We stopped waiting; the deployment still runs, or the tasks are not as many as are desired."""
    SUPERSEDED = 6
    """A newer deployment took this one's place."""
    LOCKED = 7
    """The lock is held by another; kept, no verb ends so yet."""
    PAUSED = 8
    """The deployment waits for a decision."""
    REQUESTS_LOST = 9
    """Requests were lost."""
    INTERRUPTED = 130
    """Ctrl-C."""
