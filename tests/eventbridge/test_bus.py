"""Each target gets its events in order, is tried again while it fails, and holds up no other."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ninelives.eventbridge import EventBridge, Rules, Targets
from ninelives.model.arns import Place
from ninelives.model.errors import ApiError
from ninelives.model.events import BusEvent
from ninelives.region.ports import HookUnreachable

PLACE = Place(region="eu-west-1", account="111122223333")
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def queue_arn(name: str) -> str:
    return PLACE.arn("sqs", name)


def an_event(number: int, **members: Any) -> BusEvent:
    event = BusEvent(
        id=str(number),
        sequence=number,
        time=NOW,
        source="aws.ecs",
        detail_type="ECS Task State Change",
        resources=(),
        detail={"number": number},
    )
    return replace(event, **members)


class Box:
    """An outbox in memory."""

    def __init__(self, *events: BusEvent) -> None:
        self.events = list(events)
        self.bell = asyncio.Event()

    def waiting(self) -> list[BusEvent]:
        return list(self.events)

    def remove(self, events: list[BusEvent]) -> None:
        gone = {event.sequence for event in events}
        self.events = [event for event in self.events if event.sequence not in gone]

    def pass_on(self, event: BusEvent, bus: str) -> None:
        self.put(replace(event, sequence=event.sequence + 100, bus=bus, is_passed_on=True))

    def put(self, *events: BusEvent) -> None:
        self.events += events
        self.bell.set()


class World:
    """Queues that take messages unless they are told to fail, behind rules of the buses ``default`` and ``mine``."""

    def __init__(self, *events: BusEvent) -> None:
        self.box = Box(*events)
        self.rules: dict[str, list[dict[str, Any]]] = {"default": [], "mine": []}
        self.taken: dict[str, list[Any]] = {}
        self.fails: Callable[[str, int], str | None] = lambda _queue, _number: None
        self.changes = 1
        self.reads = 0
        self.called: list[int] = []
        self.function_fails_at = 0

    def rule(self, *targets: dict[str, Any], bus: str = "default", state: str = "ENABLED", **pattern: Any) -> None:
        name = f"rule-{len(self.rules[bus])}"
        known = {"Name": name, "Arn": PLACE.arn("events", f"rule/{name}"), "State": state, "targets": list(targets)}
        self.rules[bus].append(known | {"EventPattern": json.dumps(pattern or {"source": ["aws.ecs"]})})
        self.changes += 1

    async def call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        match service, operation:
            case "events", "ListEventBuses":
                self.reads += 1
                return {"EventBuses": [{"Name": name} for name in self.rules]}
            case "events", "ListRules":
                return {"Rules": self.rules[parameters["EventBusName"]]}
            case "events", "ListTargetsByRule":
                rules = self.rules[parameters["EventBusName"]]
                return {"Targets": next(rule["targets"] for rule in rules if rule["Name"] == parameters["Rule"])}
            case "sqs", "GetQueueUrl":
                return {"QueueUrl": parameters["QueueName"]}
            case "sqs", "SendMessage":
                queue, body = parameters["QueueUrl"], json.loads(parameters["MessageBody"])
                tried = len(self.taken.setdefault(f"{queue} tried", []))
                self.taken[f"{queue} tried"].append(body)
                code = self.fails(queue, tried)
                if code is not None:
                    raise ApiError(code, "not taken")
                self.taken.setdefault(queue, []).append(body["detail"]["number"])
                return {}
            case _:
                raise ApiError("UnknownOperationException", operation)

    async def invoke(self, _function_arn: str, payload: Mapping[str, Any]) -> Any:
        self.called.append(payload["detail"]["number"])
        if self.called[-1] == self.function_fails_at:
            raise HookUnreachable("it crashed")

    async def until(self, condition: Callable[[], bool]) -> None:
        """Deliver until ``condition`` is true and nothing waits in the outbox."""
        bridge = EventBridge(
            self.box,
            Rules(self.call, changes=lambda: self.changes),
            Targets(self.call, functions=self),
            place=PLACE,
            now=lambda: NOW,
            retry_after=timedelta(milliseconds=1),
        )
        running = asyncio.create_task(bridge.run())
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - many things may make it true
                await asyncio.sleep(0.001)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def deliver(world: World, condition: Callable[[], bool] | None = None) -> None:
    asyncio.run(world.until(condition or (lambda: not world.box.events)))


def to(name: str, **members: Any) -> dict[str, Any]:
    return {"Id": name, "Arn": queue_arn(name)} | members


def test_events_reach_each_target_in_order_and_leave_the_outbox() -> None:
    world = World(*(an_event(number) for number in range(1, 6)))
    world.rule(to("a"), to("b"))
    world.rule(to("odd"), detail={"number": [1, 3, 5]})
    world.rule(to("nothing"), source=["aws.ec2"])
    world.rule(to("off"), state="DISABLED")

    deliver(world)

    assert world.taken["a"] == world.taken["b"] == [1, 2, 3, 4, 5]
    assert world.taken["odd"] == [1, 3, 5]
    assert {"nothing", "off"} & world.taken.keys() == set()


def test_a_target_that_fails_is_tried_again_and_keeps_its_order() -> None:
    world = World(*(an_event(number) for number in range(1, 4)))
    world.rule(to("slow"))
    world.fails = lambda _queue, tried: "InternalFailure" if tried < 3 else None

    deliver(world)

    assert world.taken["slow"] == [1, 2, 3]
    assert [body["detail"]["number"] for body in world.taken["slow tried"]] == [1, 1, 1, 1, 2, 3]


def test_a_target_that_fails_holds_up_no_other() -> None:
    world = World(an_event(1), an_event(2))
    world.rule(to("down"), to("up"))
    world.fails = lambda queue, _tried: "InternalFailure" if queue == "down" else None

    deliver(world, lambda: world.taken.get("up") == [1, 2] and len(world.taken["down tried"]) > 3)

    assert "down" not in world.taken
    assert [event.sequence for event in world.box.events] == [1, 2]


def test_what_is_given_up_goes_to_the_dead_letter_queue() -> None:
    dead = {"Arn": queue_arn("dead")}
    world = World(an_event(1), an_event(2))
    world.rule(
        to("gone", DeadLetterConfig=dead),
        to("busy", DeadLetterConfig=dead, RetryPolicy={"MaximumRetryAttempts": 2}),
        to("late", RetryPolicy={"MaximumEventAgeInSeconds": 0}),
    )
    codes = {"gone": "QueueDoesNotExist", "busy": "InternalFailure", "late": "InternalFailure"}
    world.fails = lambda queue, _tried: codes.get(queue)

    deliver(world)

    assert sorted(world.taken["dead"]) == [1, 1, 2, 2]
    assert {name: len(world.taken[f"{name} tried"]) for name in codes} == {"gone": 2, "busy": 6, "late": 2}


def test_a_target_of_a_kind_that_is_not_delivered_to_is_given_up_at_once(caplog: pytest.LogCaptureFixture) -> None:
    world = World(an_event(1))
    world.rule({"Id": "s", "Arn": PLACE.arn("states", "stateMachine:s")}, to("a"))

    deliver(world)

    assert world.taken["a"] == [1]
    assert "not to arn:aws:states" in caplog.text


def test_a_functions_stand_in_is_called_with_the_event_and_not_again_where_it_fails(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World(an_event(1), an_event(2))
    world.rule({"Id": "f", "Arn": PLACE.arn("lambda", "function:f")}, to("a"))
    world.function_fails_at = 1

    deliver(world)

    assert world.called == [1, 2]
    assert world.taken["a"] == [1, 2]
    assert "the function's stand-in: it crashed" in caplog.text


def test_an_event_is_passed_on_to_another_bus_but_no_further() -> None:
    world = World(an_event(1))
    world.rule({"Id": "mine", "Arn": PLACE.arn("events", "event-bus/mine")})
    world.rule({"Id": "back", "Arn": PLACE.arn("events", "event-bus/default")}, to("mine"), bus="mine")

    deliver(world)

    assert world.taken["mine"] == [1]


def test_rules_are_read_once_until_something_changes() -> None:
    world = World(*(an_event(number) for number in range(1, 20)))
    world.rule(to("a"))

    deliver(world)

    assert world.reads == 1
    assert len(world.taken["a"]) == 19


def test_rules_that_cannot_be_read_lose_no_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ninelives.eventbridge.bus.READ_AGAIN_AFTER", timedelta(milliseconds=1))
    world = World(an_event(1))
    world.rule(to("a"))
    answering: Callable[..., Awaitable[Mapping[str, Any]]] = world.call
    failures = iter([True, True, False])

    async def fails_twice(service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        if operation == "ListEventBuses" and next(failures):
            raise ApiError("InternalFailure", "not now")
        return await answering(service, operation, parameters)

    monkeypatch.setattr(world, "call", fails_twice)
    deliver(world)

    assert world.taken["a"] == [1]


def test_a_pattern_that_nobody_understands_matches_nothing_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    world = World(an_event(1))
    world.rule(to("a"), source=[{"starts-with": "aws"}])
    world.rule(to("b"))

    deliver(world)

    assert world.taken["b"] == [1]
    assert "starts-with" in caplog.text
    assert "a" not in world.taken
