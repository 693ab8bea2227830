"""Lifecycle policies on the wire: put, got, deleted, and previewed: which images one would let go, without doing it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from ninelives.api.call import Call
from ninelives.api.ecr.shop import EcrHandler, Shop, invalid, page
from ninelives.model.errors import ApiError
from ninelives.registry import Repository
from ninelives.registry.lifecycle import mistakes
from ninelives.registry.lifecycle_evaluation import Action, Mark

NEVER: Final = datetime.fromtimestamp(0, tz=UTC)
"""What ECR says of a policy that was not evaluated yet."""


def put_lifecycle_policy(shop: Shop, call: Call) -> Mapping[str, Any]:
    found, text = shop.repository(call), checked_policy(call.parameters["lifecyclePolicyText"])
    shop.registry.change_repository(replace(found, lifecycle_policy=text, lifecycle_policy_at=shop.now()))
    shop.policy_changed()
    return _written(shop, found, text)


def get_lifecycle_policy(shop: Shop, call: Call) -> Mapping[str, Any]:
    found = shop.repository(call)
    return {**_written(shop, found, _policy(shop, found)), "lastEvaluatedAt": found.lifecycle_evaluated_at or NEVER}


def delete_lifecycle_policy(shop: Shop, call: Call) -> Mapping[str, Any]:
    found = shop.repository(call)
    text = _policy(shop, found)
    changed = replace(found, lifecycle_policy=None, lifecycle_policy_at=None, lifecycle_evaluated_at=None)
    shop.registry.change_repository(changed)
    shop.policy_changed()
    return {**_written(shop, found, text), "lastEvaluatedAt": found.lifecycle_evaluated_at or NEVER}


def checked_policy(text: str) -> str:
    """The text, if it is a policy. Raises ``InvalidParameterException`` with all that is wrong."""
    wrong = mistakes(text)
    if wrong:
        raise invalid("LifecyclePolicyText", f"Lifecycle policy validation failure: {'; '.join(wrong)}")
    return text


def _policy(shop: Shop, repository: Repository) -> str:
    if repository.lifecycle_policy is None:
        raise ApiError("LifecyclePolicyNotFoundException", _none("Lifecycle policy", shop, repository))
    return repository.lifecycle_policy


def _none(what: str, shop: Shop, repository: Repository) -> str:
    return (
        f"{what} does not exist for the repository with name '{repository.name}' in the registry with id '{shop.registry.id}'"
    )


def _written(shop: Shop, repository: Repository, text: str) -> dict[str, Any]:
    return {"registryId": shop.registry.id, "repositoryName": repository.name, "lifecyclePolicyText": text}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a policy would have done to a repository when it was asked."""

    policy: str
    marks: tuple[Mark, ...]


class Previews:
    """The last preview of each repository. They are forgotten with the control process, as ECR's are after a while."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, datetime], Preview] = {}
        """By the repository's name and its making: one of the same name is another repository."""

    def handlers(self) -> Mapping[str, EcrHandler]:
        return {"StartLifecyclePolicyPreview": self.start, "GetLifecyclePolicyPreview": self.get}

    def start(self, shop: Shop, call: Call) -> Mapping[str, Any]:
        """Evaluate now; what came of it is told by ``get``."""
        found = shop.repository(call)
        given = call.parameters.get("lifecyclePolicyText")
        text = _policy(shop, found) if given is None else checked_policy(given)
        self._kept[found.name, found.created_at] = Preview(policy=text, marks=shop.registry.foresee(found.name, text))
        return {**_written(shop, found, text), "status": "IN_PROGRESS"}

    def get(self, shop: Shop, call: Call) -> Mapping[str, Any]:
        found, parameters = shop.repository(call), call.parameters
        preview = self._kept.get((found.name, found.created_at))
        if preview is None:
            raise ApiError("LifecyclePolicyPreviewNotFoundException", _none("Lifecycle policy preview", shop, found))
        asked = parameters.get("imageIds")
        if asked and ("maxResults" in parameters or "nextToken" in parameters):
            raise invalid("maxResults", "cannot be used with imageIds")
        status = parameters.get("filter", {}).get("tagStatus", "ANY")
        marks = [one for one in preview.marks if _is_asked_for(one, asked) and _has_status(one, status)]
        shown, token = (marks, None) if asked else page(marks, parameters, lambda one: one.image.digest)
        return {
            **_written(shop, found, preview.policy),
            "status": "COMPLETE",
            "previewResults": [_write_mark(one) for one in shown],
            "summary": _write_summary(preview.marks),
            "nextToken": token,
        }


def _is_asked_for(mark: Mark, asked: list[Mapping[str, str]] | None) -> bool:
    return not asked or any(
        one.get("imageDigest", mark.image.digest) == mark.image.digest
        and ("imageTag" not in one or one["imageTag"] in mark.image.tags)
        for one in asked
    )


def _has_status(mark: Mark, status: str) -> bool:
    return status == "ANY" or bool(mark.image.tags) == (status == "TAGGED")


def _write_mark(mark: Mark) -> Mapping[str, Any]:
    target = {"targetStorageClass": "ARCHIVE"} if mark.action is Action.TRANSITION else {}
    return {
        "imageTags": list(mark.image.tags) or None,
        "imageDigest": mark.image.digest,
        "imagePushedAt": mark.image.pushed_at,
        "action": {"type": mark.action.value, **target},
        "appliedRulePriority": mark.rule_priority,
        "storageClass": "ARCHIVE" if mark.image.is_archived else "STANDARD",
    }


def _write_summary(marks: tuple[Mark, ...]) -> Mapping[str, Any]:
    moved = sum(one.action is Action.TRANSITION for one in marks)
    return {
        "expiringImageTotalCount": len(marks) - moved,
        "transitioningImageTotalCounts": [{"targetStorageClass": "ARCHIVE", "imageTotalCount": moved}] if moved else None,
    }


HANDLERS: Mapping[str, EcrHandler] = {
    "PutLifecyclePolicy": put_lifecycle_policy,
    "GetLifecyclePolicy": get_lifecycle_policy,
    "DeleteLifecyclePolicy": delete_lifecycle_policy,
}
