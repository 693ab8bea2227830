"""ELBv2 through boto3: what AWS refuses is refused with AWS's code, before anything changes; what is made can be read back."""

import asyncio
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from ecs_world import PLACE, CountingIds, MemoryStore, StillClock
from running_door import OpenDoor, RunningDoor

import ninelives
from ninelives.api import elbv2
from ninelives.api.service_model import load_service
from ninelives.model.elbv2 import TargetHealth, TargetHealthState, TargetKey
from ninelives.model.errors import ApiError
from ninelives.model.timing import Timing
from ninelives.region.elbv2_load_balancers import Subnet
from ninelives.region.region import Region
from ninelives.region.state import State

SUBNETS = ["subnet-a", "subnet-b"]
VPC = "vpc-1"


class FakeNetwork:
    async def subnets(self, subnet_ids: Sequence[str]) -> list[Subnet]:
        for one in subnet_ids:
            if not one.startswith("subnet-"):
                raise ApiError("SubnetNotFound", f"The subnet ID '{one}' does not exist")
        return [Subnet(id=one, zone=f"eu-west-1{one[7]}", vpc_id=VPC) for one in subnet_ids]


class FakeDataPlane:
    def __init__(self) -> None:
        self.health: dict[TargetKey, TargetHealth] = {}
        self.taken_ports: set[int] = set()

    def pick_address(self, taken: Collection[str]) -> str:
        return f"127.0.1.{len(taken) + 1}"

    def pick_port(self, address: str, port: int) -> int | None:
        assert address.startswith("127.")
        if port in self.taken_ports:
            return None
        return port if port >= 1024 else port + 8000

    def target_health(self, key: TargetKey) -> TargetHealth | None:
        return self.health.get(key)


class World:
    def __init__(self, open_door: OpenDoor) -> None:
        self.data_plane = FakeDataPlane()
        plane: Any = self.data_plane
        self.region: Region = asyncio.run(self._region(plane))
        door: RunningDoor = open_door({"elbv2": elbv2.operations(self.region, FakeNetwork())})
        self.elb = door.client("elbv2", config=Config(parameter_validation=False, retries={"total_max_attempts": 1}))

    @staticmethod
    async def _region(plane: Any) -> Region:
        return Region(
            place=PLACE, state=State(MemoryStore()), clock=StillClock(), ids=CountingIds(), data_plane=plane, timing=Timing()
        )

    def balancer(self, name: str = "cats", **more: Any) -> dict[str, Any]:
        made: dict[str, Any] = self.elb.create_load_balancer(Name=name, **{"Subnets": SUBNETS, **more})["LoadBalancers"][0]
        return made

    def group(self, name: str = "cats", **more: Any) -> dict[str, Any]:
        given = {"Protocol": "HTTP", "Port": 4567, "VpcId": VPC, "TargetType": "ip", **more}
        made: dict[str, Any] = self.elb.create_target_group(Name=name, **given)["TargetGroups"][0]
        return made

    def listener(self, balancer: dict[str, Any], group: dict[str, Any], **more: Any) -> dict[str, Any]:
        given = {"Protocol": "HTTP", "Port": 8080, **({"DefaultActions": [forward(group)]} if group else {}), **more}
        arn = balancer["LoadBalancerArn"]
        made: dict[str, Any] = self.elb.create_listener(LoadBalancerArn=arn, **given)["Listeners"][0]
        return made


def forward(group: dict[str, Any]) -> dict[str, Any]:
    return {"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}


@pytest.fixture
def world(open_door: OpenDoor) -> World:
    return World(open_door)


def refusal(call: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_load_balancer_resolves_without_dns_and_waits_as_available(world: World) -> None:
    made = world.balancer()

    assert ("127.0.1.1", "active", "application") == (made["DNSName"], made["State"]["Code"], made["Type"])
    assert made["LoadBalancerArn"].startswith("arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/cats/")
    world.elb.get_waiter("load_balancer_available").wait(Names=["cats"])


def test_the_same_load_balancer_again_is_the_same_and_another_of_its_name_is_refused(world: World) -> None:
    made = world.balancer()

    assert made["LoadBalancerArn"] == world.balancer()["LoadBalancerArn"]
    code, _ = refusal(world.elb.create_load_balancer, Name="cats", Subnets=SUBNETS, Scheme="internal")
    assert "DuplicateLoadBalancerName" == code


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"Name": "a" * 33, "Subnets": SUBNETS}, "ValidationError"),
        ({"Name": "-cats", "Subnets": SUBNETS}, "ValidationError"),
        ({"Name": "internal-cats", "Subnets": SUBNETS}, "ValidationError"),
        ({"Name": "cats", "Subnets": ["subnet-a"]}, "ValidationError"),
        ({"Name": "cats"}, "ValidationError"),
        ({"Name": "cats", "Subnets": ["subnet-a", "subnet-a1"]}, "InvalidConfigurationRequest"),
        ({"Name": "cats", "Subnets": ["nowhere", "subnet-a"]}, "SubnetNotFound"),
        ({"Name": "cats", "Subnets": SUBNETS, "Type": "network"}, "InvalidConfigurationRequest"),
    ],
)
def test_a_bad_load_balancer_is_refused_and_nothing_is_made(world: World, parameters: dict[str, Any], code: str) -> None:
    assert code == refusal(world.elb.create_load_balancer, **parameters)[0]
    assert [] == world.elb.describe_load_balancers()["LoadBalancers"]


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"Name": "x_y"}, "ValidationError"),
        ({"HealthCheckIntervalSeconds": 4}, "ValidationError"),
        ({"HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 5}, "ValidationError"),
        ({"HealthyThresholdCount": 1}, "ValidationError"),
        ({"UnhealthyThresholdCount": 11}, "ValidationError"),
        ({"Matcher": {"HttpCode": "200-600"}}, "ValidationError"),
        ({"Matcher": {"HttpCode": "abc"}}, "ValidationError"),
        ({"HealthCheckPath": "health"}, "ValidationError"),
        ({"HealthCheckPort": "http"}, "ValidationError"),
        ({"TargetType": "lambda"}, "InvalidConfigurationRequest"),
        ({"Protocol": "TCP"}, "InvalidConfigurationRequest"),
        ({"HealthCheckEnabled": False}, "ValidationError"),
        ({"HealthCheckProtocol": "TCP"}, "ValidationError"),
        ({"HealthCheckTimeoutSeconds": 1}, "ValidationError"),
        ({"VpcId": ""}, "ValidationError"),
        ({"Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}, "DuplicateTagKeys"),
        ({"Tags": [{"Key": str(number), "Value": ""} for number in range(51)]}, "TooManyTags"),
        ({"ProtocolVersion": "HTTP3"}, "ValidationError"),
        ({"ProtocolVersion": "GRPC", "Matcher": {"HttpCode": "200"}}, "ValidationError"),
        ({"ProtocolVersion": "GRPC", "Matcher": {"GrpcCode": "0-100"}}, "ValidationError"),
        ({"ProtocolVersion": "GRPC", "Matcher": {"GrpcCode": "12-0"}}, "ValidationError"),
        ({"Matcher": {"GrpcCode": "0"}}, "ValidationError"),
    ],
)
def test_a_bad_target_group_is_refused_and_nothing_is_made(world: World, parameters: dict[str, Any], code: str) -> None:
    given = {"Name": "cats", "Protocol": "HTTP", "Port": 4567, "VpcId": VPC, "TargetType": "ip", **parameters}

    assert code == refusal(world.elb.create_target_group, **given)[0]
    assert [] == world.elb.describe_target_groups()["TargetGroups"]


@pytest.mark.parametrize("type_", ["network", "gateway"])
def test_other_load_balancers_are_refused_by_name(world: World, type_: str) -> None:
    code, message = refusal(world.elb.create_load_balancer, Name="cats", Subnets=SUBNETS, Type=type_)

    assert ("InvalidConfigurationRequest", True) == (code, f"'{type_}'" in message)


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        *(({"Protocol": one}, one) for one in ("TCP", "UDP", "TCP_UDP", "TLS", "GENEVE")),
        *(({"TargetType": one}, one) for one in ("alb", "lambda")),
    ],
)
def test_target_groups_of_other_load_balancers_are_refused_by_name(
    world: World, parameters: dict[str, Any], named: str
) -> None:
    given = {"Name": "cats", "Protocol": "HTTP", "Port": 80, "VpcId": VPC, "TargetType": "ip", **parameters}

    code, message = refusal(world.elb.create_target_group, **given)

    assert ("InvalidConfigurationRequest", True) == (code, f"'{named}'" in message)


def test_a_target_group_shows_albs_defaults(world: World) -> None:
    made = world.group()

    shown = {name: made[name] for name in ("HealthCheckIntervalSeconds", "HealthCheckTimeoutSeconds", "HealthyThresholdCount")}
    assert {"HealthCheckIntervalSeconds": 30, "HealthCheckTimeoutSeconds": 5, "HealthyThresholdCount": 5} == shown
    assert (2, "/", "traffic-port", {"HttpCode": "200"}) == (
        made["UnhealthyThresholdCount"],
        made["HealthCheckPath"],
        made["HealthCheckPort"],
        made["Matcher"],
    )
    attributes = world.elb.describe_target_group_attributes(TargetGroupArn=made["TargetGroupArn"])["Attributes"]
    assert {"Key": "deregistration_delay.timeout_seconds", "Value": "300"} in attributes


def pairs(attributes: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in attributes.items()]


def test_both_stickinesses_go_together_in_a_rule_of_several_groups(world: World) -> None:
    blue, green = (world.group(name)["TargetGroupArn"] for name in ("blue", "green"))
    weighted = [{"TargetGroupArn": blue, "Weight": 1}, {"TargetGroupArn": green, "Weight": 0}]
    sticky = {"TargetGroups": weighted, "TargetGroupStickinessConfig": {"Enabled": True, "DurationSeconds": 120}}
    plain = {"TargetGroups": weighted}
    listener = world.listener(world.balancer(), {}, DefaultActions=[{"Type": "forward", "ForwardConfig": plain}])
    on = pairs({"stickiness.enabled": "true"})

    code, message = refusal(world.elb.modify_target_group_attributes, TargetGroupArn=blue, Attributes=on)
    assert "InvalidConfigurationRequest" == code
    assert "You must enable group stickiness before enabling target stickiness" in message

    def modify(configuration: dict[str, Any]) -> dict[str, Any]:
        actions = [{"Type": "forward", "ForwardConfig": configuration}]
        return {"ListenerArn": listener["ListenerArn"], "DefaultActions": actions}

    [shown] = world.elb.modify_listener(**modify(sticky))["Listeners"][0]["DefaultActions"]
    assert sticky == shown["ForwardConfig"]
    world.elb.modify_target_group_attributes(TargetGroupArn=blue, Attributes=on)
    assert "InvalidConfigurationRequest" == refusal(world.elb.modify_listener, **modify(plain))[0]
    for wrong in ({"Enabled": True}, {"Enabled": True, "DurationSeconds": 604801}):
        given = plain | {"TargetGroupStickinessConfig": wrong}
        assert "ValidationError" == refusal(world.elb.modify_listener, **modify(given))[0]


def test_transforms_are_shown_changed_and_reset_and_bad_ones_refused(world: World) -> None:
    group = world.group()
    listener = world.listener(world.balancer(), group)["ListenerArn"]
    path = [{"Field": "path-pattern", "Values": ["/dp/*"]}]
    url = {"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": [{"Regex": "^/dp/(.+)$", "Replace": "/p?id=$1"}]}}
    host = {"Type": "host-header-rewrite", "HostHeaderRewriteConfig": {"Rewrites": [{"Regex": "a", "Replace": "b"}]}}
    given = {"ListenerArn": listener, "Priority": 1, "Conditions": path, "Actions": [forward(group)]}

    def changed(**rewrite: str) -> dict[str, Any]:
        known = {"Regex": "^/dp/(.+)$", "Replace": "/p"} | rewrite
        return {"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": [known]}}

    for wrong in (
        [changed(Regex="a(?=b)")],
        [changed(Replace="/$2")],
        [changed(Replace="/$0")],
        [changed(Regex="(a)" * 8)],
        [changed(Regex="")],
        [{"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": []}}],
        [{"Type": "upside-down"}],
        [url, url],
    ):
        assert "ValidationError" == refusal(world.elb.create_rule, **given, Transforms=wrong)[0]
    made = world.elb.create_rule(**given, Transforms=[url])["Rules"][0]
    assert [url] == made["Transforms"]
    modify = world.elb.modify_rule
    assert [host, url] == modify(RuleArn=made["RuleArn"], Transforms=[host, url])["Rules"][0]["Transforms"]
    assert [host, url] == modify(RuleArn=made["RuleArn"], Conditions=path)["Rules"][0]["Transforms"]
    assert [] == modify(RuleArn=made["RuleArn"], ResetTransforms=True)["Rules"][0]["Transforms"]
    default = next(one for one in world.elb.describe_rules(ListenerArn=listener)["Rules"] if one["IsDefault"])
    assert "ValidationError" == refusal(modify, RuleArn=default["RuleArn"], Transforms=[url])[0]


def test_only_known_attributes_with_known_values_are_taken(world: World) -> None:
    group, balancer = world.group()["TargetGroupArn"], world.balancer()["LoadBalancerArn"]
    modify = world.elb.modify_target_group_attributes

    assert "ValidationError" == refusal(modify, TargetGroupArn=group, Attributes=[{"Key": "nope", "Value": "1"}])[0]
    delay = "deregistration_delay.timeout_seconds"
    assert "ValidationError" == refusal(modify, TargetGroupArn=group, Attributes=[{"Key": delay, "Value": "3601"}])[0]
    app = {"stickiness.enabled": "true", "stickiness.type": "app_cookie"}
    assert "InvalidConfigurationRequest" == refusal(modify, TargetGroupArn=group, Attributes=pairs(app))[0], "no cookie name"
    slow = {"slow_start.duration_seconds": "30", "load_balancing.algorithm.type": "least_outstanding_requests"}
    assert "InvalidConfigurationRequest" == refusal(modify, TargetGroupArn=group, Attributes=pairs(slow))[0]
    shown = modify(TargetGroupArn=group, Attributes=[{"Key": delay, "Value": "5"}])["Attributes"]
    assert {"Key": delay, "Value": "5"} in shown
    unknown = [{"Key": "idle_timeout", "Value": "1"}]
    assert (
        "ValidationError"
        == refusal(world.elb.modify_load_balancer_attributes, LoadBalancerArn=balancer, Attributes=unknown)[0]
    )


def test_deletion_protection_is_obeyed(world: World) -> None:
    arn = world.balancer()["LoadBalancerArn"]
    key = "deletion_protection.enabled"
    world.elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[{"Key": key, "Value": "true"}])

    assert "OperationNotPermitted" == refusal(world.elb.delete_load_balancer, LoadBalancerArn=arn)[0]
    world.elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[{"Key": key, "Value": "false"}])
    world.elb.delete_load_balancer(LoadBalancerArn=arn)
    world.elb.get_waiter("load_balancers_deleted").wait(LoadBalancerArns=[arn])


def test_a_listener_on_a_privileged_port_says_where_it_is_bound(world: World) -> None:
    listener = world.listener(world.balancer(), world.group(), Port=80)

    tags = world.elb.describe_tags(ResourceArns=[listener["ListenerArn"]])["TagDescriptions"][0]["Tags"]
    assert 80 == listener["Port"]
    assert [{"Key": "ninelives:address", "Value": "127.0.1.1:8080"}] == tags


def test_one_listener_a_port_and_none_on_a_port_of_another_program(world: World) -> None:
    balancer, group = world.balancer(), world.group()
    world.listener(balancer, group)
    given = {"LoadBalancerArn": balancer["LoadBalancerArn"], "Protocol": "HTTP", "DefaultActions": [forward(group)]}

    assert "DuplicateListener" == refusal(world.elb.create_listener, Port=8080, **given)[0]
    world.data_plane.taken_ports.add(9000)
    code, message = refusal(world.elb.create_listener, Port=9000, **given)
    assert ("InvalidConfigurationRequest", True) == (code, "taken by another program" in message)
    assert 1 == len(world.elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"])


def test_rules_are_shown_by_priority_with_the_default_last_and_it_stays(world: World) -> None:
    group = world.group()
    listener = world.listener(world.balancer(), group)["ListenerArn"]

    def rule(priority: int, path: str) -> dict[str, Any]:
        conditions = [{"Field": "path-pattern", "PathPatternConfig": {"Values": [path]}}]
        made: dict[str, Any] = world.elb.create_rule(
            ListenerArn=listener, Priority=priority, Conditions=conditions, Actions=[forward(group)]
        )["Rules"][0]
        return made

    second, first = rule(20, "/b/*"), rule(10, "/a/*")

    rules = world.elb.describe_rules(ListenerArn=listener)["Rules"]
    assert ["10", "20", "default"] == [one["Priority"] for one in rules]
    assert "OperationNotPermitted" == refusal(world.elb.delete_rule, RuleArn=rules[-1]["RuleArn"])[0]
    swapped = [{"RuleArn": first["RuleArn"], "Priority": 20}, {"RuleArn": second["RuleArn"], "Priority": 10}]
    world.elb.set_rule_priorities(RulePriorities=swapped)
    after = world.elb.describe_rules(ListenerArn=listener)["Rules"]
    assert [second["RuleArn"], first["RuleArn"]] == [one["RuleArn"] for one in after[:2]]
    clash = [{"RuleArn": first["RuleArn"], "Priority": 10}]
    assert "PriorityInUse" == refusal(world.elb.set_rule_priorities, RulePriorities=clash)[0]


FIXED: dict[str, Any] = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}
JWT: dict[str, Any] = {
    "Type": "jwt-validation",
    "JwtValidationConfig": {"JwksEndpoint": "https://issuer.test/keys", "Issuer": "https://issuer.test/"},
}


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"Priority": 0}, "ValidationError"),
        ({"Priority": 50001}, "ValidationError"),
        ({"Conditions": []}, "ValidationError"),
        ({"Conditions": [{"Field": "cookie", "Values": ["a"]}]}, "ValidationError"),
        ({"Conditions": [{"Field": "path-pattern", "Values": ["/1", "/2", "/3", "/4", "/5", "/6"]}]}, "ValidationError"),
        ({"Actions": [{"Type": "authenticate-oidc"}]}, "InvalidLoadBalancerAction"),
        ({"Actions": [JWT | {"Order": 1}, FIXED | {"Order": 2}]}, "InvalidLoadBalancerAction"),  # not without TLS
        ({"Actions": [{"Type": "forward", "TargetGroupArn": "arn:nowhere"}]}, "TargetGroupNotFound"),
        ({"Actions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "302"}}]}, "ValidationError"),
        ({"Actions": [{"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301"}}]}, "InvalidLoadBalancerAction"),
        ({"Conditions": [{"Field": "source-ip", "SourceIpConfig": {"Values": ["300.0.0.0/8"]}}]}, "ValidationError"),
        ({"Conditions": [{"Field": "query-string", "QueryStringConfig": {"Values": [{"Value": "a=b"}]}}]}, "ValidationError"),
        ({"Conditions": [{"Field": "path-pattern", "PathPatternConfig": {"RegexValues": ["a(?=b)"]}}]}, "ValidationError"),
        ({"Conditions": [{"Field": "http-request-method", "RegexValues": ["G.*"]}]}, "ValidationError"),
    ],
)
def test_a_bad_rule_is_refused(world: World, parameters: dict[str, Any], code: str) -> None:
    group = world.group()
    listener = world.listener(world.balancer(), group)["ListenerArn"]
    good = {
        "ListenerArn": listener,
        "Priority": 1,
        "Conditions": [{"Field": "path-pattern", "Values": ["/"]}],
        "Actions": [forward(group)],
    }

    assert code == refusal(world.elb.create_rule, **{**good, **parameters})[0]
    assert 1 == len(world.elb.describe_rules(ListenerArn=listener)["Rules"])


@pytest.mark.parametrize(
    "condition",
    [
        {"Field": "host-header", "HostHeaderConfig": {"Values": ["*.example.com"]}},
        {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Cat", "Values": ["tom*"]}},
        {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET", "HEAD"]}},
        {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "a", "Value": "b"}, {"Value": "c"}]}},
        {"Field": "source-ip", "SourceIpConfig": {"Values": ["127.0.0.0/8"]}},
    ],
)
def test_conditions_are_read_back_as_given(world: World, condition: dict[str, Any]) -> None:
    group = world.group()
    listener = world.listener(world.balancer(), group)["ListenerArn"]

    made = world.elb.create_rule(ListenerArn=listener, Priority=1, Conditions=[condition], Actions=[forward(group)])["Rules"][
        0
    ]

    assert condition.items() <= made["Conditions"][0].items()


def test_a_weighted_forward_shows_no_scalar_group(world: World) -> None:
    blue, green = world.group("blue"), world.group("green")
    weighted = {
        "Type": "forward",
        "ForwardConfig": {
            "TargetGroups": [
                {"TargetGroupArn": blue["TargetGroupArn"], "Weight": 90},
                {"TargetGroupArn": green["TargetGroupArn"], "Weight": 10},
            ]
        },
    }

    listener = world.listener(world.balancer(), blue, DefaultActions=[weighted])

    shown = listener["DefaultActions"][0]
    assert "TargetGroupArn" not in shown
    assert [90, 10] == [one["Weight"] for one in shown["ForwardConfig"]["TargetGroups"]]
    assert 1 == len(world.elb.describe_target_groups(Names=["green"])["TargetGroups"][0]["LoadBalancerArns"])
    assert "ResourceInUse" == refusal(world.elb.delete_target_group, TargetGroupArn=green["TargetGroupArn"])[0]


def test_a_target_group_belongs_to_one_load_balancer_in_its_own_vpc(world: World) -> None:
    group, elsewhere = world.group(), world.group("elsewhere", VpcId="vpc-2")
    world.listener(world.balancer(), group)
    other = {"LoadBalancerArn": world.balancer("dogs")["LoadBalancerArn"], "Protocol": "HTTP", "Port": 8081}

    create = world.elb.create_listener
    assert "TargetGroupAssociationLimit" == refusal(create, **other, DefaultActions=[forward(group)])[0]
    assert "InvalidConfigurationRequest" == refusal(create, **other, DefaultActions=[forward(elsewhere)])[0]


def test_a_listener_moves_to_another_port_and_takes_another_action(world: World) -> None:
    balancer, group, other = world.balancer(), world.group(), world.group("other")
    arn = world.listener(balancer, group, Port=80)["ListenerArn"]

    moved = world.elb.modify_listener(ListenerArn=arn, Port=8443, DefaultActions=[forward(other)])["Listeners"][0]

    assert (8443, other["TargetGroupArn"]) == (moved["Port"], moved["DefaultActions"][0]["TargetGroupArn"])
    assert [] == world.elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"]
    assert "ValidationError" == refusal(world.elb.modify_listener, ListenerArn=arn, Protocol="HTTPS")[0], "no certificate"
    world.elb.delete_target_group(TargetGroupArn=group["TargetGroupArn"])
    world.elb.delete_listener(ListenerArn=arn)
    assert [] == world.elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    assert "RuleNotFound" == refusal(world.elb.describe_rules, RuleArns=[arn.replace(":listener/", ":listener-rule/")])[0]


def test_the_default_rule_takes_another_action_but_no_conditions(world: World) -> None:
    arn = world.listener(world.balancer(), world.group())["ListenerArn"]
    default = world.elb.describe_rules(ListenerArn=arn)["Rules"][0]["RuleArn"]
    answer = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503", "MessageBody": "closed"}}

    world.elb.modify_rule(RuleArn=default, Actions=[answer])

    shown = world.elb.describe_listeners(ListenerArns=[arn])["Listeners"][0]["DefaultActions"][0]
    assert {"StatusCode": "503", "ContentType": "text/plain", "MessageBody": "closed"} == shown["FixedResponseConfig"]
    path = [{"Field": "path-pattern", "Values": ["/"]}]
    assert "OperationNotPermitted" == refusal(world.elb.modify_rule, RuleArn=default, Conditions=path)[0]


def test_quotas_are_kept_and_told(world: World) -> None:
    limits = {one["Name"]: int(one["Max"]) for one in world.elb.describe_account_limits()["Limits"]}
    group = world.group()
    listener = world.listener(world.balancer(), group)["ListenerArn"]
    rule = {"ListenerArn": listener, "Conditions": [{"Field": "path-pattern", "Values": ["/"]}], "Actions": [forward(group)]}

    for priority in range(1, limits["rules-per-application-load-balancer"] + 1):
        world.elb.create_rule(**rule, Priority=priority)

    assert "TooManyRules" == refusal(world.elb.create_rule, **rule, Priority=50000)[0]
    targets = [{"Id": "127.0.0.1", "Port": 1 + number} for number in range(1001)]
    arn = group["TargetGroupArn"]
    assert "TooManyTargets" == refusal(world.elb.register_targets, TargetGroupArn=arn, Targets=targets)[0]
    pages = world.elb.get_paginator("describe_rules").paginate(ListenerArn=listener, PaginationConfig={"PageSize": 40})
    assert [40, 40, 21] == [len(page["Rules"]) for page in pages]


def test_security_policies_are_shown_with_their_protocols_and_ciphers(world: World) -> None:
    names = ["ELBSecurityPolicy-TLS13-1-2-2021-06", "ELBSecurityPolicy-2016-08"]
    newer, older = world.elb.describe_ssl_policies(Names=names)["SslPolicies"]

    assert ["TLSv1.3", "TLSv1.2"] == newer["SslProtocols"]
    assert {"Name": "TLS_AES_128_GCM_SHA256", "Priority": 1} == newer["Ciphers"][0]
    assert ["TLSv1.2", "TLSv1.1", "TLSv1"] == older["SslProtocols"]
    assert ["AES256-SHA", 18] == [older["Ciphers"][-1][member] for member in ("Name", "Priority")]
    assert set(names) < {one["Name"] for one in world.elb.describe_ssl_policies()["SslPolicies"]}
    assert "SSLPolicyNotFound" == refusal(world.elb.describe_ssl_policies, Names=["mine"])[0]


def test_every_code_is_the_models_or_the_query_protocols_own() -> None:
    sources = Path(ninelives.__file__).parent
    files = [*sources.glob("region/elbv2*.py"), *sources.glob("api/elbv2/*.py")]
    raised = {code for file in files for code in re.findall(r'ApiError\(\s*"(\w+)"', file.read_text())}

    assert len(raised) > 15
    assert raised - {"ValidationError"} <= {error.code for error in load_service("elbv2").errors.values()}


def test_target_health_goes_through_its_states(world: World) -> None:
    group = world.group()
    arn = group["TargetGroupArn"]
    target = {"Id": "172.17.0.2", "Port": 4567}

    def health() -> tuple[str, str | None]:
        described = world.elb.describe_target_health(TargetGroupArn=arn, Targets=[target])["TargetHealthDescriptions"]
        found = described[0]["TargetHealth"]
        return found["State"], found.get("Reason")

    assert ("unused", "Target.NotRegistered") == health()
    world.elb.register_targets(TargetGroupArn=arn, Targets=[target])
    assert ("unused", "Target.NotInUse") == health()
    world.listener(world.balancer(), group)
    assert ("initial", "Elb.RegistrationInProgress") == health()
    world.data_plane.health[TargetKey(arn, "172.17.0.2", 4567)] = TargetHealth(state=TargetHealthState.HEALTHY)
    assert ("healthy", None) == health()
    world.elb.get_waiter("target_in_service").wait(TargetGroupArn=arn, Targets=[target])
    world.elb.deregister_targets(TargetGroupArn=arn, Targets=[target])
    assert ("draining", "Target.DeregistrationInProgress") == health()
    world.elb.register_targets(TargetGroupArn=arn, Targets=[target])
    assert ("healthy", None) == health()
    world.elb.delete_load_balancer(LoadBalancerArn=world.elb.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"])
    assert ("unused", "Target.NotInUse") == health()
    world.elb.get_waiter("target_deregistered").wait(TargetGroupArn=arn, Targets=[target])


def test_one_address_with_two_ports_is_two_targets(world: World) -> None:
    arn = world.group()["TargetGroupArn"]
    targets = [{"Id": "127.0.0.1", "Port": 1000}, {"Id": "127.0.0.1", "Port": 1001}]

    world.elb.register_targets(TargetGroupArn=arn, Targets=targets)

    described = world.elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    assert [1000, 1001] == [one["Target"]["Port"] for one in described]


def test_bad_targets_are_refused(world: World) -> None:
    arn = world.group()["TargetGroupArn"]

    assert "ValidationError" == refusal(world.elb.register_targets, TargetGroupArn=arn, Targets=[{"Id": "cat"}])[0]
    for bad in ({"Id": "::1"}, {"Id": "0.0.0.0"}, {"Id": "127.0.0.1", "Port": 65536}):
        assert "ValidationError" == refusal(world.elb.register_targets, TargetGroupArn=arn, Targets=[bad])[0]
    instances = world.group("instances", TargetType="instance")["TargetGroupArn"]
    assert "InvalidTarget" == refusal(world.elb.register_targets, TargetGroupArn=instances, Targets=[{"Id": "i-1"}])[0]
    world.elb.deregister_targets(TargetGroupArn=arn, Targets=[{"Id": "127.0.0.9"}])  # As AWS: a success.
    assert "TargetGroupNotFound" == refusal(world.elb.describe_target_health, TargetGroupArn="arn:no")[0]


def test_deleting_a_load_balancer_takes_its_listeners_and_frees_its_groups(world: World) -> None:
    balancer, group = world.balancer(), world.group()
    listener = world.listener(balancer, group)

    world.elb.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])

    assert "ListenerNotFound" == refusal(world.elb.describe_listeners, ListenerArns=[listener["ListenerArn"]])[0]
    assert "LoadBalancerNotFound" == refusal(world.elb.describe_load_balancers, Names=["cats"])[0]
    world.elb.delete_target_group(TargetGroupArn=group["TargetGroupArn"])


def test_tags_are_added_and_removed(world: World) -> None:
    arn = world.group(Tags=[{"Key": "a", "Value": "1"}])["TargetGroupArn"]

    world.elb.add_tags(ResourceArns=[arn], Tags=[{"Key": "b", "Value": "2"}])
    world.elb.remove_tags(ResourceArns=[arn], TagKeys=["a"])

    assert [{"Key": "b", "Value": "2"}] == world.elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"]


def test_a_privileged_ports_stand_in_is_not_given_away_again(world: World) -> None:
    balancer, group = world.balancer(), world.group()
    world.listener(balancer, group, Port=80)
    given = {"LoadBalancerArn": balancer["LoadBalancerArn"], "Protocol": "HTTP", "DefaultActions": [forward(group)]}

    code, message = refusal(world.elb.create_listener, Port=8080, **given)

    assert ("InvalidConfigurationRequest", True) == (code, "8080" in message)
