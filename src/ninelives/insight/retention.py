"""What of a service's images and task definitions may go: facts in, a choice out. Nothing is read or deleted here.

What runs anywhere, what a release under way or a rollback needs, what a schedule starts, and what is young or among the newest
stays, each with the reason why. In doubt it stays: an image's name counts whatever registry it is said to be in.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from ninelives.model.images import read_reference


class Reason(StrEnum):
    """Why something stays, in the order in which reasons are told."""

    RUNS = "runs"
    UNDER_WAY = "is being released"
    SCHEDULED = "is started by a schedule"
    ROLLBACK = "is there for a rollback"
    NAMED = "is named by a task definition"
    NEWEST = "is among the newest"
    YOUNG = "is young"
    PART = "belongs to an image that stays"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A reason to stay, and whose it is."""

    reason: Reason
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredImage:
    """A manifest in the repository."""

    digest: str
    pushed_at: datetime
    tags: tuple[str, ...] = ()
    blobs: Mapping[str, int] = field(default_factory=dict)
    """Bytes of its configuration and layers, by digest."""
    named: tuple[str, ...] = ()
    """Digests of what it lists, of an index."""
    subject: str | None = None
    """What it is about: a signature's or an attestation's image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A task definition revision."""

    arn: str
    family: str
    revision: int
    status: str
    registered_at: datetime | None = None
    images: tuple[str, ...] = ()
    """As its containers name them."""
    digest: str | None = None
    """The image's digest that the release tool noted on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Something that needs a task definition, images by their names, or images by their digests."""

    hold: Hold
    definition: str | None = None
    """Its ARN."""
    images: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenRelease:
    """A service deployment that went all the way, and what it brought."""

    service: str
    definition: str
    finished_at: datetime
    digests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that was seen of an account and region."""

    repository: str
    family: str
    images: tuple[StoredImage, ...] = ()
    """Of the repository."""
    definitions: Mapping[str, Definition] = field(default_factory=dict)
    """By ARN: those of the family, and all others that something names."""
    uses: tuple[Use, ...] = ()
    releases: tuple[ProvenRelease, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """How much of the past stays."""

    releases: int = 10
    days: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What may go, and why the rest stays."""

    deregister: tuple[Definition, ...] = ()
    delete: tuple[Definition, ...] = ()
    """Those that are INACTIVE already; what is deregistered may follow."""
    images: tuple[StoredImage, ...] = ()
    """An index before what it lists."""
    freed_bytes: int = 0
    held_definitions: Mapping[str, tuple[Hold, ...]] = field(default_factory=dict)
    held_images: Mapping[str, tuple[Hold, ...]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not (self.deregister or self.delete or self.images)


def choose(facts: Facts, keep: Keep, now: datetime) -> Choice:
    """What may go. INACTIVE task definitions of the family may be deleted; whether they are is the caller's to say."""
    definitions = _held_definitions(facts, keep, now)
    images = _held_images(facts, definitions, keep, now)
    free = [one for one in _family(facts) if one.arn not in definitions]
    going = [image for image in facts.images if image.digest not in images]
    return Choice(
        deregister=tuple(one for one in free if one.status == "ACTIVE"),
        delete=tuple(one for one in free if one.status == "INACTIVE"),
        images=tuple(_lists_first(going)),
        freed_bytes=freed_bytes(going, [image for image in facts.images if image.digest in images]),
        held_definitions={arn: tuple(holds) for arn, holds in definitions.items()},
        held_images={digest: tuple(holds) for digest, holds in images.items()},
    )


def freed_bytes(going: Iterable[StoredImage], staying: Iterable[StoredImage]) -> int:
    """Bytes of what only the images that go have, each layer counted once.

    >>> at = datetime(2026, 1, 1)
    >>> old, new = (StoredImage(digest=name, pushed_at=at, blobs={"base": 10, name: 1}) for name in ("old", "new"))
    >>> freed_bytes([old], [new]), freed_bytes([old, new], [])
    (1, 12)
    """
    gone = {digest: size for image in going for digest, size in image.blobs.items()}
    needed = {digest for image in staying for digest in image.blobs}
    return sum(size for digest, size in gone.items() if digest not in needed)


def proven(releases: Iterable[ProvenRelease], keep: Keep, now: datetime) -> Iterator[ProvenRelease]:
    """Of each service the releases of its last ``keep.releases`` task definitions, and those of the last days.

    The same task definition released ten times is one way back, not ten.
    """
    by_service: dict[str, list[ProvenRelease]] = defaultdict(list)
    for one in sorted(releases, key=lambda release: release.finished_at, reverse=True):
        by_service[one.service].append(one)
    for of_service in by_service.values():
        kept: set[str] = set()
        for one in of_service:
            if one.definition in kept or len(kept) < keep.releases or now - one.finished_at <= timedelta(days=keep.days):
                kept.add(one.definition)
                yield one


Holds = dict[str, list[Hold]]


def _family(facts: Facts) -> list[Definition]:
    """The family's revisions, the newest first."""
    own = [one for one in facts.definitions.values() if one.family == facts.family]
    return sorted(own, key=lambda one: one.revision, reverse=True)


def _held_definitions(facts: Facts, keep: Keep, now: datetime) -> Holds:
    """Why task definitions stay, by ARN; those of other families all do."""
    held: Holds = defaultdict(list)
    for use in facts.uses:
        if use.definition is not None:
            held[use.definition].append(use.hold)
    for release in proven(facts.releases, keep, now):
        held[release.definition].append(Hold(reason=Reason.ROLLBACK, by=release.service))
    active = [one for one in _family(facts) if one.status == "ACTIVE"]
    for one in active[: max(1, keep.releases)]:  # the newest of all is what the family's bare name means
        held[one.arn].append(Hold(reason=Reason.NEWEST, by=f"the newest of {facts.family}"))
    for one in active:
        if one.registered_at is None or now - one.registered_at <= timedelta(days=keep.days):
            held[one.arn].append(Hold(reason=Reason.YOUNG, by=f"the last {keep.days} days"))
    for one in facts.definitions.values():
        if one.family != facts.family:
            held[one.arn].append(Hold(reason=Reason.NAMED, by=f"the family {one.family}"))
    return dict(held)


def _held_images(facts: Facts, definitions: Holds, keep: Keep, now: datetime) -> Holds:
    """Why images stay, by digest."""
    held: Holds = defaultdict(list)
    by_tag = {tag: image.digest for image in facts.images for tag in image.tags}

    def hold(names: Iterable[str], digests: Iterable[str | None], why: Hold) -> None:
        read = [read_reference(name) for name in names]
        ours = [name for name in read if name.repository == facts.repository]
        found = {by_tag.get(name.tag_meant) for name in ours if name.tag_meant} | {name.digest for name in ours} | set(digests)
        for digest in sorted(found - {None}, key=str):
            held[str(digest)].append(why)

    for use in facts.uses:
        hold(use.images, use.digests, use.hold)
    for release in proven(facts.releases, keep, now):
        hold((), release.digests, Hold(reason=Reason.ROLLBACK, by=release.service))
    for arn, holds in definitions.items():
        one = facts.definitions.get(arn)
        if one is not None:
            hold(one.images, (one.digest,), _of_definition(one, holds))
    own = [image for image in facts.images if image.tags and image.subject is None]  # signatures take no image's place
    tagged = sorted(own, key=lambda image: image.pushed_at, reverse=True)
    hold((), (image.digest for image in tagged[: keep.releases]), Hold(reason=Reason.NEWEST, by="the newest with a tag"))
    young = [image.digest for image in facts.images if now - image.pushed_at <= timedelta(days=keep.days)]
    hold((), young, Hold(reason=Reason.YOUNG, by=f"the last {keep.days} days"))
    here = {image.digest for image in facts.images}
    return _with_their_parts({digest: holds for digest, holds in held.items() if digest in here}, facts.images)


def _of_definition(definition: Definition, holds: Sequence[Hold]) -> Hold:
    """Why the image of a task definition stays: for the best of the reasons for which the definition does."""
    best = min(holds, key=lambda hold: list(Reason).index(hold.reason))
    reason = Reason.NAMED if best.reason in {Reason.NEWEST, Reason.YOUNG} else best.reason
    return Hold(reason=reason, by=best.by if reason is best.reason else f"{definition.family}:{definition.revision}")


def _with_their_parts(held: Mapping[str, list[Hold]], images: Collection[StoredImage]) -> Holds:
    """What is held, and with it: what it lists, the lists that name it, and what is about it."""
    all_held = {digest: list(holds) for digest, holds in held.items()}
    bonds: dict[str, set[str]] = defaultdict(set)
    here = {image.digest for image in images}
    for image in images:
        for digest in image.named:
            bonds[image.digest].add(digest)
            bonds[digest].add(image.digest)
        if image.subject is not None:
            bonds[image.subject].add(image.digest)
    to_follow = list(all_held)
    while to_follow:
        one = to_follow.pop()
        for digest in sorted(bonds[one] & here - all_held.keys()):
            all_held[digest] = [Hold(reason=Reason.PART, by=one)]
            to_follow.append(digest)
    return all_held


def _lists_first(images: Collection[StoredImage]) -> Iterator[StoredImage]:
    """An index before what it lists, what is about an image before it; otherwise the oldest first."""
    left = sorted(images, key=lambda image: (image.pushed_at, image.digest))
    while left:
        below = {digest for image in left for digest in image.named}
        about = {image.subject for image in left}
        free = [image for image in left if image.digest not in below and image.digest not in about] or left[:1]
        yield from free
        gone = {image.digest for image in free}
        left = [image for image in left if image.digest not in gone]
