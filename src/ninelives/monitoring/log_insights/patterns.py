"""The patterns of ``parse`` and ``like``: regular expressions as queries write them, and globs."""

import re
from functools import lru_cache
from typing import Final

NAMED_GROUP: Final = re.compile(r"\(\?<([A-Za-z]\w*)>")


@lru_cache(maxsize=256)
def read_regex(text: str) -> re.Pattern[str]:
    """A regular expression between slashes; its named groups are written ``(?<name>…)``. Raises ``re.error``.

    >>> read_regex("user=(?<user>.+)")
    re.compile('user=(?P<user>.+)')
    """
    return re.compile(NAMED_GROUP.sub(r"(?P<\1>", text.replace("\\/", "/")))


@lru_cache(maxsize=256)
def read_glob(text: str) -> re.Pattern[str]:
    """A glob, as a regular expression with a group for each asterisk; it may begin anywhere, and an asterisk takes what is
    before the text behind it, the last one at the end of the glob all that is left.

    >>> read_glob("[*] *").search("12:00 [INFO] all is well").groups()
    ('INFO', 'all is well')
    """
    pieces = [re.escape(piece) for piece in text.split("*")]
    whole = pieces[-1] == "" and len(pieces) > 1
    inner = "(.*?)".join(pieces[:-1]) + ("(.*)" if whole else f"(.*?){pieces[-1]}" if len(pieces) > 1 else pieces[-1])
    return re.compile(inner, re.DOTALL)
