"""What a release changes in the task definition: pure, and without the values of what may be secret."""

import json
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

from ninelives.deploy.release_record import Difference

ECS_OWN = frozenset(
    {
        "taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities", "registeredAt", "registeredBy",
        "deregisteredAt", "containerDefinitions", "tags",
    }
)  # fmt: skip
"""What ECS adds, and what is looked at by itself."""
NAMED_ONLY = {"environment": "variable", "secrets": "secret"}
SHOWN = frozenset(
    {
        "image", "cpu", "memory", "memoryReservation", "portMappings", "stopTimeout", "startTimeout", "essential", "user",
        "workingDirectory", "family", "networkMode", "executionRoleArn", "taskRoleArn", "requiresCompatibilities",
        "runtimePlatform.cpuArchitecture", "runtimePlatform.operatingSystemFamily", "ephemeralStorage.sizeInGiB",
        "readonlyRootFilesystem", "healthCheck.interval", "healthCheck.timeout", "healthCheck.retries",
        "healthCheck.startPeriod",
    }
)  # fmt: skip
"""Members whose values are told. Of all others (a command, labels, options of a log driver) it is only told that they changed:
a secret may stand in them.
"""
VALUE_LENGTH_MAX = 200


def differences(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Between two task definitions; nothing where there was none before.

    >>> old = {"cpu": "256", "containerDefinitions": [{"name": "a", "environment": [{"name": "KEY", "value": "1"}]}]}
    >>> new = {"cpu": "512", "containerDefinitions": [{"name": "a", "environment": [{"name": "KEY", "value": "2"}]}]}
    >>> [(one.what, one.before, one.after) for one in differences(old, new)]
    [('cpu', '256', '512'), ('variable KEY', None, 'changed')]
    """
    if before is None:
        return ()
    return (*_members(_without(before, ECS_OWN), _without(after, ECS_OWN), ""), *_containers(before, after))


def _containers(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    old, new = (
        {str(one["name"]): one for one in definition.get("containerDefinitions") or ()} for definition in (before, after)
    )
    is_alone = len(old | new) == 1
    for name in sorted(old | new):
        where = "" if is_alone else f"{name}: "
        if name not in old or name not in new:
            yield Difference(what=f"container {name}", after="added" if name in new else "removed")
            continue
        for member, word in NAMED_ONLY.items():
            yield from _named(old[name].get(member) or (), new[name].get(member) or (), f"{where}{word}")
        yield from _members(_without(old[name], NAMED_ONLY), _without(new[name], NAMED_ONLY), where)


def _named(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]], word: str) -> Iterator[Difference]:
    """Names only: what a variable says is nobody's business."""
    old, new = ({str(one["name"]): one for one in items} for items in (before, after))
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            yield Difference(what=f"{word} {name}", after="added")
        elif name not in new:
            yield Difference(what=f"{word} {name}", after="removed")
        elif old[name] != new[name]:
            yield Difference(what=f"{word} {name}", after="changed")


def _members(before: Mapping[str, Any], after: Mapping[str, Any], where: str, prefix: str = "") -> Iterator[Difference]:
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if (old or None) == (new or None):  # ECS answers empty lists for what was not given
            continue
        path = f"{prefix}{name}"
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _members(old, new, where, f"{path}.")
        elif path in SHOWN:
            yield Difference(what=f"{where}{path}", before=_written(old), after=_written(new))
        else:
            yield Difference(what=f"{where}{path}", after="added" if old is None else "removed" if new is None else "changed")


def _written(value: Any) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= VALUE_LENGTH_MAX else f"{text[:VALUE_LENGTH_MAX]}…"


def _without(members: Mapping[str, Any], left_out: Container[str]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if name not in left_out}
