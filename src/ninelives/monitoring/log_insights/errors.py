"""What a query can do wrong: ``QueryInvalid`` as it is read, ``QueryTooLarge`` as it runs."""


class QueryInvalid(Exception):
    """A query that CloudWatch Logs would refuse.

    ``message`` says why; ``start`` and ``end`` are the place in the query, in characters: the ``startCharOffset`` and
    ``endCharOffset`` of MalformedQueryException's ``queryCompileError``.
    """

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message, start, end)
        self.message, self.start, self.end = message, start, end

    def __str__(self) -> str:
        return self.message


class QueryTooLarge(Exception):
    """A query that does not fit into the memory that it may use; ``what`` there is too much of."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return f"The query needs more than {self.what}."
