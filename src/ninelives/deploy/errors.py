"""What can go wrong with a release before ECS has it; each message says what was found, where, and what to do next.

::

    DeployError
    ├── InvalidServiceFile     the file: all its mistakes at once
    ├── NoRegion               nothing answers where the API should be
    ├── MissingPieces          what stands still is not there, and is not ours to make
    ├── BuildFailed            the image: no Dockerfile, no Docker, a failed step
    ├── PushFailed             the registry said no
    └── NotFound               a version, a service or a deployment that is not there

What the world does to a release that ECS has (a task that dies, a rollback) is not an exception but a verdict.
"""

from collections.abc import Sequence

from ninelives.deploy.options import LOCAL


class DeployError(Exception):
    """A mistake of the user's or of the surroundings; ``hint`` says what to do next."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n{self.hint}"


class InvalidServiceFile(DeployError):
    """The service file cannot be used; ``problems`` are all its mistakes, each with file and line."""

    def __init__(self, problems: Sequence[str], *, hint: str | None = None) -> None:
        super().__init__("\n".join(problems), hint=hint)
        self.problems = tuple(problems)


class NoRegion(DeployError):
    """Nothing answers at the endpoint."""


class MissingPieces(DeployError):
    """Parts of the surroundings that are missing where we do not make them; ``pieces`` names each."""

    def __init__(self, pieces: Sequence[str], *, environment: str, stack: str | None = None) -> None:
        listed = "\n".join(f"  - {piece}" for piece in pieces)
        super().__init__(
            f"The environment {environment!r} lacks what the service stands on:\n{listed}",
            hint=_who_makes_them(environment, stack),
        )
        self.pieces = tuple(pieces)


def _who_makes_them(environment: str, stack: str | None) -> str:
    if stack is not None:
        return f"The stack {stack} is older than the service file: `ninelives bootstrap` brings it up to date."
    if environment == LOCAL:
        return (
            "What the file names must be there; where it names nothing (or `null`, in `environments.local`), "
            "`ninelives deploy` makes its own."
        )
    return (
        "Make them with `ninelives bootstrap` (or Terraform, CDK, the console), or name existing ones in the service file; "
        "only in the environment 'local' does `ninelives deploy` make them by itself."
    )


class BuildFailed(DeployError):
    """The image was not built."""


class PushFailed(DeployError):
    """The image was not taken by the registry."""


class NotFound(DeployError):
    """A version, a service, or a deployment that is not there."""
