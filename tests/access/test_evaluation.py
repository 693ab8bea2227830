import itertools
from typing import Any

import pytest
from policy_words import (
    ACCOUNT,
    ROLE_ARN,
    SERVICE_ARN,
    SESSION,
    USER,
    allow,
    ask,
    deny,
    is_allowed,
    on_resource,
    policy,
)

from ninelives.access import Policies, PolicyKind, Principal, PrincipalKind, Request, allow_everything, denial
from ninelives.access.evaluation import Verdict

BUCKET = "arn:aws:s3:::logs"


def test_without_a_policy_nothing_is_allowed() -> None:
    decision = ask(Policies())

    assert (Verdict.IMPLICIT_DENY, PolicyKind.IDENTITY) == (decision.verdict, decision.lacking)


@pytest.mark.parametrize(
    ("action", "is_meant"),
    [
        ("*", True),
        ("ecs:*", True),
        ("ECS:updateservice", True),
        ("ecs:Update*", True),
        ("ecs:UpdateServic?", True),
        ("ecs:*Service", True),
        ("ecs:UpdateService?", False),
        ("ecr:*", False),
        ("ecs:Update", False),
    ],
)
def test_actions_fit_without_regard_to_case_and_with_wildcards(action: str, is_meant: bool) -> None:
    assert is_meant is is_allowed(allow(action))


@pytest.mark.parametrize(
    ("resource", "is_meant"),
    [
        ("*", True),
        (SERVICE_ARN, True),
        (f"arn:aws:ecs:*:{ACCOUNT}:service/Staging-Cluster/*", True),
        (f"arn:aws:ecs:eu-west-?:{ACCOUNT}:service/*", True),
        ("arn:aws:ecs:*:*:*", True),
        (f"arn:aws:ecs:eu-west-1:{ACCOUNT}:service/staging-cluster/cats", False),
        (f"arn:aws:ecs:eu-west-1:{ACCOUNT}:service/Staging-Cluster", False),
        (f"arn:aws:*:{ACCOUNT}:service/*:::", False),
        (f"arn:aws:ecs:us-east-1:{ACCOUNT}:service/*", False),
    ],
)
def test_resources_fit_part_by_part_with_regard_to_case(resource: str, is_meant: bool) -> None:
    assert is_meant is is_allowed(allow("ecs:*", resource))


def test_an_action_without_resource_is_allowed_by_a_statement_on_everything_alone() -> None:
    assert is_allowed(allow("ecs:ListClusters"), action="ecs:ListClusters", resource="*")
    assert not is_allowed(allow("ecs:ListClusters", "arn:aws:ecs:*:*:cluster/*"), action="ecs:ListClusters", resource="*")


def test_not_action_and_not_resource_mean_all_else() -> None:
    all_but_iam = {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}
    all_but_one = {"Effect": "Allow", "Action": "ecs:*", "NotResource": SERVICE_ARN}

    assert is_allowed(all_but_iam)
    assert not is_allowed(all_but_iam, action="iam:PassRole")
    assert not is_allowed(all_but_one)
    assert is_allowed(all_but_one, resource=f"{SERVICE_ARN}-2")


def test_a_denial_counts_before_every_permission_and_is_named() -> None:
    statement = deny("ecs:Update*", Sid="HandsOff")
    policies = Policies(identity=(policy(allow()), policy(statement, name="guard")))
    decision = ask(policies)

    assert (Verdict.EXPLICIT_DENY, "guard", "HandsOff") == (
        decision.verdict,
        decision.statements[0].policy,
        decision.statements[0].statement,
    )


def test_who_allows_is_named() -> None:
    policies = Policies(identity=(policy(allow("s3:*"), allow("ecs:*"), name="deploy"),))
    found = ask(policies).statements

    assert [("deploy", "statement 2", 1)] == [(one.policy, one.statement, one.position) for one in found]


@pytest.mark.parametrize("kind", [PolicyKind.BOUNDARY, PolicyKind.SESSION])
def test_boundary_and_session_policies_limit_and_never_grant(kind: PolicyKind) -> None:
    def policies(*own: dict[str, Any], limit: dict[str, Any]) -> Policies:
        limiting = policy(limit, kind=kind)
        identity = (policy(*own),) if own else ()
        if kind is PolicyKind.BOUNDARY:
            return Policies(identity=identity, boundary=limiting)
        return Policies(identity=identity, session=(limiting,))

    assert ask(policies(allow(), limit=allow("ecs:*")), by=SESSION).is_allowed
    assert kind is ask(policies(allow(), limit=allow("s3:*")), by=SESSION).lacking
    assert PolicyKind.IDENTITY is ask(policies(limit=allow()), by=SESSION).lacking
    assert Verdict.EXPLICIT_DENY is ask(policies(allow(), limit=deny()), by=SESSION).verdict


PRINCIPALS: list[tuple[Any, Principal, bool]] = [
    ("*", USER, True),
    ({"AWS": "*"}, SESSION, True),
    ({"AWS": USER.arn}, USER, True),
    ({"AWS": [ROLE_ARN, USER.arn]}, SESSION, True),
    ({"AWS": SESSION.arn}, SESSION, True),
    ({"AWS": ACCOUNT}, USER, False),
    ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, USER, False),
    ({"AWS": f"arn:aws:iam::{ACCOUNT}:user/bob"}, USER, False),
    ({"Service": "ecs-tasks.amazonaws.com"}, USER, False),
]


@pytest.mark.parametrize(("named", "by", "is_granted"), PRINCIPALS)
def test_a_policy_on_a_resource_grants_to_whom_it_names_and_by_the_account_only_passes_on(
    named: Any, by: Principal, is_granted: bool
) -> None:
    granting = on_resource(allow("s3:GetObject", BUCKET, Principal=named))
    asked: dict[str, Any] = {"action": "s3:GetObject", "resource": BUCKET, "by": by}

    assert is_granted is ask(Policies(resource=granting), **asked).is_allowed
    assert ask(Policies(identity=(policy(allow("s3:*")),), resource=granting), **asked).is_allowed


def test_what_a_resource_grants_to_a_role_is_limited_and_to_its_session_is_not() -> None:
    limits = policy(allow("ecs:*"), kind=PolicyKind.BOUNDARY)
    to_role = on_resource(allow("s3:GetObject", BUCKET, Principal={"AWS": ROLE_ARN}))
    to_session = on_resource(allow("s3:GetObject", BUCKET, Principal={"AWS": SESSION.arn}))
    asked: dict[str, Any] = {"action": "s3:GetObject", "resource": BUCKET, "by": SESSION}

    assert PolicyKind.BOUNDARY is ask(Policies(boundary=limits, resource=to_role), **asked).lacking
    assert ask(Policies(boundary=limits, resource=to_session), **asked).is_allowed
    assert PolicyKind.SESSION is ask(Policies(session=(), resource=to_role), **asked).lacking


@pytest.mark.parametrize(("own", "granted"), itertools.product([False, True], repeat=2))
def test_across_accounts_both_sides_must_allow(own: bool, granted: bool) -> None:
    policies = Policies(
        identity=(policy(allow("s3:*")),) if own else (),
        resource=on_resource(allow("s3:GetObject", BUCKET, Principal={"AWS": USER.arn})) if granted else None,
    )
    decision = ask(policies, "s3:GetObject", BUCKET, resource_account="999988887777")

    assert (own and granted) is decision.is_allowed


def test_a_role_lets_in_only_whom_its_trust_names() -> None:
    def trusting(principal: Any) -> Policies:
        trust = policy(
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}, kind=PolicyKind.TRUST, name="trust"
        )
        return Policies(resource=trust, resource_decides=True)

    def assumes(policies: Policies, by: Principal) -> bool:
        return ask(policies, "sts:AssumeRole", ROLE_ARN, by=by).is_allowed

    ecs = Principal(kind=PrincipalKind.SERVICE, arn="ecs-tasks.amazonaws.com", account=ACCOUNT)
    by_account = trusting({"AWS": ACCOUNT})
    permitted = Policies(identity=(policy(allow("sts:AssumeRole")),), resource=by_account.resource, resource_decides=True)

    assert assumes(trusting({"AWS": USER.arn}), USER)
    assert not assumes(by_account, USER)
    assert assumes(permitted, USER)
    assert assumes(trusting({"Service": "ecs-tasks.amazonaws.com"}), ecs)
    assert not assumes(trusting({"Service": "lambda.amazonaws.com"}), ecs)
    assert not assumes(
        Policies(identity=(policy(allow()),), resource=trusting({"Service": "x"}).resource, resource_decides=True), USER
    )


def test_not_principal_denies_all_others() -> None:
    guarded = on_resource({**deny("s3:*", "*"), "NotPrincipal": {"AWS": USER.arn}})
    bob = Principal(kind=PrincipalKind.USER, arn=f"arn:aws:iam::{ACCOUNT}:user/bob", account=ACCOUNT)
    policies = Policies(identity=(policy(allow()),), resource=guarded)

    assert ask(policies, "s3:GetObject", BUCKET).is_allowed
    assert Verdict.EXPLICIT_DENY is ask(policies, "s3:GetObject", BUCKET, by=bob).verdict


@pytest.mark.parametrize(
    ("policies", "end"),
    [
        (Policies(), " because no identity-based policy allows the ecs:UpdateService action"),
        (Policies(identity=(policy(deny()),)), " with an explicit deny in an identity-based policy"),
        (
            Policies(identity=(policy(allow()),), boundary=policy(allow("s3:*"), kind=PolicyKind.BOUNDARY)),
            " because no permissions boundary allows the ecs:UpdateService action",
        ),
        (
            Policies(identity=(policy(allow()),), boundary=policy(deny(), kind=PolicyKind.BOUNDARY)),
            " with an explicit deny in a permissions boundary",
        ),
        (
            Policies(identity=(policy(allow()),), session=()),
            " because no session policy allows the ecs:UpdateService action",
        ),
        (
            Policies(identity=(policy(allow()),), resource=on_resource(deny(Principal="*"))),
            " with an explicit deny in a resource-based policy",
        ),
    ],
)
def test_a_refusal_says_what_is_missing_or_forbids(policies: Policies, end: str) -> None:
    request = Request(principal=SESSION, action="ecs:UpdateService", resource=SERVICE_ARN)
    start = f"User: {SESSION.arn} is not authorized to perform: ecs:UpdateService on resource: {SERVICE_ARN}"

    assert start + end == denial(request, ask(policies, by=SESSION))


@pytest.mark.parametrize(
    ("policies", "is_everything"),
    [
        (Policies(identity=(policy(allow("*")),)), True),
        (Policies(identity=(policy(allow("*")),), boundary=policy(allow("*")), session=(policy(allow("*")),)), True),
        (Policies(), False),
        (Policies(identity=(policy(allow("logs:*")),)), False),
        (Policies(identity=(policy(allow("*", BUCKET)),)), False),
        (Policies(identity=(policy(allow("*"), deny("iam:*")),)), False),
        (Policies(identity=(policy(allow("*")),), boundary=policy(allow("logs:*"))), False),
        (Policies(identity=(policy(allow("*")),), session=()), False),
    ],
)
def test_everything_is_allowed_by_who_allows_all_and_denies_nothing(policies: Policies, is_everything: bool) -> None:
    assert is_everything is allow_everything(policies)
