"""Resource types as tables: which request makes, changes, reads and removes a resource, and which properties each carries.

A row names operations as ``ec2:CreateSubnet``. Parameters are functions of the request to the type; None is left out of them.
What a type neither takes nor derives from the live resource, it refuses by name, before anything is made.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from ninelives.model.errors import ApiError
from ninelives.stacks.resource_type import Replacement, Request, ResourceType, is_not_found
from ninelives.stacks.schemas import schema_of

Parameters = Callable[[Request], Mapping[str, Any]]
Read = Callable[[Request], Awaitable[Mapping[str, Any] | None]]
"""The live properties, the read-only ones among them; None where the resource is not there."""

MISSING: Final = object()

DONE_ALREADY: Final = ("AlreadyExists", "Duplicate")
"""What a second request of the same kind is refused with."""


def without_none(value: Any) -> Any:
    """The same without what is None, at any depth.

    >>> without_none({"a": None, "b": [{"c": None, "d": 0}]})
    {'b': [{'d': 0}]}
    """
    if isinstance(value, Mapping):
        return {name: without_none(one) for name, one in value.items() if one is not None}
    if isinstance(value, list | tuple):
        return [without_none(one) for one in value]
    return value


def take(names: str) -> Parameters:
    """The properties of these names, as parameters of the same names."""
    wanted = names.split()
    return lambda it: {name: it.properties[name] for name in wanted if name in it.properties}


def tag_list(it: Request, key: str = "Key", value: str = "Value") -> list[Mapping[str, str]] | None:
    """The stack's tags and the resource's own, as most operations take them; None where there is none.

    Those that CloudFormation adds are left out: their names are AWS's, which its services take from nobody else.
    """
    return [{key: name, value: text} for name, text in own_tags(it).items()] or None


def own_tags(it: Request, name: str = "Tags") -> dict[str, str]:
    return {key: text for key, text in it.all_tags(name).items() if not key.startswith("aws:")}


def _is_own(it: Request, key: str) -> bool:
    """Whether a tag is the resource's own: neither the stack's nor one that CloudFormation adds."""
    return key not in it.tags or key in it.own_tag_keys()


def dig(value: Any, path: str) -> Any:
    """What stands at ``path``, or ``MISSING``; of a list its first.

    >>> dig({"Vpc": {"VpcId": "vpc-1"}}, "Vpc.VpcId"), dig({"Rules": [{"Id": 7}]}, "Rules.Id")
    ('vpc-1', 7)
    """
    for name in path.split("."):
        if isinstance(value, Sequence) and not isinstance(value, str):
            value = value[0] if value else MISSING
        if not isinstance(value, Mapping) or name not in value:
            return MISSING
        value = value[name]
    return value


async def ask(request: Request, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """An operation by service and name: ``ec2:CreateSubnet``."""
    service, _, name = operation.partition(":")
    return await request.call(service, name, without_none(parameters))


@dataclass(frozen=True, slots=True)
class Step:
    """One request to the API."""

    operation: str
    parameters: Parameters

    async def __call__(self, request: Request) -> Mapping[str, Any]:
        return await ask(request, self.operation, self.parameters(request))


class Part(Protocol):
    """Properties that are set by requests of their own."""

    @property
    def names(self) -> Collection[str]: ...

    async def make(self, request: Request) -> None:
        """After the resource was made."""

    async def change(self, request: Request) -> None:
        """In an update that changes some of ``names``."""

    async def unmake(self, request: Request) -> None:
        """Before the resource is removed."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Properties that one request sets; without them, ``clear`` takes them back (else the same request says the default)."""

    properties: str
    put: Step
    clear: Step | None = None
    is_made: bool = False
    """Whether the request that makes the resource sets them already."""

    @property
    def names(self) -> Collection[str]:
        return self.properties.split()

    async def make(self, request: Request) -> None:
        if not self.is_made and self._is_given(request):
            await self.put(request)

    async def change(self, request: Request) -> None:
        if self.clear is None or self._is_given(request):
            await self.put(request)
        else:
            await self.clear(request)

    async def unmake(self, request: Request) -> None:
        pass

    def _is_given(self, request: Request) -> bool:
        return any(name in request.properties for name in self.names)


@dataclass(frozen=True, slots=True)
class Members:
    """A list whose members are added and removed one by one."""

    name: str
    add: Callable[[Request, Any], Awaitable[Any]]
    remove: Callable[[Request, Any], Awaitable[Any]]
    is_made: bool = False
    is_unmade: bool = False
    """Whether they have to go before the resource does."""
    key: Callable[[Any], Any] = lambda one: one
    """Two members with one key are one that changes: it is added again, and not removed."""

    @property
    def names(self) -> Collection[str]:
        return (self.name,)

    async def make(self, request: Request) -> None:
        if not self.is_made:
            for one in request.properties.get(self.name, ()):
                await self.add(request, one)

    async def change(self, request: Request) -> None:
        before, after = request.previous.get(self.name, ()), request.properties.get(self.name, ())
        kept = [self.key(one) for one in after]
        for one in before:
            if self.key(one) not in kept:
                await _unless_gone(self.remove(request, one))
        for one in after:
            if one not in before:
                await self.add(request, one)

    async def unmake(self, request: Request) -> None:
        if self.is_unmade:
            for one in request.properties.get(self.name, ()):
                await _unless_gone(self.remove(request, one))


@dataclass(frozen=True, slots=True)
class Written:
    """A document that is written into its holders: into all anew when it changes, and taken from those that lose it."""

    properties: str
    holders: Callable[[Mapping[str, Any]], Sequence[Any]]
    put: Callable[[Request, Any], Awaitable[Any]]
    remove: Callable[[Request, Any], Awaitable[Any]]

    @property
    def names(self) -> Collection[str]:
        return self.properties.split()

    async def make(self, request: Request) -> None:
        for holder in self.holders(request.properties):
            await self.put(request, holder)

    async def change(self, request: Request) -> None:
        await self.make(request)
        wanted = self.holders(request.properties)
        for holder in self.holders(request.previous):
            if holder not in wanted:
                await _unless_gone(self.remove(request, holder))

    async def unmake(self, request: Request) -> None:
        for holder in self.holders(request.properties):
            await _unless_gone(self.remove(request, holder))


@dataclass(frozen=True, slots=True)
class Tagging:
    """The resource's tags: the stack's, and over them its own."""

    add: Callable[[Request, Mapping[str, str]], Awaitable[Any]]
    remove: Callable[[Request, list[str]], Awaitable[Any]]
    name: str = "Tags"
    is_made: bool = True

    @property
    def names(self) -> Collection[str]:
        return (self.name,)

    async def make(self, request: Request) -> None:
        if not self.is_made and request.all_tags(self.name):
            await self.add(request, request.all_tags(self.name))

    async def change(self, request: Request) -> None:
        wanted = request.all_tags(self.name)
        gone = request.tags_gone(self.name)
        if gone:
            await self.remove(request, gone)
        if wanted:
            await self.add(request, wanted)

    async def unmake(self, request: Request) -> None:
        pass


def tagging(
    add: str,
    remove: str,
    of: Parameters,
    *,
    tags: str = "Tags",
    keys: str = "TagKeys",
    words: tuple[str, str] = ("Key", "Value"),
) -> Tagging:
    """Tags by the pair of operations that most services have; ``of`` names the resource, ``words`` a tag's two members."""

    async def added(it: Request, _: Mapping[str, str]) -> None:
        if tag_list(it, *words):
            await ask(it, add, {**of(it), tags: tag_list(it, *words)})

    async def removed(it: Request, gone: list[str]) -> None:
        await ask(it, remove, {**of(it), keys: gone})

    return Tagging(added, removed)


async def _unless_gone(work: Awaitable[Any]) -> None:
    try:
        await work
    except ApiError as error:
        if not is_not_found(error):
            raise


@dataclass(frozen=True, kw_only=True)
class Named:
    """The property that names the resource, and what CloudFormation makes of it where the template gives none."""

    name: str
    limit: int = 255
    is_lower: bool = False

    def __call__(self, request: Request) -> str:
        given = request.properties.get(self.name)
        return str(given) if given else request.name(self.limit, is_lower=self.is_lower)


async def _at_once(request: Request) -> bool:
    del request
    return True


@dataclass(frozen=True, kw_only=True)
class Declared(ResourceType):
    """A resource type that is a row of a table."""

    name: str
    create_by: Step | None = None
    """None where the parts are all that is made."""
    takes: str = ""
    """The properties that ``create_by`` carries, those of the parts left out."""
    identified_by: str | Callable[[Request, Mapping[str, Any]], str] = lambda it, _: it.name(128)
    """Where the answer to ``create_by`` has the physical id."""
    parts: tuple[Part, ...] = ()
    update_by: Callable[[Request], Awaitable[Any]] | None = None
    """Carries what ``takes`` names and is not create-only, when some of it changes."""
    read_by: Read
    delete_by: tuple[Callable[[Request], Awaitable[Any]], ...] = ()
    named: Named | None = None
    """Where the physical id is the name: then what an interrupted ``create`` has made is found by it."""
    find_by: Callable[[Request], Awaitable[str | None]] | None = None
    stable_by: Callable[[Request], Awaitable[bool]] = _at_once
    gone_by: Callable[[Request], Awaitable[bool]] = _at_once
    replaces: Callable[[str, Mapping[str, Any], Mapping[str, Any]], Replacement | None] = lambda *_: None
    inert: str = ""
    """Why nothing acts on the whole resource, where nothing does: it is kept, shown, and given to what refers to it."""
    recorded: Mapping[str, str] = field(default_factory=dict)
    """Properties that are taken and shown again, on which nothing acts: why."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Why a property is refused that is not taken; without a word here it is not there yet."""

    @property
    def taken(self) -> frozenset[str]:
        """The properties that a template may give."""
        return frozenset(self.takes.split()).union(*(part.names for part in self.parts))

    async def create(self, request: Request) -> str:
        answer = await self.create_by(request) if self.create_by else {}
        physical_id = self._identified(request, answer)
        request.made(physical_id)
        made = replace(request, physical_id=physical_id)
        for part in self.parts:
            await part.make(made)
        return physical_id

    async def resume(self, request: Request) -> None:
        for part in self.parts:
            try:
                await part.make(request)
            except ApiError as error:
                if not any(word in error.code for word in DONE_ALREADY):
                    raise

    def _identified(self, request: Request, answer: Mapping[str, Any]) -> str:
        if callable(self.identified_by):
            return self.identified_by(request, answer)
        found = dig(answer, self.identified_by)
        assert found is not MISSING, f"{self.name}: no {self.identified_by} in what its creation answered"
        return str(found)

    async def update(self, request: Request) -> str | None:
        if self.update_by is not None and not request.changed.isdisjoint(self.takes.split()):
            await self.update_by(request)
        for part in self.parts:
            if not request.changed.isdisjoint(part.names):
                await part.change(request)
        return None

    async def delete(self, request: Request) -> None:
        for part in self.parts:
            await part.unmake(request)
        for step in self.delete_by:
            await step(request)

    async def find(self, request: Request) -> str | None:
        if self.find_by is not None:
            return await self.find_by(request)
        if self.named is None:
            return None
        name = self.named(request)
        return name if await self.read(replace(request, physical_id=name)) is not None else None

    async def is_stable(self, request: Request) -> bool:
        return await self.stable_by(request)

    async def is_gone(self, request: Request) -> bool:
        return await self.gone_by(request)

    async def attributes(self, request: Request) -> Mapping[str, Any]:
        live = await self.read(request) or {}
        found = {name: dig(live, name) for name in schema_of(self.name).attribute_names}
        return {name: value for name, value in found.items() if value is not MISSING}

    async def read(self, request: Request) -> Mapping[str, Any] | None:
        live = await self.read_by(request)
        if live is None:
            return None
        properties = schema_of(self.name).properties
        found = {name: value for name, value in without_none(live).items() if name in properties}
        if isinstance(found.get("Tags"), list):
            found["Tags"] = [tag for tag in found["Tags"] if _is_own(request, tag["Key"])]
        return found

    def refusals(self, properties: Mapping[str, Any]) -> list[str]:
        return [self._refusal(name) for name in sorted(properties.keys() - self.taken)]

    def _refusal(self, name: str) -> str:
        why = self.refused.get(name, "it is not there yet")
        return f"Property {name} of {self.name} is not supported by this region: {why}."

    def replacement(self, name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Replacement | None:
        return self.replaces(name, before, after)


def described(
    step: Step,
    path: str,
    also: Callable[[Request, Mapping[str, Any]], Awaitable[Mapping[str, Any]]] | None = None,
    *,
    where: Callable[[Request, Mapping[str, Any]], bool] = lambda *_: True,
) -> Read:
    """The live properties as ``step`` answers them at ``path`` (of a list the first ``where`` it is the one).

    ``also`` has what is named otherwise, or comes from further requests; it lies over the rest.
    """

    async def read(request: Request) -> Mapping[str, Any] | None:
        try:
            answer = await step(request)
            found = answer if not path else answer.get(path)
            candidates = found if isinstance(found, list | tuple) else [found]
            found = next((one for one in candidates if one and where(request, one)), None)
            if found is None:
                return None
            return {**found, **(await also(request, found) if also else {})}
        except ApiError as error:
            if is_not_found(error):
                return None
            raise

    return read
