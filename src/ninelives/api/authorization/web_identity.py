"""Tokens of OpenID Connect providers: whose they are, whether they are good, what they say.

Source: STS API Reference, "AssumeRoleWithWebIdentity", its errors; IAM user guide, "Available keys for AWS OIDC federation";
OpenID Connect Discovery 1.0.
"""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from ninelives.access import Principal, PrincipalKind
from ninelives.api.authorization.caller import Caller
from ninelives.api.authorization.records import OidcProvider
from ninelives.model.arns import Place
from ninelives.model.errors import ApiError

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")
"""Source: "Create an OpenID Connect (OIDC) identity provider in IAM"."""

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
FETCH_SECONDS: Final = 5.0
DOCUMENT_BYTES_MAX: Final = 1024 * 1024
KEPT_FOR: Final = timedelta(minutes=5)
TAGS_CLAIM: Final = "https://aws.amazon.com/tags"

NO_JWT: Final = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
NO_KEY: Final = (
    "Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity documentation "
    "for requirements"
)


class KeySource(Protocol):
    """Where providers' keys come from."""

    async def key(self, issuer: str, key_id: str | None, now: datetime) -> Any | None:
        """The public key (``jwt.PyJWK``) of an issuer, by its id; None where it cannot be had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebIdentity:
    """What a good token says."""

    provider: OidcProvider
    subject: str
    audience: str
    keys: Mapping[str, tuple[str, ...]]
    """Condition keys: the claims, as ``issuer:claim``."""
    tags: Mapping[str, str]

    def caller(self, place: Place) -> Caller:
        principal = Principal(kind=PrincipalKind.WEB_IDENTITY, arn=self.provider.arn, account=place.account)
        return Caller(principal=principal, keys={**self.keys, "aws:federatedprovider": (self.provider.arn,)})


async def read_identity(token: str, providers: Mapping[str, OidcProvider], keys: KeySource, now: datetime) -> WebIdentity:
    """What a token says, once all of it is checked. Raises ``ApiError``."""
    import jwt

    try:
        header = jwt.get_unverified_header(token)
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
        issuer = str(claims["iss"])
    except (jwt.PyJWTError, KeyError):
        raise _invalid(NO_JWT) from None
    provider = providers.get(issuer.split("://", 1)[-1].rstrip("/"))
    if provider is None:
        raise _invalid(f"No OpenIDConnect provider found in your account for {issuer}")
    if header.get("alg") not in ALGORITHMS:
        raise _invalid(f"The token is signed with {header.get('alg')}; one of {', '.join(ALGORITHMS)} is needed.")
    key = await keys.key(issuer, header.get("kid"), now)
    if key is None:
        raise _invalid(NO_KEY)
    try:
        jwt.decode(token, key=key, algorithms=list(ALGORITHMS), options=_SIGNATURE_ALONE)  # type: ignore[arg-type]  # of its own kind of mapping
    except jwt.PyJWTError:
        raise _invalid("Token signature invalid") from None
    _check_times(claims, now)
    audience = _audience(claims, provider)
    return WebIdentity(
        provider=provider,
        subject=str(claims.get("sub", "")),
        audience=audience,
        keys=_condition_keys(provider, claims, audience),
        tags=_tags(claims),
    )


_SIGNATURE_ALONE: Final = {
    "verify_signature": True, "verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False,
    "verify_iss": False, "verify_sub": False, "verify_jti": False,
}  # fmt: skip
"""Times are the region's clock's to judge, and audiences STS's."""


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    moment = int(now.timestamp())
    expires, issued = claims.get("exp"), claims.get("iat")
    if not isinstance(expires, int | float) or not isinstance(issued, int | float):
        raise _invalid(
            "Missing a required claim: exp" if not isinstance(expires, int | float) else "Missing a required claim: iat"
        )
    if expires <= moment:
        told = f"Token expired: current date/time {moment} must be before the expiration date/time {int(expires)}"
        raise ApiError("ExpiredTokenException", told)
    begins = claims.get("nbf")
    if isinstance(begins, int | float) and begins > moment + CLOCKS_DIFFER_SECONDS:
        told = f"Token is not yet valid: current date/time {moment} must be after the not-before date/time {int(begins)}"
        raise _invalid(told)


CLOCKS_DIFFER_SECONDS: Final = 300


def _audience(claims: Mapping[str, Any], provider: OidcProvider) -> str:
    """The audience that the provider is registered with; ``azp`` stands for several."""
    given = claims.get("azp") or claims.get("aud")
    for one in given if isinstance(given, list) else [given]:
        if one in provider.audiences:
            return str(one)
    raise _invalid("Incorrect token audience")


def _condition_keys(provider: OidcProvider, claims: Mapping[str, Any], audience: str) -> dict[str, tuple[str, ...]]:
    """Every claim that is a text, a number, a truth value or a list of them."""
    keys = {}
    for name, value in claims.items():
        values = value if isinstance(value, list) else [value]
        if all(isinstance(one, str | int | float | bool) for one in values):
            texts = tuple(str(one).lower() if isinstance(one, bool) else str(one) for one in values)
            keys[f"{provider.issuer}:{name}".lower()] = texts
    return {**keys, f"{provider.issuer}:aud".lower(): (audience,)}


def _tags(claims: Mapping[str, Any]) -> dict[str, str]:
    given = claims.get(TAGS_CLAIM)
    named = given.get("principal_tags", {}) if isinstance(given, Mapping) else {}
    return {str(key): str(values[0] if isinstance(values, list) else values) for key, values in named.items() if values}


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidIdentityTokenException", message)


@dataclass(slots=True)
class FetchedKeys:
    """Keys over HTTP, kept for some minutes; a key id that is not among them is asked for anew.

    Providers are reached by https; by http only on this machine's loopback. ``stand_ins`` are addresses in place of issuers.
    """

    stand_ins: Mapping[str, str] = field(default_factory=dict)
    _kept: dict[str, tuple[datetime, Any]] = field(default_factory=dict)

    async def key(self, issuer: str, key_id: str | None, now: datetime) -> Any | None:
        kept_at, known = self._kept.get(issuer, (None, None))
        found = _pick(known, key_id)
        if found is None or kept_at is None or now - kept_at > KEPT_FOR:
            known = await asyncio.to_thread(_fetch_keys, self.stand_ins.get(issuer.rstrip("/"), issuer))
            if known is not None:
                self._kept[issuer] = (now, known)
            found = _pick(known, key_id)
        return found


def _pick(known: Any, key_id: str | None) -> Any | None:
    keys = [] if known is None else known.keys
    if key_id is None:
        return keys[0] if len(keys) == 1 else None
    return next((one for one in keys if one.key_id == key_id), None)


def _fetch_keys(address: str) -> Any | None:
    """The key set of an issuer or of what stands in for it (``jwt.PyJWKSet``); None where it cannot be had. It blocks."""
    import jwt

    try:
        configuration = _get(f"{address.rstrip('/')}/.well-known/openid-configuration")
        return jwt.PyJWKSet.from_dict(_get(str(configuration["jwks_uri"])))
    except (OSError, TypeError, ValueError, KeyError, jwt.PyJWTError, urllib.error.URLError):
        return None


def _get(url: str) -> dict[str, Any]:
    address = urlsplit(url)
    is_here = address.hostname in LOOPBACK
    if address.scheme != "https" and not (address.scheme == "http" and is_here):
        raise ValueError(url)
    opener = urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if is_here else []))
    with opener.open(url, timeout=FETCH_SECONDS) as response:
        document = json.loads(response.read(DOCUMENT_BYTES_MAX))
    return dict(document)
