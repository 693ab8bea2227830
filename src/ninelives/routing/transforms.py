"""Rule transforms: a request's host or URL rewritten by a regular expression before it goes to a target.

Source: ELB user guide, "Transforms for listener rules": what does not match goes on as it is; a transform that fails is a 500.
Envoy's expressions extract rather than replace, and know no "if": so a rule has routes for each of its transforms that match,
and what stands before and behind the match is extracted with it. ``$1`` … name the expression's groups.
"""

import re
from typing import Any, Final

from ninelives.model.elbv2 import Transform
from ninelives.routing.scripts import URL_HEADER

Json = dict[str, Any]

MUTATION: Final = "envoy.filters.http.header_mutation"
TYPE: Final = "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3"
GROUP: Final = re.compile(r"\$(\d)")


def mutation_filter() -> Json:
    """Computes a rewritten URL for the script, which alone may set it; only where a route asks for it."""
    return {"name": MUTATION, "disabled": True, "typed_config": {"@type": f"{TYPE}.HeaderMutation"}}


def with_match(match: Json, transform: Transform) -> Json:
    """``match``, only for requests in which the transform finds something to rewrite."""
    name, flags = (":authority", "(?i)") if transform.type == "host-header-rewrite" else (":path", "")
    header = {"name": name, "string_match": {"safe_regex": {"regex": f"{flags}(?s:.*?)(?:{transform.regex})(?s:.*)"}}}
    return match | {"headers": [*match.get("headers", ()), header]}


def host_rewrite(transform: Transform) -> Json:
    """Members of a route's action."""
    return {"host_rewrite": _rewritten("request.host", f"(?i){_whole(transform.regex)}", transform)}


def url_per_route(transform: Transform) -> Json:
    """The configuration of a route whose requests get another URL, by filter name."""
    value = _rewritten("request.path", _whole(transform.regex), transform)
    header = {"header": {"key": URL_HEADER, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
    mutations = {"request_mutations": [{"append": header}]}
    return {MUTATION: {"@type": f"{TYPE}.HeaderMutationPerRoute", "mutations": mutations}}


def _whole(regex: str) -> str:
    return f"^((?s:.*?))(?:{regex})((?s:.*))$"


def _rewritten(attribute: str, pattern: str, transform: Transform) -> str:
    """A format string of Envoy: the attribute with what matches replaced."""
    last = re.compile(transform.regex).groups + 2
    replacement = GROUP.sub(lambda found: f"\\{int(found[1]) + 1}", transform.replace.replace("\\", r"\\"))
    rewritten = "\\1" + replacement + f"\\{last}"
    return f"%CEL(re.extract({attribute}, {_literal(pattern)}, {_literal(rewritten)}))%"


def _literal(text: str) -> str:
    r"""A string of CEL in which nothing can end it, nor the format string around it.

    >>> _literal("a)%")
    "'a\\\\x29\\\\x25'"
    """
    return "'" + "".join(one if one.isalnum() else f"\\x{ord(one):02x}" for one in text) + "'"
