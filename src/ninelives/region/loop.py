"""The loop: observe, decide, record, act. Only it decides.

Deciding is pure (``scheduler``, ``routing``, ``draining``) and recorded in a transaction before anything is done. Acting makes
the world like the records: it is derived from them afresh, so a control plane that died between any two steps goes on where it
was. Whatever happens rings the region's bell; time is looked at when the next ``wake_at`` comes.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ninelives.model.arns import last_part
from ninelives.model.ecs import (
    DesiredStatus,
    LastStatus,
    Service,
    ServiceStatus,
    StopCode,
    Task,
)
from ninelives.model.elbv2 import Target, TargetKey
from ninelives.model.observation import TaskObservation
from ninelives.region import awslogs, draining, housekeeping
from ninelives.region.hook_calls import HookCalls
from ninelives.region.ports import HookFunctions, LogLine, LogSink, NoHookFunctions, TaskRuntime
from ninelives.region.region import Region
from ninelives.region.snapshots import routing_of, snapshot_of
from ninelives.region.state import Changes
from ninelives.region.tasks import launch_of, new_task, pinned
from ninelives.routing import EnvoySnapshot
from ninelives.scheduler import advance, events, observe, reconcile
from ninelives.scheduler.plan import Decision, Plan, Put, StartTasks, Tell

log = logging.getLogger(__name__)

PASSES_MAX = 50
"""Passes over one service in a row before the loop goes on to others; a plan that never becomes empty is a bug."""
RETRY_AFTER = timedelta(seconds=1)
"""When what failed is tried again; twice as long after each further failure in a row."""
RETRY_AFTER_MOST = timedelta(seconds=30)
HOUSEKEEPING_EVERY = timedelta(minutes=1)
ENDED_WITH_ITS_REGION = "The region was stopped, and the task with it."
"""Our wording: on AWS there is no such end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Something that failed ``failures`` times in a row and is not tried again before ``at``."""

    failures: int
    at: datetime

    @staticmethod
    def after(before: "Retry | None", now: datetime) -> "Retry":
        failures = 1 if before is None else before.failures + 1
        return Retry(failures=failures, at=now + min(RETRY_AFTER * (1 << min(failures - 1, 10)), RETRY_AFTER_MOST))


class Loop:
    """Drives a region: one instance, one coroutine."""

    def __init__(
        self,
        region: Region,
        *,
        runtime: TaskRuntime,
        log_sink: LogSink,
        hook_functions: HookFunctions | None = None,
        stepped: Callable[[timedelta], None] = lambda _: None,
    ) -> None:
        """``stepped`` is told how long each step took."""
        self._stepped = stepped
        self._region = region
        self._runtime = runtime
        self._log_sink = log_sink
        self._hook_calls = HookCalls(region, hook_functions or NoHookFunctions())
        self._asked: dict[str, LastStatus] = {}
        """What the runtime was last asked of each task, by the status that asked for it."""
        self._retries: dict[tuple[str, LastStatus], Retry] = {}
        """Tasks for which the runtime failed, by ARN and the status that it was asked for."""
        self._published: EnvoySnapshot | None = None
        self._refused: EnvoySnapshot | None = None
        """What the proxy did not take; something else is offered at once, this again when ``_republish`` says."""
        self._republish: Retry | None = None
        self._is_adopting = False
        self._unrecorded: dict[str, TaskObservation] = {}
        """What was seen and could not be recorded yet, by task."""
        self._drains = draining.Drains()
        self._tended_at: datetime | None = None

    async def start(self) -> None:
        """Bring the world and the records together again: serve the routes, adopt the proxy and the tasks."""
        region = self._region
        snapshot, rules = routing_of(region), dict(region.state.rules)
        region.data_plane.prepare(snapshot)
        region.data_plane.subscribe(region.wake)
        if await region.data_plane.start():
            self._published = snapshot
            region.rules_in_force = rules
        region.alarms.subscribe(region.wake)
        self._runtime.subscribe(self._observed, self._logged)
        self._is_adopting = True
        try:
            await self._runtime.adopt([launch_of(region, task) for task in self._tasks()])
        finally:
            self._is_adopting = False
        region.wake()

    async def close(self) -> None:
        """Break off what is under way outside a step: hooks are called again by whoever comes next."""
        await self._hook_calls.close()

    async def run(self) -> None:
        """Step for ever: whenever the bell rings, and at the time that the last step named."""
        region = self._region
        while True:
            region.bell.clear()
            began = region.now()
            try:
                wake_at = await self.step()
            except Exception:
                log.exception("a step of the region failed; the next one follows in a moment")
                wake_at = region.now() + RETRY_AFTER
            self._stepped(region.now() - began)
            await asyncio.sleep(0)  # a bell that is rung already is not waited for, and others have their turn, too
            delay = None if wake_at is None else max(0.0, (wake_at - region.now()).total_seconds())
            # Not wait_for: in Python 3.11 it loses a cancellation that comes together with the bell.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await region.bell.wait()

    async def step(self) -> datetime | None:
        """Decide and record until nothing is left to decide, then act. Answers when to look again at the latest."""
        wake_ats = [self._take_in_unrecorded(), self._decide_all()]
        wake_ats.append(await self._drain())
        wake_ats.append(await self._publish())
        wake_ats.append(self._hook_calls.begin_due())
        wake_ats.append(await self._act())
        wake_ats.append(self._tend())
        return min((at for at in wake_ats if at is not None), default=None)

    # Decide and record.

    def _tasks(self) -> Iterable[Task]:
        return [task for task in self._region.state.tasks.values() if task.last_status is not LastStatus.STOPPED]

    def _decide_all(self) -> datetime | None:
        region = self._region
        wake_ats = [
            self._decide_safely(service)
            for service in list(region.state.services.values())
            if service.status is not ServiceStatus.INACTIVE
        ]
        wake_ats += [self._advance_alone(task) for task in self._tasks() if task.service_arn is None]
        return min((at for at in wake_ats if at is not None), default=None)

    def _decide_safely(self, service: Service) -> datetime | None:
        """``_decide``; a service that cannot be decided holds up neither the others nor what is to be done for them."""
        try:
            return self._decide(service)
        except Exception:
            log.exception("service %s could not be decided; it is looked at again", service.name)
            return self._region.now() + RETRY_AFTER

    def _decide(self, service: Service) -> datetime | None:
        """Reconcile a service until its plan is empty; the last plan says when to look again."""
        region = self._region
        plan = Plan()
        for _ in range(PASSES_MAX):
            snapshot = snapshot_of(region, region.state.services[service.arn])
            plan = reconcile(snapshot, region.now(), region.timing)
            if not plan.decisions:
                return plan.wake_at
            self._record(service, plan)
        log.error("service %s: %d plans in a row were not empty; the last: %s", service.name, PASSES_MAX, plan)
        return region.now() + RETRY_AFTER

    def _record(self, service: Service, plan: Plan) -> None:
        with self._region.state.transaction() as changes:
            for decision in plan.decisions:
                self._apply(service, decision, changes)

    def _apply(self, service: Service, decision: Decision, changes: Changes) -> None:
        match decision:
            case Put(record=record):
                changes.put(record)
            case Tell(message=message):
                log.info("%s", message)
                self._region.tell(changes, service.arn, [message])
            case StartTasks():
                tasks = [self._new_service_task(service, decision.revision_arn) for _ in range(decision.count)]
                changes.put(*tasks)
                message = events.started(service.name, [task.id for task in tasks], decision.replacing_unhealthy)
                log.info("%s", message)
                self._region.tell(changes, service.arn, [message])

    def _new_service_task(self, service: Service, revision_arn: str) -> Task:
        region = self._region
        revision = region.state.revisions[revision_arn]
        return new_task(
            region,
            region.state.task_definitions[revision.task_definition_arn],
            service.cluster_arn,
            group=f"service:{service.name}",
            started_by=revision.deployment_id,
            service_arn=service.arn,
            revision_arn=revision.arn,
            members=revision.members,
        )

    def _advance_alone(self, task: Task) -> datetime | None:
        region = self._region
        definition = region.state.task_definitions[task.task_definition_arn]
        try:
            decisions = advance(task, definition, (), {}, region.now())
            with region.state.transaction() as changes:
                for decision in decisions:
                    assert isinstance(decision, Put), "a task without a service starts no task and tells no event"
                    changes.put(decision.record)
        except Exception:
            log.exception("task %s could not be decided; it is looked at again", task.id)
            return region.now() + RETRY_AFTER
        return None

    # Facts from the world.

    def _observed(self, observation: TaskObservation) -> None:
        """Take in what the runtime sees. It says so once: what cannot be recorded now (a full disk) is kept for later."""
        self._unrecorded[observation.task_arn] = observation
        if self._take_in_unrecorded(observation.task_arn) is not None:
            self._region.wake()

    def _take_in_unrecorded(self, *task_arns: str) -> datetime | None:
        """Of these tasks, or of all; when to try again what could not be taken in."""
        for arn in task_arns or list(self._unrecorded):
            try:
                self._take_in(self._unrecorded[arn])
            except Exception:
                log.exception("task %s: what was seen of it could not be recorded; it is tried again", last_part(arn))
            else:
                del self._unrecorded[arn]
        return self._region.now() + RETRY_AFTER if self._unrecorded else None

    def _take_in(self, observation: TaskObservation) -> None:
        region = self._region
        task = region.state.tasks.get(observation.task_arn)
        if task is None or (observation.is_removed and self._is_to_be_started(task)):
            return
        definition = region.state.task_definitions[task.task_definition_arn]
        if self._is_adopting and observation.is_removed:
            task = _ended_with_its_region(task)
        seen = observe(task, observation, definition, region.now())
        if seen is region.state.tasks[observation.task_arn]:
            return
        with region.state.transaction() as changes:
            changes.put(seen)
            revision = region.state.revisions.get(seen.revision_arn or "")
            if revision is not None and not revision.container_images:
                images = tuple(
                    (one.name, one.image, one.image_digest)
                    for one in seen.containers
                    if one.image_digest and pinned(one.image, one.image_digest) != one.image
                )
                if images:
                    changes.put(replace(revision, container_images=images))
        region.wake()

    @staticmethod
    def _is_to_be_started(task: Task) -> bool:
        """A runtime that does not know a task yet has not lost it."""
        return task.last_status is LastStatus.PROVISIONING and task.desired_status is DesiredStatus.RUNNING

    def _logged(self, lines: Sequence[LogLine], stored: Callable[[], None]) -> None:
        task = self._region.state.tasks.get(lines[0].task_arn)
        destination = None
        if task is not None:
            definition = self._region.state.task_definitions[task.task_definition_arn]
            destination = awslogs.destination(task, definition, lines[0].container_name)
        if destination is None:
            stored()  # nobody wants them
        else:
            self._log_sink.write(destination, lines, stored)

    # Act.

    async def _drain(self) -> datetime | None:
        """Remove the targets whose last request has ended or whose delay is over; readings count only once Envoy drains."""
        region = self._region
        waiting = [target for target in region.state.targets.values() if target.draining_since is not None]
        if not waiting:
            self._drains.forget_all()
            return None
        in_flight: Mapping[TargetKey, int] = {}
        if self._drains.may_be_read(region.now()):
            in_flight = await self._requests_in_flight(waiting)
        delays = {group.arn: group.deregistration_delay for group in region.state.target_groups.values()}
        # Meanwhile one may have been taken back (RegisterTargets), or gone with its group.
        still_there = [target for target in waiting if region.state.targets.get(target.key) is target]
        drained = self._drains.drained(still_there, in_flight, region.now(), delays)
        if not drained:
            return region.now() + draining.READ_EVERY
        with region.state.transaction() as changes:
            changes.delete(*drained)
        return region.now()

    async def _requests_in_flight(self, waiting: Iterable[Target]) -> Mapping[TargetKey, int]:
        """No reading where the proxy does not answer: then the deregistration delay ends the drain."""
        keys = [target.target_key for target in waiting if target.target_key in self._drains.in_force]
        try:
            return await self._region.data_plane.requests_in_flight(keys)
        except Exception:
            log.exception("requests in flight at %d draining targets could not be read; they are read again", len(keys))
            return {}

    async def _publish(self) -> datetime | None:
        region = self._region
        snapshot = routing_of(region)
        rules = dict(region.state.rules)
        keys = [target.target_key for target in region.state.targets.values() if target.draining_since is not None]
        if snapshot != self._published:
            if self._republish is not None and snapshot == self._refused and region.now() < self._republish.at:
                return self._republish.at
            try:
                await region.data_plane.publish(snapshot)
            except Exception:
                log.exception("the proxy did not take the new routes; the ones before stay in force")
                self._refused = snapshot
                self._republish = Retry.after(self._republish, region.now())
                return self._republish.at
            self._published = snapshot
        if rules != region.rules_in_force:
            # What waits for a shift of traffic goes on now.
            region.rules_in_force = rules
            region.wake()
        self._refused, self._republish = None, None
        self._drains.in_force = frozenset(keys)
        return None

    async def _act(self) -> datetime | None:
        """Ask the runtime for what each task's status wants, once for each status."""
        wanted = list(self._tasks())
        statuses = {task.arn: task.last_status for task in wanted}
        self._asked = {arn: status for arn, status in self._asked.items() if arn in statuses}
        self._retries = {key: retry for key, retry in self._retries.items() if key in statuses.items()}
        for task in wanted:
            key = task.arn, task.last_status
            retry = self._retries.get(key)
            if self._asked.get(task.arn) is task.last_status or (retry is not None and self._region.now() < retry.at):
                continue
            try:
                if not await self._ask(task):
                    self._retries.pop(key, None)
                    continue
            except Exception:
                log.exception("task %s (%s): the runtime failed; it is asked again", last_part(task.arn), task.last_status)
                self._retries[key] = Retry.after(retry, self._region.now())
                continue
            self._asked[task.arn] = task.last_status
            self._retries.pop(key, None)
        return min((retry.at for retry in self._retries.values()), default=None)

    async def _ask(self, task: Task) -> bool:
        """Whether the runtime was asked for anything."""
        match task.last_status, task.desired_status:
            case LastStatus.PROVISIONING, DesiredStatus.RUNNING:
                await self._runtime.start(launch_of(self._region, task))
            case LastStatus.STOPPING, _:
                await self._runtime.stop(launch_of(self._region, task))
            case LastStatus.DEPROVISIONING, _:
                await self._runtime.remove(task.arn)
            case _:
                return False
        return True

    def _tend(self) -> datetime | None:
        """Let go of what ECS no longer shows, now and then."""
        region = self._region
        now = region.now()
        if self._tended_at is not None and self._tended_at <= now < self._tended_at + HOUSEKEEPING_EVERY:
            return self._tended_at + HOUSEKEEPING_EVERY
        self._tended_at = now
        with region.state.transaction() as changes:
            changes.delete(*housekeeping.outdated(region.state, now, region.timing))
        return now + HOUSEKEEPING_EVERY


def _ended_with_its_region(task: Task) -> Task:
    """A task of which nothing was left when the control plane came back: the region was stopped, or its machine was.

    Such an end says nothing about the task's deployment.
    """
    if task.desired_status is DesiredStatus.STOPPED or task.last_status is LastStatus.PROVISIONING:
        return task
    return replace(
        task,
        desired_status=DesiredStatus.STOPPED,
        stop_code=StopCode.TERMINATION_NOTICE,
        stopped_reason=ENDED_WITH_ITS_REGION,
    )
