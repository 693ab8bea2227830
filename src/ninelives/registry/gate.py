"""Who may ask what of the registry, for a region that enforces IAM."""

from typing import Protocol


class NotAdmitted(Exception):
    """A request that is refused: the status, the distribution protocol's code, and a message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, code, message)
        self.status = status
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return self.message


class Gate(Protocol):
    async def admit(self, authorization: str | None, action: str | None, repository: str | None) -> None:
        """Let a request pass, or raise ``NotAdmitted``. ``authorization`` is the header's value; ``action`` is ECR's, None
        where a login suffices.
        """
