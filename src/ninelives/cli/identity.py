"""The real clock and the real ids."""

import secrets
import uuid
from datetime import UTC, datetime


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 (this is the one clock)


class RandomIds:
    """Identifiers as AWS shapes them, from the operating system's randomness."""

    def task_id(self) -> str:
        return secrets.token_hex(16)

    def deployment_number(self) -> str:
        return str(10**18 + secrets.randbelow(9 * 10**18))

    def service_deployment_id(self) -> str:
        return secrets.token_urlsafe(16)[:21]

    def load_balancer_id(self) -> str:
        return secrets.token_hex(8)

    def uuid(self) -> str:
        return str(uuid.uuid4())
