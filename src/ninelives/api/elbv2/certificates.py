"""Certificates of HTTPS listeners: on the wire, and out of ACM and IAM, which keep them with their keys.

A key is read where it is kept, held in memory, and handed to Envoy over a unix socket that only this user can open; nothing of
it is written anywhere else, and nothing that prints shows it.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Protocol

from ninelives.api.call import Call, Operations
from ninelives.api.elbv2.wire import page
from ninelives.model.elbv2 import Certificate
from ninelives.model.errors import ApiError
from ninelives.region import elbv2_listeners as intents
from ninelives.region.region import Region

log = logging.getLogger(__name__)

SERVICES = frozenset({"acm", "iam"})
"""Whose certificates listeners can use."""


Lookup = Callable[[str], Awaitable[tuple[str, str] | None]]
"""The certificate of an ARN as it is now, with those that lead to its issuer, and its private key; PEM."""


class Certificates(Protocol):
    async def find(self, arns: Sequence[str]) -> list[Certificate]:
        """The certificates of those ARNs, in that order. Raises ``CertificateNotFound``, ``InvalidConfigurationRequest``."""


class KeptCertificates:
    """Those of the region's own ACM and IAM, asked in process."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup

    async def find(self, arns: Sequence[str]) -> list[Certificate]:
        """The certificates of those ARNs, in that order. Raises ``CertificateNotFound``, ``InvalidConfigurationRequest``."""
        found = []
        for arn in arns:
            pair = await self._lookup(arn)
            if pair is None:
                raise ApiError("CertificateNotFound", f"Certificate '{arn}' not found")
            found.append(_certificate(arn, *pair))
        return found

    async def renew(self, region: Region) -> None:
        """Read again what listeners use. One that has vanished, or cannot be used any more, stays as it was known."""
        used = dict.fromkeys(arn for one in region.state.listeners.values() for arn in one.certificate_arns)
        for arn in used:
            try:
                region.know(await self.find([arn]))
            except ApiError as error:
                state = "it stays in use as it was" if arn in region.certificates else "listeners cannot be served with it"
                log.warning("%s; %s", error.message, state)
        if used:
            region.wake()


class NoCertificates:
    """Of a region without ACM and IAM."""

    async def find(self, arns: Sequence[str]) -> list[Certificate]:
        for arn in arns:
            raise ApiError("CertificateNotFound", f"Certificate '{arn}' not found")
        return []


def _certificate(arn: str, chain: str, private_key: str) -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    # Without the parser's words: they might quote what they read.
    refused = ApiError(
        "InvalidConfigurationRequest", f"The certificate '{arn}' and its private key are not a pair that can be read"
    )
    try:
        found = x509.load_pem_x509_certificate(chain.encode())
        key = load_pem_private_key(private_key.encode(), password=None)
    except (ValueError, TypeError):
        raise refused from None
    if found.public_key() != key.public_key():
        raise refused
    return Certificate(arn=arn, chain=chain, private_key=private_key, names=_names(found))


def _names(certificate: Any) -> tuple[str, ...]:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return tuple(name.lower() for name in extension.value.get_values_for_type(x509.DNSName))
    except x509.ExtensionNotFound:
        return tuple(str(one.value).lower() for one in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME))


def arns_of(given: Iterable[dict[str, Any]] | None) -> list[str]:
    """The ARNs of ``Certificates``. Raises ``ValidationError`` for one without."""
    found = [one.get("CertificateArn") for one in given or ()]
    if not all(found):
        raise ApiError("ValidationError", "A certificate ARN must be specified")
    return [arn for arn in found if arn]


def operations(region: Region, certificates: Certificates) -> Operations:
    async def add(call: Call) -> dict[str, Any]:
        arn = call.parameters["ListenerArn"]
        intents.find(region, arn)
        found = await certificates.find(arns_of(call.parameters["Certificates"]))
        intents.add_certificates(region, arn, found)
        return {"Certificates": [{"CertificateArn": one.arn, "IsDefault": False} for one in found]}

    def remove(call: Call) -> dict[str, Any]:
        intents.remove_certificates(region, call.parameters["ListenerArn"], arns_of(call.parameters["Certificates"]))
        return {}

    def describe(call: Call) -> dict[str, Any]:
        listener = intents.find(region, call.parameters["ListenerArn"])
        items, marker = page(listener.certificate_arns, call.parameters)
        default = listener.certificate_arns[:1]
        shown = [{"CertificateArn": arn, "IsDefault": arn in default} for arn in items]
        return {"Certificates": shown, "NextMarker": marker}

    return {
        "AddListenerCertificates": add,
        "RemoveListenerCertificates": remove,
        "DescribeListenerCertificates": describe,
    }
