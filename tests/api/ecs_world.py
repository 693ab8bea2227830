"""A region in memory for tests of ECS's API; every answer is held to botocore's output shape."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.session
import pytest

from ninelives.api.call import Call
from ninelives.api.constraints import told, violations
from ninelives.api.ecs import operations
from ninelives.api.service_model import load_service
from ninelives.model.arns import Place, listener_arn, rule_arn
from ninelives.model.ecs import LastStatus, Task, TaskAddress
from ninelives.model.elbv2 import Forward, Rule, TargetGroup, TargetHealthCheck, WeightedTargetGroup
from ninelives.model.errors import ApiError
from ninelives.model.timing import Timing
from ninelives.region.ports import Record, Store
from ninelives.region.region import Region
from ninelives.region.state import State

PLACE = Place(region="eu-west-1", account="111122223333")
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-a", "subnet-b"]}}
ECS: Any = botocore.session.Session().get_service_model("ecs")


class MemoryStore:
    def load(self) -> Iterable[Record]:
        return []

    def commit(self, puts: Sequence[Record], deletes: Sequence[tuple[type[Any], str]]) -> None:
        pass

    def close(self) -> None:
        pass


class StillClock:
    """A clock that moves a second with each look, so that order shows in times."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        self.time += timedelta(seconds=1)
        return self.time


class CountingIds:
    def __init__(self) -> None:
        self.count = 0

    def _next(self) -> int:
        self.count += 1
        return self.count

    def task_id(self) -> str:
        return f"{self._next():032x}"

    def deployment_number(self) -> str:
        return f"{10**18 + self._next()}"

    def service_deployment_id(self) -> str:
        return f"{self._next():021d}"

    def load_balancer_id(self) -> str:
        return f"{self._next():016x}"

    def uuid(self) -> str:
        return f"00000000-0000-0000-0000-{self._next():012x}"


class World:
    """A region whose loop does not run: what intents record is all that happens."""

    def __init__(self, store: Store | None = None) -> None:
        self.clock = StillClock()
        no_data_plane: Any = None
        self.region = Region(
            place=PLACE,
            state=State(store or MemoryStore()),
            clock=self.clock,
            ids=CountingIds(),
            data_plane=no_data_plane,
            timing=Timing(),
        )
        self.operations = operations(self.region)

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """The answer of an operation, after a check that both request and answer are as botocore's model has them."""
        wrong = violations(load_service("ecs").operation(operation).input, parameters)
        assert not wrong, told(wrong)
        call = Call(service="ecs", operation=operation, parameters=parameters, place=PLACE, access_key="AKIA")
        answer: Any = self.operations[operation](call)
        answer = {name: value for name, value in answer.items() if value is not None}
        found = list(mismatches(ECS.operation_model(operation).output_shape, answer, operation))
        assert found == []
        return dict(answer)

    def refusal(self, operation: str, **parameters: Any) -> tuple[str, str]:
        """Code and message of a request that is refused, after a check that nothing changed."""
        before = self.records()
        with pytest.raises(ApiError) as caught:
            self.call(operation, **parameters)
        assert self.records() == before
        assert caught.value.code in {shape.name for shape in ECS.operation_model(operation).error_shapes}
        return caught.value.code, caught.value.message

    def records(self) -> list[Record]:
        tables: Any = self.region.state._tables
        return [record for table in tables.values() for record in table.values()]

    def put(self, *records: Record) -> None:
        with self.region.state.transaction() as changes:
            changes.put(*records)

    def target_group(self, name: str = "cats", *, target_type: str = "ip", behind_a_listener: bool = True) -> str:
        """A target group, forwarded to by a listener's default rule unless said otherwise."""
        arn = PLACE.target_group(name, "0123456789abcdef")
        load_balancer = PLACE.load_balancer("front", "0123456789abcdef")
        self.put(
            TargetGroup(
                arn=arn,
                name=name,
                protocol="HTTP",
                port=80,
                vpc_id="vpc-1",
                target_type=target_type,
                protocol_version="HTTP1",
                health_check=TargetHealthCheck(),
                created_at=NOW,
            )
        )
        if behind_a_listener:
            listener = listener_arn(load_balancer, "1")
            self.put(
                Rule(
                    arn=rule_arn(listener, name),
                    listener_arn=listener,
                    priority=None,
                    conditions=(),
                    action=Forward(target_groups=(WeightedTargetGroup(arn=arn, weight=1),)),
                )
            )
        return arn

    def with_service(self, **members: Any) -> dict[str, Any]:
        """Cluster ``c``, family ``cats``, and service ``s`` with two tasks wanted; ``members`` lie over its request."""
        self.call("CreateCluster", clusterName="c")
        self.call("RegisterTaskDefinition", **fargate())
        return self.create(**members)

    def create(self, **members: Any) -> dict[str, Any]:
        service: dict[str, Any] = self.call("CreateService", **(create_request() | members))["service"]
        return service

    def service(self, name: str = "s") -> dict[str, Any]:
        service: dict[str, Any] = self.call("DescribeServices", cluster="c", services=[name])["services"][0]
        return service

    def tasks_of(self, deployment_id: str, *statuses: LastStatus) -> list[Task]:
        """Tasks of a deployment of service ``s`` as the loop would have started them, in these states."""
        from ninelives.region.tasks import new_task

        state = self.region.state
        revision = next(one for one in state.revisions.values() if one.deployment_id == deployment_id)
        tasks = [
            replace(
                new_task(
                    self.region,
                    state.task_definitions[revision.task_definition_arn],
                    PLACE.cluster("c"),
                    group="service:s",
                    started_by=deployment_id,
                    service_arn=revision.service_arn,
                    revision_arn=revision.arn,
                    members=revision.members,
                ),
                last_status=status,
                address=TaskAddress(ip="172.17.0.2"),
            )
            for status in statuses
        ]
        self.put(*tasks)
        return tasks


def container(**members: Any) -> dict[str, Any]:
    return {"name": "web", "image": "cats:1.0.0", "portMappings": [{"containerPort": 4567}]} | members


def fargate(**members: Any) -> dict[str, Any]:
    """A request that registers a definition which Fargate takes."""
    return {
        "family": "cats",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [container()],
    } | members


def create_request(**members: Any) -> dict[str, Any]:
    return {
        "cluster": "c",
        "serviceName": "s",
        "taskDefinition": "cats",
        "desiredCount": 2,
        "launchType": "FARGATE",
        "networkConfiguration": NETWORK,
    } | members


def mismatches(shape: Any, value: Any, path: str) -> Iterable[str]:
    """Where an answer is not as the model's shape has it: unknown members, missing ones, wrong types, unknown enum values."""
    kinds: Mapping[str, tuple[type, ...]] = {
        "structure": (dict,),
        "map": (dict,),
        "list": (list, tuple),
        "string": (str,),
        "integer": (int,),
        "long": (int,),
        "double": (int, float),
        "boolean": (bool,),
        "timestamp": (datetime,),
    }
    kind: Any = kinds[shape.type_name]
    if not isinstance(value, kind) or (isinstance(value, bool) and shape.type_name != "boolean"):
        yield f"{path}: {value!r} is no {shape.type_name}"
    elif shape.type_name == "structure":
        yield from (f"{path}.{name}: unknown" for name in value.keys() - shape.members.keys())
        yield from (f"{path}.{name}: missing" for name in set(shape.required_members) - value.keys())
        for name in value.keys() & shape.members.keys():
            yield from mismatches(shape.members[name], value[name], f"{path}.{name}")
    elif shape.type_name == "list":
        for place, one in enumerate(value):
            yield from mismatches(shape.member, one, f"{path}[{place}]")
    elif shape.type_name == "map":
        for key, one in value.items():
            yield from mismatches(shape.value, one, f"{path}[{key}]")
    elif shape.type_name == "timestamp" and value.tzinfo is None:
        yield f"{path}: without a zone"
    elif getattr(shape, "enum", None) and str(value) not in shape.enum:
        yield f"{path}: {value!r} is none of {shape.enum}"
