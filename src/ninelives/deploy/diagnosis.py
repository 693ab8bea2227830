"""Why a release failed, in one sentence, and the next thing to do. Pure: from stopped tasks, log lines, targets and events.

Causes are tried in a written order, from what is certain (an image that cannot be pulled) to what is inferred (a slow boot);
the first that fits is told. Sources: ECS developer guide, "Stopped tasks error messages"; ELB, "Target health reason codes".
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ninelives.deploy.observation import KILLED, AlarmSeen, ContainerSeen, EventSeen, TargetSeen, TaskSeen
from ninelives.deploy.quantities import write_duration

COMMAND_NOT_FOUND = 127
COMMAND_NOT_EXECUTABLE = 126
SHELLS = frozenset({"sh", "bash", "dash", "ash", "busybox"})
LINE_LENGTH_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What the service file says of a healthy task."""

    port: int
    health_path: str
    grace_period: timedelta
    memory_mib: int
    health_timeout: timedelta = timedelta(seconds=2)
    stop_timeout: timedelta = timedelta(seconds=30)
    recovery: timedelta = timedelta(seconds=10)
    """How long good checks take to make an unhealthy task healthy: the interval times the healthy threshold."""
    command: tuple[str, ...] | None = None
    log_group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was seen of the new tasks while the release went on; ``stopped`` newest first."""

    stopped: tuple[TaskSeen, ...] = ()
    log_lines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The last lines of a task, by its id."""
    listened_at: Mapping[str, datetime] = field(default_factory=dict)
    """When a task said that it listens, by its id."""
    unhealthy: tuple[TargetSeen, ...] = ()
    """Targets of new tasks as they were last seen unhealthy."""
    addresses: frozenset[str] = frozenset()
    """Of any target that was seen, old ones too."""
    events: tuple[EventSeen, ...] = ()
    """Since the release began, newest first."""
    still_running: int = 0
    """New tasks that run."""
    wrote_at: Mapping[str, datetime] = field(default_factory=dict)
    """When a task wrote its last line, by its id."""
    replaced: tuple[TaskSeen, ...] = ()
    """Stopped tasks of the version before, newest first."""
    commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What task definitions say to run instead of the image's own command, by ARN."""
    alarms: tuple[AlarmSeen, ...] = ()
    """Those that went off."""

    @property
    def is_silent(self) -> bool:
        """Whether containers have ended, and not a line is known of any of them."""
        ended = any(one.exit_code is not None for task in self.stopped for one in task.containers)
        return ended and not any(self.log_lines.get(task.id) for task in self.stopped)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """``cause`` and ``next_step`` are sentences; ``code`` names the kind of cause."""

    code: str
    cause: str
    next_step: str


def diagnose(evidence: Evidence, expected: Expectation) -> Diagnosis | None:
    """The likeliest cause; None when nothing seen explains it."""
    return next((found for rule in _RULES if (found := rule(evidence, expected)) is not None), None)


def warnings(evidence: Evidence, expected: Expectation) -> tuple[Diagnosis, ...]:
    """What is wrong with a release that succeeded, or with the version that it replaced: ECS lets both pass."""
    # A target that was unhealthy only while its task booted is no fault: what counts is that a task was replaced for it.
    told = replace(evidence, unhealthy=())
    found = (*(rule(told, expected) for rule in _IN_PASSING), _ignored_stop_signal(evidence))
    return tuple({one.code: one for one in found if one is not None}.values())


def _ignored_stop_signal(evidence: Evidence) -> Diagnosis | None:
    """Tasks that had to be killed: nothing is lost by it, but every release, scale-in and restart waits for it."""
    killed = [task for task in evidence.replaced if task.was_killed]
    if not killed:
        return None
    waited = next(
        (one.execution_stopped_at - one.stopping_at for one in killed if one.execution_stopped_at and one.stopping_at), None
    )
    after = f" {write_duration(_whole(waited))} after SIGTERM" if waited is not None else " some time after SIGTERM"
    who = (
        f"{len(killed)} of the {len(evidence.replaced)} replaced tasks" if len(evidence.replaced) > 1 else "The replaced task"
    )
    told = f"{who} had to be killed{after} (exit code {KILLED})"
    command = next(
        (evidence.commands[one.task_definition] for one in killed if evidence.commands.get(one.task_definition)), ()
    )
    if command and command[0].rsplit("/", 1)[-1] in SHELLS:
        return Diagnosis(
            code="shell_swallows_stop_signal",
            cause=f"{told}: process 1 is a shell (`{_short(' '.join(command[:2]))} …`), and a shell does not pass SIGTERM on.",
            next_step="Begin the shell's last command with `exec`, so that the program takes the shell's place, or name the "
            "program itself as the command.",
        )
    return Diagnosis(
        code="ignores_stop_signal",
        cause=f"{told}: the application does not end on SIGTERM.",
        next_step="Let it end on SIGTERM when its requests are answered (under a shell, as CMD without brackets makes one: "
        "start it with `exec`); if it does and takes longer, raise `drain.stop_timeout`.",
    )


def _whole(duration: timedelta) -> timedelta:
    """In whole seconds, where it has any."""
    return timedelta(seconds=round(duration.total_seconds())) or duration


def _image_architecture(evidence: Evidence, _: Expectation) -> Diagnosis | None:
    for task, reason in _reasons(evidence):
        said = f"{reason} {' '.join(evidence.log_lines.get(task.id, ()))}"
        if not _OTHER_PROCESSOR.search(said):
            continue
        image = task.containers[0].image if task.containers else "of the task"
        return Diagnosis(
            code="image_architecture",
            cause=f"The image {image} is for another processor than the one that the tasks run on.",
            next_step="Build it for the tasks' processor, or name the image's: `image: {platform: linux/arm64}` (on AWS it is "
            "linux/amd64 where the service file says nothing).",
        )
    return None


_OTHER_PROCESSOR = re.compile(
    r"exec format error|not a program for this machine's processor|does not contain descriptor matching platform"
    r"|no matching manifest for|not there for linux/|does not match the .*platform|is for linux/\w+, not",
    re.IGNORECASE,
)


def _image_missing(evidence: Evidence, _: Expectation) -> Diagnosis | None:
    for task, reason in _reasons(evidence):
        if re.search(r"CannotPull\w*Error|pull access denied|manifest unknown", reason):
            image = task.containers[0].image if task.containers else "the image"
            is_not_there = re.search(r": not found|manifest unknown|does not exist in", reason)
            told = "is not in its repository." if is_not_there else f"cannot be pulled: {_short(_detail(reason))}"
            return Diagnosis(
                code="image_missing",
                cause=f"The image {image} {told}",
                next_step="Check that the repository holds this version (`aws ecr describe-images`) and that the execution "
                "role may pull it.",
            )
    return None


def _initialization(evidence: Evidence, expected: Expectation) -> Diagnosis | None:
    for _, reason in _reasons(evidence):
        if "ResourceInitializationError" not in reason or "CannotStartContainerError" in reason:
            continue
        detail = _short(_detail(reason))
        if "log" in reason.lower() and "group" in reason.lower():
            step = f"Make the log group {expected.log_group}, or let the execution role write to it."
        elif "secret" in reason.lower() or "ssm" in reason.lower():
            return Diagnosis(
                code="secret_missing",
                cause=f"A secret cannot be read: {detail}",
                next_step="Check that the secrets of the service file exist (`secrets:`) and that the execution role may read "
                "them.",
            )
        else:
            step = "Check the execution role's permissions and the subnets' way to AWS."
        return Diagnosis(code="initialization", cause=f"The task's resources could not be set up: {detail}", next_step=step)
    return None


def _command_missing(evidence: Evidence, expected: Expectation) -> Diagnosis | None:
    for task, container in _exited(evidence):
        reason = f"{container.reason} {task.stopped_reason}"
        not_found = re.search(r"executable file not found|no such file or directory|command not found", reason, re.IGNORECASE)
        cannot_start = "CannotStartContainerError" in reason or "CannotCreateContainerError" in reason
        if (cannot_start and not_found) or container.exit_code in {COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE}:
            told = _last_words(evidence, task) or _short(_detail(container.reason or task.stopped_reason))
            name = f"`{' '.join(expected.command)}` " if expected.command else ""
            return Diagnosis(
                code="command_missing",
                cause=f"The command {name}cannot be started in the image: {told}",
                next_step="Check `command:` in the service file, and CMD and ENTRYPOINT in the Dockerfile.",
            )
        if cannot_start:
            return Diagnosis(
                code="cannot_start",
                cause=f"The container cannot be started: {_short(_detail(reason))}",
                next_step="Try the image by hand (`docker run`), with the same command and variables.",
            )
    return None


def _out_of_memory(evidence: Evidence, expected: Expectation) -> Diagnosis | None:
    for task, container in _exited(evidence):
        if "OutOfMemory" in container.reason or "OutOfMemory" in task.stopped_reason:
            return Diagnosis(
                code="out_of_memory",
                cause=f"The container was killed because it needs more than its {expected.memory_mib} MiB of memory.",
                next_step="Raise `memory:` in the service file, or lower what the application takes (workers, heap).",
            )
    return None


def _exits(evidence: Evidence, _: Expectation) -> Diagnosis | None:
    """Of tasks that end by themselves the newest whose last words are known: the very newest may still be on their way."""
    for task, container in sorted(_exited(evidence), key=lambda one: not evidence.log_lines.get(one[0].id)):
        if task.stop_code != "EssentialContainerExited" or container.exit_code is None or "OutOfMemory" in container.reason:
            continue
        line = _last_words(evidence, task)
        said = f"; its last words: {line}" if line else "; it wrote nothing"
        ended = task.execution_stopped_at or task.stopped_at
        ran = f" after {write_duration(ended - task.started_at)}" if ended and task.started_at else ""
        if container.exit_code == 0:
            return Diagnosis(
                code="exits",
                cause=f"The container ends by itself{ran} with exit code 0, but a service must keep running{said}",
                next_step="Run the server in the foreground: the container lives as long as its command.",
            )
        killed = " (SIGKILL)" if container.exit_code == KILLED else ""
        return Diagnosis(
            code="exits",
            cause=f"The container exits{ran} with exit code {container.exit_code}{killed}{said}",
            next_step=f"Read what it wrote: `ninelives logs --task {task.id[:8]}`.",
        )
    return None


def _wrong_answer(evidence: Evidence, expected: Expectation) -> Diagnosis | None:
    codes = _mismatched_codes(evidence)
    if codes is None:
        return None
    return Diagnosis(
        code="health_answer",
        cause=f"The health path {expected.health_path} answers {codes}.",
        next_step=f"Ask it by hand, and read `ninelives logs`: is {expected.health_path} the right path, and is what it "
        "needs (database, variables) there?",
    )


def _mismatched_codes(evidence: Evidence) -> str | None:
    texts = [target.description for target in evidence.unhealthy if target.reason == "Target.ResponseCodeMismatch"]
    texts += [event.message for event in evidence.events]
    for text in texts:
        if found := re.search(r"failed with these codes: \[([\d, ]+)\]", text):
            return found.group(1)
    return None


def _no_answer_in_time(evidence: Evidence, expected: Expectation) -> Diagnosis | None:
    timed_out = any(target.reason == "Target.Timeout" for target in evidence.unhealthy) or any(
        "is unhealthy in" in event.message and "Request timed out" in event.message for event in evidence.events
    )
    if not timed_out:
        return None
    timeout = write_duration(expected.health_timeout)
    return Diagnosis(
        code="health_timeout",
        cause=f"The health path {expected.health_path} does not answer within {timeout} (the health check's timeout).",
        next_step="Ask it by hand: if it only takes longer, make it quicker or raise `health.timeout`; if no answer comes, "
        f"look at what it waits for. On AWS, a security group that keeps port {expected.port} closed looks the same.",
    )


def _alarm(evidence: Evidence, _: Expectation) -> Diagnosis | None:
    """An alarm, unless tasks were replaced for failed checks: what those met says more."""
    were_replaced = any("failed ELB health checks" in task.stopped_reason for task in evidence.stopped)
    if not evidence.alarms or were_replaced:
        return None
    first = evidence.alarms[0]
    others = f" (and {', '.join(one.name for one in evidence.alarms[1:])})" if evidence.alarms[1:] else ""
    trouble = next((line for lines in evidence.log_lines.values() for line in lines if _TROUBLE.search(line)), "")
    told = f": {first.told}" if first.told else ""
    wrote = f" The application wrote: {_short(trouble)}" if trouble else ""
    return Diagnosis(
        code="alarm",
        cause=f"The alarm {first.name}{others} went off while the new version served{told}.{wrote}",
        next_step="Read `ninelives logs` of the time, and ask the new version by hand what it was asked then.",
    )


_LISTENS = re.compile(
    r"(?:listening|running|serving|started|bound|available)\b.{0,60}?"
    r"(?:(?P<host>\d+\.\d+\.\d+\.\d+|\[?::1?\]?|localhost|\*)?:|port(?:\(s\))?[ =:]+)(?P<port>\d{2,5})\b",
    re.IGNORECASE,
)


def listens_at(lines: tuple[str, ...]) -> tuple[str, int] | None:
    """Host and port that a server says it listens at; the host is empty when it is not said.

    >>> listens_at(("* Listening on http://0.0.0.0:9292",))
    ('0.0.0.0', 9292)
    """
    for line in reversed(lines):
        if found := _LISTENS.search(line):
            return found.group("host") or "", int(found.group("port"))
    return None


def _nothing_listens(evidence: Evidence, expected: Expectation) -> Diagnosis | None:
    if not _failed_checks(evidence):
        return None
    listening = next((where for lines in evidence.log_lines.values() if (where := listens_at(lines))), None)
    expected_ports = {expected.port, *(target.port for target in evidence.unhealthy), *_ports_in(evidence.events)}
    port, grace = expected.port, write_duration(expected.grace_period)
    if listening is None and (at_work := _still_boots(evidence, expected)) is not None:
        return at_work
    if listening is None:
        return Diagnosis(
            code="nothing_listens",
            cause=f"Nothing answers on port {port}, not even {grace} (the grace period) after the start.",
            next_step="If the application listens elsewhere, set `port:` (it is told by the variable PORT); if it boots "
            "longer than that, raise `health.grace_period`.",
        )
    host, other = listening
    if other not in expected_ports:
        return Diagnosis(
            code="other_port",
            cause=f"Nothing answers on port {port}: the application listens on port {other}.",
            next_step=f"Let it listen on $PORT, or set `port: {other}` in the service file.",
        )
    # In the embedded region without Docker the loopback interface is where targets are.
    addresses = {*evidence.addresses, *(target.address for target in evidence.unhealthy)}
    is_reached_there = any(address.startswith("127.") for address in addresses)
    if host in {"127.0.0.1", "localhost", "::1", "[::1]"} and not is_reached_there:
        return Diagnosis(
            code="loopback_only",
            cause=f"Nothing answers on port {port} from outside: the application listens on {host} only.",
            next_step="Let it listen on 0.0.0.0.",
        )
    return _replaced_when_ready(evidence, expected) or Diagnosis(
        code="slow_boot",
        cause=f"The application does listen on port {port}, but it was not healthy within its grace period of {grace}.",
        next_step="Raise `health.grace_period` above the longest boot, or make the boot shorter.",
    )


def _still_boots(evidence: Evidence, expected: Expectation) -> Diagnosis | None:
    """A task that wrote until it was replaced, and had not begun to listen: it was at work."""
    for task in evidence.stopped:
        wrote, stopped = evidence.wrote_at.get(task.id), _told_to_stop(evidence, task)
        if "failed ELB health checks" not in task.stopped_reason or not (wrote and stopped and task.started_at):
            continue
        if wrote - task.started_at > STARTS_WITHIN and stopped - wrote < STILL_AT_WORK:
            last = _short(evidence.log_lines[task.id][-1].strip())
            grace = write_duration(expected.grace_period)
            return Diagnosis(
                code="slow_boot",
                cause=f"The application was still booting when its grace period of {grace} was over; its last words: {last}",
                next_step="Raise `health.grace_period` above the longest boot, or make the boot shorter.",
            )
    return None


STARTS_WITHIN = timedelta(seconds=1)
"""What is written this soon after the start may be all that an application ever says."""
STILL_AT_WORK = timedelta(seconds=2)
"""Since the last line, of an application that is not stuck."""


def _replaced_when_ready(evidence: Evidence, expected: Expectation) -> Diagnosis | None:
    """Good tasks that were replaced before checks could find them good: not they are at fault, but the grace period."""
    for task in evidence.stopped:
        listened, stopped = evidence.listened_at.get(task.id), _told_to_stop(evidence, task)
        if "failed ELB health checks" not in task.stopped_reason or not (listened and stopped and task.started_at):
            continue
        boot, served = listened - task.started_at, stopped - listened
        if timedelta(0) <= served <= expected.recovery:
            return Diagnosis(
                code="short_grace",
                cause=f"A task was replaced for failed health checks {write_duration(served)} after it had begun to listen: "
                f"its boot of {write_duration(boot)} made it unhealthy, and the grace period of "
                f"{write_duration(expected.grace_period)} left the checks no time to find it healthy.",
                next_step=f"Raise `health.grace_period` above {write_duration(boot + expected.recovery)}, or let more checks "
                "fail before a task is unhealthy (`health.unhealthy_threshold`).",
            )
    return None


def _told_to_stop(evidence: Evidence, task: TaskSeen) -> datetime | None:
    """When ECS decided to stop a task that ran: its own times begin only after it was drained."""
    named = (event for event in evidence.events if "has stopped" in event.message and f"(task {task.id})" in event.message)
    return next((event.created_at for event in named), None)


def _failed_checks(evidence: Evidence) -> bool:
    """Whether checks failed without an answer: nothing listens, or not in time."""
    reasons = {"Target.FailedHealthChecks", "Target.Timeout"}
    return (
        any(target.reason in reasons for target in evidence.unhealthy)
        or any("is unhealthy in (target-group" in event.message for event in evidence.events)
        or any("failed ELB health checks" in task.stopped_reason for task in evidence.stopped)
    )


def _ports_in(events: tuple[EventSeen, ...]) -> set[int]:
    """Ports at which the load balancer found tasks unhealthy; a region may give each task another."""
    return {int(port) for event in events for port in re.findall(r"\(port (\d+)\) is unhealthy", event.message)}


def _container_check(evidence: Evidence, _: Expectation) -> Diagnosis | None:
    if not any("failed container health checks" in task.stopped_reason for task in evidence.stopped):
        return None
    return Diagnosis(
        code="container_check",
        cause="The container's own health check fails.",
        next_step="Run its command in the container, and read `ninelives logs`.",
    )


def _no_room(evidence: Evidence, _: Expectation) -> Diagnosis | None:
    for event in evidence.events:
        if "unable to place a task" in event.message or "could not launch" in event.message:
            reason = event.message.partition("Reason: ")[2] or event.message
            return Diagnosis(
                code="no_capacity",
                cause=f"ECS could not place a task: {_short(reason)}",
                next_step="Wait for capacity, name other subnets, or ask AWS for a higher limit.",
            )
        if "because of the service deployment configuration" in event.message:
            return Diagnosis(
                code="no_room",
                cause="ECS may neither start nor stop a task: minimum_healthy and maximum leave no room.",
                next_step="Raise `deploy.maximum`, or lower `deploy.minimum_healthy`.",
            )
        if protected := re.search(r"\(reason (\d+) tasks under protection\)", event.message):
            return Diagnosis(
                code="protected_tasks",
                cause=f"{protected[1]} old tasks are protected from scale-in: ECS lets them run, and the release waits.",
                next_step="Wait until they have done their work, or take their protection away: "
                "`aws ecs update-task-protection --no-protection-enabled`.",
            )
    return None


def _stopped_anyway(evidence: Evidence, _: Expectation) -> Diagnosis | None:
    for task, reason in _reasons(evidence):
        if task.stop_code != "ServiceSchedulerInitiated" and reason.strip():
            return Diagnosis(
                code="stopped",
                cause=f"Tasks stop: {_short(reason)}",
                next_step=f"Read what they wrote: `ninelives logs --task {task.id[:8]}`.",
            )
    return None


_RULES: tuple[Callable[[Evidence, Expectation], Diagnosis | None], ...] = (
    _image_architecture,
    _image_missing,
    _initialization,
    _command_missing,
    _out_of_memory,
    _exits,
    _alarm,
    _wrong_answer,
    _no_answer_in_time,
    _nothing_listens,
    _container_check,
    _no_room,
    _stopped_anyway,
)
_IN_PASSING = (_out_of_memory, _exits, _wrong_answer, _no_answer_in_time)
"""What tasks of a version may show and ECS yet call the release successful."""


def _reasons(evidence: Evidence) -> list[tuple[TaskSeen, str]]:
    """Each stopped task with all that was said of its end."""
    return [
        (task, " ".join([task.stopped_reason, *(container.reason for container in task.containers)]).strip())
        for task in evidence.stopped
    ]


def _exited(evidence: Evidence) -> list[tuple[TaskSeen, ContainerSeen]]:
    """Containers of tasks that ended by themselves, the one that failed first."""
    return [
        (task, container)
        for task in evidence.stopped
        if task.stop_code not in {"ServiceSchedulerInitiated", "UserInitiated"}
        for container in sorted(task.containers, key=lambda one: not one.exit_code)
    ]


def _last_words(evidence: Evidence, task: TaskSeen) -> str:
    """The last line that a task wrote, and before it the first that speaks of trouble: the cause often comes first."""
    lines = [line.strip() for line in evidence.log_lines.get(task.id, ()) if line.strip()]
    if not lines:
        return ""
    trouble = next((line for line in lines if _TROUBLE.search(line)), lines[-1])
    return _short(trouble if trouble == lines[-1] else f"{trouble} … {lines[-1]}")


_TROUBLE = re.compile(
    r"\b(error|cannot|can't|could not|fail(ed|ure)?|fatal|denied|refused|not found|missing|unable|panic|undefined|invalid)\b"
    r"|\w+(Error|Exception)\b",
    re.IGNORECASE,
)


def _detail(reason: str) -> str:
    """What follows the error's name, and the layers through which it came."""
    return (
        re.sub(r"^.*?\b\w+Error:\s*(?:.*(?:unable to start container process|been retried \d+ time\S*):\s*)?", "", reason)
        or reason
    )


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LINE_LENGTH_MAX else text[: LINE_LENGTH_MAX - 1] + "…"
