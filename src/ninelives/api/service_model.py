"""A service's operations and shapes, read straight from botocore's data files.

botocore itself is not imported: it costs a fifth of a second and 22 MB before the first answer, and of a model only
names, types, traits and constraints are needed here; the prose is dropped.
Source: botocore's ``data/<service>/<version>/service-2.json.gz``; a test compares every operation with botocore's own reading.
"""

import gzip
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

import orjson

SIGNING_NAMES: Final = {"elbv2": "elasticloadbalancing", "cloudwatch": "monitoring"}
"""Signing names that are not the service's own name. Source: ``metadata`` (``signingName``, else ``endpointPrefix``)."""

PREFERRED_PROTOCOLS: Final = ("json", "query", "ec2", "rest-json", "rest-xml")


@dataclass(frozen=True, slots=True)
class Member:
    """A use of a shape: in a structure, as a list's member, as a map's key or value; its traits overlay the shape's."""

    shape: "Shape"
    traits: Mapping[str, Any]

    @property
    def location_name(self) -> str | None:
        name = self.traits.get("locationName")
        return name if name is None else str(name)

    @property
    def is_flattened(self) -> bool:
        return bool(self.traits.get("flattened") or self.shape.traits.get("flattened"))


class Shape:
    """A named shape; what it refers to is resolved when it is asked for, for shapes may be recursive."""

    def __init__(self, name: str, traits: Mapping[str, Any], model: "ServiceModel") -> None:
        self.name = name
        self.traits = traits
        self._model = model

    @property
    def type(self) -> str:
        """structure, list, map, string, integer, long, float, double, boolean, timestamp or blob."""
        return str(self.traits["type"])

    @property
    def is_document(self) -> bool:
        return bool(self.traits.get("document"))

    @cached_property
    def members(self) -> Mapping[str, Member]:
        return {name: self._model.member(traits) for name, traits in self.traits.get("members", {}).items()}

    @cached_property
    def member(self) -> Member:
        return self._model.member(self.traits["member"])

    @cached_property
    def key(self) -> Member:
        return self._model.member(self.traits["key"])

    @cached_property
    def value(self) -> Member:
        return self._model.member(self.traits["value"])


@dataclass(frozen=True, slots=True)
class Operation:
    name: str
    input: Shape | None
    output: Shape | None
    result_wrapper: str | None
    """The element around a query answer."""


@dataclass(frozen=True, slots=True)
class ErrorTraits:
    """What the model says of an error: its code on the wire and its HTTP status."""

    code: str
    status: int | None
    is_fault: bool


class ServiceModel:
    """One API version of one service. Operations and shapes are made as they are used."""

    def __init__(self, service: str, description: Mapping[str, Any]) -> None:
        self.service = service
        self.metadata: Mapping[str, Any] = description["metadata"]
        self._operations: Mapping[str, Any] = description["operations"]
        self._shapes: Mapping[str, Any] = description["shapes"]
        self._made: dict[str, Shape] = {}

    @property
    def api_version(self) -> str:
        return str(self.metadata["apiVersion"])

    @property
    def protocols(self) -> tuple[str, ...]:
        return tuple(self.metadata.get("protocols") or (self.metadata["protocol"],))

    @property
    def protocol(self) -> str:
        """The protocol that an error is written in when the request does not tell."""
        return next((name for name in PREFERRED_PROTOCOLS if name in self.protocols), self.protocols[0])

    @property
    def operation_names(self) -> frozenset[str]:
        return frozenset(self._operations)

    def operation(self, name: str) -> Operation:
        """Raises ``KeyError`` for an operation that the service does not have."""
        traits = self._operations[name]
        given, answered = traits.get("input"), traits.get("output")
        return Operation(
            name=name,
            input=self.shape(given["shape"]) if given else None,
            output=self.shape(answered["shape"]) if answered else None,
            result_wrapper=answered.get("resultWrapper") if answered else None,
        )

    def http_of(self, name: str) -> Mapping[str, Any]:
        """Method and URI (``requestUri``) of an operation."""
        http: Mapping[str, Any] = self._operations[name]["http"]
        return http

    def shape(self, name: str) -> Shape:
        made = self._made.get(name)
        if made is None:
            made = self._made[name] = Shape(name, self._shapes[name], self)
        return made

    def member(self, traits: Mapping[str, Any]) -> Member:
        return Member(self.shape(traits["shape"]), traits)

    @cached_property
    def errors(self) -> Mapping[str, ErrorTraits]:
        """The modelled errors, by shape name and by wire code."""
        errors: dict[str, ErrorTraits] = {}
        for name, traits in self._shapes.items():
            if traits.get("exception"):
                given = traits.get("error", {})
                error = ErrorTraits(given.get("code", name), given.get("httpStatusCode"), bool(traits.get("fault")))
                errors[name] = error
                errors.setdefault(error.code, error)
        return errors


@cache
def load_service(service: str) -> ServiceModel:
    """The newest API version of a service that botocore has. Raises ``LookupError`` for a service that it has not."""
    versions = sorted((_data_path() / service).glob("*/service-2.json*"))
    versions = [path for path in versions if path.name in {"service-2.json", "service-2.json.gz"}]
    if not versions:
        raise LookupError(service)
    path = versions[-1]
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    description = orjson.loads(raw)
    _drop_prose(description)
    return ServiceModel(service, description)


def _data_path() -> Path:
    spec = importlib.util.find_spec("botocore")
    assert spec is not None, "botocore is not installed"
    assert spec.submodule_search_locations, "botocore has no place"
    return Path(spec.submodule_search_locations[0]) / "data"


def _drop_prose(description: dict[str, Any]) -> None:
    for operation in description["operations"].values():
        operation.pop("documentation", None)
    for shape in description["shapes"].values():
        shape.pop("documentation", None)
        for member in shape.get("members", {}).values():
            member.pop("documentation", None)
