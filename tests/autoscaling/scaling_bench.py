"""A region on a still clock: ECS with its loop and obedient tasks, CloudWatch with its alarms, and what scales."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from ecs_world import PLACE, World, mismatches
from obedient_region import ObedientRuntime, SilentDataPlane

from ninelives.api import applicationautoscaling, cloudwatch
from ninelives.api.call import Call
from ninelives.api.in_process import InProcess
from ninelives.autoscaling import AutoScaling, Neighbours, open_scaling
from ninelives.model.errors import ApiError
from ninelives.model.events import Happening
from ninelives.model.metrics import Metric
from ninelives.model.timing import Timing
from ninelives.monitoring import of_values
from ninelives.region.loop import Loop
from ninelives.telemetry import ActionKind, CloudWatch

SERVICE = "application-autoscaling"
MODEL: Any = botocore.session.Session().get_service_model(SERVICE)
WEB = {"ServiceNamespace": "ecs", "ResourceId": "service/c/s", "ScalableDimension": "ecs:service:DesiredCount"}
CPU = {"PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}}
METRIC = Metric.of("AWS/ECS", "CPUUtilization", {"ClusterName": "c", "ServiceName": "s"})
STEP = timedelta(seconds=10)


class Died(BaseException):
    """The end of a control plane, which nothing catches."""


class ScalingBench(World):
    """Service ``s`` in cluster ``c`` with two tasks. ``load`` in percent of one task's CPU is shared among those that run."""

    def __init__(self, path: Path | None = None) -> None:
        super().__init__()
        data_plane: Any = SilentDataPlane()
        no_log_sink: Any = None
        self.path = path
        self.load: Callable[[], float | None] = lambda: None
        self.told: list[Happening] = []
        self.asked: list[str] = []
        """Operations that the release tool has asked for."""
        self.denied: set[str] = set()
        """Operations that fail."""
        self.dies_at = ""
        """The operation at whose call the control plane dies."""
        self.region.data_plane = data_plane
        self._loop = Loop(self.region, runtime=ObedientRuntime(), log_sink=no_log_sink)
        self.runner = asyncio.Runner()
        self.runner.run(self._loop.start())
        self._minute = self.clock.time
        self._make()
        self.with_service()
        self.live(minutes=3)

    def _make(self) -> None:
        """CloudWatch and scaling, over the records that there are."""
        path = None if self.path is None else self.path.with_name("cloudwatch.sqlite")
        self.watch = CloudWatch(path, place=PLACE, now=lambda: self.clock.time, timing=Timing(), call=self._no_moto)
        operations = {
            "ecs": self.operations,
            "cloudwatch": cloudwatch.operations(self.watch),
            "elbv2": {"DescribeTargetGroups": self._target_groups},
        }
        self.in_process = InProcess(operations=operations, before_moto={}, moto=self._no_moto, place=PLACE)
        self.scaling = AutoScaling(
            open_scaling(self.path),
            place=PLACE,
            now=lambda: self.clock.time,
            timing=Timing(),
            new_id=self.region.ids.uuid,
            neighbours=Neighbours(call=self._call, alarms=self.watch.alarms, tell=self.told.append),
        )
        policies = ActionKind("autoscaling", "scalingPolicy:")
        self.watch.actions.carry_out(policies, lambda firing: self.scaling.breached(firing.arn), repeats=True)
        operations[SERVICE] = applicationautoscaling.operations(self.scaling)

    def restart(self) -> None:
        """Another control plane, on what the one before has written."""
        self.runner.run(self.watch.close())
        self.scaling.close()
        self.dies_at = ""
        self._make()

    def _target_groups(self, call: Call) -> Mapping[str, Any]:
        """One target group behind one load balancer, as ELBv2 describes it."""
        (arn,) = call.parameters["TargetGroupArns"]
        if arn != PLACE.target_group("web", "1"):
            raise ApiError("TargetGroupNotFound", "One or more target groups not found")
        return {"TargetGroups": [{"TargetGroupArn": arn, "LoadBalancerArns": [PLACE.load_balancer("front", "2")]}]}

    async def _no_moto(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        raise ApiError("NoMoto", f"{service}:{operation} {parameters}")

    async def _call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        if operation == self.dies_at:
            raise Died
        if operation in self.denied:
            raise ApiError("AccessDeniedException", f"{operation} is denied")
        return await self.in_process(service, operation, parameters)

    def ask(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """The answer of an operation on service ``s``, held to botocore's model."""
        members = MODEL.operation_model(operation).input_shape.members
        about = WEB if "ResourceId" in members else {"ServiceNamespace": "ecs"} if "ServiceNamespace" in members else {}
        answer = dict(self.runner.run(self.in_process(SERVICE, operation, {**about, **parameters})))
        assert list(mismatches(MODEL.operation_model(operation).output_shape, answer, operation)) == []
        return answer

    def refused(self, operation: str, **parameters: Any) -> str:
        """Code and message of a refusal; the code is one of the model's."""
        with pytest.raises(ApiError) as caught:
            self.ask(operation, **parameters)
        assert caught.value.code in {shape.name for shape in MODEL.operation_model(operation).error_shapes}
        return f"{caught.value.code}: {caught.value.message}"

    def register(self, least: int = 1, most: int = 10, **more: Any) -> None:
        self.ask("RegisterScalableTarget", MinCapacity=least, MaxCapacity=most, **more)

    def track(self, name: str = "cpu", value: float = 60.0, **more: Any) -> dict[str, Any]:
        return self.ask(
            "PutScalingPolicy",
            PolicyName=name,
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={"TargetValue": value, **CPU, **more},
        )

    def live(self, **wait: float) -> None:
        """Let that much time go by."""
        until = self.clock.time + timedelta(**wait)
        while self.clock.time < until:
            self.runner.run(self._step())
            self.clock.time += STEP

    async def _step(self) -> None:
        await self._loop.step()
        if self.clock.time - self._minute >= timedelta(minutes=1):
            self._minute = self.clock.time
            self._measure()
        self.watch.alarms.evaluate()
        await self.scaling.tend()
        for _ in range(20):  # what alarms have started comes to its end
            await asyncio.sleep(0)

    def _measure(self) -> None:
        load, running = self.load(), self.service()["runningCount"]
        if load is None:
            return
        used = of_values([load / max(1, running)])
        assert used is not None
        self.watch.metrics.put(METRIC, used, at=self.clock.time - timedelta(seconds=30), unit="Percent")

    @property
    def desired(self) -> int:
        return int(self.service()["desiredCount"])

    def activities(self, **more: Any) -> list[dict[str, Any]]:
        """The newest first."""
        found: list[dict[str, Any]] = self.ask("DescribeScalingActivities", **more)["ScalingActivities"]
        return found

    def alarms(self) -> dict[str, Any]:
        answer = self.runner.run(self.in_process("cloudwatch", "DescribeAlarms", {}))
        return {one["AlarmName"]: one for one in answer["MetricAlarms"]}

    def close(self) -> None:
        self.runner.run(self.watch.close())
        self.scaling.close()
        self.runner.close()
