"""Targets get the event, a part of it, a constant or a filled template. Source: "Amazon EventBridge input transformation"."""

import json
from typing import Any

import pytest

from ninelives.eventbridge.inputs import target_input

EVENT: dict[str, Any] = {
    "id": "7",
    "source": "aws.ecs",
    "detail": {
        "group": "service:cats",
        "reason": 'it said "no"',
        "version": 3,
        "containers": [{"name": "web", "exitCode": 137}, {"name": "db"}],
    },
}


def given(target: dict[str, Any]) -> str:
    arn = "arn:aws:events:eu-west-1:1:rule/told"
    return target_input(target, EVENT, rule_arn=arn, ingested_at="2026-11-23T12:00:00Z")


def transformed(template: str, **paths: str) -> str:
    return given({"InputTransformer": {"InputPathsMap": paths, "InputTemplate": template}})


def test_a_target_gets_the_whole_event_unless_it_asks_for_something_else() -> None:
    assert json.loads(given({})) == EVENT
    assert given({"Input": '{"constant": 1}'}) == '{"constant": 1}'


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("$", EVENT),
        ("$.detail.group", "service:cats"),
        ("$.detail.containers[0].exitCode", 137),
        ("$.detail.containers[*].name", ["web", "db"]),
        ("$.detail.containers[*].exitCode", [137]),
        ("$['detail']['version']", 3),
        ("$.detail.containers[7]", None),
        ("$.nothing.there", None),
    ],
)
def test_a_path_picks_a_part(path: str, part: Any) -> None:
    assert json.loads(given({"InputPath": path})) == part


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ('{"who": <group>, "version": <version>}', '{"who": "service:cats", "version": 3}'),
        ('"<group> at <version>"', '"service:cats at 3"'),
        ('{"text": "<group>", "containers": <containers>}', None),
        ('{"quoted": "\\"<group>\\""}', '{"quoted": "\\"service:cats\\""}'),
        ('{"why": "<reason>"}', '{"why": "it said \\"no\\""}'),
        ('{"gone": "<missing>", "too": <missing>}', '{"gone": "", "too": ""}'),
        ("<unknown> stays", "<unknown> stays"),
        ('{"rule": <aws.events.rule-name>, "at": "<aws.events.event.ingestion-time>"}', None),
    ],
)
def test_a_template_is_filled_so_that_json_stays_json(template: str, text: str | None) -> None:
    filled = transformed(
        template,
        group="$.detail.group",
        version="$.detail.version",
        containers="$.detail.containers",
        reason="$.detail.reason",
        missing="$.detail.missing",
    )

    if text is not None:
        assert filled == text
    if template.startswith(("{", '"')):
        json.loads(filled)


def test_the_event_itself_can_stand_in_a_template() -> None:
    whole = json.loads(transformed('{"whole": <aws.events.event.json>, "head": <aws.events.event>}'))

    assert whole == {"whole": EVENT, "head": {"id": "7", "source": "aws.ecs"}}
