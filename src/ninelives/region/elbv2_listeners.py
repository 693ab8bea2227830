"""Listeners and their rules: made, changed, ordered, deleted. A listener's default action is its default rule's."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ninelives.model.arns import listener_arn, rule_arn
from ninelives.model.elbv2 import Actions, Certificate, Condition, Listener, LoadBalancer, Rule, Transform
from ninelives.model.errors import ApiError
from ninelives.model.ssl_policies import DEFAULT as DEFAULT_SSL_POLICY
from ninelives.model.ssl_policies import POLICIES
from ninelives.region import elbv2_load_balancers
from ninelives.region.elbv2_attributes import LISTENER, checked, checked_tags
from ninelives.region.elbv2_rule_checks import (
    check_actions,
    check_conditions,
    check_protocol_versions,
    check_transforms,
    check_validation,
)
from ninelives.region.region import Region
from ninelives.region.state import Changes

PRIORITY_MAX = 50_000
LISTENERS_MAX = 50
"""Of a load balancer. Source: ELB user guide, "Quotas for your Application Load Balancers"."""
RULES_MAX = 100
"""Of a load balancer, its default rules not counted. Source: the same."""
CERTIFICATES_MAX = 25
"""Of a listener, the default one not counted. Source: the same (of a load balancer)."""
BOUND_ADDRESS_TAG = "ninelives:address"
"""Tag of a listener that had to bind another port than it was asked for: the address to use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """What a request says of TLS; None, and no certificates, where it says nothing."""

    policy: str | None = None
    certificates: tuple[Certificate, ...] = ()
    mutual_authentication: str | None = None

    @property
    def arns(self) -> tuple[str, ...]:
        return tuple(one.arn for one in self.certificates)


NO_TLS = Tls()


def find(region: Region, arn: str) -> Listener:
    """The listener of that ARN. Raises ``ListenerNotFound``."""
    found = region.state.listeners.get(arn)
    if found is None:
        raise ApiError("ListenerNotFound", "One or more listeners not found")
    return found


def find_rule(region: Region, arn: str) -> Rule:
    """The rule of that ARN. Raises ``RuleNotFound``."""
    found = region.state.rules.get(arn)
    if found is None:
        raise ApiError("RuleNotFound", "One or more rules not found")
    return found


def of_load_balancer(region: Region, arn: str) -> list[Listener]:
    elbv2_load_balancers.find(region, arn)
    return [one for one in region.state.listeners.values() if one.load_balancer_arn == arn]


def rules_of(region: Region, arn: str) -> list[Rule]:
    """The rules of a listener in the order in which they are tried: by priority, the default rule last."""
    find(region, arn)
    rules = [rule for rule in region.state.rules.values() if rule.listener_arn == arn]
    return sorted(rules, key=lambda rule: PRIORITY_MAX + 1 if rule.priority is None else rule.priority)


def default_rule(region: Region, arn: str) -> Rule:
    return rules_of(region, arn)[-1]


def create(
    region: Region,
    load_balancer_arn: str,
    *,
    protocol: str,
    port: int,
    actions: Actions,
    tags: Mapping[str, str],
    tls: Tls = NO_TLS,
) -> Listener:
    """A new listener with its default rule; its port is bound at the load balancer's address.

    Raises ``DuplicateListener``, ``ValidationError``, ``SSLPolicyNotFound`` and, for a port that another program has,
    ``InvalidConfigurationRequest``.
    """
    balancer = elbv2_load_balancers.find(region, load_balancer_arn)
    ssl_policy = _checked_tls(protocol, tls.policy, tls.arns)
    mutual_authentication = _checked_mode(protocol, tls.mutual_authentication)
    if not 1 <= port <= 65535:  # noqa: PLR2004
        raise ApiError("ValidationError", f"Port '{port}' must be between 1 and 65535")
    others = of_load_balancer(region, load_balancer_arn)
    if any(one.port == port for one in others):
        raise ApiError("DuplicateListener", f"A listener already exists on port {port} of load balancer '{load_balancer_arn}'")
    if len(others) >= LISTENERS_MAX:
        raise ApiError("TooManyListeners", f"The maximum number of listeners has been reached: {LISTENERS_MAX}")
    check_actions(region, actions, balancer, protocol)
    tags = checked_tags({}, tags)
    bound_port = _bindable(region, balancer.address, port)
    made = Listener(
        arn=listener_arn(load_balancer_arn, region.ids.load_balancer_id()),
        load_balancer_arn=load_balancer_arn,
        port=port,
        bound_port=bound_port,
        protocol=protocol,
        ssl_policy=ssl_policy,
        certificate_arns=tls.arns,
        mutual_authentication=mutual_authentication,
        tags=_with_bound_address(tags, balancer, port, bound_port),
    )
    rule = Rule(
        arn=rule_arn(made.arn, region.ids.load_balancer_id()),
        listener_arn=made.arn,
        priority=None,
        conditions=(),
        action=actions.routing,
        jwt_validation=actions.jwt_validation,
    )
    region.know(tls.certificates)
    with region.state.transaction() as changes:
        changes.put(made, rule)
    region.wake()
    return made


def _with_bound_address(tags: Mapping[str, str], balancer: LoadBalancer, port: int, bound_port: int) -> Mapping[str, str]:
    """``tags``, with the address to use where it is not the one that was asked for."""
    others = {key: value for key, value in tags.items() if key != BOUND_ADDRESS_TAG}
    return others if bound_port == port else others | {BOUND_ADDRESS_TAG: f"{balancer.address}:{bound_port}"}


def _checked_tls(protocol: str, ssl_policy: str | None, certificate_arns: Sequence[str]) -> str | None:
    """The listener's policy: the one given or, with HTTPS, the default. Raises ``ValidationError``, ``SSLPolicyNotFound``."""
    if protocol not in {"HTTP", "HTTPS"}:
        raise ApiError("ValidationError", f"Listener protocol '{protocol}' is not supported with an Application Load Balancer")
    if protocol == "HTTP":
        if ssl_policy is not None or certificate_arns:
            raise ApiError("ValidationError", "Certificates and an SSL policy can only be specified for HTTPS listeners")
        return None
    if not certificate_arns:
        raise ApiError("ValidationError", "A certificate must be specified for HTTPS listeners")
    if len(certificate_arns) > 1:
        raise ApiError(
            "ValidationError", "Only one certificate can be specified here; add others with AddListenerCertificates"
        )
    wanted = ssl_policy or DEFAULT_SSL_POLICY
    if wanted not in POLICIES:
        raise ApiError("SSLPolicyNotFound", f"SSL policy '{wanted}' not found")
    return wanted


def _checked_mode(protocol: str, mode: str | None) -> str:
    """The listener's mode of mutual authentication. Raises ``ValidationError``, ``InvalidConfigurationRequest``."""
    wanted = mode or "off"
    if wanted not in {"off", "passthrough", "verify"}:
        raise ApiError("ValidationError", f"Mutual authentication mode '{wanted}' must be off, passthrough or verify")
    if wanted != "off" and protocol != "HTTPS":
        raise ApiError("ValidationError", "Mutual authentication can only be specified for HTTPS listeners")
    if wanted == "verify":
        raise ApiError(
            "InvalidConfigurationRequest",
            "ninelives does not do mutual authentication in mode 'verify', with a trust store; it does off and passthrough",
        )
    return wanted


def _bindable(region: Region, address: str, port: int) -> int:
    bound_port = region.data_plane.pick_port(address, port)
    # A listener of a moment ago may not have bound its port yet: the records know of it, the operating system does not.
    ours = {
        one.bound_port
        for one in region.state.listeners.values()
        if region.state.load_balancers[one.load_balancer_arn].address == address
    }
    if bound_port is None or bound_port in ours:
        raise ApiError(
            "InvalidConfigurationRequest",
            f"Port {port} at {address}, the load balancer's address, is taken by another program; choose another port"
            " or end that program",
        )
    return bound_port


def modify(
    region: Region,
    arn: str,
    *,
    protocol: str | None,
    port: int | None,
    actions: Actions | None,
    tls: Tls = NO_TLS,
) -> Listener:
    """Change a listener. What is None, or no certificate, stays; another default certificate leaves the others."""
    listener = find(region, arn)
    balancer = elbv2_load_balancers.find(region, listener.load_balancer_arn)
    changed = _with_tls(region, listener, protocol or listener.protocol, tls)
    if actions is not None:
        check_actions(region, actions, balancer, changed.protocol)
    if port is not None and port != listener.port:
        if not 1 <= port <= 65535:  # noqa: PLR2004
            raise ApiError("ValidationError", f"Port '{port}' must be between 1 and 65535")
        if any(one.port == port for one in of_load_balancer(region, balancer.arn)):
            raise ApiError("DuplicateListener", f"A listener already exists on port {port} of load balancer '{balancer.arn}'")
        bound_port = _bindable(region, balancer.address, port)
        tags = _with_bound_address(listener.tags, balancer, port, bound_port)
        changed = replace(changed, port=port, bound_port=bound_port, tags=tags)
    region.know(tls.certificates)
    with region.state.transaction() as changes:
        changes.put(changed)
        if actions is not None:
            rule = default_rule(region, arn)
            changes.put(replace(rule, action=actions.routing, jwt_validation=actions.jwt_validation))
    region.wake()
    return changed


def _with_tls(region: Region, listener: Listener, protocol: str, tls: Tls) -> Listener:
    given = tls.arns
    if protocol != "HTTPS":
        _checked_tls(protocol, tls.policy, given)
        _checked_mode(protocol, tls.mutual_authentication)
        for rule in rules_of(region, listener.arn):
            check_protocol_versions(region, rule.action, protocol)
            if rule.jwt_validation is not None:
                check_validation(rule.jwt_validation, protocol)
        return replace(listener, protocol=protocol, ssl_policy=None, certificate_arns=(), mutual_authentication="off")
    policy = _checked_tls(protocol, tls.policy or listener.ssl_policy, given or listener.certificate_arns[:1])
    others = [arn for arn in listener.certificate_arns[1:] if arn not in given]
    arns = (*given, *others) if given else listener.certificate_arns
    mode = _checked_mode(protocol, tls.mutual_authentication or listener.mutual_authentication)
    return replace(listener, protocol=protocol, ssl_policy=policy, certificate_arns=arns, mutual_authentication=mode)


def add_certificates(region: Region, arn: str, certificates: Sequence[Certificate]) -> None:
    """Let a listener show these too, by server name.

    Raises ``ListenerNotFound``, ``TooManyCertificates``, ``ValidationError``.
    """
    listener = _with_https(region, arn)
    together = tuple(dict.fromkeys([*listener.certificate_arns, *(one.arn for one in certificates)]))
    if len(together) > CERTIFICATES_MAX + 1:
        raise ApiError("TooManyCertificates", f"The maximum number of certificates has been reached: {CERTIFICATES_MAX}")
    region.know(certificates)
    with region.state.transaction() as changes:
        changes.put(replace(listener, certificate_arns=together))
    region.wake()


def remove_certificates(region: Region, arn: str, certificate_arns: Sequence[str]) -> None:
    """Those that the listener does not have are passed over. Raises ``OperationNotPermitted`` for the default one."""
    listener = _with_https(region, arn)
    default, *others = listener.certificate_arns
    if default in certificate_arns:
        raise ApiError("OperationNotPermitted", "The default certificate of a listener cannot be removed")
    left = (default, *(one for one in others if one not in certificate_arns))
    with region.state.transaction() as changes:
        changes.put(replace(listener, certificate_arns=left))
    region.wake()


def _with_https(region: Region, arn: str) -> Listener:
    listener = find(region, arn)
    if listener.protocol != "HTTPS":
        raise ApiError("ValidationError", "Certificates can only be specified for HTTPS listeners")
    return listener


def modify_attributes(region: Region, arn: str, given: Mapping[str, str]) -> Listener:
    listener = find(region, arn)
    checked(LISTENER, "Listener", given)
    changed = replace(listener, attributes={**listener.attributes, **given})
    with region.state.transaction() as changes:
        changes.put(changed)
    region.wake()
    return changed


def delete(region: Region, arn: str) -> None:
    """Delete a listener and its rules. Raises ``ListenerNotFound``."""
    listener = find(region, arn)
    with region.state.transaction() as changes:
        changes.delete(listener, *rules_of(region, arn))
    region.wake()


def create_rule(
    region: Region,
    arn: str,
    *,
    priority: int,
    conditions: Sequence[Condition],
    actions: Actions,
    tags: Mapping[str, str],
    transforms: Sequence[Transform] = (),
) -> Rule:
    """A new rule of a listener. Raises ``PriorityInUse``, ``TooManyRules``, and what the checks of its parts raise."""
    listener = find(region, arn)
    balancer = elbv2_load_balancers.find(region, listener.load_balancer_arn)
    _check_priority(priority)
    if any(rule.priority == priority for rule in rules_of(region, arn)):
        raise ApiError("PriorityInUse", f"Priority '{priority}' is currently in use")
    listeners = {one.arn for one in of_load_balancer(region, balancer.arn)}
    if sum(one.listener_arn in listeners and not one.is_default for one in region.state.rules.values()) >= RULES_MAX:
        raise ApiError("TooManyRules", f"The maximum number of rules has been reached: {RULES_MAX}")
    check_conditions(conditions)
    check_transforms(transforms)
    check_actions(region, actions, balancer, listener.protocol)
    made = Rule(
        arn=rule_arn(arn, region.ids.load_balancer_id()),
        listener_arn=arn,
        priority=priority,
        conditions=tuple(conditions),
        action=actions.routing,
        jwt_validation=actions.jwt_validation,
        transforms=tuple(transforms),
        tags=checked_tags({}, tags),
    )
    with region.state.transaction() as changes:
        changes.put(made)
    region.wake()
    return made


def modify_rule(
    region: Region,
    arn: str,
    *,
    conditions: Sequence[Condition] | None,
    actions: Actions | None,
    transforms: Sequence[Transform] | None = None,
) -> Rule:
    """Change a rule. What is None stays. Raises ``OperationNotPermitted`` for the default rule's conditions."""
    rule = find_rule(region, arn)
    if rule.is_default and conditions:
        raise ApiError("OperationNotPermitted", f"Default rule '{arn}' cannot be modified")
    if conditions is not None:
        check_conditions(conditions)
    if transforms is not None:
        check_transforms(transforms, is_default=rule.is_default)
    if actions is not None:
        listener = find(region, rule.listener_arn)
        check_actions(region, actions, elbv2_load_balancers.find(region, listener.load_balancer_arn), listener.protocol)
    changed = replace(
        rule,
        conditions=rule.conditions if conditions is None else tuple(conditions),
        action=rule.action if actions is None else actions.routing,
        jwt_validation=rule.jwt_validation if actions is None else actions.jwt_validation,
        transforms=rule.transforms if transforms is None else tuple(transforms),
    )
    with region.state.transaction() as changes:
        changes.put(changed)
    region.wake()
    return changed


def delete_rule(region: Region, arn: str) -> None:
    rule = find_rule(region, arn)
    if rule.is_default:
        raise ApiError("OperationNotPermitted", f"Default rule '{arn}' cannot be deleted")
    with region.state.transaction() as changes:
        changes.delete(rule)
    region.wake()


def set_priorities(region: Region, wanted: Mapping[str, int]) -> list[Rule]:
    """Give rules of one listener other priorities, all at once. Raises ``PriorityInUse``, ``OperationNotPermitted``."""
    rules = [find_rule(region, arn) for arn in wanted]
    for rule in rules:
        if rule.is_default:
            raise ApiError("OperationNotPermitted", f"Default rule '{rule.arn}' cannot be modified")
        _check_priority(wanted[rule.arn])
    for listener in {rule.listener_arn for rule in rules}:
        after = [wanted.get(rule.arn, rule.priority) for rule in rules_of(region, listener) if not rule.is_default]
        if len(set(after)) < len(after):
            raise ApiError("PriorityInUse", "One or more of the priorities is currently in use")
    changed = [replace(rule, priority=wanted[rule.arn]) for rule in rules]
    with region.state.transaction() as changes:
        _put_all(changes, changed)
    region.wake()
    return changed


def _put_all(changes: Changes, rules: Iterable[Rule]) -> None:
    changes.put(*rules)


def _check_priority(priority: int) -> None:
    if not 1 <= priority <= PRIORITY_MAX:
        raise ApiError("ValidationError", f"Priority '{priority}' must be between 1 and {PRIORITY_MAX}")
