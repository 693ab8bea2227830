"""The caller's mistakes, as AWS names them.

``ApiError`` carries the error code that the wire carries; whether a code exists in the service's model is tested.
The world's own failures (a task that died, an image that is missing) are not exceptions but data.
"""

from collections.abc import Mapping
from typing import Any


class ApiError(Exception):
    """A request that is refused: AWS's error code, its message, and the HTTP status (400 unless said).

    ``members`` are further members of the error's shape, where it has any (``resourceIds`` of ECS's ConflictException).
    """

    def __init__(self, code: str, message: str, *, status: int = 400, members: Mapping[str, Any] | None = None) -> None:
        super().__init__(code, message)
        self.members = members or {}
        self.code = code
        self.message = message
        self.status = status

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"
