"""The ids in the agent's paths: who knows one is taken for the container that was told it.

An id is a task's own id and a code over what it stands for, by a key of the region. So nobody guesses one, and nothing is kept
for a container.
"""

import hmac
from collections.abc import Iterable

from ninelives.model.ecs import Task
from ninelives.region.region import Region

CODE_LENGTH = 32


class AgentIds:
    def __init__(self, key: bytes) -> None:
        self._key = key

    def of_container(self, task: Task, name: str) -> str:
        return self._id(task, f"container/{name}")

    def of_credentials(self, task: Task) -> str:
        return self._id(task, "credentials")

    def container(self, region: Region, given: str) -> tuple[Task, str] | None:
        """The task and the name of the container that has this id."""
        for task in _tasks(region, given):
            for container in task.containers:
                if hmac.compare_digest(self.of_container(task, container.name), given):
                    return task, container.name
        return None

    def credentials(self, region: Region, given: str) -> Task | None:
        """The task whose credentials have this id."""
        return next((task for task in _tasks(region, given) if hmac.compare_digest(self.of_credentials(task), given)), None)

    def _id(self, task: Task, what: str) -> str:
        code = hmac.new(self._key, f"{task.arn}/{what}".encode(), "sha256").hexdigest()
        return f"{task.id}-{code[:CODE_LENGTH]}"


def _tasks(region: Region, given: str) -> Iterable[Task]:
    """Tasks whose id stands in front; there is one at most for each cluster."""
    if not given.isascii():
        return
    task_id = given.partition("-")[0]
    for cluster in region.state.clusters.values():
        task = region.state.tasks.get(region.place.task(cluster.name, task_id))
        if task is not None:
            yield task
