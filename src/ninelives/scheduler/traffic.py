"""Which target group is live, and what a shift makes of the listener rules.

Of the two target groups of a load balancer that one is live to which the production rule forwards: the pair itself is never
swapped in the service. A shift rewrites the forward action of a rule to exactly these two groups.
Source: ECS developer guide, "Amazon ECS blue/green deployments"; rules as real deployments leave them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ninelives.model.ecs import AdvancedConfiguration, DeploymentStatus, ServiceLoadBalancer, ServiceRevision
from ninelives.model.elbv2 import Forward, Rule, WeightedTargetGroup
from ninelives.scheduler.draft import Draft

WHOLE = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A revision's group of one load balancer, the other one, and the rules that divide the traffic between the two."""

    group: str
    other: str
    production_rule: str
    test_rule: str | None


class InvalidNetworking(Exception):
    """The rules and target groups do not fit together; the text completes ECS's sentence on it."""


def weights(percent: float) -> tuple[int, int]:
    """The weights of the group that is to get ``percent`` of the traffic, and of the other one; tenths are kept.

    Source: ``elbv2`` ``TargetGroupTuple.Weight`` (0 to 999).

    >>> weights(100), weights(10), weights(0.1), weights(99.9)
    ((100, 0), (10, 90), (1, 999), (999, 1))
    """
    if percent == int(percent):
        return int(percent), 100 - int(percent)
    return round(percent * 10), 1000 - round(percent * 10)


def _chosen_sides(revision: ServiceRevision) -> list[Side]:
    """The sides that ``revision`` has; none where no traffic is shifted for it, or before its groups are chosen."""
    pairs = zip(revision.load_balancers, revision.resolved_load_balancers, strict=True)
    return [
        Side(
            group=resolved.target_group_arn,
            other=next(arn for arn in given.target_group_arns if arn != resolved.target_group_arn),
            production_rule=given.advanced.production_listener_rule,
            test_rule=given.advanced.test_listener_rule,
        )
        for given, resolved in pairs
        if given.advanced is not None and revision.resolved_target_groups
    ]


def choose_groups(draft: Draft, revision: ServiceRevision, *, shifts: bool) -> ServiceRevision:
    """``revision`` with the target groups of its tasks: the idle ones where it ``shifts`` traffic, else the live ones.

    Raises ``InvalidNetworking``.
    """
    if not any(one.advanced is not None for one in revision.load_balancers):
        check_has_traffic(draft, revision)
        return revision
    chosen = tuple(_chosen(draft, one, shifts=shifts) for one in revision.load_balancers)
    return replace(revision, resolved_target_groups=chosen)


def check_has_traffic(draft: Draft, revision: ServiceRevision) -> None:
    """Raise ``InvalidNetworking`` where a production rule gives traffic to the other group of a revision's pair."""
    for side in sides_of(draft, revision):
        given = shares(draft.rules[side.production_rule]) if side.production_rule in draft.rules else {}
        if given.get(side.other, 0) > 0:
            raise InvalidNetworking(_unexpected(side.other, [side.group]))


def _unexpected(group: str, expected: Sequence[str]) -> str:
    return (
        f"Production listener rule is forwarding traffic to unexpected target group {group}. Expected {' or '.join(expected)}"
    )


def _chosen(draft: Draft, one: ServiceLoadBalancer, *, shifts: bool) -> str:
    if one.advanced is None:
        return one.target_group_arn
    live = _live_group(draft, one, one.advanced)
    return next(arn for arn in one.target_group_arns if (arn != live) is shifts)


def _live_group(draft: Draft, one: ServiceLoadBalancer, advanced: AdvancedConfiguration) -> str:
    rules = [draft.rules.get(arn) for arn in (advanced.production_listener_rule, advanced.test_listener_rule) if arn]
    if None in rules:
        raise InvalidNetworking("One or more rules not found")
    pair = one.target_group_arns
    named = {arn for rule in rules if rule is not None for arn in shares(rule)}
    lacking = [arn for arn in pair if arn not in named]
    if len(lacking) == len(pair):
        raise InvalidNetworking(
            "Both targetGroup and alternateTargetGroup must be associated with the productionListenerRule or testListenerRule."
        )
    if lacking:
        raise InvalidNetworking(
            f"Target group {lacking[0]} is not associated with either productionListenerRule or testListenerRule."
        )
    arn = advanced.production_listener_rule
    weight_of = shares(draft.rules[arn])
    serving = [group for group, weight in weight_of.items() if weight > 0]
    unexpected = [group for group in serving if group not in pair]
    if unexpected:
        raise InvalidNetworking(_unexpected(unexpected[0], pair))
    if len(serving) > 1 and not _anything_is_left(draft):
        # A first deployment that failed in its shift has divided the traffic, and nobody takes any of it.
        return max(pair, key=lambda group: weight_of.get(group, 0))
    if len(serving) > 1:
        raise InvalidNetworking(
            f"productionListenerRule {arn} should have exactly one target group serving traffic but found {len(serving)} "
            "target groups which are serving traffic"
        )
    return serving[0] if serving else one.target_group_arn


def _anything_is_left(draft: Draft) -> bool:
    """Whether the deployments before the PRIMARY one have tasks."""
    return any(draft.live_of(one) for one in draft.deployments if one.status is not DeploymentStatus.PRIMARY)


def shares(rule: Rule) -> dict[str, int]:
    """The weight of each target group of a rule that forwards."""
    if not isinstance(rule.action, Forward):
        return {}
    return {one.arn: one.weight for one in rule.action.target_groups}


def production_share(draft: Draft, revision: ServiceRevision) -> float:
    """The part of production traffic, 0 to 1, that the rules (as recorded) give the groups of ``revision``."""
    parts: list[float] = []
    for side in sides_of(draft, revision):
        weight = shares(draft.rules[side.production_rule]) if side.production_rule in draft.rules else {}
        total = weight.get(side.group, 0) + weight.get(side.other, 0)
        parts.append(weight.get(side.group, 0) / total if total else 0.0)
    return min(parts, default=0.0)


def sides_of(draft: Draft, revision: ServiceRevision) -> list[Side]:
    """The sides of a revision; one that was made before its service shifted traffic is found by its target groups."""
    known = _chosen_sides(revision)
    if known:
        return known
    groups = {one.target_group_arn for one in revision.load_balancers}
    return [
        Side(
            group=arn,
            other=next(other for other in one.target_group_arns if other != arn),
            production_rule=one.advanced.production_listener_rule,
            test_rule=one.advanced.test_listener_rule,
        )
        for one in _shifting_load_balancers(draft)
        for arn in one.target_group_arns
        if one.advanced is not None and arn in groups
    ]


def _shifting_load_balancers(draft: Draft) -> list[ServiceLoadBalancer]:
    """The pairs that the service or one of its revisions names."""
    named = [*draft.service.load_balancers, *(one for revision in draft.revisions.values() for one in revision.load_balancers)]
    pairs = {one.target_group_arns: one for one in reversed(named) if one.advanced is not None}
    return list(pairs.values())


def is_served(draft: Draft, revision: ServiceRevision) -> bool:
    """Whether production traffic may reach the revision's groups: by the rules as recorded, or as still in force. It may as
    long as nobody knows what is in force: a proxy that has not taken routes yet since the control plane came back serves by
    those that it had.
    """
    return any(
        (rule := rules.get(side.production_rule)) is None or shares(rule).get(side.group, 0) > 0
        for side in sides_of(draft, revision)
        if side.production_rule in draft.rules
        for rules in (draft.rules, draft.snapshot.rules_in_force)
    )


def shift_production(draft: Draft, revision: ServiceRevision, percent: float) -> bool:
    """Give ``revision`` so much of production traffic; whether that is in force. Rules that are gone are left out."""
    return _shift(draft, ((side.production_rule, side) for side in sides_of(draft, revision)), percent)


def shift_test(draft: Draft, revision: ServiceRevision, percent: float) -> bool:
    """Give ``revision`` so much of test traffic; whether that is in force. True where there is no test rule."""
    return _shift(draft, ((side.test_rule, side) for side in sides_of(draft, revision) if side.test_rule), percent)


def rules_are_there(draft: Draft, revision: ServiceRevision) -> bool:
    """Whether every rule by which the revision's traffic is shifted still exists."""
    return all(
        arn in draft.rules for side in sides_of(draft, revision) for arn in (side.production_rule, side.test_rule) if arn
    )


def _shift(draft: Draft, rules: Iterable[tuple[str, Side]], percent: float) -> bool:
    is_in_force = True
    for arn, side in rules:
        rule = draft.rules.get(arn)
        if rule is None:
            continue
        mine, rest = weights(percent)
        if shares(rule) != {side.group: mine, side.other: rest}:
            rule = replace(rule, action=_forward(rule, side, mine, rest))
            draft.put_rule(rule)
        in_force = draft.snapshot.rules_in_force.get(arn)
        is_in_force &= in_force is not None and in_force.action == rule.action
    return is_in_force


def _forward(rule: Rule, side: Side, mine: int, rest: int) -> Forward:
    """The groups keep their order from shift to shift."""
    by_arn = {side.group: mine, side.other: rest}
    stickiness = rule.action.stickiness_seconds if isinstance(rule.action, Forward) else None
    groups = tuple(WeightedTargetGroup(arn=arn, weight=by_arn[arn]) for arn in sorted(by_arn))
    return Forward(target_groups=groups, stickiness_seconds=stickiness, by_arn=False)
