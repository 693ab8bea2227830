"""How the live tasks of one side stand: healthy, on their way, or failing."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from ninelives.model.ecs import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Live tasks, each in one place, the best to keep first.

    ``waiting`` ones are neither healthy nor failing: they boot, or their health is not known (yet).
    """

    healthy: tuple[Task, ...]
    waiting: tuple[Task, ...]
    failing: tuple[Task, ...]

    @property
    def best_first(self) -> tuple[Task, ...]:
        return (*self.healthy, *self.waiting, *self.failing)

    @property
    def proven(self) -> tuple[Task, ...]:
        """Healthy tasks, and those that were so and whose health is not known now (a control plane that came back)."""
        return (*self.healthy, *(task for task in self.waiting if task.was_healthy))

    def __len__(self) -> int:
        return len(self.healthy) + len(self.waiting) + len(self.failing)


def standing_of(tasks: Iterable[Task], failing: Collection[str]) -> Standing:
    """The standing of live ``tasks``; ``failing`` has the ARNs of those that fail a check.

    Proven tasks are kept before others, old ones before young ones.
    """
    healthy: list[Task] = []
    waiting: list[Task] = []
    failed: list[Task] = []
    for task in sorted(tasks, key=_rank):
        if task.healthy_since is not None:
            healthy.append(task)
        elif task.arn in failing:
            failed.append(task)
        else:
            waiting.append(task)
    return Standing(healthy=tuple(healthy), waiting=tuple(waiting), failing=tuple(failed))


def _rank(task: Task) -> tuple[bool, bool, datetime, str]:
    return (not task.was_healthy, task.started_at is None, task.created_at, task.arn)
