"""What AWS's Service Authorization Reference says: actions, the resource types they are about, their condition keys.

``service-authorization.json.gz`` is written by ``scripts/service_authorization.py``. It is read at the first request that is
authorised, never without enforcement.
"""

import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final

import orjson

from ninelives.model.arns import Place

DATA: Final = "service-authorization.json.gz"
VARIABLE: Final = re.compile(r"\$\{(\w+)\}")
NARROW: Final = {"Partition": "[^:]*", "Region": "[^:]*", "Account": "[^:]*", "BucketName": "[^/]+"}
"""What some variables of ARNs may hold: a bucket no slash, or it would be taken for an object. Others hold any text."""

LIKE: Final = {("ecs", "ContinueServiceDeployment"): "StopServiceDeployment"}
"""Actions that are younger than the data, by one that takes the same resources and has the same keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """``required``: of these resource types at least one request's resource is checked; ``keys`` as the reference has them."""

    name: str
    level: str
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    keys: frozenset[str] = frozenset()
    dependants: tuple[str, ...] = ()

    @property
    def resource_types(self) -> frozenset[str]:
        return frozenset(self.required + self.optional)

    def has_key(self, key: str) -> bool:
        """Whether a request for it has a condition key; keys with a tag's name in them by what stands before it."""
        return key in self.keys or any(key.startswith(one.partition("$")[0]) for one in self.keys if "$" in one)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceReference:
    """One service: ``prefix`` is that of its actions."""

    prefix: str
    arns: Mapping[str, str]
    """By resource type, with variables such as ``${ClusterName}``."""
    actions: Mapping[str, Action]

    def kind_of(self, arn: str) -> str | None:
        """The resource type that an ARN is of; of several the most telling one."""
        fitting = [kind for kind, template in self.arns.items() if _regex(template).fullmatch(arn)]
        return max(fitting, key=lambda kind: len(VARIABLE.sub("", self.arns[kind])), default=None)

    def any_of(self, kind: str, place: Place) -> str:
        """The ARN of any resource of a type: ``arn:aws:ecr:eu-west-1:123456789012:repository/*``."""
        known = {"Partition": place.partition, "Region": place.region, "Account": place.account}
        return re.sub(r"\*([/:]\*)+$", "*", VARIABLE.sub(lambda found: known.get(found[1], "*"), self.arns[kind]))


@cache
def reference_of(prefix: str) -> ServiceReference | None:
    """The service whose actions begin with ``prefix``; None for one that the region does not know by heart."""
    given = _document()["services"].get(prefix)
    if given is None:
        return None
    actions = {
        name: Action(
            name=name,
            level=level,
            required=tuple(required),
            optional=tuple(optional),
            keys=frozenset(keys),
            dependants=tuple(dependants),
        )
        for name, (level, required, optional, keys, dependants) in given["actions"].items()
    }
    for (service, name), model in LIKE.items():
        if service == prefix and name not in actions:
            actions[name] = replace(actions[model], name=name)
    return ServiceReference(prefix=prefix, arns=given["resources"], actions=actions)


def known_prefixes() -> tuple[str, ...]:
    """The services that the region knows by heart."""
    return tuple(_document()["services"])


@cache
def _document() -> Mapping[str, Any]:
    packed = files(__package__).joinpath(DATA).read_bytes()
    document: Mapping[str, Any] = orjson.loads(gzip.decompress(packed))
    return document


@lru_cache(1024)
def _regex(template: str) -> re.Pattern[str]:
    expression, end = "", 0
    for found in VARIABLE.finditer(template):
        any_text = NARROW.get(found[1], ".+")
        expression += re.escape(template[end : found.start()]) + any_text
        end = found.end()
    return re.compile(expression + re.escape(template[end:]), re.DOTALL)
