"""Application Auto Scaling at work: what alarms and schedules ask for is decided, recorded, and done through the ECS API.

An activity is recorded before the desired count is set, so that a control plane that dies in between goes on with it.
"""

import asyncio
import contextlib
import logging
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from ninelives.autoscaling import wording
from ninelives.autoscaling.alarms import MADE, alarms_of
from ninelives.autoscaling.events import count_updated, scaled_to_max
from ninelives.autoscaling.ports import Neighbours
from ninelives.autoscaling.records import ScalingRecords
from ninelives.model.alarms import MetricAlarm
from ninelives.model.arns import Place
from ninelives.model.cloudwatch import StateValue
from ninelives.model.errors import ApiError
from ninelives.model.scaling import (
    ActivityStatus,
    ScalableTarget,
    ScalingActivity,
    ScalingPolicy,
    ScheduledAction,
    StepScaling,
    TargetTracking,
)
from ninelives.model.timing import Timing
from ninelives.scheduler.scaling import Breach, Capacity, PolicyFacts, Scale, Stay, decide, next_run, read_schedule
from ninelives.scheduler.scaling.schedule import Rate

log = logging.getLogger(__name__)

LOOK_EVERY: Final = timedelta(seconds=10)
"""How often a change under way is looked at, in the region's time."""
LOOK_LEAST: Final = timedelta(seconds=0.25)
IDLE: Final = timedelta(minutes=1)
FULFILLED_WITHIN: Final = timedelta(minutes=30)
"""How long a change may take before it counts as unfulfilled. The application's time, not scaled."""


class AutoScaling:
    """All on the region's event loop. ``database`` is that of ``open_scaling``; ``new_id`` makes UUIDs."""

    def __init__(
        self,
        database: sqlite3.Connection,
        *,
        place: Place,
        now: Callable[[], datetime],
        timing: Timing,
        new_id: Callable[[], str],
        neighbours: Neighbours,
    ) -> None:
        self._database = database
        self.records = ScalingRecords(database)
        self.place = place
        self.now = now
        self.new_id = new_id
        self._timing = timing
        self.call = neighbours.call
        self.alarms = neighbours.alarms
        self._tell = neighbours.tell
        self._bell = asyncio.Event()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    # What is asked for; requests were checked before.

    def register(self, target: ScalableTarget) -> None:
        """A target, new or with other bounds; a count that they do not allow is changed soon."""
        self.records.put(replace(target, is_settled=False))
        self._bell.set()

    async def deregister(self, target: ScalableTarget) -> None:
        """Forget a target with its policies, their alarms and its scheduled actions. Its activities can still be seen."""
        policies = self.records.policies_of(target.resource_id)
        self.records.delete(target, *policies, *self.records.actions_of(target.resource_id))
        await self._delete_alarms([name for policy in policies for name in policy.alarms])

    async def put_policy(self, policy: ScalingPolicy) -> None:
        """A policy, new or changed, with the alarms that it needs: recorded first, so that alarms never lack their policy."""
        before = self.records.policies.get(policy.key)
        self.records.put(policy)
        if isinstance(policy.rule, TargetTracking):
            for alarm in alarms_of(policy):
                await self.call("cloudwatch", "PutMetricAlarm", alarm)
        if before is not None:
            await self._delete_alarms([name for name in before.alarms if name not in policy.alarms])

    async def delete_policy(self, policy: ScalingPolicy) -> None:
        self.records.delete(policy)
        await self._delete_alarms(policy.alarms)

    async def _delete_alarms(self, names: Sequence[str]) -> None:
        if names:
            await self.call("cloudwatch", "DeleteAlarms", {"AlarmNames": list(names)})

    def put_action(self, action: ScheduledAction) -> None:
        self.records.put(self._timed(action, self.now()))
        self._bell.set()

    def delete_action(self, action: ScheduledAction) -> None:
        self.records.delete(action)

    def alarms_of(self, policy: ScalingPolicy) -> list[tuple[str, str]]:
        """Names and ARNs of the alarms that call a policy: its own first, then those that users have made for it."""
        own = [found for name in policy.alarms if (found := self.alarms.find(name)) is not None]
        others = [one for one in self.alarms.all() if policy.arn in one.actions.alarm and one.name not in policy.alarms]
        return [(one.name, one.arn) for one in (*own, *others)]

    # At work.

    async def run(self) -> None:
        """Follow schedules and changes under way, for ever."""
        try:
            await self.mend_alarms()
        except Exception:
            log.exception("the alarms of target tracking could not be looked over")
        while True:
            self._bell.clear()
            try:
                await self.tend()
            except Exception:
                log.exception("auto scaling could not look after its targets; it is tried again")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._until_next().total_seconds()):
                    await self._bell.wait()

    async def mend_alarms(self) -> None:
        """Make the alarms that a control plane which died left unmade, and take away those whose policy is gone."""
        policies = [one for one in self.records.policies.values() if isinstance(one.rule, TargetTracking)]
        for policy in policies:
            for alarm in alarms_of(policy):
                if self.alarms.find(alarm["AlarmName"]) is None:
                    await self.call("cloudwatch", "PutMetricAlarm", alarm)
        known = {name for policy in policies for name in policy.alarms}
        made = [alarm.name for alarm in self.alarms.all() if alarm.name.startswith(f"{MADE}service/")]
        await self._delete_alarms([name for name in made if name not in known])

    async def tend(self) -> None:
        """Carry out the scheduled actions that are due, bring counts into bounds, and follow what is under way."""
        for action in list(self.records.actions.values()):
            if action.next_run is not None and action.next_run <= self.now():
                self._carry_out(action)
        for target in list(self.records.targets.values()):
            if not target.is_settled or self._open(target.resource_id):
                async with self._locks[target.resource_id]:
                    await self._follow(target.resource_id)

    async def breached(self, policy_arn: str) -> None:
        """An alarm that names a policy is in ALARM, since just now or still. Raises ``LookupError`` for an unknown policy."""
        policy = self.records.policy_by_arn(policy_arn)
        if policy is None:
            raise LookupError(f"There is no scaling policy {policy_arn}.")
        async with self._locks[policy.resource_id]:
            await self._evaluate(policy.resource_id)

    def close(self) -> None:
        self._database.close()

    def _until_next(self) -> timedelta:
        waits = [IDLE]
        if any(not target.is_settled or self._open(target.resource_id) for target in self.records.targets.values()):
            waits.append(self._timing.scaled(LOOK_EVERY))
        waits += [one.next_run - self.now() for one in self.records.actions.values() if one.next_run is not None]
        return max(LOOK_LEAST, min(waits))

    # Alarms.

    async def _evaluate(self, resource_id: str) -> None:
        capacity = await self._follow(resource_id)
        target = self.records.targets.get(resource_id)
        if target is None or capacity is None:
            return
        policies = [self._facts(policy) for policy in self.records.policies_of(resource_id)]
        activities = self.records.activities_of(resource_id)
        decision = decide(target, policies, capacity, activities, now=self.now(), timing=self._timing)
        match decision:
            case Scale():
                await self._scale(
                    target, decision.capacity, decision.cause, base=decision.base, policy_arn=decision.policy.arn
                )
            case Stay():
                self._note(target, decision)
            case None:
                pass

    def _facts(self, policy: ScalingPolicy) -> PolicyFacts:
        breaches = []
        for alarm in self.alarms.all():
            calls = alarm.actions.enabled and policy.arn in alarm.actions.alarm
            if not calls or alarm.state.value is not StateValue.ALARM or not isinstance(alarm, MetricAlarm):
                continue
            points = [(point.at, point.value) for point in self.alarms.recent_points(alarm) if point.value is not None]
            if not points:
                continue
            is_high = alarm.comparison_operator.startswith("GreaterThan")
            breaches.append(
                Breach(
                    alarm=alarm.name,
                    metric=_metric_of(policy.rule, [value for _, value in points], is_high=is_high),
                    threshold=alarm.threshold,
                    measured_at=points[-1][0],
                    is_high=is_high,
                )
            )
        return PolicyFacts(policy=policy, breaches=tuple(breaches))

    def _note(self, target: ScalableTarget, stay: Stay) -> None:
        """Record that nothing was done, once for as long as it is for the same reason."""
        known = self.records.activities_of(target.resource_id)
        last = known[-1] if known else None
        if last is not None and any(reason.code is stay.reason.code for reason in last.not_scaled):
            return
        activity = self._activity(target, wording.ATTEMPT, stay.cause, ActivityStatus.FAILED)
        self._keep(replace(activity, not_scaled=(stay.reason,), policy_arn=stay.policy.arn))

    # Schedules.

    def _carry_out(self, action: ScheduledAction) -> None:
        """Set the bounds that a scheduled action names. One that was due several times meanwhile is carried out once."""
        self.records.put(self._timed(action, self.now()))
        target = self.records.targets.get(action.resource_id)
        if target is None or target.suspended.scheduled:
            return
        least = target.min_capacity if action.min_capacity is None else action.min_capacity
        most = target.max_capacity if action.max_capacity is None else action.max_capacity
        cause = wording.scheduled_cause(action)
        activity = self._activity(target, wording.setting_bounds(action), cause, ActivityStatus.SUCCESSFUL)
        if least > most:
            reason = f"Maximum capacity cannot be less than minimum capacity ({most}, {least})."
            self._keep(replace(activity, status=ActivityStatus.FAILED, status_message=reason, end_time=self.now()))
            return
        self._keep(replace(activity, status_message=wording.set_bounds(action), end_time=self.now()))
        self.register(replace(target, min_capacity=least, max_capacity=most))

    def _timed(self, action: ScheduledAction, after: datetime) -> ScheduledAction:
        """``action`` with the next time at which it is due."""
        schedule = read_schedule(action.schedule)
        if isinstance(schedule, Rate):
            schedule = Rate(self._timing.scaled(schedule.every))
        start = action.start_time or action.created_at
        if action.start_time is not None and after < action.start_time:
            after = action.start_time - timedelta(microseconds=1)
        due = next_run(schedule, after, start=start, zone=zone_of(action.timezone))
        is_over = due is not None and action.end_time is not None and due > action.end_time
        return replace(action, next_run=None if is_over else due)

    # Changes.

    async def _follow(self, resource_id: str) -> Capacity | None:
        """The service as it is, once what is under way was looked at; None where it is not there."""
        capacity = await self._capacity(resource_id)
        target = self.records.targets.get(resource_id)
        if capacity is None or target is None:
            return capacity
        for activity in self._open(resource_id):
            if activity.status_message is None:
                await self._take_up(target, activity, capacity)
            else:
                self._look_at(target, activity, capacity)
        target = self.records.targets[resource_id]
        if target.is_settled:
            return await self._capacity(resource_id)
        bounded = target.bounded(capacity.desired)
        if bounded < capacity.desired and capacity.is_deploying:
            return capacity
        self.records.put(replace(target, is_settled=True))
        if bounded != capacity.desired:
            await self._scale(target, bounded, wording.bound_cause(target, capacity.desired), base=capacity.desired)
        return await self._capacity(resource_id)

    def _open(self, resource_id: str) -> list[ScalingActivity]:
        return [one for one in self.records.activities_of(resource_id) if one.is_open]

    async def _capacity(self, resource_id: str) -> Capacity | None:
        service = await self._service(resource_id)
        if service is None or service["status"] != "ACTIVE":
            return None
        return Capacity(
            desired=service["desiredCount"],
            running=service["runningCount"],
            is_deploying=any(one.get("rolloutState") == "IN_PROGRESS" for one in service["deployments"]),
        )

    async def _service(self, resource_id: str) -> Any:
        cluster, name = service_of(resource_id)
        try:
            answer = await self.call("ecs", "DescribeServices", {"cluster": cluster, "services": [name]})
        except ApiError as error:
            if error.code != "ClusterNotFoundException":
                raise
            return None
        return next(iter(answer["services"]), None)

    async def _scale(
        self, target: ScalableTarget, capacity: int, cause: str, *, base: int, policy_arn: str | None = None
    ) -> None:
        activity = replace(
            self._activity(target, wording.setting(capacity), cause, ActivityStatus.IN_PROGRESS),
            policy_arn=policy_arn,
            before=base,
            capacity=capacity,
        )
        self._keep(activity)
        await self._set(target, activity)
        self._bell.set()

    async def _take_up(self, target: ScalableTarget, activity: ScalingActivity, capacity: Capacity) -> None:
        """Go on with what a control plane before this one had only recorded, if the service still is as it was then."""
        wanted = activity.capacity
        assert wanted is not None
        if capacity.desired == wanted:
            self.records.put(replace(activity, status_message=wording.waiting(wanted)))
        elif (capacity.desired < wanted) is activity.is_scale_in:
            self._end(activity, ActivityStatus.OVERRIDDEN, wording.overridden(wanted, capacity.desired))
        elif activity.is_scale_in and capacity.is_deploying:
            self._end(activity, ActivityStatus.FAILED, wording.failed(wanted, "a deployment is in progress"))
            if activity.policy_arn is None:  # The bounds are looked at again when it is over; a policy asks again itself.
                self.records.put(replace(target, is_settled=False))
        else:
            await self._set(target, activity)

    async def _set(self, target: ScalableTarget, activity: ScalingActivity) -> None:
        """Set the desired count, as often as need be: it is the same each time."""
        capacity = activity.capacity
        assert capacity is not None
        cluster, name = service_of(target.resource_id)
        try:
            answer = await self.call("ecs", "UpdateService", {"cluster": cluster, "service": name, "desiredCount": capacity})
        except Exception as error:  # noqa: BLE001 (whatever it is, the activity tells it)
            log.warning("%s could not be scaled to %d: %s", target.resource_id, capacity, error)
            self._end(activity, ActivityStatus.FAILED, wording.failed(capacity, str(error)))
            return
        log.info("%s: desired count %d. %s", target.resource_id, capacity, activity.cause)
        self.records.put(replace(activity, status_message=wording.waiting(capacity)))
        self._tell(count_updated(answer["service"], at=self.now()))

    def _look_at(self, target: ScalableTarget, activity: ScalingActivity, capacity: Capacity) -> None:
        """End an activity that is fulfilled, or never will be."""
        wanted, now = activity.capacity, self.now()
        assert wanted is not None
        is_reached = capacity.running <= wanted if activity.is_scale_in else capacity.running >= wanted
        if capacity.desired != wanted:
            self._end(activity, ActivityStatus.OVERRIDDEN, wording.overridden(wanted, capacity.desired))
        elif is_reached:
            ended = self._end(activity, ActivityStatus.SUCCESSFUL, wording.fulfilled(wanted))
            if activity.is_scale_out and wanted == target.max_capacity:
                self._tell(scaled_to_max(target, ended, self.place))
        elif now - activity.start_time > FULFILLED_WITHIN:
            self._end(activity, ActivityStatus.UNFULFILLED, wording.unfulfilled(wanted))

    def _end(self, activity: ScalingActivity, status: ActivityStatus, message: str) -> ScalingActivity:
        ended = replace(activity, status=status, status_message=message, end_time=self.now())
        self.records.put(ended)
        return ended

    def _activity(self, target: ScalableTarget, description: str, cause: str, status: ActivityStatus) -> ScalingActivity:
        return ScalingActivity(
            id=self.new_id(),
            sequence=self.records.next_sequence(),
            resource_id=target.resource_id,
            description=description,
            cause=cause,
            start_time=self.now(),
            status=status,
        )

    def _keep(self, activity: ScalingActivity) -> None:
        self.records.put(activity)
        self.records.trim(activity.resource_id, self.now())


def service_of(resource_id: str) -> tuple[str, str]:
    """Cluster and service that a resource id names.

    >>> service_of("service/c/web")
    ('c', 'web')
    """
    _, cluster, name = resource_id.split("/")
    return cluster, name


def zone_of(name: str | None) -> tzinfo:
    """A time zone by its name. Raises ``ZoneInfoNotFoundError`` or ``ValueError`` for none."""
    return UTC if name is None else ZoneInfo(name)


def _metric_of(rule: TargetTracking | StepScaling, values: Sequence[float], *, is_high: bool) -> float:
    """What a policy reckons with, of the periods that its alarm evaluated: tracking out the latest, in the highest."""
    if isinstance(rule, TargetTracking):
        return values[-1] if is_high else max(values)
    match rule.aggregation:
        case "Minimum":
            return min(values)
        case "Maximum":
            return max(values)
        case _:
            return sum(values) / len(values)
