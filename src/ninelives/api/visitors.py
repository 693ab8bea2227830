"""Whether a request may come from a web page that has no business here.

No signature is verified, and what the endpoint is told to run, it runs: a page of any site that is open in a browser on this
machine must not be able to tell it. Two ways lead here, and both show in headers that no page can forge. A name of the page's
own that has come to point at this machine shows in ``Host``; a form, a picture or a script of another site shows in ``Origin``
or ``Sec-Fetch-Site``.

Source: Fetch standard, "Origin header"; Fetch Metadata Request Headers, "Sec-Fetch-Site"; RFC 6761, section 6.3 (localhost).
"""

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit


def why_unwelcome(headers: Mapping[str, str]) -> str | None:
    """Why a request with these headers (names in lower case) is not answered, in a sentence; None where it is.

    >>> why_unwelcome({"host": "127.0.0.1:4566"})
    >>> why_unwelcome({"host": "rebound.example:4566"})
    'This endpoint is local: it does not answer for the name rebound.example. Reach it as 127.0.0.1 or localhost.'
    """
    host = _host_of(f"//{headers.get('host', '')}")
    if not _is_of_no_page(host):
        return f"This endpoint is local: it does not answer for the name {host}. Reach it as 127.0.0.1 or localhost."
    origin = headers.get("origin")
    if origin is None and headers.get("sec-fetch-site") == "cross-site":
        origin = headers.get("referer", "null")
    if origin is None or _place_of(origin) == headers.get("host") or _is_this_machine(_host_of(origin)):
        return None
    return f"This endpoint is local: it takes no requests from pages of other sites ({origin[:200]})."


def _place_of(url: str) -> str | None:
    """Host and port of a URL; None where it has none."""
    try:
        return urlsplit(url).netloc or None
    except ValueError:
        return None


def _host_of(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removesuffix(".")
    except ValueError:
        return "?.?"


def _is_of_no_page(host: str) -> bool:
    """Whether no site of the public Internet can have ``host`` for its name: an address, or a name without public owner."""
    return "." not in host or _is_address(host) or host.endswith((".localhost", ".internal"))


def _is_this_machine(host: str) -> bool:
    if _is_address(host):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost" or host.endswith(".localhost")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
