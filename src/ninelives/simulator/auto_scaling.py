"""Auto scaling in a world: the region's own, on alarms over a load that comes from the seed, in every service that scales.

The load is in percent of a task's CPU; the tasks that run share it. What scaling has recorded, the metric and the alarms
outlive a control plane, as files do. Scaling's minutes are short here (``TIMING``): much happens while faults last.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from ninelives.autoscaling import AutoScaling, Neighbours, alarm_names, open_scaling
from ninelives.autoscaling.alarms import HIGH_PERIODS, LOW_PERIODS, LOW_SHARE
from ninelives.model.alarms import Alarm, AlarmActions, AlarmState, ComparisonOperator, MetricAlarm
from ninelives.model.cloudwatch import StateValue
from ninelives.model.ecs import Deployment, LastStatus, RolloutState, Service, Task
from ninelives.model.metrics import Metric, MetricStat
from ninelives.model.scaling import ScalableTarget, ScalingPolicy, TargetTracking
from ninelives.model.timing import Timing
from ninelives.monitoring import Datapoint, evaluate_alarm
from ninelives.region import ecs_services
from ninelives.region.ecs_services import ServiceChange
from ninelives.region.region import Region
from ninelives.scheduler.scaling.arithmetic import proportional
from ninelives.simulator.disk import Disk
from ninelives.simulator.event_loop import Process, SimulatedLoop
from ninelives.simulator.faults import Fates
from ninelives.simulator.options import ScalingOptions

TIMING: Final = Timing(time_scale=30)
MINUTE: Final = TIMING.scaled(timedelta(minutes=1))
CHANGES_EVERY: Final = 20.0
"""Seconds between two changes of the load, on average."""
LOADS: Final = (0.0, 20.0, 50.0, 90.0, 150.0, 240.0, 320.0)


def resource_of(service: Service) -> str:
    return f"service/{service.cluster_arn.rsplit('/', 1)[-1]}/{service.name}"


@dataclass
class _Watched:
    """A service's metric by minute, its alarms, and its load."""

    points: list[Datapoint] = field(default_factory=list)
    alarms: dict[str, MetricAlarm] = field(default_factory=dict)
    load: float = 50.0


class Watchtower:
    """CloudWatch for the services that scale: metrics and alarms, whoever looks at them."""

    def __init__(
        self, loop: SimulatedLoop, disk: Disk, options: ScalingOptions, random: Random, now: Callable[[], datetime]
    ) -> None:
        self.options = options
        self.database: sqlite3.Connection = open_scaling(None)
        self.called: Callable[[str], None] = lambda _: None
        """Hears which policy an alarm in ALARM calls."""
        self.note: Callable[[str], None] = lambda _: None
        self.is_changing = False
        """Whether the load goes up and down."""
        self._loop = loop
        self._disk = disk
        self._random = random
        self._now = now
        self._watched: dict[str, _Watched] = {}
        self._changes_at = 0.0

    def start(self) -> None:
        self._loop.call_later(MINUTE.total_seconds(), self._minute, context=self._loop.world)

    def at_rest(self) -> str | None:
        """Which service has not the tasks that its load needs, if one has not, in a sentence."""
        for service in self._disk.tables[Service].values():
            watched = self._watched.get(resource_of(service))
            if watched is None or service.status.value != "ACTIVE":
                continue
            count, options = service.desired_count, self.options
            if count == 0:
                continue  # nothing is measured, so nothing happens
            metric = watched.load / count
            if metric > options.target and count < options.most:
                return f"{service.name} has {count} tasks and needs more: {metric:.0f} %"
            is_low = metric < options.target * LOW_SHARE and count > options.least
            if is_low and (count > options.most or proportional(count, metric, options.target) < count):
                return f"{service.name} has {count} tasks and needs fewer: {metric:.0f} %"
        return None

    # What PutMetricAlarm and the readings are.

    def put_alarm(self, given: Mapping[str, Any]) -> None:
        name = str(given["AlarmName"])
        resource_id = name.removeprefix("TargetTracking-").rsplit("-Alarm", 1)[0]
        watched = self._watched.setdefault(resource_id, _Watched())
        now = self._now()
        known = watched.alarms.get(name)
        unchecked = AlarmState(value=StateValue.INSUFFICIENT_DATA, reason="", updated_at=now, transitioned_at=now)
        watched.alarms[name] = MetricAlarm(
            name=name,
            arn=f"arn:aws:cloudwatch:::alarm:{name}",
            watched=METRIC,
            comparison_operator=ComparisonOperator(given["ComparisonOperator"]),
            threshold=given["Threshold"],
            evaluation_periods=given["EvaluationPeriods"],
            state=unchecked if known is None else known.state,
            configured_at=now,
            actions=AlarmActions(alarm=tuple(given["AlarmActions"])),
        )

    def find(self, name_or_arn: str) -> Alarm | None:
        name = name_or_arn.rpartition(":alarm:")[2]
        return next((one.alarms[name] for one in self._watched.values() if name in one.alarms), None)

    def all(self) -> Iterable[Alarm]:
        return [alarm for one in self._watched.values() for alarm in one.alarms.values()]

    def recent_points(self, alarm: Alarm) -> Sequence[Datapoint]:
        assert isinstance(alarm, MetricAlarm)
        watched = next(one for one in self._watched.values() if alarm.name in one.alarms)
        return watched.points[-alarm.evaluation_periods :]

    # Minute by minute.

    def _minute(self) -> None:
        self._loop.call_later(MINUTE.total_seconds(), self._minute, context=self._loop.world)
        services = {resource_of(one): one for one in self._disk.tables[Service].values()}
        for resource_id, watched in self._watched.items():
            self._change_load(resource_id, watched)
            service = services.get(resource_id)
            if service is not None:
                self._measure(service, watched)
                self._evaluate(watched)

    def _change_load(self, resource_id: str, watched: _Watched) -> None:
        if self.is_changing and self._random.random() < MINUTE.total_seconds() / CHANGES_EVERY:
            watched.load = self._random.choice(LOADS)
            self.note(f"the load of {resource_id} is {watched.load:.0f} %")

    def _measure(self, service: Service, watched: _Watched) -> None:
        tasks = [one for one in self._disk.tables[Task].values() if one.service_arn == service.arn]
        running = sum(one.is_live and one.last_status is LastStatus.RUNNING for one in tasks)
        value = watched.load / running if running else None
        watched.points.append(Datapoint(at=self._now() - MINUTE, value=value))
        del watched.points[: -LOW_PERIODS - 3]

    def _evaluate(self, watched: _Watched) -> None:
        for name, alarm in list(watched.alarms.items()):
            evaluated = evaluate_alarm(alarm, watched.points) if len(watched.points) >= HIGH_PERIODS else None
            if evaluated is not None and evaluated.state is not None and evaluated.state is not alarm.state.value:
                alarm = replace(alarm, state=replace(alarm.state, value=evaluated.state))  # noqa: PLW2901
                watched.alarms[name] = alarm
                self.note(f"alarm {name.rsplit('/', 1)[-1][:24]} is {evaluated.state}")
            if alarm.state.value is StateValue.ALARM:
                for arn in alarm.actions.alarm:
                    self.called(arn)


METRIC: Final = MetricStat(metric=Metric.of("AWS/ECS", "CPUUtilization"), period=timedelta(minutes=1), stat="Average")


class SimulatedScaling:
    """Application Auto Scaling of one control plane."""

    def __init__(
        self,
        tower: Watchtower,
        region: Region,
        process: Process,
        fates: Fates,
        violated: Callable[[str], None],
    ) -> None:
        self._tower = tower
        self._region = region
        self._process = process
        self._fates = fates
        self._violated = violated
        self._tasks: set[asyncio.Task[None]] = set()
        self.scaling = AutoScaling(
            tower.database,
            place=region.place,
            now=region.now,
            timing=TIMING,
            new_id=region.ids.uuid,
            neighbours=Neighbours(call=self._call, alarms=tower, tell=lambda _: None),
        )

    async def run(self) -> None:
        await self.scaling.run()

    def breached(self, loop: SimulatedLoop, policy_arn: str) -> None:
        task = loop.create_task(self.scaling.breached(policy_arn), context=self._process.context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def set_up(self, service: Service) -> None:
        """Bounds and a policy, as ``ninelives deploy`` would make them."""
        options, resource_id, now = self._tower.options, resource_of(service), self._region.now()
        if resource_id in self.scaling.records.targets:
            return
        self.scaling.register(
            ScalableTarget(
                arn=f"arn:{resource_id}",
                resource_id=resource_id,
                min_capacity=options.least,
                max_capacity=options.most,
                role_arn="role",
                created_at=now,
            )
        )
        rule = TargetTracking(
            target_value=options.target,
            watched=METRIC,
            configuration={},
            scale_out_cooldown=timedelta(seconds=options.cooldown),
            scale_in_cooldown=timedelta(seconds=options.cooldown),
        )
        names = alarm_names(resource_id, "1", "2")
        arn = f"arn:aws:autoscaling:::scalingPolicy:1:resource/ecs/{resource_id}:policyName/cpu"
        policy = ScalingPolicy(arn=arn, name="cpu", resource_id=resource_id, rule=rule, created_at=now, alarms=names)
        await self.scaling.put_policy(policy)

    async def _call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        self._fates.action(self._process, f"before {operation} by auto scaling")
        answer = self._answer(f"{service}:{operation}", parameters)
        self._fates.action(self._process, f"after {operation} by auto scaling")
        return answer

    def _answer(self, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        match operation:
            case "ecs:DescribeServices":
                found = self._found(parameters["cluster"], parameters["services"][0])
                return {"services": [] if found is None else [self._described(found)]}
            case "ecs:UpdateService":
                self._judge(parameters)
                given = {"desiredCount": parameters["desiredCount"]}
                updated = ecs_services.update_service(
                    self._region, parameters["cluster"], parameters["service"], ServiceChange(given=given)
                )
                return {"service": {"serviceArn": updated.arn, "clusterArn": updated.cluster_arn}}
            case "cloudwatch:PutMetricAlarm":
                self._tower.put_alarm(parameters)
                return {}
            case _:
                raise AssertionError(f"auto scaling is not known to call {operation}")

    def _found(self, cluster: str, name: str) -> Service | None:
        return self._region.state.services.get(self._region.place.service(cluster, name))

    def _described(self, service: Service) -> Mapping[str, Any]:
        tasks = [one for one in self._region.state.of_service(Task, service.arn) if one.is_live]
        deployments = self._region.state.of_service(Deployment, service.arn)
        return {
            "status": service.status.value,
            "desiredCount": service.desired_count,
            "runningCount": sum(one.last_status is LastStatus.RUNNING for one in tasks),
            "deployments": [{"rolloutState": one.rollout_state.value} for one in deployments if one.rollout_state],
        }

    def _judge(self, parameters: Mapping[str, Any]) -> None:
        """The laws of what scaling does: within the bounds, and no fewer tasks during a deployment."""
        service = self._found(parameters["cluster"], parameters["service"])
        assert service is not None, "it was described just now"
        count, options = parameters["desiredCount"], self._tower.options
        if not options.least <= count <= options.most:
            self._violated(f"auto scaling sets {count} tasks; its bounds are {options.least} to {options.most}")
        deployments = self._region.state.of_service(Deployment, service.arn)
        if count < service.desired_count and any(one.rollout_state is RolloutState.IN_PROGRESS for one in deployments):
            self._violated(f"auto scaling takes tasks away during a deployment: {service.desired_count} to {count}")
