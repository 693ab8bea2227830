"""The machine: containers that live and die by themselves, whether a control plane watches or not."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random

from ninelives.model.ecs import ContainerDefinition, HealthStatus, TaskAddress, TaskDefinition
from ninelives.model.observation import ContainerObservation
from ninelives.region.ports import TaskLaunch
from ninelives.simulator.applications import GOOD, Application
from ninelives.simulator.event_loop import SimulatedLoop
from ninelives.simulator.identity import SimulatedClock
from ninelives.simulator.options import Fault, Options, stream

PORT = 8080
APP, SIDECAR = "app", "sidecar"
KILLED, TERMINATED = 137, 143


@dataclass(slots=True)
class SimulatedContainer:
    name: str
    started_at: datetime
    finished_at: datetime | None = None
    exit_code: int | None = None
    reason: str | None = None
    health: HealthStatus = HealthStatus.UNKNOWN

    def observed(self, runtime_id: str) -> ContainerObservation:
        return ContainerObservation(
            name=self.name,
            last_status="RUNNING" if self.finished_at is None else "STOPPED",
            runtime_id=runtime_id,
            exit_code=self.exit_code,
            reason=self.reason,
            health_status=self.health,
            started_at=self.started_at,
            finished_at=self.finished_at,
        )


@dataclass(slots=True)
class SimulatedTask:
    """The containers of a task on the machine."""

    arn: str
    application: Application
    definition: TaskDefinition
    address: TaskAddress
    containers: dict[str, SimulatedContainer] = field(default_factory=dict)
    is_ready: bool = False
    """Whether the application answers its health checks well, if it is not sick."""
    is_sick: bool = False
    is_asked_to_stop: bool = False
    health_turn: int = 0
    """Counts turns of health, so that a verdict that was overtaken is dropped."""

    @property
    def main(self) -> ContainerDefinition:
        """The container that is the application: the first essential one."""
        return main_container(self.definition)

    @property
    def is_up(self) -> bool:
        return self.containers[self.main.name].finished_at is None

    @property
    def answers(self) -> bool:
        return self.is_up and self.is_ready and not self.is_sick


class Machine:
    """Runs containers. ``changed`` hears of each task whose containers changed, ``answering`` of each address at which another
    answer is given, ``wrote`` of each line.
    """

    def __init__(self, loop: SimulatedLoop, clock: SimulatedClock, options: Options) -> None:
        self._loop = loop
        self._clock = clock
        self._options = options
        self._random = stream(options.seed, "machine")
        self.applications: dict[str, Application] = {}
        """By image."""
        self.tasks: dict[str, SimulatedTask] = {}
        self.created: dict[str, int] = {}
        """How often the containers of each task were made since the machine is up: once is enough."""
        self.has_failed_by_itself = False
        """Whether an application that had served has ended or sickened without being asked: then the loss is its own."""
        self.changed: Callable[[str], None] = lambda _arn: None
        self.answering: Callable[[str], None] = lambda _address: None
        self.wrote: Callable[[str, str, str], None] = lambda _arn, _container, _line: None

    @property
    def random(self) -> Random:
        return self._random

    # What a runtime does on it.

    def start(self, launch: TaskLaunch) -> SimulatedTask:
        """Make and start the containers of a task."""
        arn = launch.task.arn
        application = self._application(launch)
        task = SimulatedTask(arn, application, launch.definition, self._free_address())
        now = self._clock.now()
        task.containers = {one.name: SimulatedContainer(one.name, now) for one in launch.definition.containers}
        self.tasks[arn] = task
        self.created[arn] = self.created.get(arn, 0) + 1
        if application.first_words is not None:
            self.wrote(arn, task.main.name, application.first_words)
        if application.life is not None:
            self._later(application.life, lambda: self._crash(task))
        if application.becomes_ready:
            self._later(self._random.uniform(0.5, 1) * application.boot, lambda: self.become_ready(task))
        self._turn_health(task)
        return task

    def application_of(self, launch: TaskLaunch) -> Application:
        return self.applications.get(main_container(launch.definition).image, GOOD)

    def _application(self, launch: TaskLaunch) -> Application:
        application = self.application_of(launch)
        return GOOD if application.luck and self._random.random() < application.luck else application

    def signal(self, arn: str) -> None:
        """The stop signal to each container."""
        task = self.tasks.get(arn)
        if task is None or task.is_asked_to_stop:
            return
        task.is_asked_to_stop = True
        takes = task.application.stop
        if self._options.has(Fault.STOPS_ARE_SLOW):
            takes = self._random.choice((0.1, 3.0, self._options.stop_timeout * 0.9, None))
        if task.application.last_words is not None and task.is_up:
            self.wrote(arn, task.main.name, task.application.last_words)
        for name in task.containers:
            if name != task.main.name:
                self._later(0.1, lambda name=name: self._exit(task, name, TERMINATED))  # type: ignore[misc] # mypy knows no lambda with a default
        if takes is not None:
            self._later(takes, lambda: self._exit(task, task.main.name, task.application.stop_code))

    def kill(self, arn: str) -> None:
        """SIGKILL to each container."""
        task = self.tasks.get(arn)
        if task is not None:
            for name in task.containers:
                self._exit(task, name, KILLED)

    def remove(self, arn: str) -> None:
        """Nothing of a task is left, whatever it did."""
        self.kill(arn)
        self.tasks.pop(arn, None)

    # What befalls it.

    def die(self, task: SimulatedTask, exit_code: int, reason: str | None = None) -> None:
        """The application ends by itself."""
        self.has_failed_by_itself |= task.is_ready and task.is_up and not task.is_asked_to_stop
        self._exit(task, task.main.name, exit_code, reason)

    def sicken(self, task: SimulatedTask, *, is_sick: bool) -> None:
        if task.is_up and task.is_sick is not is_sick:
            task.is_sick = is_sick
            self.has_failed_by_itself = True
            self._turn_health(task)

    def become_ready(self, task: SimulatedTask) -> None:
        if task.is_up and not task.is_ready:
            task.is_ready = True
            self._turn_health(task)

    def restart(self) -> None:
        """The machine goes down and comes up: no container is left."""
        for arn in list(self.tasks):
            self.remove(arn)
        self.created.clear()

    def heal(self) -> None:
        """Every application behaves well from now on, in what runs and in what will be started."""
        self.applications = dict.fromkeys(self.applications, GOOD)
        for task in self.tasks.values():
            task.application = GOOD
            self.sicken(task, is_sick=False)
            if task.is_up and not task.is_ready:
                self._later(GOOD.boot, lambda task=task: self.become_ready(task))  # type: ignore[misc] # mypy knows no lambda with a default

    # Looking at it.

    def at(self, address: str) -> SimulatedTask | None:
        """Who answers at ``ip:port``."""
        return next((task for task in self.tasks.values() if task.is_up and address_of(task.address) == address), None)

    # Inside.

    def _free_address(self) -> TaskAddress:
        """The lowest one that no container has: addresses of the dead come to others."""
        taken = {address_of(task.address) for task in self.tasks.values() if task.is_up}
        for number in range(1, len(taken) + 2):
            address = (
                TaskAddress(ip="127.0.0.1", ports=((PORT, 20_000 + number),))
                if self._options.shares_an_address
                else TaskAddress(ip=f"172.17.0.{number}", ports=((PORT, PORT),))
            )
            if address_of(address) not in taken:
                return address
        raise AssertionError(taken)

    def _crash(self, task: SimulatedTask) -> None:
        if task.application.life is not None:
            self.die(task, task.application.exit_code, task.application.exit_reason)

    def _exit(self, task: SimulatedTask, name: str, exit_code: int, reason: str | None = None) -> None:
        container = task.containers.get(name)
        if container is None or container.finished_at is not None:
            return
        container.finished_at, container.exit_code, container.reason = self._clock.now(), exit_code, reason
        if name == task.main.name:
            task.health_turn += 1
            self.answering(address_of(task.address))
        self.changed(task.arn)

    def _turn_health(self, task: SimulatedTask) -> None:
        """The application's health has changed: the load balancer will see, and Docker's health check in its time."""
        task.health_turn += 1
        self.answering(address_of(task.address))
        check = task.main.health_check
        if check is not None:
            turn, interval = task.health_turn, check.interval.total_seconds()
            wait = self._random.uniform(0, interval) if task.answers else check.retries * interval
            self._later(wait, lambda: self._judge(task, turn))

    def _judge(self, task: SimulatedTask, turn: int) -> None:
        if turn == task.health_turn and task.is_up:
            task.containers[task.main.name].health = HealthStatus.HEALTHY if task.answers else HealthStatus.UNHEALTHY
            self.changed(task.arn)

    def _later(self, delay: float, act: Callable[[], None]) -> None:
        self._loop.call_later(delay, act, context=self._loop.world)


def main_container(definition: TaskDefinition) -> ContainerDefinition:
    """The first essential container of a definition."""
    return next(one for one in definition.containers if one.essential)


def address_of(address: TaskAddress) -> str:
    return f"{address.ip}:{address.port_of(PORT)}"
