"""Tasks and a proxy that do at once as they are told."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from ninelives.model.ecs import TaskAddress
from ninelives.model.observation import ContainerObservation, TaskObservation
from ninelives.region.ports import Logged, TaskLaunch, TaskUsage


class ObedientRuntime:
    """Starts and stops tasks at once; containers of images that are called ``broken`` exit at once."""

    name = "obedient"

    def subscribe(self, observed: Callable[[TaskObservation], None], logged: Logged) -> None:  # noqa: ARG002
        self._observed = observed

    async def adopt(self, tasks: Collection[TaskLaunch]) -> None: ...

    async def start(self, launch: TaskLaunch) -> None:
        self._observed(self._seen(launch, "RUNNING"))
        if "broken" in launch.definition.containers[0].image:
            self._observed(self._seen(launch, "STOPPED", exit_code=1))

    async def stop(self, launch: TaskLaunch) -> None:
        self._observed(self._seen(launch, "STOPPED", exit_code=143))

    async def remove(self, task_arn: str) -> None:
        self._observed(TaskObservation(task_arn=task_arn, is_removed=True))

    async def usage(self, task_arns: Collection[str]) -> Mapping[str, TaskUsage]:  # noqa: ARG002
        return {}

    async def statistics(self, task_arn: str) -> Mapping[str, Mapping[str, Any]]:  # noqa: ARG002 - the port's
        return {}

    async def close(self) -> None: ...

    @staticmethod
    def _seen(launch: TaskLaunch, status: str, exit_code: int | None = None) -> TaskObservation:
        return TaskObservation(
            task_arn=launch.task.arn,
            containers=tuple(
                ContainerObservation(name=one.name, last_status=status, exit_code=exit_code)
                for one in launch.definition.containers
            ),
            address=TaskAddress(ip="172.17.0.2"),
            is_started=True,
        )


class SilentDataPlane:
    def prepare(self, snapshot: object) -> None: ...

    def subscribe(self, changed: object) -> None: ...

    async def start(self) -> bool:
        return True

    async def publish(self, snapshot: object) -> None: ...

    def target_health(self, _key: object) -> None:
        return None

    async def requests_in_flight(self, keys: Collection[Any]) -> dict[Any, int]:
        return dict.fromkeys(keys, 0)
