"""The loop: observe, decide, record, act. Only it decides.

Deciding is pure (``scheduler``, ``routing``, ``draining``) and recorded in a transaction before anything is done. Acting makes
the world like the records: it is derived from them afresh, so a control plane that died between any two steps goes on where it
was. Whatever happens rings the region's bell; time is looked at when the next ``wake_at`` comes.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from ninelives.model.arns import last_part
from ninelives.model.ecs import (
    DesiredStatus,
    LastStatus,
    Service,
    ServiceStatus,
    Task,
)
from ninelives.model.elbv2 import TargetKey
from ninelives.model.observation import TaskObservation
from ninelives.region import awslogs, draining
from ninelives.region.ports import LogLine, LogSink, PublishRejected, TaskRuntime
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
"""When an action that raised is tried again."""
HOUSEKEEPING_EVERY = timedelta(minutes=1)
SERVICE_DEPLOYMENT_RETENTION = timedelta(days=90)


class Loop:
    """Drives a region: one instance, one coroutine."""

    def __init__(self, region: Region, *, runtime: TaskRuntime, log_sink: LogSink) -> None:
        self._region = region
        self._runtime = runtime
        self._log_sink = log_sink
        self._asked: dict[str, LastStatus] = {}
        """What the runtime was last asked of each task, by the status that asked for it."""
        self._published: EnvoySnapshot | None = None
        self._drains = draining.Drains()
        self._tended_at: datetime | None = None

    async def start(self) -> None:
        """Bring the world and the records together again: serve the routes, adopt the proxy and the tasks."""
        region = self._region
        snapshot = routing_of(region)
        region.data_plane.prepare(snapshot)
        region.data_plane.subscribe(region.wake)
        await region.data_plane.start()
        self._published = snapshot
        self._runtime.subscribe(self._observed, self._logged)
        await self._runtime.adopt([launch_of(region, task) for task in self._tasks()])
        region.wake()

    async def run(self) -> None:
        """Step for ever: whenever the bell rings, and at the time that the last step named."""
        region = self._region
        while True:
            region.bell.clear()
            try:
                wake_at = await self.step()
            except Exception:
                log.exception("a step of the region failed; the next one follows in a moment")
                wake_at = region.now() + RETRY_AFTER
            delay = None if wake_at is None else max(0.0, (wake_at - region.now()).total_seconds())
            # Not wait_for: in Python 3.11 it loses a cancellation that comes together with the bell.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await region.bell.wait()

    async def step(self) -> datetime | None:
        """Decide and record until nothing is left to decide, then act. Answers when to look again at the latest."""
        wake_ats = [self._decide_all()]
        wake_ats.append(await self._drain())
        await self._publish()
        wake_ats.append(await self._act())
        wake_ats.append(self._tend())
        return min((at for at in wake_ats if at is not None), default=None)

    # Decide and record.

    def _tasks(self) -> Iterable[Task]:
        return [task for task in self._region.state.tasks.values() if task.last_status is not LastStatus.STOPPED]

    def _decide_all(self) -> datetime | None:
        region = self._region
        wake_ats = [
            self._decide(service)
            for service in list(region.state.services.values())
            if service.status is not ServiceStatus.INACTIVE
        ]
        for task in self._tasks():
            if task.service_arn is None:
                self._advance_alone(task)
        return min((at for at in wake_ats if at is not None), default=None)

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

    def _advance_alone(self, task: Task) -> None:
        region = self._region
        definition = region.state.task_definitions[task.task_definition_arn]
        decisions = advance(task, definition, (), {}, region.now())
        with region.state.transaction() as changes:
            for decision in decisions:
                assert isinstance(decision, Put), "a task without a service starts no task and tells no event"
                changes.put(decision.record)

    # Facts from the world.

    def _observed(self, observation: TaskObservation) -> None:
        region = self._region
        task = region.state.tasks.get(observation.task_arn)
        if task is None or (observation.is_removed and self._is_to_be_started(task)):
            return
        definition = region.state.task_definitions[task.task_definition_arn]
        seen = observe(task, observation, definition, region.now())
        if seen is task:
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
                changes.put(replace(revision, container_images=images) if images else revision)
        region.wake()

    @staticmethod
    def _is_to_be_started(task: Task) -> bool:
        """A runtime that does not know a task yet has not lost it."""
        return task.last_status is LastStatus.PROVISIONING and task.desired_status is DesiredStatus.RUNNING

    def _logged(self, line: LogLine) -> None:
        task = self._region.state.tasks.get(line.task_arn)
        if task is None:
            return
        definition = self._region.state.task_definitions[task.task_definition_arn]
        destination = awslogs.destination(task, definition, line.container_name)
        if destination is not None:
            self._log_sink.write(destination.group, destination.stream, [line], create_group=destination.create_group)

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
            in_flight = await region.data_plane.requests_in_flight(
                [target.target_key for target in waiting if target.target_key in self._drains.in_force]
            )
        delays = {group.arn: group.deregistration_delay for group in region.state.target_groups.values()}
        still_there = [target for target in waiting if target.key in region.state.targets]
        drained = self._drains.drained(still_there, in_flight, region.now(), delays)
        if not drained:
            return region.now() + draining.READ_EVERY
        with region.state.transaction() as changes:
            changes.delete(*drained)
        return region.now()

    async def _publish(self) -> None:
        region = self._region
        snapshot = routing_of(region)
        keys = [target.target_key for target in region.state.targets.values() if target.draining_since is not None]
        if snapshot != self._published:
            try:
                await region.data_plane.publish(snapshot)
            except PublishRejected:
                log.exception("the proxy refused the new routes; the ones before stay in force")
                return
            self._published = snapshot
        self._drains.in_force = frozenset(keys)

    async def _act(self) -> datetime | None:
        """Ask the runtime for what each task's status wants, once for each status."""
        retry_at: datetime | None = None
        wanted = list(self._tasks())
        for arn in self._asked.keys() - {task.arn for task in wanted}:
            del self._asked[arn]
        for task in wanted:
            if self._asked.get(task.arn) is task.last_status:
                continue
            try:
                if not await self._ask(task):
                    continue
            except Exception:
                log.exception("task %s (%s): the runtime failed; it is asked again", last_part(task.arn), task.last_status)
                retry_at = self._region.now() + RETRY_AFTER
                continue
            self._asked[task.arn] = task.last_status
        return retry_at

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
        """Let go of what ECS no longer shows: stopped tasks after an hour, service deployments after 90 days."""
        region = self._region
        now = region.now()
        if self._tended_at is not None and now < self._tended_at + HOUSEKEEPING_EVERY:
            return self._tended_at + HOUSEKEEPING_EVERY
        self._tended_at = now
        retention = region.timing.stopped_task_retention
        with region.state.transaction() as changes:
            changes.delete(
                *(
                    task
                    for task in region.state.tasks.values()
                    if task.stopped_at is not None and now - task.stopped_at > retention
                ),
                *(
                    one
                    for one in region.state.service_deployments.values()
                    if one.status.is_terminal and now - one.updated_at > SERVICE_DEPLOYMENT_RETENTION
                ),
            )
        return now + HOUSEKEEPING_EVERY
