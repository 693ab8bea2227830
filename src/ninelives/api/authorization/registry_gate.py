"""The registry's gate where IAM is enforced: a login's token says whose it is, and his policies decide of each request.

Source: ECR user guide, "Private registry authentication", "Required IAM permissions for pushing an image".
"""

import base64
import binascii
from datetime import datetime, timedelta
from typing import Final

from ninelives.api.authorization.caller import Caller
from ninelives.api.authorization.guard import Guard
from ninelives.api.authorization.refusals import NotLetIn
from ninelives.registry.gate import NotAdmitted

TOKEN_LASTS: Final = timedelta(hours=12)
"""Source: ``ecr`` 2015-09-21, ``GetAuthorizationToken``."""

UNAUTHORIZED, FORBIDDEN = 401, 403
EXPIRED: Final = "Your authorization token has expired. Reauthenticate and try again."
LOG_IN: Final = "Log in as AWS: see aws ecr get-login-password"


def registry_password(guard: Guard, caller: Caller) -> str:
    """What ``docker login`` takes as the password of the user AWS: it is good for twelve hours."""
    return guard.sealed(caller, until=guard.now() + TOKEN_LASTS)


class RegistryGate:
    """``Gate`` of the registry."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def admit(self, authorization: str | None, action: str | None, repository: str | None) -> None:
        """Let a request pass, or raise ``NotAdmitted``. ``authorization`` is the header; None for ``action`` asks for no more
        than a good login.
        """
        caller = await self._caller(authorization)
        if action is None:
            return
        arn = "*" if repository is None else self._guard.place.arn("ecr", f"repository/{repository}")
        try:
            await self._guard.authorize_action(caller, action, arn)
        except NotLetIn as error:
            raise NotAdmitted(FORBIDDEN, "DENIED", str(error)) from error

    async def _caller(self, authorization: str | None) -> Caller:
        password = _password(authorization)
        content = self._guard.mint.unseal(password)
        if not isinstance(content, dict) or "until" not in content:
            raise NotAdmitted(UNAUTHORIZED, "UNAUTHORIZED", LOG_IN)
        if datetime.fromisoformat(content["until"]) <= self._guard.now():
            raise NotAdmitted(FORBIDDEN, "DENIED", EXPIRED)
        try:
            return await self._guard.unsealed(password)
        except NotLetIn as error:
            raise NotAdmitted(FORBIDDEN, "DENIED", str(error)) from error


def _password(authorization: str | None) -> str:
    scheme, _, encoded = (authorization or "").partition(" ")
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return password if scheme.lower() == "basic" and user == "AWS" else ""
