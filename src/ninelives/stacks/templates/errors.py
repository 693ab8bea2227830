"""What is wrong with a template or with what it is given, in CloudFormation's words."""


class TemplateError(Exception):
    """The template, or its parameters, cannot be used. The API calls it ValidationError."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message
