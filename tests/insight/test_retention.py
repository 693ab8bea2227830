"""What may go of images and task definitions: by situations, and by laws over any account."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ninelives.insight.retention import (
    Choice,
    Definition,
    Facts,
    Hold,
    Keep,
    ProvenRelease,
    Reason,
    StoredImage,
    Use,
    choose,
)
from ninelives.model.images import read_reference

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
KEEP = Keep(releases=2, days=30)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def image(digest: str, *tags: str, age: float = 100, **more: object) -> StoredImage:
    return replace(
        StoredImage(digest=digest, pushed_at=ago(age), tags=tags, blobs={"base": 100, digest: 1}),
        **more,  # type: ignore[arg-type]  # the fields of the record
    )


def definition(revision: int, *images: str, family: str = "cats", age: float = 100, status: str = "ACTIVE") -> Definition:
    return Definition(
        arn=f"{family}:{revision}", family=family, revision=revision, status=status, registered_at=ago(age), images=images
    )


def account(
    images: Iterable[StoredImage] = (),
    definitions: Iterable[Definition] = (),
    uses: Iterable[Use] = (),
    releases: Iterable[ProvenRelease] = (),
) -> Facts:
    return Facts(
        repository="cats",
        family="cats",
        images=tuple(images),
        definitions={one.arn: one for one in definitions},
        uses=tuple(uses),
        releases=tuple(releases),
    )


def runs(definition_arn: str | None = None, **more: tuple[str, ...]) -> Use:
    return Use(hold=Hold(reason=Reason.RUNS, by="task 1"), definition=definition_arn, **more)


def gone(choice: Choice) -> tuple[list[str], list[str]]:
    """Digests and revisions that go."""
    return [one.digest for one in choice.images], [one.arn for one in choice.deregister]


RELEASES = [image(f"d{n}", f"{n}.0", age=100 - n) for n in range(1, 6)]
REVISIONS = [definition(n, f"{REGISTRY}/cats:{n}.0", age=100 - n) for n in range(1, 6)]


def test_only_the_newest_stay_where_nothing_is_used() -> None:
    assert gone(choose(account(RELEASES, REVISIONS), KEEP, NOW)) == (["d1", "d2", "d3"], ["cats:3", "cats:2", "cats:1"])


def test_what_a_task_runs_stays_by_its_definition_with_its_image() -> None:
    choice = choose(account(RELEASES, REVISIONS, [runs("cats:1")]), KEEP, NOW)

    assert gone(choice) == (["d2", "d3"], ["cats:3", "cats:2"])
    assert Hold(reason=Reason.RUNS, by="task 1") in choice.held_images["d1"]


@pytest.mark.parametrize(
    "use",
    [
        runs(digests=("d2",)),
        runs(images=(f"{REGISTRY}/cats@d2",)),
        runs(images=("127.0.0.1:4566/cats:2.0",)),
        runs(images=(f"{REGISTRY}/cats:moved@d2",)),
        runs(images=("other.example/cats:2.0",)),
    ],
)
def test_an_image_stays_by_whatever_name_it_is_known(use: Use) -> None:
    assert "d2" not in gone(choose(account(RELEASES, uses=[use]), KEEP, NOW))[0]


def test_another_repositorys_image_of_the_same_tag_holds_nothing() -> None:
    use = runs(images=(f"{REGISTRY}/dogs:2.0", f"{REGISTRY}/team/cats:2.0"))

    assert "d2" in gone(choose(account(RELEASES, uses=[use]), KEEP, NOW))[0]


def test_a_release_that_was_proven_ten_times_is_one_way_back() -> None:
    again = [ProvenRelease(service="s", definition="cats:3", finished_at=ago(40 + n)) for n in range(9)]
    before = [
        ProvenRelease(service="s", definition="cats:1", finished_at=ago(80)),
        ProvenRelease(service="s", definition="cats:2", finished_at=ago(90)),
    ]

    choice = choose(account(RELEASES, REVISIONS, releases=[*again, *before]), KEEP, NOW)

    assert gone(choice) == (["d2"], ["cats:2"])
    assert choice.held_images["d1"] == (Hold(reason=Reason.ROLLBACK, by="s"),)


def test_each_service_has_its_own_ways_back() -> None:
    releases = [
        ProvenRelease(service=service, definition=f"cats:{n}", finished_at=ago(40 + n))
        for service, n in (("a", 1), ("b", 2), ("b", 3))
    ]

    assert gone(choose(account(RELEASES, REVISIONS, releases=releases), KEEP, NOW)) == ([], [])


def test_what_another_family_names_stays() -> None:
    other = definition(7, f"{REGISTRY}/cats:1.0", family="nightly")

    choice = choose(account(RELEASES, [*REVISIONS, other]), KEEP, NOW)

    assert "d1" not in gone(choice)[0]
    assert choice.deregister == tuple(REVISIONS[n] for n in (2, 1, 0)), "only its own family's revisions go"


def test_the_digest_stays_that_a_definition_was_released_with_though_its_tag_has_moved() -> None:
    moved = [image("old", age=90), image("new", "1.0", age=50), *RELEASES[3:]]
    noted = replace(definition(5, f"{REGISTRY}/cats:1.0"), digest="old")

    assert gone(choose(account(moved, [noted]), KEEP, NOW))[0] == ["d4"]


def test_an_index_and_its_images_stay_together_and_what_is_about_them() -> None:
    parts = [
        image("index", "1.0", named=("amd64", "arm64")), image("amd64"), image("arm64"),
        image("signature", subject="index"), image("provenance", subject="amd64"), image("orphan", subject="gone"),
    ]  # fmt: skip
    whole = account([*parts, *RELEASES], uses=[runs(digests=("arm64",))])

    assert [one for one in gone(choose(whole, KEEP, NOW))[0] if not one.startswith("d")] == ["orphan"]


def test_an_index_goes_before_what_it_lists_and_signatures_before_what_they_sign() -> None:
    parts = [image("a"), image("index", named=("a", "b"), age=90), image("b"), image("signature", subject="index", age=80)]

    order = gone(choose(account([*parts, *RELEASES[3:]]), KEEP, NOW))[0]

    assert order == ["signature", "index", "a", "b"]


def test_what_is_young_stays_and_what_has_no_date_too() -> None:
    young = [*RELEASES, image("fresh", age=29.9), image("stale", age=30.1)]
    undated = replace(definition(1), registered_at=None)

    choice = choose(account(young, [undated, *REVISIONS[1:]]), KEEP, NOW)

    assert gone(choice) == (["d1", "d2", "d3", "stale"], ["cats:3", "cats:2"])


def test_inactive_definitions_may_be_deleted_unless_something_runs_them() -> None:
    inactive = [replace(one, status="INACTIVE") for one in REVISIONS[:3]]

    choice = choose(account(definitions=[*inactive, *REVISIONS[3:]], uses=[runs("cats:1")]), KEEP, NOW)

    assert [one.arn for one in choice.delete] == ["cats:3", "cats:2"]
    assert not choice.deregister


def test_the_newest_of_a_family_stays_for_its_bare_name_means_it() -> None:
    choice = choose(account(definitions=[definition(1)]), Keep(releases=0, days=0), NOW)

    assert choice.is_empty


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cats", ("cats", "latest", None)),
        ("localhost/cats", ("cats", "latest", None)),
        ("localhost:5000/cats", ("cats", "latest", None)),
        ("team/cats:1", ("team/cats", "1", None)),
        (f"{REGISTRY}/team/cats@sha256:aa", ("team/cats", None, "sha256:aa")),
    ],
)
def test_names_of_images_are_read_in_parts(text: str, expected: tuple[str, str | None, str | None]) -> None:
    found = read_reference(text)

    assert (found.repository, found.tag_meant, found.digest) == expected


# Laws.

AGES = st.integers(0, 60)
SOME = st.integers(0, 7)


@st.composite
def accounts(draw: st.DrawFn) -> Facts:
    """Up to eight images with shared layers, indexes and signatures, revisions, and whatever needs them."""
    count = draw(st.integers(0, 8))
    images = []
    for place in range(count):
        below = draw(st.lists(st.integers(0, place - 1), max_size=2, unique=True)) if place else []
        about = draw(st.none() | st.integers(0, place - 1)) if place else None
        layers = draw(st.lists(st.integers(0, 4), max_size=3, unique=True))
        images.append(
            StoredImage(
                digest=f"d{place}",
                pushed_at=ago(draw(AGES)),
                tags=(f"{place}.0",) if draw(st.booleans()) else (),
                blobs={f"layer{one}": 10 + one for one in layers},
                named=tuple(f"d{one}" for one in below) if draw(st.booleans()) else (),
                subject=None if about is None or draw(st.booleans()) else f"d{about}",
            )
        )
    names = st.one_of(
        SOME.map(lambda n: f"{REGISTRY}/cats:{n}.0"), SOME.map(lambda n: f"{REGISTRY}/cats@d{n}"), st.just("nginx:1")
    )
    definitions = [
        definition(
            n + 1,
            draw(names),
            family=draw(st.sampled_from(["cats", "cats", "nightly"])),
            age=draw(AGES),
            status=draw(st.sampled_from(["ACTIVE", "ACTIVE", "INACTIVE"])),
        )
        for n in range(draw(st.integers(0, 6)))
    ]
    arns = [one.arn for one in definitions]
    of_arns = st.sampled_from(arns) if arns else st.nothing()
    uses = draw(
        st.lists(
            st.one_of(
                of_arns.map(runs),
                names.map(lambda name: runs(images=(name,))),
                SOME.map(lambda n: runs(digests=(f"d{n}",))),
            ),
            max_size=3,
        )
    )
    releases = [
        ProvenRelease(service=draw(st.sampled_from("ab")), definition=arn, finished_at=ago(draw(AGES)))
        for arn in draw(st.lists(of_arns, max_size=5 if arns else 0))
    ]
    return account(images, definitions, uses, releases)


KEEPS = st.builds(Keep, releases=st.integers(1, 3), days=st.integers(0, 40))


def needed_images(facts: Facts, choice: Choice, keep: Keep) -> set[str]:
    """By brute force: what running things, rollbacks and standing definitions name, and all that hangs together with it."""
    left = {one.arn for one in choice.deregister}
    standing = [
        one for one in facts.definitions.values() if one.arn not in left and (one.status == "ACTIVE" or one.family != "cats")
    ]
    names = [name for one in standing for name in one.images]
    names += [name for use in facts.uses for name in use.images]
    used = {use.definition for use in facts.uses if use.definition is not None}
    for service in {one.service for one in facts.releases}:
        newest = sorted((one for one in facts.releases if one.service == service), key=lambda one: one.finished_at)
        ways = list(dict.fromkeys(one.definition for one in reversed(newest)))
        used |= set(ways[: keep.releases])
    names += [name for arn in used if arn in facts.definitions for name in facts.definitions[arn].images]
    needed = {digest for use in facts.uses for digest in use.digests}
    for one in facts.images:
        if any(name.endswith((f"/cats@{one.digest}", *(f"/cats:{tag}" for tag in one.tags))) for name in names):
            needed.add(one.digest)
    while True:
        more = {digest for one in facts.images if one.digest in needed for digest in one.named}
        more |= {one.digest for one in facts.images if set(one.named) & needed or one.subject in needed}
        if more <= needed:
            return needed
        needed |= more


@given(facts=accounts(), keep=KEEPS)
@settings(max_examples=300)
def test_nothing_that_is_used_or_that_a_rollback_needs_is_ever_chosen(facts: Facts, keep: Keep) -> None:
    choice = choose(facts, keep, NOW)

    chosen = {one.arn for one in (*choice.deregister, *choice.delete)}
    assert not chosen & {use.definition for use in facts.uses}
    assert all(facts.definitions[arn].family == "cats" for arn in chosen)
    assert not {one.digest for one in choice.images} & needed_images(facts, choice, keep)


@given(facts=accounts(), keep=KEEPS)
def test_the_bytes_that_are_freed_are_those_of_layers_that_no_image_has_afterwards(facts: Facts, keep: Keep) -> None:
    choice = choose(facts, keep, NOW)

    before = {digest: size for one in facts.images for digest, size in one.blobs.items()}
    after = {digest for one in facts.images if one not in choice.images for digest in one.blobs}
    assert choice.freed_bytes == sum(size for digest, size in before.items() if digest not in after)


def without(facts: Facts, choice: Choice) -> Facts:
    """The account after a clean-up."""
    gone_arns = {one.arn for one in (*choice.deregister, *choice.delete)}
    return replace(
        facts,
        images=tuple(one for one in facts.images if one not in choice.images),
        definitions={arn: one for arn, one in facts.definitions.items() if arn not in gone_arns},
    )


@given(facts=accounts(), keep=KEEPS)
def test_who_has_cleaned_up_finds_nothing_more(facts: Facts, keep: Keep) -> None:
    assert choose(without(facts, choose(facts, keep, NOW)), keep, NOW).is_empty


@given(facts=accounts(), keep=KEEPS)
def test_no_index_that_stays_loses_what_it_lists_and_each_goes_before_its_parts(facts: Facts, keep: Keep) -> None:
    order = [one.digest for one in choose(facts, keep, NOW).images]

    for one in facts.images:
        if one.digest not in order:
            assert not set(one.named) & set(order)
        else:
            assert all(order.index(one.digest) < order.index(part) for part in one.named if part in order)
