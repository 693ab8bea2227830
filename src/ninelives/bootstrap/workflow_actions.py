"""The published actions that a generated workflow uses: each pinned by the commit of a release.

As known on 2026-08-22. Newer releases are Dependabot's to bring, which knows the version by the comment beside the commit.
Source: the tags of each action's repository, ``git rev-parse TAG^{commit}``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedAction:
    """One release of an action."""

    repository: str
    version: str
    commit: str

    @property
    def pinned(self) -> str:
        """What ``uses:`` takes, the version as a comment beside it.

        >>> PublishedAction(repository="o/n", version="v1.2.3", commit="ab" * 20).pinned
        'o/n@abababababababababababababababababababab # v1.2.3'
        """
        return f"{self.repository}@{self.commit} # {self.version}"


def _released(repository: str, version: str, commit: str) -> PublishedAction:
    return PublishedAction(repository=repository, version=version, commit=commit)


ACTIONS: Final[Mapping[str, PublishedAction]] = {
    "checkout": _released("actions/checkout", "v7.0.1", "3d3c42e5aac5ba805825da76410c181273ba90b1"),
    "setup_uv": _released("astral-sh/setup-uv", "v10.0.1", "20cfd1bf945f4377ade1205e4dbc17946fc9a30d"),
    "aws_credentials": _released(
        "aws-actions/configure-aws-credentials", "v6.2.3", "e6de054238d6b7531b4efff3b6587d9aade6a06c"
    ),
    "ecr_login": _released("aws-actions/amazon-ecr-login", "v2.1.7", "03f1aad4c6c7ffd436567f42f9384779290529bd"),
    "render": _released("aws-actions/amazon-ecs-render-task-definition", "v1.9.0", "138c24f321fdbdf7edee4a685519d253cae2cdea"),
    "ecs_deploy": _released(
        "aws-actions/amazon-ecs-deploy-task-definition", "v2.6.3", "c465972ecbd160473f22e683363b422a5412a3de"
    ),
    "buildx": _released("docker/setup-buildx-action", "v4.3.0", "37fe631027851001ddb9b187196cc803df7f5f0e"),
    "upload_artifact": _released("actions/upload-artifact", "v7.0.0", "bbbca2ddaa5d8feaa63e36b76fdaad77386f024f"),
    "build_push": _released("docker/build-push-action", "v7.3.0", "53b7df96c91f9c12dcc8a07bcb9ccacbed38856a"),
}
"""By the name that the templates call each by."""
