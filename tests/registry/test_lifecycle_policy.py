import json
from typing import Any

import pytest

from ninelives.registry.lifecycle import mistakes

EXPIRE = {"type": "expire"}
KEEP_TEN = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10}
UNTAGGED = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14}
TAGGED = {"tagStatus": "tagged", "tagPrefixList": ["v"], "countType": "imageCountMoreThan", "countNumber": 3}
TO_ARCHIVE = {"type": "transition", "targetStorageClass": "archive"}
IN_ARCHIVE = {"countType": "sinceImageTransitioned", "countUnit": "days", "countNumber": 90}
ARCHIVED = {"tagStatus": "any", "storageClass": "archive", **IN_ARCHIVE}


def rule(priority: int, selection: object, action: object = EXPIRE, **more: object) -> dict[str, object]:
    return {"rulePriority": priority, "selection": selection, "action": action, **more}


@pytest.mark.parametrize(
    "rules",
    [
        [rule(1, KEEP_TEN, description="ten are enough")],
        [rule(1, UNTAGGED), rule(2, TAGGED), rule(9, KEEP_TEN)],
        [rule(1, {**TAGGED, "tagPatternList": ["v*"]} | {"tagPrefixList": []})],
        [rule(1, {**UNTAGGED, "countType": "sinceImagePulled"}, TO_ARCHIVE), rule(2, ARCHIVED)],
    ],
)
def test_a_policy_that_ecr_takes_has_no_mistakes(rules: list[Any]) -> None:
    assert mistakes(json.dumps({"rules": rules})) == []


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ([], "required properties"),
        (["rule"], "required properties"),
        ([{"rulePriority": 1}], '["action", "selection"]'),
        ([rule(1, KEEP_TEN, extra=1)], '["extra"]'),
        ([rule(0, KEEP_TEN)], "rulePriority"),
        ([rule(1, KEEP_TEN, {"type": "keep"})], "action"),
        ([rule(1, "all")], "selection must be an object"),
        ([rule(1, {**KEEP_TEN, "tagStatus": "some"})], "tagStatus"),
        ([rule(1, {**KEEP_TEN, "tagStatus": "tagged"})], "tagPatternList and tagPrefixList"),
        ([rule(1, {**KEEP_TEN, "tagPrefixList": ["v"]})], "only for tagged"),
        ([rule(1, {**KEEP_TEN, "countType": "size"})], "countType"),
        ([rule(1, {**KEEP_TEN, "countUnit": "days"})], "countUnit"),
        ([rule(1, {**KEEP_TEN, "countType": "sinceImagePushed"})], "countUnit must be days"),
        ([rule(1, {**KEEP_TEN, "countNumber": 0})], "countNumber"),
        ([rule(1, {**KEEP_TEN, "countNumber": True})], "countNumber"),
        ([rule(1, {**UNTAGGED, "countType": "sinceImagePulled"})], "only for the action transition"),
        (
            [rule(1, {**UNTAGGED, "countType": "sinceImageTransitioned", "countNumber": 90})],
            "only for the storageClass archive",
        ),
        ([rule(1, {**ARCHIVED, "countNumber": 89})], "90 days at least"),
        ([rule(1, {**KEEP_TEN, "storageClass": "glacier"})], "storageClass"),
        ([rule(1, {**KEEP_TEN, "storageClass": "archive"}, TO_ARCHIVE)], "cannot be transitioned"),
        ([rule(1, {**TAGGED, "tagPrefixList": [], "tagPatternList": ["a*b*c*d*e*"]})], "4 wildcards"),
        ([rule(1, UNTAGGED), rule(2, UNTAGGED)], "only one rule"),
        ([rule(1, UNTAGGED)] * 51, "at most 50 rules"),
        ([rule(1, UNTAGGED), rule(1, TAGGED)], "of its own"),
        ([rule(1, KEEP_TEN), rule(2, UNTAGGED)], "highest rulePriority"),
    ],
)
def test_each_mistake_is_told(rules: list[Any], told: str) -> None:
    found = mistakes(json.dumps({"rules": rules}))

    assert len(found) == 1, found
    assert told in found[0]


@pytest.mark.parametrize("text", ["no JSON", "[]", "{}", '{"rules": 1}'])
def test_what_is_no_policy_at_all_is_said_so(text: str) -> None:
    assert len(mistakes(text)) == 1
