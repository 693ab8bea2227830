"""A world of simple things for the engine: they can be made to fail, and the control plane can be killed at any point."""

import asyncio
import copy
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from ninelives.model.arns import Place
from ninelives.model.errors import ApiError
from ninelives.stacks import Catalogue, Engine, Request, ResourceType, StackStore, intents
from ninelives.stacks.blueprints import Wanted
from ninelives.stacks.records import Event, OnFailure, Record, Stack
from ninelives.stacks.schemas import Schema

PLACE = Place(region="eu-west-1", account="111122223333")
THING = "Test::World::Thing"
SCHEMA = Schema(
    THING,
    {
        "properties": {
            "Name": {"type": "string"},
            "Kind": {"type": "string"},
            "Size": {"type": "integer"},
            "Links": {"type": "array", "items": {"type": "string"}},
            "Tags": {"type": "array"},
            "Arn": {"type": "string"},
        },
        "additionalProperties": False,
        "createOnlyProperties": ["/properties/Kind", "/properties/Name"],
        "readOnlyProperties": ["/properties/Arn"],
        "primaryIdentifier": ["/properties/Name"],
    },
)


class Killed(BaseException):
    """The control plane's death: nothing catches it."""


class Mortal:
    """Counts what is done to the outside, and dies at a given count; then nothing gets out any more."""

    def __init__(self) -> None:
        self.count = 0
        self.dies_at: int | None = None
        self.is_dead = False

    def step(self) -> None:
        self.count += 1
        if self.dies_at is not None and self.count >= self.dies_at:
            self.is_dead = True
        if self.is_dead:
            raise Killed


class MortalStore:
    """A store that outlives the control plane, which may die before a commit."""

    def __init__(self, mortal: Mortal) -> None:
        self._store = StackStore(None)
        self._mortal = mortal

    def load(self) -> Iterable[Record]:
        return list(self._store.load())

    def commit(self, puts: Sequence[Record], deletes: Sequence[Record], events: Sequence[Event]) -> None:
        self._mortal.step()
        self._store.commit(puts, deletes, events)

    def events(self, stack_id: str) -> Iterator[Event]:
        return self._store.events(stack_id)

    def forget_events(self, stack_id: str) -> None:
        self._store.forget_events(stack_id)

    def close(self) -> None:
        self._store.close()


class Thing(ResourceType):
    name = THING

    async def create(self, request: Request) -> str:
        name = request.properties.get("Name") or request.name()
        members = {"Name": name, "Logical": request.logical_id, "Properties": request.properties, "Tags": request.all_tags()}
        await request.call("world", "Make", members)
        return str(name)

    async def find(self, request: Request) -> str | None:
        name = request.properties.get("Name") or request.name()
        found = await request.call("world", "Look", {"Name": name})
        return str(name) if found else None

    async def update(self, request: Request) -> None:
        members = {"Name": request.physical_id, "Properties": request.properties, "Tags": request.all_tags()}
        await request.call("world", "Change", members)

    async def delete(self, request: Request) -> None:
        await request.call("world", "Remove", {"Name": request.physical_id})

    async def is_stable(self, request: Request) -> bool:
        answer = await request.call("world", "IsStable", {"Name": request.physical_id, "Logical": request.logical_id})
        return bool(answer["IsStable"])

    async def attributes(self, request: Request) -> Mapping[str, Any]:
        return {"Arn": f"arn:{request.physical_id}"}

    async def read(self, request: Request) -> Mapping[str, Any] | None:
        found = await request.call("world", "Look", {"Name": request.physical_id})
        return found.get("Properties") if found else None


class World:
    """``things`` by name, each with its logical id, properties and tags. ``failing`` are (operation, logical id)."""

    def __init__(self) -> None:
        self.things: dict[str, dict[str, Any]] = {}
        self._lasts: dict[str, dict[str, Any]] = {}
        self.failing: set[tuple[str, str]] = set()
        self.never_stable: set[str] = set()
        self.calls: list[tuple[str, str]] = []
        self.mortal = Mortal()
        self.store = MortalStore(self.mortal)
        self._ids = 0
        self._time = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
        self.engine = self._new_engine()

    def _new_engine(self) -> Engine:
        return Engine(
            self.store,
            place=PLACE,
            now=self._now,
            ids=self,
            call=self._call,
            catalogue=Catalogue({THING: Thing()}, {THING: SCHEMA}),
            lasting=self._lasting,
            poll_seconds=0,
        )

    async def _lasting(self) -> None:
        """What is there outlives a kill from now on; until then it may be lost, as records that are written a bit later."""
        self.mortal.step()
        await asyncio.sleep(0)
        self._lasts = copy.deepcopy(self.things)

    def _now(self) -> datetime:
        self._time += timedelta(milliseconds=1)
        return self._time

    def pass_time(self, passed: timedelta) -> None:
        self._time += passed

    def uuid(self) -> str:
        self._ids += 1
        return f"00000000-0000-0000-0000-{self._ids:012}"

    def resource_suffix(self) -> str:
        self._ids += 1
        return f"{self._ids:012X}"

    async def _call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        if service == "ec2":
            return {"AvailabilityZones": [{"ZoneName": "eu-west-1a"}, {"ZoneName": "eu-west-1b"}]}
        if operation == "IsStable":
            return {"IsStable": parameters["Logical"] not in self.never_stable}
        self.mortal.step()
        await asyncio.sleep(0)
        name = parameters["Name"]
        logical_id = parameters.get("Logical") or self.things.get(name, {}).get("Logical", "")
        if (operation, logical_id) in self.failing:
            raise ApiError("InvalidRequest", f"{logical_id} shall not be")
        self.calls.append((operation, logical_id))
        answer = self._do(operation, name, logical_id, parameters)
        self.mortal.step()
        return answer

    def _do(self, operation: str, name: str, logical_id: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        match operation:
            case "Look":
                return self.things.get(name, {})
            case "Remove":
                if name not in self.things:
                    raise ApiError("ThingNotFound", f"There is no {name}")
                users = [one for one, thing in self.things.items() if name in thing["Properties"].get("Links", ())]
                if users:
                    raise ApiError("DependencyViolation", f"{name} is used by {users}")
                del self.things[name]
            case "Make":
                if name in self.things:
                    raise ApiError("AlreadyExists", f"{name} already exists")
                self._check_links(parameters)
                self.things[name] = {"Logical": logical_id, **_kept(parameters)}
            case _:
                self._check_links(parameters)
                self.things[name].update(_kept(parameters))
        return {}

    def _check_links(self, parameters: Mapping[str, Any]) -> None:
        for link in parameters["Properties"].get("Links", ()):
            if link.removeprefix("arn:") not in self.things:
                raise ApiError("ThingNotFound", f"There is no {link} to link to")

    # What users do, to its end.

    async def create(self, template: Mapping[str, Any], *, name: str = "s", **settings: Any) -> Stack:
        on_failure = settings.pop("on_failure", OnFailure.ROLLBACK)
        stack = await intents.create_stack(self.engine, name, wanted(template, **settings), on_failure=on_failure)
        return await self.end_of(stack)

    async def update(self, template: Mapping[str, Any], *, name: str = "s", **settings: Any) -> Stack:
        on_failure = settings.pop("on_failure", OnFailure.ROLLBACK)
        stack = intents.living(self.engine, name)
        return await self.end_of(
            await intents.update_stack(self.engine, stack, wanted(template, **settings), on_failure=on_failure)
        )

    async def delete(self, name: str = "s") -> Stack:
        stack = intents.living(self.engine, name)
        intents.delete_stack(self.engine, stack)
        return await self.end_of(stack)

    async def end_of(self, stack: Stack) -> Stack:
        """The stack once nothing is under way, over deaths of the control plane."""
        for _ in range(100_000):
            if self.mortal.is_dead:
                await self.restart()
            now = self.engine.state.stacks[stack.stack_id]
            if now.operation is None:
                return now
            await asyncio.sleep(0)
        raise AssertionError(f"no end: {self.engine.state.stacks[stack.stack_id]}")

    async def until(self, is_so: Callable[[], bool]) -> None:
        for _ in range(100_000):
            if is_so():
                return
            await asyncio.sleep(0)
        raise AssertionError("it has not come about")

    async def restart(self) -> None:
        await self.engine.close()
        self.mortal.is_dead, self.mortal.dies_at = False, None
        self.things = copy.deepcopy(self._lasts)
        self.engine = self._new_engine()
        self.engine.start()

    def sight(self) -> dict[str, Any]:
        """What is there, by logical id; physical names, which are random, are told by whose they are."""
        owners = {name: thing["Logical"] for name, thing in self.things.items()}
        told = json.dumps({thing["Logical"]: thing["Properties"] for thing in self.things.values()})
        for name, logical_id in owners.items():
            told = told.replace(f'"{name}"', f'"@{logical_id}"').replace(f'"arn:{name}"', f'"arn:@{logical_id}"')
        assert len(owners) == len(set(owners.values())), f"two things of one kind: {owners}"
        found: dict[str, Any] = json.loads(told)
        return found


def _kept(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"Properties": dict(parameters["Properties"]), "Tags": dict(parameters["Tags"])}


def wanted(template: Mapping[str, Any], **settings: Any) -> Wanted:
    return Wanted(template_body=json.dumps(template), **settings)


def thing(*, depends_on: Sequence[str] = (), policy: str | None = None, **properties: Any) -> dict[str, Any]:
    """A resource of a template."""
    found: dict[str, Any] = {"Type": THING, "Properties": properties}
    if depends_on:
        found["DependsOn"] = list(depends_on)
    if policy is not None:
        found["DeletionPolicy"] = policy
    return found


def template(**resources: Any) -> dict[str, Any]:
    return {"Resources": resources}
