"""ELB's security policies: the TLS versions and ciphers of HTTPS listeners.

Source: ELB user guide, "Security policies for your Application Load Balancer"; ``elbv2`` ``SslPolicy``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

DEFAULT: Final = "ELBSecurityPolicy-2016-08"
"""Of a listener that names none."""

_TLS13: Final = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
_FORWARD_SECRET: Final = ("ECDHE-ECDSA", "ECDHE-RSA")
_ENDINGS: Final = ("AES128-GCM-SHA256", "AES128-SHA256", "AES128-SHA", "AES256-GCM-SHA384", "AES256-SHA384", "AES256-SHA")
_PLAIN: Final = ("AES128-GCM-SHA256", "AES128-SHA256", "AES128-SHA", "AES256-GCM-SHA384", "AES256-SHA256", "AES256-SHA")


@dataclass(frozen=True, slots=True, kw_only=True)
class SslPolicy:
    name: str
    protocols: tuple[str, ...]
    """``TLSv1.3`` and older, the newest first; TLS 1.0 is ``TLSv1``."""
    ciphers: tuple[str, ...]
    """In ELB's order of preference."""
    is_post_quantum: bool = False


def _policy(name: str, protocols: str, forward_secret: str, plain: str = "") -> SslPolicy:
    """``protocols``: the digits after ``1.``; ``forward_secret`` and ``plain`` (of RSA's key exchange): which of the
    authenticated (a), SHA-2 (2) and SHA-1 (1) ciphers.
    """
    kinds = ("a", "2", "1")
    ciphers = list(_TLS13) if "3" in protocols else []
    for number, ending in enumerate(_ENDINGS):
        if kinds[number % 3] in forward_secret:
            ciphers += [f"{key}-{ending}" for key in _FORWARD_SECRET]
    ciphers += [ending for number, ending in enumerate(_PLAIN) if kinds[number % 3] in plain]
    versions = tuple("TLSv1" if digit == "0" else f"TLSv1.{digit}" for digit in protocols)
    return SslPolicy(
        name=f"ELBSecurityPolicy-{name}", protocols=versions, ciphers=tuple(ciphers), is_post_quantum="-PQ-" in name
    )


POLICIES: Final[Mapping[str, SslPolicy]] = {
    policy.name: policy
    for policy in (
        _policy("TLS13-1-3-2021-06", "3", ""),
        _policy("TLS13-1-3-PQ-2025-09", "3", ""),
        _policy("TLS13-1-2-2021-06", "32", "a2"),
        _policy("TLS13-1-2-PQ-2025-09", "32", "a2"),
        _policy("TLS13-1-2-Res-2021-06", "32", "a"),
        _policy("TLS13-1-2-Res-PQ-2025-09", "32", "a"),
        _policy("TLS13-1-2-Ext1-2021-06", "32", "a2", "a2"),
        _policy("TLS13-1-2-Ext1-PQ-2025-09", "32", "a21", "a21"),
        _policy("TLS13-1-2-Ext2-2021-06", "32", "a21", "a21"),
        _policy("TLS13-1-2-Ext2-PQ-2025-09", "32", "a21", "a21"),
        _policy("TLS13-1-1-2021-06", "321", "a21", "a21"),
        _policy("TLS13-1-0-2021-06", "3210", "a21", "a21"),
        _policy("TLS13-1-0-PQ-2025-09", "3210", "a21", "a21"),
        _policy("TLS-1-2-Ext-2018-06", "2", "a21", "a21"),
        _policy("TLS-1-2-2017-01", "2", "a2", "a2"),
        _policy("TLS-1-1-2017-01", "21", "a21", "a21"),
        _policy("FS-1-2-Res-2020-10", "2", "a"),
        _policy("FS-1-2-Res-2019-08", "2", "a2"),
        _policy("FS-1-2-2019-08", "2", "a21"),
        _policy("FS-1-1-2019-08", "21", "a21"),
        _policy("FS-2018-06", "210", "a21"),
        _policy("2016-08", "210", "a21", "a21"),
    )
}
