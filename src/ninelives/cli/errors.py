"""What the CLI says of a user's mistake: what was found, and what to do next. Printed without a traceback, exit code 1."""


class UserError(Exception):
    """A mistake of the user's or of the surroundings; ``hint`` says what to do next."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n{self.hint}"
