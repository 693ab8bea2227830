"""IAM's decisions: policies read and evaluated over a request. Pure: who asks, what for and by which policies comes in."""

from ninelives.access.denials import denial
from ninelives.access.evaluation import Deciding, Decision, Policies, Request, Verdict, allow_everything, decide
from ninelives.access.policies import Effect, MalformedPolicy, Policy, PolicyKind, Statement, read_policy, variables_of
from ninelives.access.principals import Grip, Principal, PrincipalKind

__all__ = [
    "Deciding",
    "Decision",
    "Effect",
    "Grip",
    "MalformedPolicy",
    "Policies",
    "Policy",
    "PolicyKind",
    "Principal",
    "PrincipalKind",
    "Request",
    "Statement",
    "Verdict",
    "allow_everything",
    "decide",
    "denial",
    "read_policy",
    "variables_of",
]
