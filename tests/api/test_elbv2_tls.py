"""HTTPS listeners through boto3, with certificates of the region's own ACM and IAM."""

import asyncio
from typing import Any

import pytest
from ecs_world import PLACE, CountingIds, MemoryStore, StillClock
from running_door import OpenDoor, RunningDoor
from test_elbv2 import FakeDataPlane, FakeNetwork, World, forward, refusal

from ninelives.api import elbv2
from ninelives.model.timing import Timing
from ninelives.region.region import Region
from ninelives.region.snapshots import routing_of
from ninelives.region.state import State

pytestmark = [pytest.mark.usefixtures("fresh_moto"), pytest.mark.filterwarnings("ignore")]


class TlsWorld(World):
    """A region whose listeners find certificates where the door's ACM and IAM keep them."""

    def __init__(self, open_door: OpenDoor) -> None:
        self.data_plane = FakeDataPlane()
        plane: Any = self.data_plane
        self.region = asyncio.run(self._region(plane))
        self.kept = elbv2.KeptCertificates(self.key_pair)
        self.door: RunningDoor = open_door({"elbv2": elbv2.operations(self.region, FakeNetwork(), self.kept)})
        self.door.moto.subscribe(elbv2.CERTIFICATE_SERVICES, lambda: self.kept.renew(self.region))
        self.elb = self.door.client("elbv2")
        self.acm = self.door.client("acm")

    async def key_pair(self, arn: str) -> tuple[str, str] | None:
        return await self.door.moto.key_pair(arn)

    def requested(self, name: str) -> str:
        """A certificate that ACM has made."""
        arn: str = self.acm.request_certificate(DomainName=name)["CertificateArn"]
        return arn

    def pair(self, arn: str) -> tuple[str, str]:
        found = asyncio.run_coroutine_threadsafe(self.door.moto.key_pair(arn), self.door.loop).result(30)
        assert found is not None
        return found

    def https(self, arn: str, **more: Any) -> dict[str, Any]:
        given = {"Protocol": "HTTPS", "Port": 8443, "Certificates": [{"CertificateArn": arn}], **more}
        return self.listener(self.balancer(), self.group(), **given)

    def restarted(self) -> Region:
        """The same records, and nothing in memory."""

        async def region() -> Region:
            state: Any = State(MemoryStore())
            made = Region(
                place=PLACE,
                state=state,
                clock=StillClock(),
                ids=CountingIds(),
                data_plane=self.region.data_plane,
                timing=Timing(),
            )
            made.state = self.region.state
            return made

        return asyncio.run(region())


@pytest.fixture
def world(open_door: OpenDoor) -> TlsWorld:
    return TlsWorld(open_door)


def test_a_listener_shows_its_default_certificate_and_policy_and_lists_all(world: TlsWorld) -> None:
    web, shop = world.requested("web.test"), world.requested("shop.test")
    made = world.https(web)
    arn = made["ListenerArn"]

    assert ([{"CertificateArn": web}], "ELBSecurityPolicy-2016-08") == (made["Certificates"], made["SslPolicy"])
    added = world.elb.add_listener_certificates(ListenerArn=arn, Certificates=[{"CertificateArn": shop}])["Certificates"]
    assert [{"CertificateArn": shop, "IsDefault": False}] == added
    listed = world.elb.describe_listener_certificates(ListenerArn=arn)["Certificates"]
    assert [(web, True), (shop, False)] == [(one["CertificateArn"], one["IsDefault"]) for one in listed]

    changed = world.elb.modify_listener(ListenerArn=arn, SslPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06")["Listeners"][0]
    assert "ELBSecurityPolicy-TLS13-1-2-2021-06" == changed["SslPolicy"]
    code, _ = refusal(world.elb.remove_listener_certificates, ListenerArn=arn, Certificates=[{"CertificateArn": web}])
    assert "OperationNotPermitted" == code
    world.elb.remove_listener_certificates(ListenerArn=arn, Certificates=[{"CertificateArn": shop}])
    assert 1 == len(world.elb.describe_listener_certificates(ListenerArn=arn)["Certificates"])
    plain = world.elb.modify_listener(ListenerArn=arn, Protocol="HTTP")["Listeners"][0]
    assert "Certificates" not in plain
    assert "SslPolicy" not in plain


def test_what_is_wrong_with_tls_is_refused(world: TlsWorld) -> None:
    balancer, group, web = world.balancer(), world.group(), world.requested("web.test")
    create = world.elb.create_listener
    given = {"LoadBalancerArn": balancer["LoadBalancerArn"], "Port": 8443, "DefaultActions": [forward(group)]}
    certificates = {"Certificates": [{"CertificateArn": web}]}

    def code(**more: Any) -> str:
        return refusal(create, **given, **more)[0]

    assert "ValidationError" == code(Protocol="HTTPS")
    assert "CertificateNotFound" == code(Protocol="HTTPS", Certificates=[{"CertificateArn": web[:-1] + "x"}])
    assert "CertificateNotFound" == code(Protocol="HTTPS", Certificates=[{"CertificateArn": "nonsense"}])
    assert "SSLPolicyNotFound" == code(Protocol="HTTPS", SslPolicy="mine", **certificates)
    assert "ValidationError" == code(Protocol="HTTP", **certificates)
    assert "InvalidConfigurationRequest" == code(Protocol="HTTPS", MutualAuthentication={"Mode": "verify"}, **certificates)
    assert "ValidationError" == code(Protocol="HTTPS", MutualAuthentication={"Mode": "always"}, **certificates)
    with_store = {"Mode": "passthrough", "TrustStoreArn": "arn:nowhere"}
    assert "ValidationError" == code(Protocol="HTTPS", MutualAuthentication=with_store, **certificates)
    assert "ValidationError" == code(Protocol="HTTP", MutualAuthentication={"Mode": "passthrough"})
    assert [] == world.elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]


def test_grpc_groups_need_https(world: TlsWorld) -> None:
    group = world.group("rpc", ProtocolVersion="GRPC")
    assert ("/AWS.ALB/healthcheck", {"GrpcCode": "12"}) == (group["HealthCheckPath"], group["Matcher"])

    code, message = refusal(world.listener, balancer=world.balancer(), group=group)
    assert "InvalidLoadBalancerAction" == code
    assert "Listener protocol 'HTTP' is not supported with a target group with the protocol-version 'GRPC'" in message
    arn = world.https(world.requested("web.test"), DefaultActions=[forward(group)])["ListenerArn"]
    assert "InvalidLoadBalancerAction" == refusal(world.elb.modify_listener, ListenerArn=arn, Protocol="HTTP")[0]


def test_a_certificate_that_is_imported_anew_is_served_from_then_on_and_found_again_after_a_restart(world: TlsWorld) -> None:
    web, other = world.requested("web.test"), world.requested("other.test")
    world.https(web)
    [before] = {
        one["tls_certificate"]["certificate_chain"]["inline_string"] for one in routing_of(world.region).secrets.values()
    }
    chain, key = world.pair(other)

    world.acm.import_certificate(CertificateArn=web, Certificate=chain, PrivateKey=key)

    secrets = routing_of(world.region).secrets
    [after] = {one["tls_certificate"]["certificate_chain"]["inline_string"] for one in secrets.values()}
    assert before != after == chain
    assert ("other.test",) == world.region.certificates[web].names
    region = world.restarted()
    assert {} == routing_of(region).listeners, "without its certificate it is not served"
    asyncio.run_coroutine_threadsafe(world.kept.renew(region), world.door.loop).result(30)
    assert secrets == routing_of(region).secrets


def test_a_server_certificate_of_iam_serves_too_and_stays_in_use_when_it_is_deleted(world: TlsWorld) -> None:
    iam = world.door.client("iam")
    chain, key = world.pair(world.requested("web.test"))
    made = iam.upload_server_certificate(ServerCertificateName="web", CertificateBody=chain, PrivateKey=key)
    arn = made["ServerCertificateMetadata"]["Arn"]
    world.https(arn)

    iam.delete_server_certificate(ServerCertificateName="web")

    assert chain == world.region.certificates[arn].chain
    assert {} != routing_of(world.region).listeners


def test_a_certificate_with_another_ones_key_is_refused_and_no_key_is_ever_printed(
    world: TlsWorld, caplog: pytest.LogCaptureFixture
) -> None:
    chain, _ = world.pair(world.requested("web.test"))
    _, key = world.pair(world.requested("other.test"))
    arn = world.acm.import_certificate(Certificate=chain, PrivateKey=key)["CertificateArn"]

    code, message = refusal(world.https, arn=arn)
    assert "InvalidConfigurationRequest" == code
    world.https(world.requested("third.test"), Port=8444)
    printed = message + repr(world.region.certificates) + repr(routing_of(world.region)) + caplog.text
    assert "PRIVATE KEY" not in printed
    assert "BEGIN CERTIFICATE" in printed


VALIDATION: dict[str, Any] = {
    "JwksEndpoint": "https://issuer.test/keys",
    "Issuer": "https://issuer.test/",
    "AdditionalClaims": [{"Name": "scope", "Format": "space-separated-values", "Values": ["read", "write"]}],
}


def validated(routing: dict[str, Any], **changed: Any) -> list[dict[str, Any]]:
    """The actions of a rule, given in another order than theirs."""
    validation = {"Type": "jwt-validation", "Order": 1, "JwtValidationConfig": {**VALIDATION, **changed}}
    return [routing | {"Order": 2}, validation]


def test_rules_that_validate_tokens_show_both_actions_and_keep_or_change_them_together(world: TlsWorld) -> None:
    group, web = world.group(), world.requested("web.test")
    listener = world.https(web, DefaultActions=validated(forward(group)))
    shown = listener["DefaultActions"]
    assert [("jwt-validation", 1), ("forward", 2)] == [(one["Type"], one["Order"]) for one in shown]
    assert VALIDATION == shown[0]["JwtValidationConfig"]
    conditions = [{"Field": "path-pattern", "Values": ["/a"]}]
    rule = world.elb.create_rule(
        ListenerArn=listener["ListenerArn"], Priority=1, Conditions=conditions, Actions=validated(forward(group))
    )["Rules"][0]

    kept = world.elb.modify_rule(RuleArn=rule["RuleArn"], Conditions=[{"Field": "path-pattern", "Values": ["/b"]}])["Rules"][0]
    assert shown == kept["Actions"]
    code, message = refusal(world.elb.modify_listener, ListenerArn=listener["ListenerArn"], Protocol="HTTP")
    assert ("InvalidLoadBalancerAction", True) == (code, "HTTPS listeners" in message)
    changed = world.elb.modify_rule(RuleArn=rule["RuleArn"], Actions=[forward(group)])["Rules"][0]
    assert [("forward", None)] == [(one["Type"], one.get("Order")) for one in changed["Actions"]]


@pytest.mark.parametrize(
    "changed",
    [
        {"JwksEndpoint": "http://issuer.test/keys"},
        {"JwksEndpoint": "https:///keys"},
        {"JwksEndpoint": "https://issuer.test:x/keys"},
        {"JwksEndpoint": "https://issuer.test/" + "k" * 256},
        {"Issuer": ""},
        {"AdditionalClaims": [{"Name": "exp", "Format": "single-string", "Values": ["1"]}]},
        {"AdditionalClaims": [{"Name": "a", "Format": "number", "Values": ["1"]}]},
        {"AdditionalClaims": [{"Name": "a", "Format": "single-string", "Values": []}]},
        {"AdditionalClaims": [{"Name": "a", "Format": "space-separated-values", "Values": ["a b"]}]},
        {"AdditionalClaims": [{"Name": f"a{one}", "Format": "single-string", "Values": ["1"]} for one in range(11)]},
    ],
)
def test_a_validation_of_tokens_that_cannot_be_is_refused(world: TlsWorld, changed: dict[str, Any]) -> None:
    group, web = world.group(), world.requested("web.test")
    arn = world.https(web, DefaultActions=[forward(group)])["ListenerArn"]

    code, _ = refusal(world.elb.modify_listener, ListenerArn=arn, DefaultActions=validated(forward(group), **changed))

    assert "ValidationError" == code


def test_actions_have_an_order_and_one_that_routes_is_last(world: TlsWorld) -> None:
    group, web = world.group(), world.requested("web.test")
    arn = world.https(web, DefaultActions=[forward(group)])["ListenerArn"]
    routes, validates = validated(forward(group))

    def refused(*actions: dict[str, Any]) -> tuple[str, str]:
        return refusal(world.elb.modify_listener, ListenerArn=arn, DefaultActions=list(actions))

    assert "ValidationError" == refused(forward(group), validates)[0]
    assert "ValidationError" == refused(routes, validates | {"Order": 2})[0]
    assert "InvalidLoadBalancerAction" == refused(routes, validates | {"Order": 3})[0]
    assert "InvalidLoadBalancerAction" == refused(validates)[0]
    code, message = refused({"Type": "authenticate-cognito", "Order": 1}, routes)
    assert ("InvalidLoadBalancerAction", True) == (code, "'authenticate-cognito'" in message)


def test_mutual_authentication_is_passed_through_until_it_is_off(world: TlsWorld) -> None:
    listener = world.https(world.requested("web.test"), MutualAuthentication={"Mode": "passthrough"})
    assert {"Mode": "passthrough"} == listener["MutualAuthentication"]

    def modify(**given: Any) -> dict[str, Any]:
        changed: dict[str, Any] = world.elb.modify_listener(ListenerArn=listener["ListenerArn"], **given)["Listeners"][0]
        return changed

    assert {"Mode": "passthrough"} == modify(SslPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06")["MutualAuthentication"]
    assert {"Mode": "off"} == modify(MutualAuthentication={"Mode": "off"})["MutualAuthentication"]
