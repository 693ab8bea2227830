# ruff: noqa: INP001
"""Writes what docs/reference says of the code: between `<!-- generated: … -->` and `<!-- end -->` nothing is written by hand.

Run it with `.venv/bin/python scripts/reference.py`; tests/test_docs.py holds the pages against the code.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import Mock

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs" / "reference"
BLOCK = re.compile(r"(<!-- generated: (?P<name>[^>]+?) -->\n)(?P<text>.*?)(<!-- end -->)", re.DOTALL)
HELP_WIDTH = 100


def help_of(verb: str) -> str:
    """A verb's help, as the terminal shows it."""
    import click

    from ninelives.cli.main import ninelives

    settings = {**ninelives.context_settings, "terminal_width": HELP_WIDTH, "max_content_width": HELP_WIDTH}
    group = click.Context(ninelives, info_name="ninelives", **settings)
    if not verb:
        return _fenced(ninelives.get_help(group))
    command = ninelives.get_command(group, verb)
    if command is None:
        raise KeyError(verb)
    context = click.Context(command, info_name=verb, parent=group, **settings)
    return _fenced(command.get_help(context))


def _fenced(text: str) -> str:
    return f"```text\n{text.rstrip()}\n```\n"


def keys() -> str:
    """The service file's keys, a row each, from its JSON Schema."""
    rows = ["| key | what may stand there | default | meaning |", "|---|---|---|---|"]
    rows += [f"| `{name}` | {kind} | {default} | {meaning} |" for name, kind, default, meaning in key_rows()]
    return "\n".join(rows) + "\n"


def key_rows() -> Iterator[tuple[str, str, str, str]]:
    from ninelives.deploy.service_file import json_schema

    schema = json_schema()
    yield from _rows(schema, schema, "")


def _rows(schema: Mapping[str, Any], part: Mapping[str, Any], above: str) -> Iterator[tuple[str, str, str, str]]:
    required = set(part.get("required", ()))
    for name, described in part["properties"].items():
        inner, entries = _inner(schema, described), _entries(schema, described)
        default = "required" if name in required else _value(described)
        meaning = described.get("description") or (inner or {}).get("description", "")
        yield f"{above}{name}", _kind(described, inner), default, meaning
        if inner is not None:
            yield from _rows(schema, inner, f"{above}{name}.")
        if entries is not None:
            yield from _rows(schema, entries, f"{above}{name}[].")


def _inner(schema: Mapping[str, Any], described: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for one in (described, *described.get("anyOf", ()), *described.get("oneOf", ())):
        if "$ref" in one:
            found: Mapping[str, Any] = schema["$defs"][one["$ref"].rsplit("/", 1)[-1]]
            return found
    return None


def _entries(schema: Mapping[str, Any], described: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What a list is of, where its entries have keys."""
    return _inner(schema, described["items"]) if isinstance(described.get("items"), dict) else None


def _kind(described: Mapping[str, Any], inner: Mapping[str, Any] | None) -> str:
    options = [one for one in described.get("anyOf", described.get("oneOf", [described])) if one.get("type") != "null"]
    told = list(dict.fromkeys(filter(None, map(_plain_kind, options))))
    return " or ".join([*told, *(["keys"] if inner is not None else [])])


def _plain_kind(one: Mapping[str, Any]) -> str:
    if "additionalProperties" in one and "anyOf" in (one["additionalProperties"] or {}):
        return "names with keys"
    if "enum" in one:
        return ", ".join(f"`{value}`" for value in one["enum"])
    kind = one.get("type")
    if kind is None and not {"$ref", "anyOf", "oneOf"} & set(one):
        return "anything"
    if "examples" in one:
        return "percentage" if str(one["examples"][0]).endswith("%") else "duration"
    if kind == "integer":
        low, high = one.get("minimum"), one.get("maximum")
        return f"{low} to {high}" if high is not None else f"whole number from {low}" if low is not None else "whole number"
    if kind == "array":
        return _plain_list(one["items"])
    return {"string": "text", "boolean": "`true` or `false`", "object": "names with text"}.get(str(kind), "")


def _plain_list(items: Mapping[str, Any]) -> str:
    if "enum" in items:
        return f"list of {_plain_kind(items)}"
    options = items.get("anyOf", items.get("oneOf", [items]))
    kinds = dict.fromkeys("keys" if "$ref" in option else "text" for option in options)
    return f"list of {' or '.join(kinds)}"


def _value(described: Mapping[str, Any]) -> str:
    value = described.get("default")
    if isinstance(value, dict) and value:
        return "see its keys"
    if value is None or value in ({}, []):
        return "none"
    return f"`{value}`" if isinstance(value, str) else f"`{json.dumps(value)}`"


def operations() -> Mapping[str, tuple[str, ...]]:
    """What the region answers itself, by service."""
    from ninelives.api import applicationautoscaling, cloudformation, cloudwatch, ecr, ecs, elbv2, logs

    anything = Mock()
    served = {
        "application-autoscaling": applicationautoscaling.operations(anything),
        "ecs": ecs.operations(anything),
        "elbv2": elbv2.operations(anything, anything),
        "cloudwatch": cloudwatch.operations(anything),
        "cloudformation": cloudformation.operations(anything),
        "logs": logs.operations(anything, anything),
        "ecr": ecr.operations(anything, place=anything, endpoint="127.0.0.1:4566", now=anything),
    }
    return {service: tuple(sorted(names)) for service, names in served.items()}


def live(service: str) -> str:
    """A service's operations: those that are served, and those that are refused."""
    from ninelives.api.ecs.task_sets import OPERATIONS as OF_TASK_SETS
    from ninelives.api.service_model import load_service

    told = {"ecs": {*OF_TASK_SETS, "StartTask"}, "application-autoscaling": {"GetPredictiveScalingForecast"}}.get(
        service, set()
    )
    served = [name for name in operations()[service] if name not in told]
    refused = sorted(set(load_service(service).operation_names) - set(served) - told)
    return (
        f"**Served ({len(served)}):** {', '.join(f'`{name}`' for name in served)}\n\n"
        + (f"**Refused by name ({len(told)}):** {', '.join(f'`{name}`' for name in sorted(told))}\n\n" if told else "")
        + f"**Refused as not implemented yet ({len(refused)}):** {', '.join(f'`{name}`' for name in refused)}\n"
    )


def members(service: str) -> str:
    """Each structure of requests that are served, with what its members do."""
    from unittest.mock import Mock

    from ninelives.api import cloudformation, ecs, elbv2
    from ninelives.api.cloudformation.support import SHAPES as OF_CLOUDFORMATION
    from ninelives.api.ecs.support import SHAPES as OF_ECS
    from ninelives.api.elbv2.support import SHAPES as OF_ELBV2
    from ninelives.api.support import reachable

    anything = Mock()
    served, shapes = {
        "ecs": (ecs.operations(anything), OF_ECS),
        "elbv2": (elbv2.operations(anything, anything), OF_ELBV2),
        "cloudformation": (cloudformation.operations(anything), OF_CLOUDFORMATION),
    }[service]
    rows = ["| request or part of one | live | recorded | refused |", "|---|---|---|---|"]
    for name in reachable(service, served, shapes):
        cells = [_told(shapes[name], effect) for effect in ("live", "recorded", "refused")]
        rows.append(f"| `{re.sub('(Request|Input)$', '', name)}` | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _told(known: Mapping[str, Any], effect: str) -> str:
    found = {name: one.remark for name, one in known.items() if one.effect == effect}
    plain = ", ".join(f"`{name}`" for name, remark in found.items() if not remark)
    remarked: dict[str, list[str]] = {}
    for name, remark in found.items():
        if remark:
            remarked.setdefault(remark, []).append(f"`{name}`")
    return "<br>".join(filter(None, [plain, *(f"{', '.join(names)}: {remark}" for remark, names in remarked.items())]))


def attributes(of: str) -> str:
    """The attributes of load balancers, target groups or listeners, with their defaults and what they do."""
    from ninelives.region import elbv2_attributes

    table = getattr(elbv2_attributes, of.upper())
    rows = ["| attribute | default | effect | remark |", "|---|---|---|---|"]
    rows += [
        f"| `{key}` | {f'`{one.default}`' if one.default else ''} | {one.effect} | {one.remark} |"
        for key, one in table.items()
    ]
    return "\n".join(rows) + "\n"


def behaviours() -> str:
    """What the region does as AWS does, and the test that proves it."""
    sys.path.insert(0, str(ROOT / "tests"))
    from behaviours import BEHAVIOURS

    rows = ["| area | behaviour | | shown by |", "|---|---|---|---|"]
    rows += [
        f"| {area} | {one.what} | {one.effect} | {_shown_by(one.test)} |" for area, some in BEHAVIOURS.items() for one in some
    ]
    return "\n".join(rows) + "\n"


def _shown_by(test: str) -> str:
    file, _, name = test.partition("::")
    return f"[`{name}`](../../tests/{file})" if name else ""


def own_answers() -> str:
    """The errors that ALB makes itself, and what becomes of each here."""
    from ninelives.routing.errors import OWN_ANSWERS

    rows = ["| code | | for |", "|---|---|---|"]
    rows += [f"| {code} | {effect} | {remark} |" for code, (effect, remark) in OWN_ANSWERS.items()]
    return "\n".join(rows) + "\n"


def resource_types() -> str:
    """The resource types of CloudFormation that the region has: a row each, with what becomes of their properties."""
    from ninelives.stacks.schemas import schema_of
    from ninelives.stacks.types import TYPES

    rows = ["| type | live | recorded only | refused | `Fn::GetAtt` |", "|---|---|---|---|---|"]
    for name, one in sorted(TYPES.items()):
        schema = schema_of(name)
        recorded = dict.fromkeys(one.taken, one.inert) if one.inert else one.recorded
        known = schema.properties.keys() - {path for path in schema.read_only if "/" not in path}
        refused = {missing: one.refused.get(missing, "not there yet") for missing in known - one.taken}
        attributes = {path.partition(".")[0] for path in schema.attribute_names}
        cells = (_named(one.taken - recorded.keys()), _because(recorded), _because(refused), _named(attributes))
        rows.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _named(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


def _because(reasons: Mapping[str, str]) -> str:
    """Names by the reason that they share."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in sorted(reasons.items()):
        by_reason.setdefault(reason, []).append(name)
    return "; ".join(f"{_named(names)}: {reason}" for reason, names in by_reason.items())


def intrinsic_functions() -> str:
    """The functions that templates may use."""
    from ninelives.stacks.templates.intrinsic import FUNCTIONS

    return ", ".join(f"`{name}`" for name in sorted([*FUNCTIONS, "Fn::If", "Fn::ForEach", "Ref", "Condition"])) + "\n"


def enforced(service: str) -> str:
    """Which action each operation of a service asks for, on which resource types, with which keys; those that it passes."""
    from ninelives.api.authorization.actions import FREE, action_of, prefix_of
    from ninelives.api.authorization.asks import ON_EVERYTHING
    from ninelives.api.authorization.passing import OF_A_SERVICE, PASSED
    from ninelives.api.authorization.reference import reference_of

    reference = reference_of(prefix_of(service))
    if reference is None:
        raise KeyError(service)
    names = operations().get(service) or MOTOS[service]
    rows = [
        "| operation | action | resource types | condition keys of the service's own | roles passed |",
        "|---|---|---|---|---|",
    ]
    for name in names:
        action = action_of(service, name, {})
        known = reference.actions.get(action.partition(":")[2])
        types = known.required + known.optional if known and action not in ON_EVERYTHING else ()
        kinds = ", ".join(f"`{kind}`" for kind in types) or "`*`"
        keys = ", ".join(f"`{key}`" for key in sorted(known.keys if known else ()) if key.startswith(f"{reference.prefix}:"))
        roles = [where for where, _ in PASSED.get((service, name), ())]
        roles += OF_A_SERVICE if service == "ecs" and name in {"CreateService", "UpdateService"} else ()
        told = "no permission needed" if action in FREE else f"`{action}`"
        rows.append(f"| `{name}` | {told} | {kinds} | {keys} | {', '.join(f'`{role}`' for role in roles)} |")
    return "\n".join(rows) + "\n"


MOTOS = {
    "sts": (
        "AssumeRole", "AssumeRoleWithWebIdentity", "DecodeAuthorizationMessage", "GetAccessKeyInfo", "GetCallerIdentity",
        "GetSessionToken",
    ),
    "s3": (
        "CopyObject", "CreateBucket", "DeleteBucket", "DeleteObject", "DeleteObjects", "GetBucketPolicy", "GetObject",
        "HeadBucket", "HeadObject", "ListBuckets", "ListObjectsV2", "PutBucketLifecycleConfiguration", "PutBucketPolicy",
        "PutObject",
    ),
}  # fmt: skip
"""Operations that are shown of services whose actions bear other names, or that are ours only where IAM is enforced."""


def bad_releases() -> str:
    """The catalogue of bad releases, a row each."""
    from ninelives.rehearsal.attribution import SENTENCES
    from ninelives.rehearsal.releases import CATALOGUE

    rows = ["| release | what it does | caught by | what is told | code | requests lost |", "|---|---|---|---|---|---|"]
    for bad in CATALOGUE:
        lost = SENTENCES[bad.loses] if bad.loses is not None else "none"
        lost += f" (with {', '.join(bad.hidden_by)}: only requests that outlast the bake)" if bad.hidden_by else ""
        but = "".join(f" (no fault on {runtime}: {why})" for runtime, why in bad.harmless_on.items())
        rows.append(f"| `{bad.name}` | {bad.what}{but} | {bad.catch} | {bad.cause} | `{bad.code}` | {lost} |")
    return "\n".join(rows) + "\n"


def metrics(namespace: str) -> str:
    """The metrics that the region tells of itself in a namespace, a row each."""
    from ninelives.telemetry import load_balancer_metrics, service_metrics

    told = {
        load_balancer_metrics.NAMESPACE: load_balancer_metrics.TOLD,
        service_metrics.ECS: service_metrics.UTILIZATION,
        service_metrics.INSIGHTS: service_metrics.TOLD,
        "enhanced": service_metrics.ENHANCED,
    }[namespace]
    rows = ["| metric | unit | dimensions | what is counted |", "|---|---|---|---|"]
    named = {service_metrics.TASKS: "of tasks", service_metrics.CONTAINERS: "of containers"}
    for name, one in sorted(told.items()):
        dimensions = named.get(one.dimensions) or combinations(one.dimensions)
        rows.append(f"| `{name}` | {one.unit} | {dimensions} | {one.meaning} |")
    return "\n".join(rows) + "\n"


def combinations(dimensions: Iterable[Iterable[str]]) -> str:
    return "; ".join(" + ".join(f"`{part}`" for part in combination) for combination in dimensions)


def dimensions_of(what: str) -> str:
    """The combinations of dimensions under which Container Insights tells of tasks, or of containers."""
    from ninelives.telemetry import service_metrics

    return combinations({"tasks": service_metrics.TASKS, "containers": service_metrics.CONTAINERS}[what]) + "\n"


def not_measured(namespace: str) -> str:
    """The metrics that CloudWatch tells in a namespace and the region does not, and why."""
    from ninelives.telemetry import load_balancer_metrics, service_metrics

    left_out = {
        load_balancer_metrics.NAMESPACE: load_balancer_metrics.NOT_MEASURED,
        service_metrics.INSIGHTS: service_metrics.NOT_MEASURED,
    }[namespace]
    reasons: dict[str, list[str]] = {}
    for name, why in left_out.items():
        reasons.setdefault(why, []).append(f"`{name}`")
    return "".join(f"- {', '.join(names)}: {why}\n" for why, names in reasons.items())


def math_functions() -> str:
    """The functions of metric math that are evaluated."""
    from ninelives.monitoring.metric_math import FUNCTION_NAMES

    return ", ".join(f"`{name}`" for name in sorted(FUNCTION_NAMES)) + "\n"


def query_functions(topic: str) -> str:
    """The functions of Logs Insights queries of one topic, or those of ``stats``, a row each."""
    from ninelives.monitoring.log_insights import aggregates, functions

    known: Sequence[Any] = aggregates.ROWS if topic == "stats" else [row for row in functions.ROWS if row.topic == topic]
    if not known:
        raise KeyError(topic)
    rows = ["| function | what it gives |", "|---|---|"]
    return "\n".join([*rows, *(f"| `{row.name}({row.takes})` | {row.meaning} |" for row in known)]) + "\n"


def refused_commands() -> str:
    """The commands that Logs Insights has and the region has not."""
    from ninelives.monitoring.log_insights.reading import REFUSED

    return "".join(f"- `{'SOURCE' if name == 'source' else name}`: {what}\n" for name, what in REFUSED.items())


def access_log_fields() -> str:
    from ninelives.insight.access_logs import FIELDS

    return ", ".join(f"`{name}`" for name in FIELDS) + "\n"


BLOCKS: Mapping[str, Callable[[str], str]] = {
    "access-log-fields": lambda _: access_log_fields(),
    "query-functions": query_functions,
    "refused-commands": lambda _: refused_commands(),
    "dimensions": dimensions_of,
    "enforced": enforced,
    "functions": lambda _: intrinsic_functions(),
    "help": help_of,
    "keys": lambda _: keys(),
    "live": live,
    "math": lambda _: math_functions(),
    "metrics": metrics,
    "unmeasured": not_measured,
    "members": members,
    "attributes": attributes,
    "behaviours": lambda _: behaviours(),
    "own-answers": lambda _: own_answers(),
    "bad-releases": lambda _: bad_releases(),
    "resource-types": lambda _: resource_types(),
}


def written(text: str) -> str:
    """``text`` with its generated blocks made anew."""

    def block(found: re.Match[str]) -> str:
        kind, _, argument = found["name"].partition(" ")
        return f"{found[1]}{BLOCKS[kind](argument)}{found[4]}"

    return BLOCK.sub(block, text)


def record_schema_text() -> str:
    """docs/reference/release-record.schema.json."""
    from ninelives.deploy.release_record import record_schema

    return json.dumps(record_schema(), indent=2) + "\n"


def main() -> None:
    (DOCS / "release-record.schema.json").write_text(record_schema_text(), encoding="utf-8")
    for path in sorted(DOCS.glob("*.md")):
        before = path.read_text(encoding="utf-8")
        after = written(before)
        if after != before:
            path.write_text(after, encoding="utf-8")
            sys.stdout.write(f"wrote {path.name}\n")


if __name__ == "__main__":
    main()
