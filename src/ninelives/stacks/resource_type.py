"""What a resource type is: one kind of resource, made, changed, read and removed by operations of the AWS API."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from ninelives.model.arns import Place
from ninelives.model.errors import ApiError
from ninelives.stacks.names import physical_name

AwsCall = Callable[[str, str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""An operation of the region: botocore's service name, operation, parameters and answer. Raises ``ApiError``."""


class Replacement(StrEnum):
    """Whether a change makes a new resource. Source: ``cloudformation`` ``ResourceChange.Replacement``."""

    FALSE = "False"
    CONDITIONAL = "Conditional"
    TRUE = "True"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a resource type is asked for, and by what means it may do it."""

    call: AwsCall
    place: Place
    stack_id: str
    stack_name: str
    logical_id: str
    type_name: str = ""
    """As the template has it: ``Custom::Anything`` for a custom resource."""
    properties: Mapping[str, Any]
    """As they shall be: resolved, valid and of the schema's types."""
    physical_id: str = ""
    """None has been given yet in ``create`` and ``find``."""
    previous: Mapping[str, Any] = field(default_factory=dict)
    """In ``update``: the properties as they were."""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """What ``attributes`` answered last."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """The stack's tags, with those that CloudFormation adds."""
    previous_tags: Mapping[str, str] = field(default_factory=dict)
    """In ``update``: the stack's tags as they were."""
    token: str = ""
    """The same whenever this operation is begun again, and of no other: for ``clientToken`` and its like."""
    began_at: datetime | None = None
    """When this operation began, the same whenever it is begun again; None: whatever there is belongs to it."""
    others: frozenset[str] = frozenset()
    """Physical ids that this logical id has had or has, beside the one that ``create`` is to give: not what ``find`` finds."""
    suffix: str = ""
    """12 random letters and digits; the same whenever this resource's creation is begun again."""

    made: Callable[[str], object] = lambda _: None
    """For a ``create`` of several steps: records the physical id after the first, so that a failure in a later one leaves
    nothing behind.
    """

    def name(self, limit: int = 255, *, is_lower: bool = False) -> str:
        """The name that CloudFormation makes: stack, logical id and random letters, at most ``limit`` characters."""
        return physical_name(self.stack_name, self.logical_id, self.suffix, limit=limit, is_lower=is_lower)

    @property
    def changed(self) -> frozenset[str]:
        """The names of the properties that an update changes; ``Tags`` is among them when the stack's tags change."""
        names = self.properties.keys() | self.previous.keys()
        changed = {name for name in names if self.properties.get(name) != self.previous.get(name)}
        return frozenset(changed | ({"Tags"} if self.tags != self.previous_tags else set()))

    def all_tags(self, own: str = "Tags") -> dict[str, str]:
        """The stack's tags, and over them the resource's own: those of the property ``own``, a list or a mapping."""
        return {**self.tags, **_pairs(self.properties.get(own))}

    def own_tag_keys(self, own: str = "Tags") -> frozenset[str]:
        """The keys of the tags that the template gives the resource itself."""
        return frozenset(_pairs(self.properties.get(own)))

    def tags_gone(self, own: str = "Tags") -> list[str]:
        """In ``update``: the keys of tags that were there and are no longer."""
        before = {**self.previous_tags, **_pairs(self.previous.get(own))}
        return sorted(before.keys() - self.all_tags(own).keys())


def _pairs(tags: Any) -> Mapping[str, str]:
    if isinstance(tags, Mapping):
        return tags
    return {tag["Key"]: tag.get("Value", "") for tag in tags or ()}


class ResourceFailed(Exception):
    """The resource cannot be made, changed or removed.

    ``code`` is CloudFormation's word for the kind of reason, told where the resource's handler fails; without one the reason
    stands alone, as CloudFormation's own.
    Source: "Handler error codes", CloudFormation CLI user guide for extension development.
    """

    def __init__(self, reason: str, *, code: str = "") -> None:
        super().__init__(reason, code)
        self.reason, self.code = reason, code

    def __str__(self) -> str:
        return self.reason


class ResourceType:
    """One resource type. ``create`` and ``delete`` are its own; the rest has answers for what is simple."""

    name: str
    """``AWS::Logs::LogGroup``."""

    async def create(self, request: Request) -> str:
        """Make the resource; its physical id."""
        raise NotImplementedError

    async def resume(self, request: Request) -> None:
        """Do what an interrupted ``create`` had yet to do after it had made the resource; what is done already stays."""
        del request

    async def update(self, request: Request) -> str | None:
        """Change the resource to ``request.properties``. A new physical id, where the change has made a new resource."""
        raise NotImplementedError

    async def delete(self, request: Request) -> None:
        raise NotImplementedError

    async def find(self, request: Request) -> str | None:
        """The physical id of what an interrupted ``create`` of the same request has made; None where it made nothing."""
        del request
        return None

    async def is_stable(self, request: Request) -> bool:
        """Whether what was made or changed has come about. Raises ``ResourceFailed`` when it never will."""
        del request
        return True

    async def is_gone(self, request: Request) -> bool:
        """Whether what was deleted is gone."""
        del request
        return True

    async def attributes(self, request: Request) -> Mapping[str, Any]:
        """What ``Fn::GetAtt`` answers, by name (``Endpoint.Address`` with its dot)."""
        del request
        return {}

    async def read(self, request: Request) -> Mapping[str, Any] | None:
        """The live properties, for drift; None where the resource is not there. What is not told is not compared."""
        del request
        raise NotImplementedError

    def refusals(self, properties: Mapping[str, Any]) -> list[str]:
        """What of the properties this region has not, a sentence each; the engine tells them before anything is made."""
        del properties
        return []

    def replacement(self, name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Replacement | None:
        """Whether a change of the property ``name`` makes a new resource; None: the schema says it."""
        del name, before, after
        return None


NOT_FOUND: Final = ("NotFound", "NoSuch", "DoesNotExist", "NonExistent", "Not Found")


def is_not_found(error: ApiError) -> bool:
    """Whether an error says that the resource is not there.

    >>> is_not_found(ApiError("ResourceNotFoundException", "")), is_not_found(ApiError("InvalidVpcID.NotFound", ""))
    (True, True)
    >>> is_not_found(ApiError("DependencyViolation", ""))
    False
    """
    return any(word in error.code for word in NOT_FOUND)
