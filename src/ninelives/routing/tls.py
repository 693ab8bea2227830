"""TLS of HTTPS listeners and targets.

A listener names its certificates by slots, whose contents come as secrets of their own: a certificate that is imported anew,
or added where a slot is free, touches no listener. Free slots hold the default certificate once more. Without a fitting
server name the client gets the default certificate, the first.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ninelives.model.elbv2 import Certificate, Listener, LoadBalancer
from ninelives.model.ssl_policies import DEFAULT, POLICIES, SslPolicy

Json = dict[str, Any]

TYPE: Final = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3"
SLOTS: Final = 4
"""Slots of a listener come in multiples of this."""
VERSIONS: Final = {"TLSv1": "TLSv1_0", "TLSv1.1": "TLSv1_1", "TLSv1.2": "TLSv1_2", "TLSv1.3": "TLSv1_3"}
ANY_CLIENT: Final = {"trust_chain_verification": "ACCEPT_UNTRUSTED", "verify_certificate_hash": ["00" * 32]}
"""Asks clients for a certificate, names no authorities, and takes whatever comes, nothing too. The hash, which no certificate
has, is there because Envoy asks only where it has something to compare with.
"""
CBC_WITH_SHA2: Final = re.compile(r"AES\d+-SHA(256|384)$")
"""Ciphers of ELB's policies that BoringSSL, Envoy's TLS library, does not have."""


def takes_http2(balancer: LoadBalancer, listener: Listener) -> bool:
    return listener.protocol == "HTTPS" and balancer.attributes.get("routing.http2.enabled", "true") == "true"


def secrets(name: str, listener: Listener, certificates: Mapping[str, Certificate]) -> dict[str, Json]:
    """What stands in the listener's slots, by the slots' names. Empty where the default certificate is not known."""
    known = [certificates[arn] for arn in listener.certificate_arns if arn in certificates]
    if not known or known[0].arn != listener.certificate_arns[0]:
        return {}
    slots = _slots(len(listener.certificate_arns))
    filled = known + [known[0]] * (slots - len(known))
    return {_slot(name, number): _secret(_slot(name, number), one) for number, one in enumerate(filled)}


def listener_socket(name: str, balancer: LoadBalancer, listener: Listener) -> Json:
    slots = [
        {"name": _slot(name, number), "sds_config": {"resource_api_version": "V3", "ads": {}}}
        for number in range(_slots(len(listener.certificate_arns)))
    ]
    asking = {"validation_context": ANY_CLIENT} if listener.mutual_authentication == "passthrough" else {}
    return {
        "name": "tls",
        "typed_config": {
            "@type": f"{TYPE}.DownstreamTlsContext",
            "common_tls_context": {
                **asking,
                "alpn_protocols": ["h2", "http/1.1"] if takes_http2(balancer, listener) else ["http/1.1"],
                "tls_params": _parameters(POLICIES[listener.ssl_policy or DEFAULT]),
                "tls_certificate_sds_secret_configs": slots,
            },
        },
    }


def target_socket(protocol_version: str) -> Json:
    """ALB takes any certificate that a target shows."""
    alpn = {} if protocol_version == "HTTP1" else {"common_tls_context": {"alpn_protocols": ["h2"]}}
    return {"name": "tls", "typed_config": {"@type": f"{TYPE}.UpstreamTlsContext", **alpn}}


def chosen_certificate(server_name: str, certificates: Sequence[Certificate]) -> Certificate | None:
    """The certificate that a client got who asked for ``server_name``; the first is the default."""
    wanted = server_name.lower()
    parent = "*." + wanted.partition(".")[2]
    for name in (wanted, parent):
        for certificate in certificates:
            if name in certificate.names:
                return certificate
    return certificates[0] if certificates else None


def _parameters(policy: SslPolicy) -> Json:
    found: Json = {
        "tls_minimum_protocol_version": VERSIONS[policy.protocols[-1]],
        "tls_maximum_protocol_version": VERSIONS[policy.protocols[0]],
        "cipher_suites": [one for one in policy.ciphers if not one.startswith("TLS_") and not CBC_WITH_SHA2.search(one)],
    }
    if policy.is_post_quantum:
        found["ecdh_curves"] = ["X25519MLKEM768", "X25519", "P-256", "P-384"]
    return found


def _slots(certificates: int) -> int:
    return -(-certificates // SLOTS) * SLOTS


def _slot(name: str, number: int) -> str:
    return f"{name}/certificate-{number}"


def _secret(slot: str, certificate: Certificate) -> Json:
    return {
        "@type": f"{TYPE}.Secret",
        "name": slot,
        "tls_certificate": {
            "certificate_chain": {"inline_string": certificate.chain},
            "private_key": {"inline_string": certificate.private_key},
        },
    }
