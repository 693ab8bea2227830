"""What stands in for which function, as users write it: ``NAME=URL`` or ``NAME=path.py:function``. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

FUNCTION_ARN = re.compile(r"arn:[^:]+:lambda:[^:]*:\d{12}:function:[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9$_-]+)?")
FUNCTION_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlStandIn:
    """Gets the payload as the body of a POST, and answers with JSON: as Lambda's own emulator does."""

    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonStandIn:
    """A function ``(event, context)``, as Lambda's Python handlers are."""

    path: Path
    function: str


StandIn = UrlStandIn | PythonStandIn


def read_stand_ins(given: Mapping[str, str]) -> dict[str, StandIn]:
    """By function. Raises ``ValueError`` as ``read_stand_in`` does."""
    return {name: read_stand_in(name, where)[1] for name, where in given.items()}


def read_stand_in(name: str, where: str) -> tuple[str, StandIn]:
    """A function's name or ARN, and what stands in for it. Raises ``ValueError`` that says what was expected.

    >>> read_stand_in("smoke", "http://127.0.0.1:9000/invoke")
    ('smoke', UrlStandIn(url='http://127.0.0.1:9000/invoke'))
    >>> read_stand_in("smoke", "/srv/hooks.py:handler")
    ('smoke', PythonStandIn(path=PosixPath('/srv/hooks.py'), function='handler'))
    """
    if not (FUNCTION_NAME.fullmatch(name) or FUNCTION_ARN.fullmatch(name)):
        raise ValueError(f"expected a function's name or ARN before the `=`, found {name!r}")
    if "://" in where:
        return name, UrlStandIn(url=_checked_url(where))
    path, colon, function = where.rpartition(":")
    if not colon or not path.endswith(".py") or not function.isidentifier():
        raise ValueError(f"expected a URL or path.py:function after the `=`, found {where!r}")
    return name, PythonStandIn(path=Path(path), function=function)


def _checked_url(text: str) -> str:
    try:
        url = urlsplit(text)
        is_good = url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:  # a port that is no number
        is_good = False
    if not is_good:
        raise ValueError(f"expected a URL such as http://127.0.0.1:9000/path, found {text!r}")
    return text


def stand_in_for(function_arn: str, known: Mapping[str, StandIn]) -> StandIn | None:
    """What stands in for a function: named by its ARN, by its ARN without version or alias, or by its name.

    >>> smoke = UrlStandIn(url="http://localhost/")
    >>> stand_in_for("arn:aws:lambda:eu-west-1:123456789012:function:smoke:live", {"smoke": smoke}) is smoke
    True
    """
    unqualified = ":".join(function_arn.split(":")[:7])
    name = unqualified.rpartition(":")[2]
    return next((known[key] for key in (function_arn, unqualified, name) if key in known), None)
