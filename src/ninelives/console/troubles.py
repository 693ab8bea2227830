"""What to say when the API does not answer as it should: in a sentence, with the next step. Pure."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ninelives.deploy.aws import error_code
from ninelives.deploy.errors import DeployError, NoRegion, NotFound
from ninelives.deploy.follow import THROTTLED


class Kind(StrEnum):
    """What sort of trouble; the page shows each in its own way."""

    CREDENTIALS = "credentials"
    GONE = "gone"
    """Nothing answers; it is asked again."""
    DENIED = "denied"
    THROTTLED = "throttled"
    MISSING = "missing"
    """The service or the cluster is not there."""
    REFUSED = "refused"
    """Any other answer of the API that is an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    kind: Kind
    text: str
    hint: str = ""

    @property
    def passes(self) -> bool:
        """Whether it may be better in a moment."""
        return self.kind in {Kind.GONE, Kind.THROTTLED}

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "text": self.text, "hint": self.hint}


EXPIRED = frozenset({
    "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException",
    "InvalidSignatureException", "IncompleteSignature", "SignatureDoesNotMatch", "MissingAuthenticationToken", "AuthFailure",
})  # fmt: skip
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"})
MISSING = frozenset({"ClusterNotFoundException", "ServiceNotFoundException", "ServiceNotActiveException"})
NO_CREDENTIALS = frozenset({
    "NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "SSOTokenLoadError", "TokenRetrievalError",
    "UnauthorizedSSOTokenError", "ProfileNotFound", "LoginRefreshRequired",
})  # fmt: skip
NO_CONNECTION = frozenset({
    "ConnectionError", "EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError",
    "HTTPClientError", "SSLError", "ProxyConnectionError",
})  # fmt: skip


def trouble_of(error: Exception) -> Trouble | None:
    """What an error of the API or its client means; None for what is no such error, but a bug of ours."""
    if isinstance(error, NoRegion):
        return Trouble(kind=Kind.GONE, text="The region does not answer.", hint="Start it with `ninelives up`.")
    if isinstance(error, DeployError):
        return Trouble(
            kind=Kind.MISSING if isinstance(error, NotFound) else Kind.REFUSED, text=error.message, hint=error.hint or ""
        )
    name = type(error).__name__
    if name in NO_CREDENTIALS:
        return Trouble(
            kind=Kind.CREDENTIALS,
            text="No AWS credentials were found.",
            hint="Set AWS_PROFILE, or log in with `aws sso login`; they are looked for again.",
        )
    if name in NO_CONNECTION:
        return Trouble(kind=Kind.GONE, text="The API does not answer.", hint="Asked again until it does.")
    code = error_code(error)
    return _refusal(code, str(error.response["Error"].get("Message", ""))) if code else None  # type: ignore[attr-defined]


def _refusal(code: str, message: str) -> Trouble:
    if code in THROTTLED:
        return Trouble(kind=Kind.THROTTLED, text="AWS asks for fewer calls.", hint="Reading more slowly for a while.")
    if code in EXPIRED:
        return Trouble(
            kind=Kind.CREDENTIALS,
            text="AWS does not take these credentials.",
            hint="Renew them, for example with `aws sso login`; they are looked for again.",
        )
    if code in DENIED:
        action = re.search(r"not authorized to perform:? ([a-z0-9-]+:\w+)", message)
        hint = f"Allow {action[1]} to these credentials." if action else "These credentials lack a permission."
        return Trouble(kind=Kind.DENIED, text=f"AWS refused: {message or code}", hint=hint)
    if code in MISSING:
        return Trouble(kind=Kind.MISSING, text="The service is not there.", hint="It was deleted, or was never deployed.")
    return Trouble(kind=Kind.REFUSED, text=f"{code}: {message}" if message else code)
