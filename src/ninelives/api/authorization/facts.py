"""What is asked of the region's records before a request can be judged: the names in a request are not yet ARNs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDefinition:
    """A task definition: its ARN and the roles that its tasks get, where it has them."""

    arn: str
    task_role: str | None = None
    execution_role: str | None = None

    @property
    def roles(self) -> tuple[str, ...]:
        return tuple(role for role in (self.task_role, self.execution_role) if role)


class Facts(Protocol):
    """Answers from memory; None for what is not there."""

    def tags(self, arn: str) -> Mapping[str, str] | None:
        """A resource's tags."""

    def iam_arn(self, kind: str, name: str) -> str | None:
        """The ARN of a ``role``, ``user``, ``group`` or ``instance-profile``: it has a path that the name has not."""

    def secret_arn(self, name: str) -> str | None:
        """The ARN of a secret: it ends on six characters of Secrets Manager's own."""

    def task_definition(self, reference: str) -> KnownDefinition | None:
        """By family, family and revision, or ARN."""


class NothingKnown:
    """Facts of an empty region."""

    def tags(self, arn: str) -> Mapping[str, str] | None:  # noqa: ARG002
        return None

    def iam_arn(self, kind: str, name: str) -> str | None:  # noqa: ARG002
        return None

    def secret_arn(self, name: str) -> str | None:  # noqa: ARG002
        return None

    def task_definition(self, reference: str) -> KnownDefinition | None:  # noqa: ARG002
        return None
