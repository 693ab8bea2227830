"""Who may see the page, and whose request a decision is.

A web page of another site, open in the same browser, must reach nothing here: it could read the services of an AWS account, or
roll one back. A name of that site's own that has come to point at this machine shows in ``Host``; its scripts and forms show
in ``Origin`` and ``Sec-Fetch-Site``; and a decision needs a token, which only a page of ours has read. Where the console acts
with somebody's credentials, other users of the machine need a key, which stands in the address that was printed. Pure.

Source: Fetch standard, "Origin header"; Fetch Metadata Request Headers; RFC 6761, section 6.3 (localhost).
"""

import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

COOKIE = "ninelives-console"
"""Begins the cookie's name; the port ends it, for cookies are shared by all ports of a host."""
WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104 (named by the user)
TOKEN_HEADER = "x-ninelives-token"  # noqa: S105 (the name of a header)
SAFE = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """``token`` is needed to decide, and anew for each start. ``key`` is needed to see; None where everybody may."""

    token: str
    key: str | None = None
    hosts: frozenset[str] = frozenset()
    """Names that the console answers to, besides those of this machine's loopback. A wildcard stands for every address: a name
    that has come to point here is none.
    """

    def why_not(self, method: str, headers: Mapping[str, str]) -> str | None:
        """Why a request is turned away, in a sentence; None where it is let in."""
        host = headers.get("host", "")
        if not self._is_ours(_host_of(host)):
            return f"The console does not answer for the name {_host_of(host)!r}."
        site = headers.get("sec-fetch-site")
        if site == "cross-site" and (method not in SAFE or headers.get("sec-fetch-mode") != "navigate"):
            return "The console takes no requests from pages of other sites."
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return "The console takes no requests from pages of other sites."
        if method not in SAFE and not _same(headers.get(TOKEN_HEADER, ""), self.token):
            return "This page is of an earlier start of the console: reload it."
        return None

    def has_key(self, given: str | None) -> bool:
        return self.key is None or (given is not None and _same(given, self.key))

    def _is_ours(self, host: str) -> bool:
        if host == "localhost" or host.endswith(".localhost") or host in self.hosts:
            return True
        try:
            return ipaddress.ip_address(host).is_loopback or bool(self.hosts & WILDCARDS)
        except ValueError:
            return False


def _host_of(host: str) -> str:
    """The name or address without port.

    >>> _host_of("[::1]:4566"), _host_of("127.0.0.1:4566"), _host_of("")
    ('::1', '127.0.0.1', '')
    """
    try:
        return (urlsplit(f"//{host}").hostname or "").removesuffix(".")
    except ValueError:
        return ""


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode(), known.encode())
