"""Why a stack failed: the first resource that did, its reason, and what to do. Pure.

CloudFormation goes on with what it had begun and cancels the rest: the first failure in time is the cause, the others follow.
"""

import re
from collections.abc import Iterable, Sequence

from ninelives.bootstrap.cloudformation import StackEvent
from ninelives.bootstrap.errors import StackFailed

CANCELLED = re.compile(r"^Resource (creation|update|deletion) cancelled", re.IGNORECASE)
ACTION = re.compile(r"(?:not authorized to perform:?|API:)\s*([a-z0-9-]+:[A-Za-z0-9]+)")

ADVICE: Sequence[tuple[str, str]] = (
    (
        r"custom-named|requires replacing",
        "CloudFormation cannot replace what bears a name of ours: give it another one in the service file, or delete it.",
    ),
    (
        r"[Ll]istener already exists",
        "The port is still another listener's: give `load_balancer.port` a free one first, the wanted one in a second run.",
    ),
    (
        r"already exist|AlreadyExists|is already in use|Duplicate",
        "Something of that name is there already: delete it, or give the service another name in the service file.",
    ),
    (
        r"[Ll]imit ?[Ee]xceeded|maximum number|quota",
        "A quota of the account is used up: raise it in Service Quotas, or use what is there (`bootstrap.network.vpc`).",
    ),
    (
        r"[Cc]ertificate",
        "See to the certificate: it must be issued, and in the load balancer's own region (`bootstrap.certificate`).",
    ),
    (
        r"BucketNotEmpty|not empty|RepositoryNotEmpty",
        "Something was written there meanwhile: run it again.",
    ),
    (
        r"DependencyViolation|has dependen|in use|ResourceInUse",
        "Something that no stack of ninelives made still hangs on it: find it in the account, delete it, and run it again.",
    ),
    (r"No export named|is not exported", "The stack that it stands on is not there: run `ninelives bootstrap` again."),
)
"""What a reason says, and what helps; the first that fits counts."""
RUN_AGAIN = "Mend that, then run `ninelives bootstrap` again: it goes on where it stopped."


def missing_action(reason: str) -> str | None:
    """The IAM action that a refusal names.

    >>> missing_action("User: arn:aws:iam::1:user/a is not authorized to perform: iam:CreateRole on resource: x")
    'iam:CreateRole'
    >>> missing_action("API: ec2:CreateVpc You are not authorized to perform this operation.")
    'ec2:CreateVpc'
    """
    if "not authorized" not in reason and "AccessDenied" not in reason:
        return None
    found = ACTION.search(reason)
    return found[1] if found else None


def first_failure(events: Iterable[StackEvent]) -> StackEvent | None:
    """The failure that the others follow from; events oldest first."""
    failures = [event for event in events if event.is_failure]
    of_resources = [event for event in failures if not event.is_of_stack]
    causes = [event for event in of_resources if not CANCELLED.match(event.reason)]
    return next(iter([*causes, *of_resources, *failures]), None)


def explained(stack: str, status: str, events: Sequence[StackEvent]) -> StackFailed:
    """A failed stack in words."""
    failure = first_failure(events)
    if failure is None:  # nothing was begun: then the stack itself says why it goes back
        told = next(
            (event.reason for event in events if event.is_of_stack and "ROLLBACK" in event.status and event.reason), ""
        )
        return StackFailed(stack, status, cause=told or "CloudFormation gave no reason", hint=advice(told))
    who = "the stack itself" if failure.is_of_stack else f"{failure.logical_id} ({failure.type})"
    return StackFailed(
        stack, status, cause=f"{who}: {failure.reason or 'no reason given'}", hint=advice(failure.reason, status=status)
    )


def advice(reason: str, *, status: str = "") -> str:
    """What to do about a reason."""
    action = missing_action(reason)
    if action is not None:
        told = f"Allow {action} to the credentials that bootstrap runs with."
    elif "not authorized" in reason or "AccessDenied" in reason:
        told = "The credentials that bootstrap runs with lack a permission for it."
    else:
        told = next((words for pattern, words in ADVICE if re.search(pattern, reason)), RUN_AGAIN)
    if status == "UPDATE_ROLLBACK_FAILED":
        return f"The stack is stuck until `aws cloudformation continue-update-rollback` has brought it back. {told}"
    return told if told == RUN_AGAIN or "run it again" in told else f"{told} Then run `ninelives bootstrap` again."
