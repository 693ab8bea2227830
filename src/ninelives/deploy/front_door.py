"""Where the public comes in and where tasks are registered: load balancer, target groups, listeners, and the two rules that a
shift of traffic moves.

A strategy that shifts traffic works with two target groups that take turns. The production rule forwards to both by weight;
the one with weight is live. In ``local`` the production rule is the public listener's own, made or brought to forward to both.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ninelives.deploy.aws import Aws, error_code, pages
from ninelives.deploy.errors import DeployError
from ninelives.deploy.ground import Ground, Network
from ninelives.deploy.reports import Act
from ninelives.deploy.service_file import ServiceFile, TestListener

ADDRESS_TAG = "ninelives:address"
"""Tag of a listener: the address where a region really answers for it, when it could not bind the port."""
DELAY = "deregistration_delay.timeout_seconds"
INFRASTRUCTURE_ROLE = "ecsInfrastructureRoleForLoadBalancers"
ALL, NOTHING = 100, 0
PRIORITY_MAX = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Shifting:
    """What a shift of traffic works with. Source: ``ecs`` ``AdvancedConfiguration``."""

    alternate_target_group_arn: str
    production_rule_arn: str
    test_rule_arn: str | None
    role_arn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontDoor:
    """``shifting`` is None where tasks are replaced in one target group."""

    load_balancer_arn: str
    target_group_arn: str
    url: str
    test_url: str | None = None
    """Where test traffic goes in; with a header, the public address."""
    shifting: Shifting | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Groups:
    """``pair``: the file's target group and, where it is there or needed, the alternate one."""

    main: Mapping[str, Any]
    alternate: Mapping[str, Any] | None

    @property
    def arns(self) -> tuple[str, ...]:
        return tuple(str(one["TargetGroupArn"]) for one in (self.main, self.alternate) if one is not None)


def find_or_make_front_door(ground: Ground, network: Network | None) -> FrontDoor | None:
    """The service's front door; None where a piece of it is missing. ``network`` may be None where nothing is made."""
    file = ground.file
    balancer = _load_balancer(ground, network)
    groups = _target_groups(ground, network)
    infrastructure = _infrastructure_role(ground) if file.deploy.shifts_traffic else None
    if balancer is None:
        ground.missing.append(f"listener on port {file.load_balancer.port}")
    if balancer is None or groups is None:
        return None
    listener = _listener(ground, balancer, file.load_balancer.port, _first_forward(file, groups))
    if listener is None:
        return None
    rules = rules_of(ground.aws, listener)
    production = _production_rule(ground, rules, groups)
    url = public_url(ground.aws, balancer, listener)
    if not file.deploy.shifts_traffic:
        live = groups.main["TargetGroupArn"] if production is None else _live_group(ground, production, groups)
        return FrontDoor(load_balancer_arn=str(balancer["LoadBalancerArn"]), target_group_arn=str(live), url=url)
    assert groups.alternate is not None
    if production is None:
        ground.missing.append(f"rule of listener {listener['Port']} that forwards to target group {file.target_group_name}")
        return None
    test_rule, test_url = _test_traffic(ground, balancer, listener, rules, groups)
    _forward_to_both(ground, listener, production, groups, has_test_rule=test_rule is not None)
    if infrastructure is None:
        return None
    return FrontDoor(
        load_balancer_arn=str(balancer["LoadBalancerArn"]),
        target_group_arn=str(groups.main["TargetGroupArn"]),
        url=url,
        test_url=test_url,
        shifting=Shifting(
            alternate_target_group_arn=str(groups.alternate["TargetGroupArn"]),
            production_rule_arn=str(production["RuleArn"]),
            test_rule_arn=str(test_rule["RuleArn"]) if test_rule is not None else None,
            role_arn=infrastructure,
        ),
    )


# Load balancer and listeners.


def _load_balancer(ground: Ground, network: Network | None) -> Mapping[str, Any] | None:
    name = ground.file.load_balancer_name
    found = find_load_balancer(ground.aws, name)
    if found is not None:
        return found

    def make() -> Any:
        assert network is not None
        made = ground.aws.elbv2.create_load_balancer(
            Name=name,
            Subnets=list(network.subnets),
            SecurityGroups=list(network.security_groups),
            Scheme="internet-facing",
            Type="application",
        )
        return made["LoadBalancers"][0]

    made: Mapping[str, Any] | None = ground.make(f"load balancer {name}", make)
    return made


def _first_forward(file: ServiceFile, groups: _Groups) -> dict[str, Any]:
    """What a listener begins with: all to the first group, with the second one at hand where traffic will be shifted."""
    weights = [(arn, NOTHING if number else ALL) for number, arn in enumerate(groups.arns)]
    return _forward(weights if file.deploy.shifts_traffic else weights[:1])


def _listener(
    ground: Ground, balancer: Mapping[str, Any], port: int, action: Mapping[str, Any], *, what: str = "listener"
) -> Mapping[str, Any] | None:
    arn = balancer["LoadBalancerArn"]
    found = find_listener(ground.aws, arn, port)
    if found is not None:
        return found

    def make() -> Any:
        made = ground.aws.elbv2.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=port, DefaultActions=[action])
        return made["Listeners"][0]

    made: Mapping[str, Any] | None = ground.make(
        f"{what} on port {port} of load balancer {ground.file.load_balancer_name}", make
    )
    return made


# Target groups.


def _target_groups(ground: Ground, network: Network | None) -> _Groups | None:
    file = ground.file
    main = _target_group(ground, file.target_group_name, network)
    if file.deploy.shifts_traffic:
        alternate = _target_group(ground, file.alternate_target_group_name, network)
        return _Groups(main=main, alternate=alternate) if main is not None and alternate is not None else None
    # A service that shifted traffic before may live in the alternate one now.
    return _Groups(main=main, alternate=find_target_group(ground.aws, file.alternate_target_group_name)) if main else None


def _target_group(ground: Ground, name: str, network: Network | None) -> Mapping[str, Any] | None:
    found = find_target_group(ground.aws, name)
    if found is not None:
        if ground.makes:
            _correct_health_check(ground, found)
            _correct_delay(ground, found)
        return found
    made: Mapping[str, Any] | None = ground.make(
        f"target group {name} (health: {ground.file.health.path})", lambda: _make_target_group(ground, name, network)
    )
    return made


def _make_target_group(ground: Ground, name: str, network: Network | None) -> Any:
    assert network is not None
    made = ground.aws.elbv2.create_target_group(
        Name=name,
        Protocol="HTTP",
        Port=ground.file.port,
        VpcId=network.vpc(ground.aws),
        TargetType="ip",
        **health_check_settings(ground.file),
    )["TargetGroups"][0]
    _set_delay(ground, made["TargetGroupArn"])
    return made


def _correct_health_check(ground: Ground, group: Mapping[str, Any]) -> None:
    wanted = health_check_settings(ground.file)
    differing = {name: value for name, value in wanted.items() if group.get(name) != value}
    if differing:
        ground.aws.elbv2.modify_target_group(TargetGroupArn=group["TargetGroupArn"], **differing)
        ground.tell(Act.CHANGED, f"health check of target group {group['TargetGroupName']}: {_listed(differing)}")


def _correct_delay(ground: Ground, group: Mapping[str, Any]) -> None:
    arn, wanted = group["TargetGroupArn"], _delay(ground.file)
    attributes = ground.aws.elbv2.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
    if {one["Key"]: one["Value"] for one in attributes}.get(DELAY) != wanted:
        _set_delay(ground, arn)
        ground.tell(Act.CHANGED, f"deregistration delay of target group {group['TargetGroupName']}: {wanted}s")


def _delay(file: ServiceFile) -> str:
    return str(int(file.drain.deregistration_delay.total_seconds()))


def _set_delay(ground: Ground, arn: str) -> None:
    attributes = [{"Key": DELAY, "Value": _delay(ground.file)}]
    ground.aws.elbv2.modify_target_group_attributes(TargetGroupArn=arn, Attributes=attributes)


def health_check_settings(file: ServiceFile) -> dict[str, Any]:
    """Members of ``CreateTargetGroup`` and ``ModifyTargetGroup``."""
    health = file.health
    return {
        "HealthCheckProtocol": "HTTP",
        "HealthCheckPath": health.path,
        "HealthCheckIntervalSeconds": int(health.interval.total_seconds()),
        "HealthCheckTimeoutSeconds": int(health.timeout.total_seconds()),
        "HealthyThresholdCount": health.healthy_threshold,
        "UnhealthyThresholdCount": health.unhealthy_threshold,
        "Matcher": {"HttpCode": health.matcher},
    }


# Rules.


def _production_rule(ground: Ground, rules: Sequence[Mapping[str, Any]], groups: _Groups) -> Mapping[str, Any] | None:
    """The first rule of the public listener that forwards to one of the groups, the test rule aside.

    Raises ``DeployError`` where the listener is ours to use and belongs to something else.
    """
    for rule in rules:
        if set(groups.arns) & weights_of(rule).keys() and not _is_for_test(rule, ground.file.load_balancer.test_listener):
            return rule
    if ground.makes:
        raise DeployError(
            f"Listener {ground.file.load_balancer.port} of load balancer {ground.file.load_balancer_name} forwards to another "
            "target group.",
            hint="Give the service a port or a load balancer of its own under `load_balancer:`.",
        )
    return None


def _live_group(ground: Ground, production: Mapping[str, Any], groups: _Groups) -> str:
    """The group that gets the traffic: that of the file, unless an earlier shift has left it with the alternate one."""
    main, weights = str(groups.main["TargetGroupArn"]), weights_of(production)
    if groups.alternate is None:
        return main
    alternate = str(groups.alternate["TargetGroupArn"])
    if weights.get(main, NOTHING) == NOTHING < weights.get(alternate, NOTHING):
        ground.tell(Act.NOTE, f"traffic is with target group {groups.alternate['TargetGroupName']}: tasks are replaced there")
        return alternate
    return main


def _forward_to_both(
    ground: Ground, listener: Mapping[str, Any], production: Mapping[str, Any], groups: _Groups, *, has_test_rule: bool
) -> None:
    """See to it that each target group hangs on the production rule (or the test rule): else ECS refuses to shift."""
    weights = weights_of(production)
    if set(groups.arns) <= weights.keys() or (has_test_rule and not ground.makes):
        return
    action = _forward([(arn, weights.get(arn, NOTHING)) for arn in groups.arns])

    def change() -> None:
        if production.get("IsDefault"):
            ground.aws.elbv2.modify_listener(ListenerArn=listener["ListenerArn"], DefaultActions=[action])
        else:
            ground.aws.elbv2.modify_rule(RuleArn=production["RuleArn"], Actions=[action])

    names = f"{groups.main['TargetGroupName']} and {ground.file.alternate_target_group_name}"
    ground.change(f"production rule of listener {listener['Port']}: forwards to {names} by weight", change)


def _test_traffic(
    ground: Ground,
    balancer: Mapping[str, Any],
    listener: Mapping[str, Any],
    rules: Sequence[Mapping[str, Any]],
    groups: _Groups,
) -> tuple[Mapping[str, Any] | None, str | None]:
    """The test rule, and where test traffic goes in; nothing where the file asks for none."""
    asked = ground.file.load_balancer.test_listener
    if asked is None:
        return None, None
    weights = next(filter(None, map(weights_of, rules)), {})
    action = _forward([(arn, weights.get(arn, ALL if arn == groups.arns[0] else NOTHING)) for arn in groups.arns])
    if asked.port is not None:
        own = _listener(ground, balancer, asked.port, action, what="test listener")
        if own is None:
            return None, None
        return _forwarding(rules_of(ground.aws, own), groups), public_url(ground.aws, balancer, own)
    found = next((rule for rule in rules if _is_for_test(rule, asked)), None)
    if found is None:
        found = ground.make(
            f"rule of listener {listener['Port']} for test traffic ({asked.header}: {asked.value})",
            lambda: ground.aws.elbv2.create_rule(
                ListenerArn=listener["ListenerArn"],
                Priority=_free_priority(rules),
                Conditions=[_header_condition(asked)],
                Actions=[action],
            )["Rules"][0],
        )
    return found, public_url(ground.aws, balancer, listener)


def _forwarding(rules: Sequence[Mapping[str, Any]], groups: _Groups) -> Mapping[str, Any]:
    """The rule of the test listener that ECS moves: the first that forwards to one of the groups, else its default rule."""
    return next((rule for rule in rules if set(groups.arns) & weights_of(rule).keys()), rules[-1])


def _header_condition(asked: TestListener) -> dict[str, Any]:
    return {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": asked.header, "Values": [asked.value]}}


def _is_for_test(rule: Mapping[str, Any], asked: TestListener | None) -> bool:
    if asked is None or asked.header is None:
        return False
    headers = [one.get("HttpHeaderConfig", {}) for one in rule.get("Conditions", ()) if one.get("Field") == "http-header"]
    return any(
        one.get("HttpHeaderName", "").lower() == asked.header.lower() and asked.value in one.get("Values", ())
        for one in headers
    )


def _free_priority(rules: Sequence[Mapping[str, Any]]) -> int:
    """Before all others: a condition on a header is worth nothing behind a rule for every path."""
    taken = {int(rule["Priority"]) for rule in rules if not rule.get("IsDefault")}
    return next(number for number in range(1, PRIORITY_MAX) if number not in taken)


def _infrastructure_role(ground: Ground) -> str | None:
    """The role that ECS moves weights with.

    Source: ECS developer guide, "Amazon ECS infrastructure IAM role for load balancers"; the actions are those of the managed
    policy AmazonECSInfrastructureRolePolicyForLoadBalancers.
    """
    laid = ground.bootstrapped
    named = ground.file.roles.infrastructure or (laid.infrastructure_role_arn if laid is not None else None)
    name = named or INFRASTRUCTURE_ROLE
    actions = (
        "DescribeListeners", "DescribeRules", "DescribeTargetGroups", "DescribeTargetHealth", "RegisterTargets",
        "DeregisterTargets", "ModifyListener", "ModifyRule",
    )  # fmt: skip

    def make() -> str:
        return ground.make_role(
            name,
            principal="ecs.amazonaws.com",
            policy="shift-traffic",
            actions=[f"elasticloadbalancing:{action}" for action in actions],
            resources=["*"],
        )

    return ground.role(name, None if named else make)


# Looking things up.


def find_load_balancer(aws: Aws, name: str) -> Mapping[str, Any] | None:
    try:
        found: Mapping[str, Any] = aws.elbv2.describe_load_balancers(Names=[name])["LoadBalancers"][0]
    except Exception as error:
        if error_code(error) == "LoadBalancerNotFound":
            return None
        raise
    return found


def find_target_group(aws: Aws, name: str) -> Mapping[str, Any] | None:
    try:
        found: Mapping[str, Any] = aws.elbv2.describe_target_groups(Names=[name])["TargetGroups"][0]
    except Exception as error:
        if error_code(error) == "TargetGroupNotFound":
            return None
        raise
    return found


def find_listener(aws: Aws, load_balancer_arn: str, port: int) -> Mapping[str, Any] | None:
    listeners = _paged(aws.elbv2.describe_listeners, "Listeners", LoadBalancerArn=load_balancer_arn)
    return next((listener for listener in listeners if listener["Port"] == port), None)


def rules_of(aws: Aws, listener: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A listener's rules in the order in which they are tried, the default rule last."""
    found = list(_paged(aws.elbv2.describe_rules, "Rules", ListenerArn=listener["ListenerArn"]))
    return sorted(found, key=lambda rule: PRIORITY_MAX if rule.get("IsDefault") else int(rule["Priority"]))


def _paged(call: Any, key: str, **request: Any) -> Iterator[Mapping[str, Any]]:
    """ELB's answers name the continuation ``NextMarker``, its requests ``Marker``."""

    def with_marker(**members: Any) -> Mapping[str, Any]:
        answer = call(**members)
        return {**answer, "Marker": answer.get("NextMarker")}

    return pages(with_marker, key, continuation="Marker", **request)


def public_url(aws: Aws, balancer: Mapping[str, Any], listener: Mapping[str, Any]) -> str:
    """Where the service answers; the listener's tag ``ninelives:address`` overrides its own port."""
    scheme = "https" if listener.get("Protocol") == "HTTPS" else "http"
    described = aws.elbv2.describe_tags(ResourceArns=[listener["ListenerArn"]])["TagDescriptions"]
    tags = {tag["Key"]: tag["Value"] for one in described for tag in one.get("Tags", ())}
    address = tags.get(ADDRESS_TAG)
    if address:
        return address if "://" in address else f"{scheme}://{address}"
    port = listener["Port"]
    usual = 443 if scheme == "https" else 80
    return f"{scheme}://{balancer['DNSName']}" + ("" if port == usual else f":{port}")


def weights_of(rule: Mapping[str, Any]) -> dict[str, int]:
    """Weight by target group that a rule's forward action gives.

    >>> weights_of({"Actions": [{"Type": "forward", "TargetGroupArn": "blue"}]})
    {'blue': 100}
    >>> both = [{"TargetGroupArn": "blue", "Weight": 0}, {"TargetGroupArn": "green", "Weight": 100}]
    >>> weights_of({"Actions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": both}}]})
    {'blue': 0, 'green': 100}
    """
    weights: dict[str, int] = {}
    for action in rule.get("Actions", ()):
        if action.get("TargetGroupArn"):  # one group, and where it is given, a ForwardConfig says the same
            weights[str(action["TargetGroupArn"])] = ALL
        groups = action.get("ForwardConfig", {}).get("TargetGroups", ())
        alone = len(groups) == 1  # then it has all, whatever its weight
        weights |= {str(one["TargetGroupArn"]): ALL if alone else int(one.get("Weight", 1)) for one in groups}
    return weights


def _forward(weights: Sequence[tuple[str, int]]) -> dict[str, Any]:
    """A forward action: to one group, or to several by weight."""
    if len(weights) == 1:
        return {"Type": "forward", "TargetGroupArn": weights[0][0]}
    groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}


def _listed(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())
