"""Credentials that the region itself gives out: the account's root keys, and those of sessions.

Nothing is kept of a session: its token is sealed with the region's key and says whose it is, for how long and with which
policies, so that it outlives a restart; its secret key is derived from its access key id.
"""

import base64
import hmac
import json
import secrets
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final

from cryptography.fernet import Fernet, InvalidToken

from ninelives.access import PrincipalKind
from ninelives.api.authorization.caller import Session

ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
ID_LENGTH: Final = 16
SECRET_LENGTH: Final = 40
LONG_TERM, TEMPORARY = "AKIA", "ASIA"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionKeys:
    """What a region signs with: kept in its state folder, told by ``ninelives env`` alone."""

    access_key: str
    secret: str = field(repr=False)
    seal: str = field(repr=False)
    """The key of session tokens."""

    @classmethod
    def new(cls) -> "RegionKeys":
        return cls(
            access_key=_access_key(LONG_TERM), secret=_secret(secrets.token_bytes(64)), seal=Fernet.generate_key().decode()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Temporary credentials."""

    access_key: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    expires_at: datetime

    def as_sts_answers(self) -> dict[str, Any]:
        return {
            "AccessKeyId": self.access_key,
            "SecretAccessKey": self.secret,
            "SessionToken": self.token,
            "Expiration": self.expires_at,
        }


class Mint:
    """Makes credentials of sessions and reads them back."""

    def __init__(self, keys: RegionKeys) -> None:
        self._seal = Fernet(keys.seal.encode())
        self._key = keys.seal.encode()

    def credentials(self, session: Session) -> Credentials:
        access_key = _access_key(TEMPORARY)
        token = self.seal({"key": access_key, "session": asdict(session)})
        return Credentials(
            access_key=access_key, secret=self.secret_of(access_key), token=token, expires_at=session.expires_at
        )

    def secret_of(self, access_key: str) -> str:
        """The secret key of a session's access key id."""
        return _secret(hmac.digest(self._key, f"secret/{access_key}".encode(), "sha512"))

    def session(self, access_key: str, token: str) -> Session | None:
        """The session of a token that was given out with this access key id; None for any other."""
        found = self.unseal(token)
        if found is None or found.get("key") != access_key:
            return None
        return read_session(found["session"])

    def seal(self, content: Any) -> str:
        return self._seal.encrypt(json.dumps(content, default=_plain).encode()).decode()

    def unseal(self, token: str) -> Any:
        """What was sealed; None for what this region did not seal."""
        try:
            return json.loads(self._seal.decrypt(token.encode()))
        except (InvalidToken, ValueError):
            return None


def read_session(given: dict[str, Any]) -> Session:
    return Session(
        **given
        | {
            "kind": PrincipalKind(given["kind"]),
            "issued_at": datetime.fromisoformat(given["issued_at"]),
            "expires_at": datetime.fromisoformat(given["expires_at"]),
            "policy_arns": tuple(given["policy_arns"]),
            "claims": {key: tuple(values) for key, values in given["claims"].items()},
        }
    )


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def _access_key(prefix: str) -> str:
    return prefix + "".join(secrets.choice(ALPHABET) for _ in range(ID_LENGTH))


def _secret(entropy: bytes) -> str:
    return base64.b64encode(entropy).decode()[:SECRET_LENGTH]
