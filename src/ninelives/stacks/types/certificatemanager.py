"""Certificate Manager. Source: ``acm`` 2015-12-08."""

from collections.abc import Mapping
from typing import Any, Final

from ninelives.stacks.declared import Declared, Step, Tagging, ask, described, tag_list, take
from ninelives.stacks.resource_type import Request, ResourceFailed


def _arn(it: Request) -> Mapping[str, Any]:
    return {"CertificateArn": it.physical_id}


async def _add_tags(it: Request, _: Mapping[str, str]) -> None:
    if tag_list(it):
        await ask(it, "acm:AddTagsToCertificate", {**_arn(it), "Tags": tag_list(it)})


async def _remove_tags(it: Request, keys: list[str]) -> None:
    await ask(it, "acm:RemoveTagsFromCertificate", {**_arn(it), "Tags": [{"Key": key} for key in keys]})


def _requested(it: Request) -> Mapping[str, Any]:
    domains = it.properties.get("DomainValidationOptions", ())
    validated = [
        {"DomainName": one["DomainName"], "ValidationDomain": one["ValidationDomain"]}
        for one in domains
        if "ValidationDomain" in one
    ]
    return {
        **take("DomainName SubjectAlternativeNames ValidationMethod CertificateAuthorityArn KeyAlgorithm")(it),
        "DomainValidationOptions": validated or None,
        "IdempotencyToken": it.token.replace("-", "")[:32] or None,
        "Tags": tag_list(it),
    }


async def _is_issued(it: Request) -> bool:
    """CloudFormation waits for the validation; this region validates by itself."""
    found = (await ask(it, "acm:DescribeCertificate", _arn(it)))["Certificate"]
    if found["Status"] in {"FAILED", "VALIDATION_TIMED_OUT", "REVOKED"}:
        reason = f"The certificate is in state {found['Status']}: {found.get('FailureReason', 'no reason is told')}."
        raise ResourceFailed(reason, code="NotStabilized")
    return bool(found["Status"] == "ISSUED")


async def _read(it: Request, found: Mapping[str, Any]) -> Mapping[str, Any]:
    names = [name for name in found.get("SubjectAlternativeNames", ()) if name != found["DomainName"]]
    return {
        "Id": it.physical_id,
        "SubjectAlternativeNames": names or None,
        "KeyAlgorithm": found.get("KeyAlgorithm") if "KeyAlgorithm" in it.properties else None,
        "DomainValidationOptions": it.properties.get("DomainValidationOptions"),
    }


CERTIFICATE_TYPE: Final = Declared(
    name="AWS::CertificateManager::Certificate",
    takes="DomainName SubjectAlternativeNames ValidationMethod DomainValidationOptions CertificateAuthorityArn KeyAlgorithm",
    create_by=Step("acm:RequestCertificate", _requested),
    identified_by="CertificateArn",
    parts=(Tagging(_add_tags, _remove_tags),),
    read_by=described(Step("acm:DescribeCertificate", _arn), "Certificate", _read),
    delete_by=(Step("acm:DeleteCertificate", _arn),),
    stable_by=_is_issued,
    recorded=dict.fromkeys(
        ("ValidationMethod", "DomainValidationOptions"), "this region issues its certificates without proof of the domain"
    ),
    refused={
        "CertificateExport": "a certificate of this region is its own, and may be exported",
        "CertificateTransparencyLoggingPreference": "nothing is logged in public",
    },
)

TYPES: Final = (CERTIFICATE_TYPE,)
