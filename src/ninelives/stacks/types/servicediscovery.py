"""Cloud Map. Source: ``servicediscovery`` 2017-03-14."""

from collections.abc import Mapping
from typing import Any, Final

from ninelives.stacks.declared import Declared, Setting, Step, ask, described, tag_list, tagging, take
from ninelives.stacks.resource_type import Request, ResourceFailed

SERVICE: Final = "servicediscovery"
NO_NAMES: Final = "no name of it is answered on this machine"
TAGS: Final = tagging(f"{SERVICE}:TagResource", f"{SERVICE}:UntagResource", lambda it: {"ResourceARN": it.attributes["Arn"]})


def _created(it: Request) -> Mapping[str, Any]:
    return {**take("Name Vpc Description Properties")(it), "CreatorRequestId": it.token or None, "Tags": tag_list(it)}


class _Namespace(Declared):
    """A namespace, which is made by an operation of its own that is followed."""

    async def create(self, request: Request) -> str:
        begun = await ask(request, f"{SERVICE}:CreatePrivateDnsNamespace", _created(request))
        operation = (await ask(request, f"{SERVICE}:GetOperation", {"OperationId": begun["OperationId"]}))["Operation"]
        if operation["Status"] == "FAIL":
            raise ResourceFailed(operation.get("ErrorMessage", "The namespace could not be made."), code="NotStabilized")
        return str(operation["Targets"]["NAMESPACE"])


async def _namespace(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
    del it
    zone = found.get("Properties", {}).get("DnsProperties", {})
    return {"HostedZoneId": zone.get("HostedZoneId"), "Properties": None}


def _namespace_changes(it: Request) -> Mapping[str, Any]:
    properties = it.properties.get("Properties")
    namespace = {"Description": it.properties.get("Description", ""), "Properties": properties}
    return {"Id": it.physical_id, "Namespace": namespace}


NAMESPACE: Final = _Namespace(
    name="AWS::ServiceDiscovery::PrivateDnsNamespace",
    inert=NO_NAMES,
    takes="Name Vpc",
    parts=(
        Setting("Description Properties", Step(f"{SERVICE}:UpdatePrivateDnsNamespace", _namespace_changes), is_made=True),
        TAGS,
    ),
    read_by=described(Step(f"{SERVICE}:GetNamespace", lambda it: {"Id": it.physical_id}), "Namespace", _namespace),
    delete_by=(Step(f"{SERVICE}:DeleteNamespace", lambda it: {"Id": it.physical_id}),),
)


async def _service(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
    attributes = it.properties.get("ServiceAttributes")
    namespace = found.get("NamespaceId") or found.get("DnsConfig", {}).get("NamespaceId")
    return {"NamespaceId": namespace, "ServiceAttributes": attributes}


def _service_changes(it: Request) -> Mapping[str, Any]:
    dns = it.properties.get("DnsConfig")
    service = {
        "Description": it.properties.get("Description", ""),
        "DnsConfig": dns and {"DnsRecords": dns["DnsRecords"]},
        "HealthCheckConfig": it.properties.get("HealthCheckConfig"),
    }
    return {"Id": it.physical_id, "Service": service}


CHANGEABLE: Final = "Description DnsConfig HealthCheckConfig"

SERVICE_TYPE: Final = Declared(
    name="AWS::ServiceDiscovery::Service",
    inert=NO_NAMES,
    takes="Name NamespaceId Type HealthCheckCustomConfig",
    create_by=Step(
        f"{SERVICE}:CreateService",
        lambda it: {
            "Name": it.name(64),
            **take(f"Name NamespaceId Type HealthCheckCustomConfig {CHANGEABLE}")(it),
            "CreatorRequestId": it.token or None,
            "Tags": tag_list(it),
        },
    ),
    identified_by="Service.Id",
    parts=(
        Setting(CHANGEABLE, Step(f"{SERVICE}:UpdateService", _service_changes), is_made=True),
        Setting(
            "ServiceAttributes",
            Step(
                f"{SERVICE}:UpdateServiceAttributes",
                lambda it: {"ServiceId": it.physical_id, "Attributes": it.properties.get("ServiceAttributes", {})},
            ),
        ),
        TAGS,
    ),
    read_by=described(Step(f"{SERVICE}:GetService", lambda it: {"Id": it.physical_id}), "Service", _service),
    delete_by=(Step(f"{SERVICE}:DeleteService", lambda it: {"Id": it.physical_id}),),
)

TYPES: Final = (NAMESPACE, SERVICE_TYPE)
