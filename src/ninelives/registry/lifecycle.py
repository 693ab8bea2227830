"""Lifecycle policies: whether a text is one. What one does to images is ``lifecycle_evaluation``'s.

Source: ECR user guide, "Lifecycle policy properties in Amazon ECR", "Lifecycle policy evaluation rules".
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

_RULE: Final = {"rulePriority", "description", "selection", "action"}
_SELECTION: Final = {"tagStatus", "tagPatternList", "tagPrefixList", "storageClass", "countType", "countUnit", "countNumber"}
WILDCARDS_MAX: Final = 4
ARCHIVED_DAYS_MIN: Final = 90
RULES_MAX: Final = 50
"""Source: "Amazon ECR service quotas"."""
_SINCE: Final = ("sinceImagePushed", "sinceImagePulled", "sinceImageTransitioned")


def mistakes(text: str) -> list[str]:
    """What is wrong with a policy; nothing, if it is one."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return ["Could not map policyString into LifecyclePolicy."]
    rules = document.get("rules") if isinstance(document, dict) else None
    if not isinstance(rules, list) or not rules or not all(isinstance(rule, dict) for rule in rules):
        return ['object has missing required properties (["rules"])']
    if len(rules) > RULES_MAX:
        return [f"a policy has at most {RULES_MAX} rules, not {len(rules)}"]
    found = [f"rule {place}: {mistake}" for place, rule in enumerate(rules, 1) for mistake in _of_rule(rule)]
    return found or list(_among_rules(rules))


def _of_rule(rule: Mapping[str, Any]) -> Iterator[str]:
    yield from _names(rule, required={"rulePriority", "selection", "action"}, known=_RULE)
    priority = rule.get("rulePriority")
    if "rulePriority" in rule and not _is_count(priority):
        yield f"rulePriority must be a whole number from 1, not {priority!r}"
    match rule.get("action"):
        case None | {"type": "expire"} | {"type": "transition", "targetStorageClass": "archive"}:
            pass
        case action:
            yield f"action must be to expire, or to transition to archive, not {action!r}"
    selection = rule.get("selection")
    if isinstance(selection, dict):
        yield from _of_selection(selection)
        yield from _of_the_archive(selection, rule.get("action"))
    elif selection is not None:
        yield f"selection must be an object, not {selection!r}"


def _of_selection(selection: Mapping[str, Any]) -> Iterator[str]:
    yield from _names(selection, required={"tagStatus", "countType", "countNumber"}, known=_SELECTION)
    status = selection.get("tagStatus")
    given = [name for name in ("tagPatternList", "tagPrefixList") if selection.get(name)]
    if status not in {"tagged", "untagged", "any", None}:
        yield f"tagStatus must be tagged, untagged or any, not {status!r}"
    if status == "tagged" and len(given) != 1:
        yield "a selection of tagged images must have one of tagPatternList and tagPrefixList"
    if status != "tagged" and given:
        yield f"{given[0]} is only for tagged images"
    too_wild = [one for one in selection.get("tagPatternList") or () if str(one).count("*") > WILDCARDS_MAX]
    if too_wild:
        yield f"a tag pattern has at most {WILDCARDS_MAX} wildcards, unlike {too_wild[0]!r}"
    kind = selection.get("countType")
    if kind not in {"imageCountMoreThan", *_SINCE, None}:
        yield f"countType must be imageCountMoreThan or one of {', '.join(_SINCE)}, not {kind!r}"
    if kind in _SINCE and selection.get("countUnit") != "days":
        yield f"countUnit must be days with {kind}"
    if kind == "imageCountMoreThan" and "countUnit" in selection:
        yield "countUnit is not for imageCountMoreThan"
    if "countNumber" in selection and not _is_count(selection["countNumber"]):
        yield f"countNumber must be a whole number from 1, not {selection['countNumber']!r}"


def _of_the_archive(selection: Mapping[str, Any], action: Any) -> Iterator[str]:
    """What goes with the archive. Source: ECR user guide, "Lifecycle policy properties", "Archiving an image"."""
    is_archived = selection.get("storageClass", "standard") == "archive"
    kind, transitions = selection.get("countType"), isinstance(action, dict) and action.get("type") == "transition"
    if selection.get("storageClass", "standard") not in {"standard", "archive"}:
        yield f"storageClass must be standard or archive, not {selection['storageClass']!r}"
    if is_archived and transitions:
        yield "what is archived cannot be transitioned to the archive"
    if kind == "sinceImageTransitioned" and not is_archived:
        yield "sinceImageTransitioned is only for the storageClass archive"
    days = selection.get("countNumber")
    if kind == "sinceImageTransitioned" and isinstance(days, int) and 1 <= days < ARCHIVED_DAYS_MIN:
        yield f"archived images stay for {ARCHIVED_DAYS_MIN} days at least"
    if kind == "sinceImagePulled" and not transitions:
        yield "sinceImagePulled is only for the action transition"


def _names(given: Mapping[str, Any], *, required: set[str], known: set[str]) -> Iterator[str]:
    missing = sorted(required - given.keys())
    if missing:
        yield f"object has missing required properties ({json.dumps(missing)})"
    unknown = sorted(given.keys() - known)
    if unknown:
        yield f"object instance has properties which are not allowed by the schema: ({json.dumps(unknown)})"


def _among_rules(rules: list[Mapping[str, Any]]) -> Iterator[str]:
    priorities = [rule["rulePriority"] for rule in rules]
    if len(set(priorities)) < len(priorities):
        yield "each rule must have a rulePriority of its own"
    of_any = [rule["rulePriority"] for rule in rules if rule["selection"]["tagStatus"] == "any"]
    if any(priority < max(priorities) for priority in of_any):
        yield "a rule with tagStatus any must have the highest rulePriority"
    of_untagged = [rule["selection"].get("storageClass", "standard") for rule in rules if _is_of(rule, "untagged")]
    if len(set(of_untagged)) < len(of_untagged):
        yield "only one rule may select untagged images of a storage class"


def _is_of(rule: Mapping[str, Any], status: str) -> bool:
    return bool(rule["selection"]["tagStatus"] == status)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
