"""Signature Version 4: what a request says of its signature, and whether a secret key made it.

Source: IAM user guide, "AWS Signature Version 4 for API requests": "Create a signed request", "Signature calculation".
"""

import hashlib
import hmac
import posixpath
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote, unquote

from ninelives.api.authorization.refusals import NotLetIn, Why
from ninelives.api.wire import WireRequest

ALGORITHM: Final = "AWS4-HMAC-SHA256"
WINDOW: Final = timedelta(minutes=15)
"""How far a request's time may be from the region's. Source: messages of the services (``… - 15 min.``)."""

LINK_SECONDS_MAX: Final = 7 * 24 * 3600
UNSIGNED_HEADERS: Final = "There were headers present in the request which were not signed"
"""Else whoever has a link to write one object could have another one copied to it (``x-amz-copy-source``)."""

UNSIGNED_PAYLOAD: Final = "UNSIGNED-PAYLOAD"
UNRESERVED: Final = "-_.~"
DIGEST: Final = re.compile(r"[0-9a-f]{64}")
BOUND: Final = frozenset({"x-amz-content-sha256", "x-amz-date", "x-amz-security-token"})
"""Headers that a signature is bound to even where they are not among those that it signs."""

PARAMETER: Final = re.compile(r"(\w+)=([^,\s]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a request says: header or link (presigned). ``scope`` is ``date/region/service/aws4_request``."""

    access_key: str
    scope: str
    signed_headers: tuple[str, ...]
    value: str
    signed_at: str
    """As it stands in the request: ``20261127T080000Z``."""
    token: str | None
    lasts: timedelta | None = None
    """Of a link: how long it may be used."""

    @property
    def date(self) -> str:
        return self.scope.split("/")[0]

    @property
    def region(self) -> str:
        return self.scope.split("/")[1]

    @property
    def service(self) -> str:
        return self.scope.split("/")[2]


def read_signature(request: WireRequest) -> Signature:
    """The signature of a signed request. Raises ``NotLetIn`` where a part is missing, or the way of signing is not known."""
    authorization = request.headers.get("authorization", "")
    if authorization:
        algorithm, _, rest = authorization.partition(" ")
        pairs = PARAMETER.findall(rest)
        given = dict(pairs)
        if len(pairs) > len(given) or any(name != "Credential" and name.endswith("Credential") for name in given):
            raise NotLetIn(Why.INCOMPLETE, "Authorization header names a parameter twice.")
        named = {name: given.get(name, "") for name in ("Credential", "SignedHeaders", "Signature")}
        signed_at = request.headers.get("x-amz-date", "")
        token, lasts = request.headers.get("x-amz-security-token"), None
    else:
        arguments = request.arguments
        algorithm = arguments.get("X-Amz-Algorithm", "")
        named = {name: arguments.get(f"X-Amz-{name}", "") for name in ("Credential", "SignedHeaders", "Signature")}
        signed_at, token = arguments.get("X-Amz-Date", ""), arguments.get("X-Amz-Security-Token")
        expires = arguments.get("X-Amz-Expires", "")
        if not expires.isdecimal() or int(expires) > LINK_SECONDS_MAX:
            raise NotLetIn(Why.INCOMPLETE, "X-Amz-Expires must be a number of seconds, a week's at the most.")
        lasts = timedelta(seconds=int(expires))
    if algorithm != ALGORITHM:
        raise NotLetIn(
            Why.INCOMPLETE, f"The authorization mechanism you have provided is not supported. Please use {ALGORITHM}."
        )
    missing = [f"Authorization header requires '{name}' parameter." for name, value in named.items() if not value]
    if not signed_at:
        missing.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    access_key, _, scope = named["Credential"].partition("/")
    if missing or scope.count("/") != 3:  # noqa: PLR2004 date, region, service, aws4_request
        raise NotLetIn(Why.INCOMPLETE, " ".join(missing) or "Credential must have exactly 5 slash-delimited elements.")
    return Signature(
        access_key=access_key,
        scope=scope,
        signed_headers=tuple(named["SignedHeaders"].lower().split(";")),
        value=named["Signature"],
        signed_at=signed_at,
        token=token,
        lasts=lasts,
    )


def check_time(signature: Signature, now: datetime) -> None:
    """Raises ``NotLetIn`` for a request that was signed too long ago, or in the future."""
    try:
        at = datetime.strptime(signature.signed_at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise NotLetIn(Why.INCOMPLETE, f"Date must be in ISO-8601 'basic format'. Got '{signature.signed_at}'.") from None
    if not signature.signed_at.startswith(signature.date):
        told = f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{signature.date}'"
        raise NotLetIn(Why.BAD_SIGNATURE, f"{told} != '{signature.signed_at[:8]}', from '{signature.signed_at}'.")
    minutes = WINDOW // timedelta(minutes=1)
    if at > now + WINDOW:
        told = f"Signature not yet current: {signature.signed_at} is still later than {_instant(now + WINDOW)}"
        raise NotLetIn(Why.SKEWED, f"{told} ({_instant(now)} + {minutes} min.)")
    if signature.lasts is not None:
        if now > at + signature.lasts:
            raise NotLetIn(Why.EXPIRED_LINK)
    elif at < now - WINDOW:
        told = f"Signature expired: {signature.signed_at} is now earlier than {_instant(now - WINDOW)}"
        raise NotLetIn(Why.SKEWED, f"{told} ({_instant(now)} - {minutes} min.)")


def check_signature(signature: Signature, request: WireRequest, secret: str) -> None:
    """Raises ``NotLetIn`` unless the request, as it arrived, was signed with ``secret``."""
    if "host" not in signature.signed_headers:
        raise NotLetIn(Why.BAD_SIGNATURE, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
    if any(name.startswith("x-amz-") for name in request.headers.keys() - set(signature.signed_headers) - BOUND):
        raise NotLetIn(Why.BAD_SIGNATURE, UNSIGNED_HEADERS)
    text = "\n".join([ALGORITHM, signature.signed_at, signature.scope, _hex(canonical_request(signature, request).encode())])
    key = f"AWS4{secret}".encode()
    for part in signature.scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    expected = hmac.digest(key, text.encode(), "sha256").hex()
    if not hmac.compare_digest(expected, signature.value):
        raise NotLetIn(Why.BAD_SIGNATURE)


def canonical_request(signature: Signature, request: WireRequest) -> str:
    """The text that is signed."""
    headers = [f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in signature.signed_headers]
    return "\n".join(
        [
            request.method,
            _path(request.raw_path, signature.service),
            _query(request.query_string),
            "".join(headers),
            ";".join(signature.signed_headers),
            _payload(signature, request),
        ]
    )


def _path(raw: str, service: str) -> str:
    """S3 takes the path as it is; all others normalise it and encode it once more."""
    if service == "s3":
        return raw
    normal = posixpath.normpath(raw)
    normal = f"/{normal.lstrip('/')}" + ("/" if raw.endswith("/") and normal not in {"/", "//"} else "")
    return quote(normal, safe="/~")


def _query(raw: str) -> str:
    pairs = [part.partition("=")[::2] for part in raw.split("&") if part]
    decoded = [(unquote(name), unquote(value)) for name, value in pairs]
    encoded = [(quote(name, safe=UNRESERVED), quote(value, safe=UNRESERVED)) for name, value in decoded]
    return "&".join(f"{name}={value}" for name, value in sorted(encoded) if name != "X-Amz-Signature")


def _payload(signature: Signature, request: WireRequest) -> str:
    """The body's digest; what S3's clients say in its place stands for itself (unsigned, or signed piece by piece)."""
    said = request.headers.get("x-amz-content-sha256")
    actual = _hex(request.body)
    if said is None:
        return UNSIGNED_PAYLOAD if signature.lasts is not None and signature.service == "s3" else actual
    if signature.service == "s3" and DIGEST.fullmatch(said) is None:
        return said
    if not hmac.compare_digest(said, actual):
        raise NotLetIn(Why.BAD_SIGNATURE)
    return said


def _hex(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _instant(at: datetime) -> str:
    return at.strftime("%Y%m%dT%H%M%SZ")
