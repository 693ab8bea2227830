"""What the registry keeps of repositories and images."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository with its settings. Source: ``ecr`` ``Repository``."""

    name: str
    created_at: datetime
    tag_mutability: str = "MUTABLE"
    exclusion_filters: tuple[str, ...] = ()
    """Wildcards; tags that match one are treated the other way round."""
    scan_on_push: bool = False
    encryption_type: str = "AES256"
    kms_key: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    policy: str | None = None
    lifecycle_policy: str | None = None
    lifecycle_policy_at: datetime | None = None
    """When the policy was put."""
    lifecycle_evaluated_at: datetime | None = None
    """When the policy was last carried out; None where it never was."""

    def is_immutable(self, tag: str) -> bool:
        """Whether ``tag`` may not be moved to another image.

        >>> from datetime import UTC
        >>> at = datetime(2026, 1, 1, tzinfo=UTC)
        >>> mode = "IMMUTABLE_WITH_EXCLUSION"
        >>> cats = Repository(name="cats", created_at=at, tag_mutability=mode, exclusion_filters=("dev-*",))
        >>> cats.is_immutable("2.0.1"), cats.is_immutable("dev-7")
        (True, False)
        """
        is_excluded = any(_matches(one, tag) for one in self.exclusion_filters)
        match self.tag_mutability:
            case "IMMUTABLE":
                return True
            case "IMMUTABLE_WITH_EXCLUSION":
                return not is_excluded
            case "MUTABLE_WITH_EXCLUSION":
                return is_excluded
            case _:
                return False


def _matches(wildcard: str, tag: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, wildcard.split("*"))), tag) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A manifest in a repository, without its content. Source: ``ecr`` ``ImageDetail``."""

    repository: str
    digest: str
    media_type: str
    size_in_bytes: int
    """Configuration and layers as they lie here; of a list, the largest of its images."""
    pushed_at: datetime
    pulled_at: datetime | None = None
    artifact_type: str | None = None
    subject: str | None = None
    tags: tuple[str, ...] = ()
    archived_at: datetime | None = None
    """When it was last moved to the archive."""
    activated_at: datetime | None = None
    """When it was last brought back."""

    @property
    def is_archived(self) -> bool:
        """Whether it lies in the archive, from where it cannot be pulled."""
        return self.archived_at is not None and (self.activated_at is None or self.activated_at < self.archived_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageAction:
    """A push or a deletion, of an image under one tag or of one without. Source: ECR user guide, "Amazon ECR events"."""

    action: str
    """PUSH or DELETE."""
    repository: str
    digest: str
    tag: str | None
    is_last: bool = False
    """Of a deletion: whether the image itself is gone, and this tag was told last."""
