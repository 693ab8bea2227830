"""What the region needs of the world, one Protocol each; the real parts and the fakes keep one contract suite.

All coroutines run on the region's one event loop; a port may use threads inside, but calls back on that loop.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from ninelives.model.cloudwatch import AlarmFacts
from ninelives.model.ecs import (
    AccountSetting,
    Cluster,
    Deployment,
    Service,
    ServiceDeployment,
    ServiceEvent,
    ServiceRevision,
    Task,
    TaskDefinition,
)
from ninelives.model.elbv2 import Listener, LoadBalancer, Rule, Target, TargetGroup, TargetHealth, TargetKey
from ninelives.model.events import BusEvent
from ninelives.model.observation import TaskObservation
from ninelives.region.awslogs import LogDestination
from ninelives.routing import EnvoySnapshot

Record = (
    Cluster
    | TaskDefinition
    | Service
    | ServiceRevision
    | Deployment
    | ServiceDeployment
    | Task
    | ServiceEvent
    | LoadBalancer
    | TargetGroup
    | Listener
    | Rule
    | Target
    | AccountSetting
    | BusEvent
)
"""Everything that the store keeps for ECS, ELB and the event buses; each has a ``key`` that is unique within its kind."""

RECORD_TYPES: tuple[type[Any], ...] = Record.__args__


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, aware, in UTC."""


class Ids(Protocol):
    """New identifiers, shaped as AWS's. No two answers are the same."""

    def task_id(self) -> str:
        """32 hexadecimal digits."""

    def deployment_number(self) -> str:
        """19 decimal digits: the number of a service revision and of ``ecs-svc/``."""

    def service_deployment_id(self) -> str:
        """21 URL-safe characters."""

    def load_balancer_id(self) -> str:
        """16 hexadecimal digits: of load balancers, target groups, listeners and rules."""

    def uuid(self) -> str:
        """A UUID: of events and containers."""


class Store(Protocol):
    """Durable records. ``commit`` is one transaction: after it returns, a crash loses none of it."""

    def load(self) -> Iterable[Record]: ...

    def commit(self, puts: Sequence[Record], deletes: Sequence[tuple[type[Any], str]]) -> None:
        """Write ``puts`` and remove ``deletes`` (kind and key), all or nothing."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLaunch:
    """All that a runtime needs to start a task."""

    task: Task
    definition: TaskDefinition
    """With the task's overrides applied."""
    service_name: str | None
    images: Mapping[str, str]
    """Image reference by container name: as in the definition, or pinned by digest (``repository@sha256:…``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryLogin:
    """Who pulls an image. It is not shown, logged or recorded."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskInputs:
    """What other services give a task when it starts. Values may be secret: kept in memory only, not shown, not logged."""

    environment: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    """By container name, the variables that come to those of its definition; none has a name of those."""
    logins: Mapping[str, RegistryLogin] = field(default_factory=dict)
    """By container name, where the definition names credentials for the image's registry."""
    reaches_agent: bool = False
    """Whether the variables name the agent's address, so that the task must be able to reach it."""


class InputsMissing(Exception):
    """A task cannot get what its definition names. The text is its stopped reason, in ECS's words."""


class InputSource(Protocol):
    """Secrets, environment files and registry credentials of tasks, and the log groups that they write to."""

    async def inputs(self, launch: TaskLaunch) -> TaskInputs:
        """What ``launch`` needs, as it is now. Raises ``InputsMissing``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerUsage:
    """What a container has used since it was started; all but the memory only grows until it is started again."""

    cpu: timedelta
    memory_bytes: int
    """Now, without caches of files."""
    read_bytes: int = 0
    written_bytes: int = 0
    """From and to block devices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkUsage:
    """What went over a task's network interfaces since it has them."""

    received_bytes: int
    sent_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskUsage:
    """What a task has used."""

    cpu: timedelta
    """CPU time since its containers were started; less than before where one was started again."""
    memory_bytes: int
    """Now, without caches of files."""
    containers: Mapping[str, ContainerUsage] = field(default_factory=dict)
    """Of those that run, by name."""
    network: NetworkUsage | None = None
    """None where the task has no network of its own: a host process shares the machine's."""

    @staticmethod
    def of(containers: Mapping[str, ContainerUsage], network: NetworkUsage | None = None) -> "TaskUsage":
        """What a task has used whose containers have used that."""
        return TaskUsage(
            cpu=sum((one.cpu for one in containers.values()), timedelta()),
            memory_bytes=sum(one.memory_bytes for one in containers.values()),
            containers=containers,
            network=network,
        )


class TaskRuntime(Protocol):
    """Runs tasks. Every call may be repeated for the same task and then changes nothing more.

    Calls return when the request is taken; what becomes of it is reported to the subscriber as observations.
    A failure to start is an observation, not an exception.
    """

    @property
    def name(self) -> str:
        """``docker`` or ``host``."""

    def subscribe(self, observed: Callable[[TaskObservation], None], logged: "Logged") -> None:
        """Where observations and log lines go; called once, before anything is started."""

    async def adopt(self, tasks: Collection[TaskLaunch]) -> None:
        """Find the region's tasks that still run, report each of ``tasks`` (one that is gone: ``is_removed``), and remove
        whatever bears this region's label and is not among them.
        """

    async def start(self, launch: TaskLaunch) -> None: ...

    async def stop(self, launch: TaskLaunch) -> None:
        """Stop signal to each container in reverse order of dependence, then SIGKILL after its stop timeout."""

    async def remove(self, task_arn: str) -> None:
        """Remove what is left of a stopped task: containers, network, files."""

    async def usage(self, task_arns: Collection[str]) -> Mapping[str, TaskUsage]:
        """What those tasks have used of which something runs, by ARN; the others are not in the answer."""

    async def statistics(self, task_arn: str) -> Mapping[str, Mapping[str, Any]]:
        """By container name, what the running containers of a task use, in the members of Docker's container statistics:
        ``read``, ``cpu_stats.cpu_usage.total_usage`` (nanoseconds since the start), ``memory_stats`` (``usage`` and ``limit``,
        bytes), and more where the runtime knows more. Empty for a task that does not run.
        """

    async def close(self) -> None:
        """Let go without stopping any task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """A line that a container wrote, without its line end."""

    task_arn: str
    container_name: str
    timestamp: datetime
    message: str


Logged = Callable[[Sequence[LogLine], Callable[[], None]], None]
"""Takes lines of one container, in their order, on the loop; the second argument is called once they are safe.

Until then they count as not delivered: a control plane that comes up later is told them again.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionCounts:
    """Connections of a listener, or to a target group. All but ``active`` are counted since the proxy began."""

    active: int = 0
    opened: int = 0
    failed: int = 0
    """To targets: refused, or not answered in time."""
    tls_failed: int = 0
    """Handshakes that came to nothing."""
    failed_open: int = 0
    """Requests to a target group that has too few healthy targets, sent to any of them."""


class DataPlane(Protocol):
    """Balances the traffic. What was published stays in force when the control plane dies."""

    async def start(self) -> bool:
        """Start the proxy, or adopt the one that runs; whether what was handed to ``prepare`` before is in force.

        Where it is not (the proxy refused it), what was in force when it was adopted stays so.
        """

    def prepare(self, snapshot: EnvoySnapshot) -> None:
        """Set what is served to a proxy that connects, before ``start``."""

    async def publish(self, snapshot: EnvoySnapshot) -> None:
        """Bring ``snapshot`` into force; returns once the proxy has taken it. Raises ``PublishRejected``."""

    def subscribe(self, changed: Callable[[], None]) -> None:
        """Called on the loop whenever an answer of ``target_health`` has changed."""

    def subscribe_requests(self, observed: Callable[[Sequence[Mapping[str, Any]]], None]) -> None:
        """Called on the loop with the requests that have ended, about a second after they have, each once; what is not heard
        when the control plane dies is told to the next one. Their members: ``routing.access_log.FIELDS``.
        """

    def target_health(self, key: TargetKey) -> TargetHealth | None:
        """Health as the proxy sees it; None for a target that it does not know (yet)."""

    async def requests_in_flight(self, keys: Collection[TargetKey]) -> Mapping[TargetKey, int]:
        """Requests (and upgraded connections) now at each target; 0 for one that the proxy does not know."""

    async def connections(self) -> Mapping[str, ConnectionCounts]:
        """By the names of listeners (``app/NAME/ID/ID``) and target groups (``NAME/ID``). Raises where the proxy is away."""

    def pick_address(self, taken: Collection[str]) -> str:
        """A loopback address for a new load balancer that is not among ``taken``."""

    def pick_port(self, address: str, port: int) -> int | None:
        """The port to bind for a listener on ``port``: itself, or 8000 more where the operating system keeps a privileged
        port from us; None where another program has it.
        """

    async def stop(self, *, graceful: bool) -> None:
        """End the proxy: ``graceful`` lets connections finish first."""

    async def close(self) -> None:
        """Let go of the proxy without ending it."""


class Alarms(Protocol):
    """CloudWatch's alarms, as those who act on them see them."""

    def subscribe(self, changed: Callable[[], None]) -> None:
        """Called on the loop whenever an answer of ``facts`` has changed."""

    def facts(self, name: str) -> AlarmFacts | None:
        """None for an alarm that does not exist (any more)."""


class NoAlarms:
    """Where nobody evaluates alarms there are none."""

    def subscribe(self, changed: Callable[[], None]) -> None:
        """Nothing ever changes."""

    def facts(self, name: str) -> AlarmFacts | None:  # noqa: ARG002 - the port's
        return None


class HookFunctions(Protocol):
    """Stand-ins for the Lambda functions that lifecycle hooks name."""

    async def invoke(self, function_arn: str, payload: Mapping[str, Any]) -> Any:
        """Call the stand-in of a function and answer what it answered, parsed from JSON. Raises ``HookUnreachable``."""


class HookUnreachable(Exception):
    """A hook's function could not be called or failed; the text completes "ECS was unable to invoke hook target … due to"."""


class NoHookFunctions:
    """A region without stand-ins: each call says so."""

    async def invoke(self, function_arn: str, payload: Mapping[str, Any]) -> Any:  # noqa: ARG002 - the port's
        raise HookUnreachable(f"no local stand-in for {function_arn} (`ninelives up --function NAME=URL` names one).")


class PublishRejected(Exception):
    """The proxy refused a snapshot; the one before stays in force. The text is the proxy's own."""


class LogSink(Protocol):
    """Where awslogs lines end: CloudWatch Logs."""

    def write(self, destination: LogDestination, lines: Sequence[LogLine], stored: Callable[[], None]) -> None:
        """Take lines of one container; ``stored`` is called on the loop once they are written, or lost for good."""
