"""A release under way in words, for every screen: its events, its tasks and targets, its stage."""

import re
from collections import Counter

from ninelives.deploy.follow import Progress, Stage


def in_short(message: str) -> str:
    """A service event for a screen: without the service's name, with short ids.

    >>> in_short("(service cats) registered 1 targets in (target-group arn:aws:elb:r:a:targetgroup/cats/fd81)")
    'registered 1 targets in (target-group cats)'
    >>> in_short("(service cats) has started 1 tasks: (task 5e7ef7412ef73d5f0830a057858d5b20).")
    'has started 1 tasks: (task 5e7ef741).'
    """
    message = re.sub(r"^\(service [^)]*\) ", "", message)
    message = re.sub(r"\(target-group arn:[^)]*targetgroup/([^/)]+)/[^)]*\)", r"(target-group \1)", message)
    return re.sub(r"\(task ([0-9a-f]{8})[0-9a-f]{24}\)", r"(task \1)", message)


def counts_line(progress: Progress) -> str:
    """Stage, tasks and targets in a line."""
    parts = [str(progress.stage)]
    parts += [
        f"{name}: {counted(tally)}" for name, tally in (("new", progress.tally.new), ("old", progress.tally.old)) if tally
    ]
    if progress.tally.targets:
        parts.append(f"targets: {counted(progress.tally.targets)}")
    if progress.failed_tasks and progress.stage is not Stage.DONE:
        parts.append(f"failed tasks: {progress.failed_tasks}")
    return " | ".join(parts)


def counted(tally: Counter[str]) -> str:
    """``2 running, 1 pending``; words of the API in lower case.

    >>> counted(Counter(RUNNING=2, PENDING=1))
    '2 running, 1 pending'
    """
    return ", ".join(f"{number} {name.lower()}" for name, number in tally.most_common() if number)
