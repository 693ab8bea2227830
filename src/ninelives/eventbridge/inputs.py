"""What a target gets of an event: all of it, a part, a constant, or a template with parts of it.

Source: EventBridge user guide, "Amazon EventBridge input transformation"; ``events`` 2015-10-07, ``Target``.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

MISSING: Final = object()
PLACEHOLDER: Final = re.compile(r"<([A-Za-z0-9_.\-]+)>")
STEP: Final = re.compile(r"\.(?P<name>[^.\[\]]+)|\[(?:'(?P<quoted>[^']+)'|\"(?P<double>[^\"]+)\"|(?P<place>\d+|\*))\]")


def target_input(target: Mapping[str, Any], event: Mapping[str, Any], *, rule_arn: str, ingested_at: str) -> str:
    """The text that goes to ``target`` (its members as PutTargets spells them)."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        return _compact(_found(target["InputPath"], event, default=None))
    if "InputTransformer" in target:
        return _transformed(target["InputTransformer"], event, rule_arn=rule_arn, ingested_at=ingested_at)
    return _compact(event)


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _transformed(transformer: Mapping[str, Any], event: Mapping[str, Any], *, rule_arn: str, ingested_at: str) -> str:
    values: dict[str, Any] = {
        name: _found(path, event, default=MISSING) for name, path in transformer.get("InputPathsMap", {}).items()
    }
    values |= {
        "aws.events.rule-arn": rule_arn,
        "aws.events.rule-name": rule_arn.rpartition("/")[2],
        "aws.events.event.ingestion-time": ingested_at,
        "aws.events.event.json": dict(event),
        "aws.events.event": {name: value for name, value in event.items() if name != "detail"},
    }
    return "".join(_filled(transformer["InputTemplate"], values))


def _filled(template: str, values: Mapping[str, Any]) -> Iterator[str]:
    """The template in pieces: a placeholder inside quotes becomes text, one outside becomes JSON; unknown ones stay."""
    start, is_quoted = 0, False
    for found in PLACEHOLDER.finditer(template):
        between = template[start : found.start()]
        is_quoted ^= _odd_quotes(between)
        yield between
        yield _written(values[found[1]], is_quoted=is_quoted) if found[1] in values else found[0]
        start = found.end()
    yield template[start:]


def _odd_quotes(text: str) -> bool:
    return len(re.findall(r'(?<!\\)(?:\\\\)*"', text)) % 2 == 1


def _written(value: Any, *, is_quoted: bool) -> str:
    if value is MISSING:
        return "" if is_quoted else '""'
    if not is_quoted:
        return _compact(value)
    text = value if isinstance(value, str) else _compact(value)
    return _compact(text)[1:-1]


def _found(path: str, event: Any, *, default: Any) -> Any:
    """What a JSON path (``$.detail.containers[0].exitCode``; ``[*]`` for all) leads to.

    >>> _found("$.detail.containers[*].name", {"detail": {"containers": [{"name": "web"}, {"name": "db"}]}}, default=None)
    ['web', 'db']
    """
    value, rest = event, path.removeprefix("$")
    for step in STEP.finditer(rest):
        name = step["name"] or step["quoted"] or step["double"]
        if name is not None:
            if not isinstance(value, Mapping) or name not in value:
                return default
            value = value[name]
        elif not isinstance(value, list):
            return default
        elif step["place"] == "*":
            deeper = "$" + rest[step.end() :]
            each = [_found(deeper, element, default=MISSING) for element in value]
            return [one for one in each if one is not MISSING]
        elif int(step["place"]) >= len(value):
            return default
        else:
            value = value[int(step["place"])]
    return value
