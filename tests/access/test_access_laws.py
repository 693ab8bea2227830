"""Laws of evaluation: they hold for any policies and any request."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from policy_words import SESSION, USER, ask, on_resource, policy

from ninelives.access import Effect, Policies, PolicyKind

ACTIONS = ("ecs:UpdateService", "ecs:DeleteService", "ecs:*", "*", "s3:*")
RESOURCES = ("*", "arn:aws:ecs:*:*:service/*", "arn:aws:ecs:*:*:service/Staging-Cluster/cats", "arn:aws:s3:::b")
CONDITIONS: tuple[dict[str, Any], ...] = (
    {},
    {"StringEquals": {"k:a": "1"}},
    {"StringNotEquals": {"k:a": "1"}},
    {"ForAllValues:StringEquals": {"k:b": ["1", "2"]}},
    {"Null": {"k:a": "true"}},
)
statements = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from([one.value for one in Effect]),
        "Action": st.sampled_from(ACTIONS),
        "Resource": st.sampled_from(RESOURCES),
        "Condition": st.sampled_from(CONDITIONS),
    }
)
lists = st.lists(statements, min_size=1, max_size=5)
contexts: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {}, optional={"k__a": st.sampled_from(["1", "2"]), "k__b": st.sampled_from([("1",), ("1", "3")])}
)
askers = st.sampled_from([USER, SESSION])


def on_everyone(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**one, "Principal": "*"} for one in found]


@given(lists, statements, contexts, askers)
@settings(deadline=None)
def test_a_denial_more_never_allows_more(found: Any, more: Any, context: Any, by: Any) -> None:
    before = ask(Policies(identity=(policy(*found),)), by=by, **context)
    after = ask(Policies(identity=(policy(*found, {**more, "Effect": "Deny"}),)), by=by, **context)

    assert before.is_allowed or not after.is_allowed


@given(lists, statements, contexts, askers)
@settings(deadline=None)
def test_a_permission_more_never_allows_less(found: Any, more: Any, context: Any, by: Any) -> None:
    before = ask(Policies(identity=(policy(*found),)), by=by, **context)
    after = ask(Policies(identity=(policy(*found, {**more, "Effect": "Allow"}),)), by=by, **context)

    assert after.is_allowed or not before.is_allowed


@given(lists, contexts, st.randoms(use_true_random=False), st.integers(0, 5))
@settings(deadline=None)
def test_neither_order_nor_distribution_over_policies_matters(found: Any, context: Any, random: Any, cut: int) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)
    parts = tuple(policy(*part) for part in (shuffled[:cut], shuffled[cut:]) if part)

    assert ask(Policies(identity=(policy(*found),)), **context).verdict is ask(Policies(identity=parts), **context).verdict


@given(lists, lists, contexts, askers, st.sampled_from([PolicyKind.BOUNDARY, PolicyKind.SESSION]))
@settings(deadline=None)
def test_a_limit_never_allows_more(found: Any, limit: Any, context: Any, by: Any, kind: PolicyKind) -> None:
    own = (policy(*found),)
    limiting = policy(*limit, kind=kind)
    limited = (
        Policies(identity=own, boundary=limiting)
        if kind is PolicyKind.BOUNDARY
        else Policies(identity=own, session=(limiting,))
    )

    assert ask(Policies(identity=own), by=by, **context).is_allowed or not ask(limited, by=by, **context).is_allowed


@given(lists, lists, contexts, askers)
@settings(deadline=None)
def test_across_accounts_never_more_is_allowed_than_within(found: Any, granted: Any, context: Any, by: Any) -> None:
    policies = Policies(identity=(policy(*found),), resource=on_resource(*on_everyone(granted)))
    across = ask(policies, by=by, resource_account="999988887777", **context)

    assert ask(policies, by=by, **context).is_allowed or not across.is_allowed


@given(lists, contexts, askers)
@settings(deadline=None)
def test_what_decides_is_a_statement_of_the_verdicts_effect(found: Any, context: Any, by: Any) -> None:
    decision = ask(Policies(identity=(policy(*found),)), by=by, **context)
    effects = {found[one.position]["Effect"] for one in decision.statements}

    assert effects == ({"Allow"} if decision.is_allowed else {"Deny"} if decision.lacking is None else set())
