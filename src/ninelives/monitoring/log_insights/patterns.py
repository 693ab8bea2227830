"""The patterns of ``parse`` and ``like``: regular expressions as queries write them, and globs."""

from functools import lru_cache

from ninelives.monitoring.regular_expressions import Expression, literal


@lru_cache(maxsize=256)
def read_regex(text: str) -> Expression:
    """A regular expression between slashes. Raises ``ExpressionInvalid``.

    >>> read_regex("user=(?<user>.+)").names
    ('user',)
    """
    return Expression(text.replace("\\/", "/"))


@lru_cache(maxsize=256)
def read_glob(text: str) -> Expression:
    """A glob, as a regular expression with a group for each asterisk; it may begin anywhere, and an asterisk takes what is
    before the text behind it, the last one at the end of the glob all that is left.

    >>> read_glob("[*] *").search("12:00 [INFO] all is well").groups()
    ('INFO', 'all is well')
    """
    *before, last = [literal(piece) for piece in text.split("*")]
    if not before:
        return Expression(f"(?s){last}")
    return Expression("(?s)" + "(.*?)".join(before) + (f"(.*?){last}" if last else "(.*)"))
