"""What a refused caller is told, in AWS's words.

Source: IAM user guide, "Troubleshoot access denied error messages".
"""

from typing import Final

from ninelives.access.evaluation import Decision, Request, Verdict
from ninelives.access.policies import PolicyKind

WITHOUT_REASON: Final = frozenset({"sts:AssumeRole"})
"""Actions whose refusal says no more than who may not do what."""

ARTICLES: Final = {PolicyKind.IDENTITY: "an"}


def denial(request: Request, decision: Decision) -> str:
    """The message of a refusal: ``User: … is not authorized to perform: … on resource: … because …``."""
    told = f"User: {request.principal.arn} is not authorized to perform: {request.action} on resource: {request.resource}"
    if request.action in WITHOUT_REASON and decision.verdict is Verdict.IMPLICIT_DENY:
        return told
    if decision.verdict is Verdict.EXPLICIT_DENY:
        kind = _told_kind(decision.statements[0].kind)
        return f"{told} with an explicit deny in {ARTICLES.get(kind, 'a')} {kind}"
    kind = _told_kind(decision.lacking or PolicyKind.IDENTITY)
    return f"{told} because no {kind} allows the {request.action} action"


def _told_kind(kind: PolicyKind) -> PolicyKind:
    """A trust policy is a resource's policy in refusals."""
    return PolicyKind.RESOURCE if kind is PolicyKind.TRUST else kind
