"""Who may deploy from GitHub: the subjects that its tokens bear, and which of them the deploy role trusts. Pure.

GitHub writes a token's subject (``sub``) in one of two ways: by names alone or, in repositories that were made, renamed or
moved since July 2026 and in those that have opted in, with the owner's and the repository's numbers beside the names: nobody
who takes a name over is then taken for the one before. A repository sends one of the two; a trust that lists both holds
whichever it is, and over the change.

Source: GitHub docs, "OpenID Connect reference" (example subject claims, immutable subject claims).
"""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ninelives.deploy.bootstrap_part import BootstrapGitHub
from ninelives.deploy.service_file import ServiceFile

ISSUER = "token.actions.githubusercontent.com"
"""Host of the provider's URL, and what condition keys begin with."""
AUDIENCE = "sts.amazonaws.com"
"""What aws-actions/configure-aws-credentials asks tokens for."""
ROLE_SECRET = "ROLE_TO_ASSUME"  # noqa: S105 (the secret's name)
"""The repository secret (or variable) that holds the deploy role's ARN."""


def github_stack_name(file: ServiceFile) -> str:
    """The stack with the deploy role; its output ``DeployRoleArn`` goes into the secret ``ROLE_TO_ASSUME``."""
    return f"{file.service}-github"


def deploy_role_name(file: ServiceFile, region: str) -> str:
    """IAM is one for all regions, so the role bears its own.

    >>> from ninelives.deploy.reading import parse_service_file
    >>> deploy_role_name(parse_service_file("{service: cats, image: ., port: 80}"), "eu-west-1")
    'cats-deploy-eu-west-1'
    """
    return f"{file.service}-deploy-{region}"


DEPLOY_ROLE_OUTPUT = "DeployRoleArn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Where a job runs: its environment where it has one, else the ref that it runs for (``refs/heads/main``)."""

    ref: str | None = None
    environment: str | None = None

    @property
    def context(self) -> str:
        """What stands behind the repository in the subject.

        >>> Run(ref="refs/tags/v1").context, Run(ref="refs/heads/main", environment="staging").context, Run().context
        ('ref:refs/tags/v1', 'environment:staging', 'pull_request')
        """
        if self.environment is not None:
            return f"environment:{self.environment}"
        return f"ref:{self.ref}" if self.ref is not None else "pull_request"


def trusted_subjects(github: BootstrapGitHub) -> tuple[str, ...]:
    """The subjects of the deploy role's trust, in both formats where the numbers are known.

    >>> cats = BootstrapGitHub(repository="acme/cats", branches=("main",), owner_id=1, repository_id=2)
    >>> trusted_subjects(cats)
    ('repo:acme/cats:ref:refs/heads/main', 'repo:acme@1/cats@2:ref:refs/heads/main')
    """
    runs = [
        *(Run(environment=name) for name in github.environments),
        *(Run(ref=f"refs/heads/{name}") for name in github.branches),
        *(Run(ref=f"refs/tags/{name}") for name in github.tags),
    ]
    return tuple(subject for run in runs for subject in subjects_of(github, run))


def subjects_of(github: BootstrapGitHub, run: Run) -> tuple[str, ...]:
    """What GitHub may call a run: by names and, where they are known, by numbers too."""
    return tuple(f"repo:{name}:{run.context}" for name in _repository_names(github))


def _repository_names(github: BootstrapGitHub) -> Iterator[str]:
    yield github.repository
    if github.owner_id is not None and github.repository_id is not None:
        owner, _, name = github.repository.partition("/")
        yield f"{owner}@{github.owner_id}/{name}@{github.repository_id}"


def is_trusted(subject: str, trusted: Sequence[str]) -> bool:
    """Whether IAM's ``StringLike`` takes a subject: ``*`` any text, ``?`` any character, capitals count.

    >>> is_trusted("repo:acme/cats:ref:refs/tags/v1.0", ["repo:acme/cats:ref:refs/tags/v*"])
    True
    """
    return any(fnmatchcase(subject, pattern.replace("[", "[[]")) for pattern in trusted)


def why_not_trusted(github: BootstrapGitHub, run: Run) -> str | None:
    """Why a job would not get the role, with what to write; None where it would."""
    if is_trusted(subjects_of(github, run)[0], trusted_subjects(github)):
        return None
    kind, known, wanted = _of_a_kind(github, run)
    near = difflib.get_close_matches(wanted, known, n=1)
    told = f"it trusts {kind} {', '.join(known)}" if known else f"it trusts no {kind}"
    advice = f"did you mean {near[0]!r}?" if near else f"add {wanted!r} to `bootstrap.github.{kind}`"
    return f"its token says {subjects_of(github, run)[0]!r}, which the deploy role does not trust: {told}; {advice}"


def _of_a_kind(github: BootstrapGitHub, run: Run) -> tuple[str, tuple[str, ...], str]:
    """The key of the service file that would trust a run, what stands there, and what would have to."""
    if run.environment is not None:
        return "environments", github.environments, run.environment
    ref = run.ref or "refs/heads/"
    if ref.startswith("refs/tags/"):
        return "tags", github.tags, ref.removeprefix("refs/tags/")
    return "branches", github.branches, ref.removeprefix("refs/heads/")
