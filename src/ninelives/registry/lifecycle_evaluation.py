"""Which images a lifecycle policy lets go, and by which rule: a policy, images and a time give marks, and nothing is done.

Source: ECR user guide, "How lifecycle policies work", "Lifecycle policy evaluation rules", "Examples of lifecycle policies";
what goes with an image that is the subject of others: "Manage public images and reference artifacts".
"""

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from ninelives.registry.records import Image


class Action(StrEnum):
    """What a rule does with what it marks. Source: ``ecr`` ``ImageActionType``."""

    EXPIRE = "EXPIRE"
    TRANSITION = "TRANSITION"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule as evaluation needs it."""

    priority: int
    tag_status: str
    """``tagged``, ``untagged`` or ``any``."""
    patterns: tuple[re.Pattern[str], ...] = ()
    """Each must match a tag of the image, for ``tagged``."""
    count_type: str
    count: int
    """Images that stay, or days."""
    action: Action = Action.EXPIRE
    storage_class: str = "standard"

    def looks_at(self, image: Image) -> bool:
        """Whether the image lies where the rule looks, and meets its demands on tags."""
        if image.is_archived != (self.storage_class == "archive"):
            return False
        match self.tag_status:
            case "tagged":
                return bool(image.tags) and all(any(one.fullmatch(tag) for tag in image.tags) for one in self.patterns)
            case "untagged":
                return not image.tags
            case _:
                return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """An image that a policy lets go, and the rule that says so."""

    image: Image
    rule_priority: int
    action: Action


def _active_since(image: Image) -> datetime:
    """When it was pushed, or last brought back from the archive."""
    return image.activated_at or image.pushed_at


_SINCE: Final[Mapping[str, Callable[[Image], datetime]]] = {
    "sinceImagePushed": _active_since,
    "sinceImagePulled": lambda image: max(image.pulled_at or image.pushed_at, _active_since(image)),
    "sinceImageTransitioned": lambda image: image.archived_at or image.pushed_at,
}
"""Since when an image's days count. One that was never pulled counts from its push."""


@dataclass(slots=True)
class _Marking:
    """What rules of a higher priority have seen, and marked."""

    seen: set[str] = field(default_factory=set)
    marks: dict[str, Mark] = field(default_factory=dict)


def read_rules(text: str) -> tuple[Rule, ...]:
    """The rules of a policy that has no mistakes (``lifecycle.mistakes``), by priority."""
    rules = [_read_rule(rule) for rule in json.loads(text)["rules"]]
    return tuple(sorted(rules, key=lambda rule: rule.priority))


def _read_rule(given: Mapping[str, Any]) -> Rule:
    selection = given["selection"]
    patterns = [_wildcard(one) for one in selection.get("tagPatternList") or ()]
    patterns += [_wildcard(f"{one}*", stars=1) for one in selection.get("tagPrefixList") or ()]
    return Rule(
        priority=given["rulePriority"],
        tag_status=selection["tagStatus"],
        patterns=tuple(patterns),
        count_type=selection["countType"],
        count=selection["countNumber"],
        action=Action(given["action"]["type"].upper()),
        storage_class=selection.get("storageClass", "standard"),
    )


def _wildcard(text: str, *, stars: int | None = None) -> re.Pattern[str]:
    """A pattern in which ``*`` stands for any characters; of a prefix only the last one does."""
    parts = text.split("*") if stars is None else text.rsplit("*", stars)
    return re.compile(".*".join(map(re.escape, parts)), re.DOTALL)


def evaluate(
    rules: Sequence[Rule], images: Sequence[Image], lists: Mapping[str, Collection[str]], now: datetime
) -> tuple[Mark, ...]:
    """The images that go, in the order in which they may be deleted: what lists an image before that image.

    ``lists`` has the digests that each index or list names. An image belongs to the first rule whose demands on tags it meets:
    no later rule takes it, but later rules count it. What a list names goes only with the list; an image that is about another
    one (a signature, an attestation) is no rule's, and goes with its subject.
    """
    by_digest = {image.digest: image for image in images}
    own = [image for image in images if image.subject not in by_digest]
    marking = _Marking()
    for rule in rules:
        looked_at = [image for image in own if rule.looks_at(image)]
        for image in _beyond(rule, looked_at, now):
            if image.digest not in marking.seen:
                marking.marks[image.digest] = Mark(image=image, rule_priority=rule.priority, action=rule.action)
        marking.seen |= {image.digest for image in looked_at}
    marks = _with_what_is_about_them(_with_their_lists(marking.marks, lists), images)
    return tuple(_in_order(_with_their_lists(marks, lists), lists))


def _beyond(rule: Rule, images: Sequence[Image], now: datetime) -> list[Image]:
    """What of the images that a rule looks at is too many or too old, the oldest first."""
    since = _SINCE.get(rule.count_type, _active_since)
    by_age = sorted(images, key=lambda image: (since(image), image.digest))
    if rule.count_type == "imageCountMoreThan":
        return by_age[: max(0, len(by_age) - rule.count)]
    return [image for image in by_age if now - since(image) > timedelta(days=rule.count)]


def _with_their_lists(marks: Mapping[str, Mark], lists: Mapping[str, Collection[str]]) -> dict[str, Mark]:
    """The marks without those on images that a list names which stays, or which is there still: in the archive."""
    left = dict(marks)
    while True:
        staying = {digest for name, named in lists.items() if name not in left for digest in named}
        moving = {name for name, mark in left.items() if mark.action is Action.TRANSITION}
        archived = {digest for name in moving for digest in lists.get(name, ())}
        held = staying | (archived - moving)
        kept = {digest: mark for digest, mark in left.items() if digest not in held}
        if len(kept) == len(left):
            return kept
        left = kept


def _with_what_is_about_them(marks: Mapping[str, Mark], images: Sequence[Image]) -> dict[str, Mark]:
    """The marks, and as many on the images whose subjects expire."""
    all_marks = dict(marks)
    while True:
        found = {
            image.digest: Mark(image=image, rule_priority=subject.rule_priority, action=subject.action)
            for image in images
            if image.digest not in all_marks and (subject := all_marks.get(image.subject or "")) is not None
        }
        if not found:
            return all_marks
        all_marks |= found


def _in_order(marks: Mapping[str, Mark], lists: Mapping[str, Collection[str]]) -> list[Mark]:
    """Lists before what they name; otherwise older before newer."""
    left = dict(sorted(marks.items(), key=lambda item: (item[1].image.pushed_at, item[0])))
    ordered: list[Mark] = []
    while left:
        named = {digest for name in left for digest in lists.get(name, ()) if digest != name}
        free = [digest for digest in left if digest not in named] or list(left)
        ordered += [left.pop(digest) for digest in free]
    return ordered
