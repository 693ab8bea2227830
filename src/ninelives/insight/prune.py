"""Cleans up behind a service: shows what may go, and lets it go, looked at again just before.

Task definitions go first, then images: whoever is interrupted in between finds nothing that names an image which is gone.
What is gone already is no error, so that the same clean-up may be done again.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ninelives.deploy.aws import Aws
from ninelives.deploy.clock import Clock
from ninelives.insight.holders import Asked, Surveyor
from ninelives.insight.retention import Choice, Definition, Facts, Keep, StoredImage, choose, freed_bytes

IMAGES_A_CALL: Final = 100
"""Source: ``ecr`` 2015-09-21, ``BatchDeleteImageRequest.imageIds``."""
DEFINITIONS_A_CALL: Final = 10
"""Source: ``ecs`` 2014-11-13, ``DeleteTaskDefinitionsRequest.taskDefinitions``."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What may go from which repository, and how sure that is."""

    facts: Facts
    choice: Choice
    keep: Keep
    deletes_definitions: bool
    limits: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        choice = self.choice
        return not (choice.deregister or choice.images or (self.deletes_definitions and choice.delete))


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What went, what stayed at the second look, and what AWS would not let go."""

    deregistered: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    images: tuple[StoredImage, ...] = ()
    freed_bytes: int = 0
    spared: tuple[str, ...] = ()
    """What was to go, and was needed again just before."""
    failures: tuple[str, ...] = ()


@dataclass(slots=True)
class _Progress:
    deregistered: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    images: list[StoredImage] = field(default_factory=list)
    spared: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)


class Prune:
    """One clean-up of one repository and family."""

    def __init__(self, aws: Aws, clock: Clock, asked: Asked, keep: Keep, *, deletes_definitions: bool = False) -> None:
        self._aws = aws
        self._clock = clock
        self._surveyor = Surveyor(aws, replace(asked, looks_at_inactive=deletes_definitions))
        self._repository = asked.repository
        self._keep = keep
        self._deletes_definitions = deletes_definitions

    def plan(self) -> Plan:
        """What may go now. Raises ``CannotCheck`` where something could not be read."""
        survey = self._surveyor.survey()
        return Plan(
            facts=survey.facts,
            choice=choose(survey.facts, self._keep, self._clock.now()),
            keep=self._keep,
            deletes_definitions=self._deletes_definitions,
            limits=survey.limits,
        )

    def carry_out(self, plan: Plan, tell: Tell) -> Done:
        """Let go what the plan says and a new look before each step confirms."""
        progress = _Progress()
        self._deregister(plan, progress, tell)
        if plan.deletes_definitions:
            self._delete_definitions(plan, progress, tell)
        self._delete_images(plan, progress, tell)
        staying = [one for one in plan.facts.images if one not in progress.images]
        return Done(
            deregistered=tuple(progress.deregistered),
            deleted=tuple(progress.deleted),
            images=tuple(progress.images),
            freed_bytes=freed_bytes(progress.images, staying),
            spared=tuple(sorted(progress.spared)),
            failures=tuple(progress.failures),
        )

    def _deregister(self, plan: Plan, progress: _Progress, tell: Tell) -> None:
        if not plan.choice.deregister:
            return
        still = {one.arn for one in self.plan().choice.deregister}
        for one in plan.choice.deregister:
            if one.arn not in still:
                progress.spared.add(name_of(one))
                continue
            self._aws.ecs.deregister_task_definition(taskDefinition=one.arn)
            progress.deregistered.append(one.arn)
            tell(f"deregistered {name_of(one)}")

    def _delete_definitions(self, plan: Plan, progress: _Progress, tell: Tell) -> None:
        wanted = {one.arn for one in (*plan.choice.delete, *plan.choice.deregister)}
        free = [one for one in self.plan().choice.delete if one.arn in wanted]
        for start in range(0, len(free), DEFINITIONS_A_CALL):
            part = free[start : start + DEFINITIONS_A_CALL]
            answer = self._aws.ecs.delete_task_definitions(taskDefinitions=[one.arn for one in part])
            failed = {one.get("arn"): str(one.get("reason")) for one in answer.get("failures") or ()}
            progress.failures += [f"task definition {arn}: {reason}" for arn, reason in failed.items()]
            gone = [one for one in part if one.arn not in failed]
            progress.deleted += [one.arn for one in gone]
            if gone:
                tell(f"deleted {', '.join(map(name_of, gone))}")

    def _delete_images(self, plan: Plan, progress: _Progress, tell: Tell) -> None:
        for part in _parts(plan.choice.images):
            now = self.plan()
            free = {image.digest: image for image in now.choice.images}
            here = {image.digest for image in now.facts.images}
            progress.spared |= {in_words(image) for image in part if image.digest in here and image.digest not in free}
            going = [image for image in part if free.get(image.digest) == image]
            progress.spared |= {in_words(one) for one in part if one.digest in free and free[one.digest] != one}
            self._delete(going, progress, tell)

    def _delete(self, images: Sequence[StoredImage], progress: _Progress, tell: Tell) -> None:
        if not images:
            return
        answer = self._aws.ecr.batch_delete_image(
            repositoryName=self._repository, imageIds=[{"imageDigest": image.digest} for image in images]
        )
        failed = {_digest(one): one for one in answer.get("failures") or () if one.get("failureCode") != "ImageNotFound"}
        progress.failures += [f"image {digest}: {one.get('failureReason')}" for digest, one in failed.items()]
        gone = [image for image in images if image.digest not in failed]
        progress.images += gone
        if gone:
            tell(f"deleted {', '.join(map(in_words, gone))}")


def _parts(images: Sequence[StoredImage]) -> Iterator[list[StoredImage]]:
    """As many images as a call takes, none together with an index that lists it: ECR would refuse to delete it."""
    part: list[StoredImage] = []
    for image in images:
        listed = {digest for one in part for digest in one.named}
        if len(part) == IMAGES_A_CALL or image.digest in listed:
            yield part
            part = []
        part.append(image)
    if part:
        yield part


def _digest(failure: Any) -> str:
    return str((failure.get("imageId") or {}).get("imageDigest"))


def name_of(definition: Definition) -> str:
    return f"task definition {definition.family}:{definition.revision}"


def in_words(image: StoredImage) -> str:
    return f"image {', '.join(image.tags) or image.digest[:19]}"
