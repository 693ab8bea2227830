"""What can go wrong before, while and after stacks are changed; each message says what was found and what to do next.

::

    DeployError
    └── BootstrapError
        ├── WrongPlace      another account or region than the service file expects
        ├── NamesTaken      what would be made is there already, and is not ours
        ├── Untrusted       a workflow that the deploy role would not trust
        ├── StackBusy       somebody else changes a stack right now, or it is stuck
        ├── StackFailed     CloudFormation could not do it; with the first resource that failed, and why
        └── NotAgreed       --yes alone does not agree to what is removed or replaced
"""

from collections.abc import Sequence

from ninelives.deploy.errors import DeployError


class BootstrapError(DeployError):
    """A mistake of the user's or of the surroundings; nothing has been changed, but where it is said."""


class WrongPlace(BootstrapError):
    """Another account or region than the service file expects."""


class NamesTaken(BootstrapError):
    """What would be made is there already; ``names`` says each."""

    def __init__(self, names: Sequence[str]) -> None:
        listed = "\n".join(f"  - {name}" for name in names)
        super().__init__(
            f"These are there already, and no stack of ninelives made them:\n{listed}",
            hint="Delete them, or give the service other names in the service file; nothing was changed.",
        )
        self.names = tuple(names)


class Untrusted(BootstrapError):
    """Jobs that would not get the deploy role; ``problems`` says each."""

    def __init__(self, problems: Sequence[str], *, hint: str) -> None:
        super().__init__("\n".join(problems), hint=hint)
        self.problems = tuple(problems)


class StackBusy(BootstrapError):
    """A stack that cannot be changed now."""


class StackFailed(BootstrapError):
    """A stack that CloudFormation could not change, or delete."""

    def __init__(self, stack: str, status: str, *, cause: str, hint: str) -> None:
        super().__init__(f"The stack {stack} failed ({status}): {cause}", hint=hint)
        self.stack = stack
        self.status = status
        self.cause = cause


class NotAgreed(BootstrapError):
    """What would be removed or replaced was not agreed to by --yes alone."""
