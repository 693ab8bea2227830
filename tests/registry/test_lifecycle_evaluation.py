"""Which images a lifecycle policy marks: the user guide's own examples, and what its rules say in words."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ninelives.registry import Image
from ninelives.registry.lifecycle_evaluation import evaluate, read_rules

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def image(name: str, *tags: str, age: float = 1, pulled: float | None = None, subject: str | None = None) -> Image:
    """An image called ``name``, pushed ``age`` days ago."""
    return Image(
        repository="cats",
        digest=name,
        media_type="any",
        size_in_bytes=1,
        pushed_at=NOW - timedelta(days=age),
        pulled_at=None if pulled is None else NOW - timedelta(days=pulled),
        subject=subject,
        tags=tags,
    )


def tagged(count: int, *patterns: str, kind: str = "imageCountMoreThan", by: str = "tagPatternList") -> dict[str, Any]:
    return {"tagStatus": "tagged", by: list(patterns), **counted(count, kind)}


def untagged(count: int, kind: str = "imageCountMoreThan") -> dict[str, Any]:
    return {"tagStatus": "untagged", **counted(count, kind)}


def any_image(count: int, kind: str = "imageCountMoreThan") -> dict[str, Any]:
    return {"tagStatus": "any", **counted(count, kind)}


def counted(count: int, kind: str) -> dict[str, Any]:
    unit = {} if kind == "imageCountMoreThan" else {"countUnit": "days"}
    return {"countType": kind, "countNumber": count, **unit}


def policy(*selections: Mapping[str, Any], action: Mapping[str, str] | None = None) -> str:
    rules = [
        {"rulePriority": place, "selection": one, "action": action or {"type": "expire"}}
        for place, one in enumerate(selections, 1)
    ]
    return json.dumps({"rules": rules})


def marked(text: str, images: Sequence[Image], lists: Mapping[str, Collection[str]] | None = None) -> list[tuple[str, int]]:
    """Name and rule of each image that is marked, in order of deletion."""
    return [(one.image.digest, one.rule_priority) for one in evaluate(read_rules(text), images, lists or {}, NOW)]


BETAS = [image("A", "beta-1", "prod-1", age=10), image("B", "beta-2", "prod-2", age=9), image("C", "beta-3", age=8)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (policy(tagged(1, "prod*"), tagged(1, "beta*")), [("A", 1)]),
        (policy(tagged(1, "beta*"), tagged(1, "prod*")), [("A", 1), ("B", 1)]),
        (policy(tagged(1, "prod", by="tagPrefixList"), tagged(1, "beta", by="tagPrefixList")), [("A", 1)]),
    ],
)
def test_an_image_is_the_first_rules_that_it_meets_whatever_later_rules_count(text: str, expected: Any) -> None:
    """Source: "Examples of lifecycle policies in Amazon ECR", "Filtering on multiple rules", examples A and B."""
    assert marked(text, BETAS) == expected


def test_a_rule_of_several_patterns_looks_at_images_that_meet_all_of_them() -> None:
    """Source: "Filtering on multiple tags in a single rule", example B."""
    images = [
        image("A", "alpha-1", age=12), image("B", "beta-1", age=11), image("C", "alpha-2", "beta-2", age=10),
        image("D", "alpha-3", age=4), image("E", "alpha-4", "beta-4", age=9),
    ]  # fmt: skip

    assert marked(policy(tagged(1, "alpha*", "beta*")), images) == [("C", 1)]


def test_a_rule_of_any_image_counts_what_earlier_rules_hold() -> None:
    """Source: "Filtering on all images", example B: what a rule has seen is no later rule's, but is counted."""
    images = [image("A", "alpha-1", age=5), image("B", "beta-1", age=4), image("C", age=3), image("D", "alpha-2", age=2)]

    assert marked(policy(tagged(1, "alpha*"), any_image(1)), images) == [("A", 1), ("B", 2), ("C", 2)]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (untagged(14, "sinceImagePushed"), ["old"]),
        (any_image(14, "sinceImagePushed"), ["release", "old"]),
        (tagged(14, "v*", kind="sinceImagePushed"), ["release"]),
        (tagged(14, "V*", kind="sinceImagePushed"), []),
        (tagged(14, "*.*.*", kind="sinceImagePushed"), ["release"]),
        (untagged(1), ["old"]),
    ],
)
def test_ages_are_older_than_and_counts_are_more_than(selection: Mapping[str, Any], expected: list[str]) -> None:
    images = [image("release", "v1.0.0", age=20), image("old", age=14.01), image("young", age=14)]

    assert [name for name, _ in marked(policy(selection), images)] == expected


def test_a_prefix_is_no_pattern() -> None:
    images = [image("A", "v*1", age=2), image("B", "v21", age=1)]

    assert marked(policy(tagged(1, "v*1", by="tagPrefixList")), images) == []
    assert marked(policy(tagged(1, "v*1")), images) == [("A", 1)]


def test_an_image_that_a_list_names_goes_with_the_list_only_and_after_it() -> None:
    images = [image("child", age=30), image("other", age=30), image("index", "v1", age=29)]
    lists = {"index": ["child"]}

    assert marked(policy(untagged(14, "sinceImagePushed")), images, lists) == [("other", 1)]
    assert [name for name, _ in marked(policy(any_image(14, "sinceImagePushed")), images, lists)] == [
        "other",
        "index",
        "child",
    ]


def test_what_is_about_an_image_is_no_rules_and_goes_with_it() -> None:
    images = [image("A", "v1", age=20), image("signature", age=20, subject="A"), image("orphan", age=20, subject="gone")]

    assert marked(policy(untagged(14, "sinceImagePushed")), images) == [("orphan", 1)]
    assert marked(policy(tagged(14, "*", kind="sinceImagePushed")), images) == [("A", 1), ("signature", 1)]


def test_days_since_the_last_pull_count_from_the_push_where_there_was_none() -> None:
    images = [image("pulled", "a", age=90, pulled=1), image("never", "b", age=90), image("long ago", "c", age=90, pulled=60)]
    archive = {"type": "transition", "targetStorageClass": "archive"}

    found = evaluate(read_rules(policy(any_image(30, "sinceImagePulled"), action=archive)), images, {}, NOW)

    assert {(one.image.digest, one.action.value) for one in found} == {("never", "TRANSITION"), ("long ago", "TRANSITION")}


def test_what_a_list_names_does_not_expire_while_the_list_is_only_archived() -> None:
    """ECR refuses to delete what a list names, wherever the list lies."""
    rules = json.loads(policy(untagged(14, "sinceImagePushed"), any_image(14, "sinceImagePushed")))
    rules["rules"][1]["action"] = {"type": "transition", "targetStorageClass": "archive"}
    images = [image("index", "v1", age=30), image("child", age=30), image("other", age=30)]

    assert marked(json.dumps(rules), images, {"index": ["child"]}) == [("index", 2), ("other", 1)]


def test_what_is_about_an_image_does_not_go_with_it_while_a_list_names_it() -> None:
    images = [image("old", "v1", age=30), image("signature", age=30, subject="old"), image("index", "sha256-old", age=1)]

    assert marked(policy(any_image(14, "sinceImagePushed")), images, {"index": ["signature"]}) == [("old", 1)]


def test_what_is_archived_is_looked_at_by_rules_of_the_archive_alone() -> None:
    stored = replace(image("stored", age=200), archived_at=NOW - timedelta(days=91))
    young = replace(image("young", age=200), archived_at=NOW - timedelta(days=89))
    back = replace(image("back", age=200), archived_at=NOW - timedelta(days=91), activated_at=NOW - timedelta(days=5))
    archived = {**any_image(90, "sinceImageTransitioned"), "storageClass": "archive"}

    assert marked(policy(archived), [stored, young, back]) == [("stored", 1)]
    assert marked(policy(untagged(14, "sinceImagePushed")), [stored, young, back]) == [], "what came back counts from then"
    assert marked(policy(untagged(4, "sinceImagePushed")), [stored, young, back]) == [("back", 1)]


TAGS = st.lists(st.sampled_from(["prod-1", "prod-2", "beta-1", "v1"]), max_size=2, unique=True)
SELECTIONS = st.one_of(
    st.builds(tagged, st.integers(1, 3), st.sampled_from(["prod*", "beta*", "*-1", "*"])),
    st.builds(tagged, st.integers(1, 9), st.sampled_from(["prod*", "*"]), kind=st.just("sinceImagePushed")),
    st.builds(untagged, st.integers(1, 3)),
)


@given(
    found=st.lists(st.tuples(TAGS, st.integers(0, 12)), max_size=7),
    selections=st.lists(SELECTIONS, min_size=1, max_size=3),
    named=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=3),
)
def test_every_mark_is_one_rules_and_no_standing_list_loses_an_image(
    found: list[tuple[list[str], int]], selections: list[dict[str, Any]], named: list[tuple[int, int]]
) -> None:
    """Law: a mark is of the first rule that looks at the image, no list that stays names a marked image, and a second run
    right after the first finds no more than what the first would have let go but for lists that stood.
    """
    images = [image(str(place), *tags, age=age) for place, (tags, age) in enumerate(found)]
    lists: dict[str, list[str]] = {}
    for above, below in named:
        if below < above < len(images):
            lists.setdefault(str(above), []).append(str(below))
    rules = read_rules(policy(*selections))

    marks = evaluate(rules, images, lists, NOW)

    gone = [mark.image.digest for mark in marks]
    assert len(set(gone)) == len(gone)
    for mark in marks:
        assert mark.rule_priority == next(rule.priority for rule in rules if rule.looks_at(mark.image))
    assert not {digest for name, inside in lists.items() if name not in gone for digest in inside} & set(gone)
    for name, inside in lists.items():
        assert all(gone.index(name) < gone.index(digest) for digest in inside if name in gone and digest in gone)
    left = [one for one in images if one.digest not in gone]
    standing = {name: inside for name, inside in lists.items() if name not in gone}
    assert not evaluate(rules, left, standing, NOW)
