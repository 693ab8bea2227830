"""Which operation a request to moto is, and with which parameters: as much of them as decides.

JSON is read as it is, forms as their names nest them; requests to REST services are found by botocore's model, which says how
method, path, query and headers make an operation.
"""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

import orjson

from ninelives.api.authorization.actions import prefix_of
from ninelives.api.authorization.reference import reference_of
from ninelives.api.codec_errors import CBOR
from ninelives.api.service_model import ServiceModel, load_service
from ninelives.api.wire import CredentialScope, WireRequest

CBOR_PATH: Final = re.compile(r"/service/[^/]+/operation/(?P<operation>[^/]+)$")
LABEL: Final = re.compile(r"\{(\w+)(\+?)\}")
DELETED_KEY: Final = re.compile(r"<Key>(.*?)</Key>", re.DOTALL)
UNKNOWN: Final = "UnknownOperation"
"""What an operation is called that cannot be made out: only who may do everything may do it."""

REST: Final = frozenset({"rest-json", "rest-xml"})
FORMS: Final = frozenset({"query", "ec2"})

MODELS: Final = {
    "elasticloadbalancing": "elbv2",
    "email": "ses",
    "monitoring": "cloudwatch",
    "states": "stepfunctions",
    "tagging": "resourcegroupstaggingapi",
}
"""Botocore's names of services whose signing name is another one."""

CLIENTS_OWN: Final = frozenset({"x-id"})
"""Query arguments that clients add for readers of logs."""


def read_operation(request: WireRequest, scope: CredentialScope) -> tuple[str, str, dict[str, Any]]:
    """The service's signing name, the operation and its parameters.

    Only what has the form in which clients send it is made out: moto takes an operation's name from several places of a
    request, and must not find another one there than was judged.
    """
    protocols = _protocols(scope.service)
    if not protocols or "action" in request.headers:
        return scope.service, UNKNOWN, {}
    if protocols & REST:
        is_plain = scope.service == "s3" or not _names_action(request)
        return scope.service, *(_read_rest(request, scope.service) if is_plain else (UNKNOWN, {}))
    operation, parameters = _read_named(request, protocols)
    return scope.service, operation if operation in _names(scope.service) else UNKNOWN, parameters


def _names_action(request: WireRequest) -> bool:
    """Whether a request to a REST service names an operation beside its path: moto believes that name, wherever it stands."""
    text = request.body.decode("utf-8", "replace")
    return request.target is not None or any(name == "Action" for name, _ in [*_pairs(request.query_string), *_pairs(text)])


def _read_named(request: WireRequest, protocols: frozenset[str]) -> tuple[str, dict[str, Any]]:
    """The operation that a request names, and its parameters."""
    if "smithy-protocol" in request.headers:
        found = CBOR_PATH.search(request.raw_path) if CBOR in protocols and request.target is None else None
        return found["operation"] if found else UNKNOWN, {}
    if request.target is not None:
        is_plain = "json" in protocols and _is_plain_json(request)
        return request.target.rpartition(".")[2] if is_plain else UNKNOWN, _read_json(request.body)
    form = _plain_form(request) if protocols & FORMS else None
    return (UNKNOWN, {}) if form is None else (form.get("Action", UNKNOWN), read_form(form))


@cache
def _names(service: str) -> frozenset[str]:
    """A service's operations as AWS spells them: moto takes ``deleteLogGroup`` for one of them, and the guard must not."""
    reference = reference_of(prefix_of(service))
    known = frozenset(reference.actions) if reference is not None else frozenset()
    return known if service == "ec2" else known | load_service(MODELS.get(service, service)).operation_names


@cache
def _protocols(service: str) -> frozenset[str]:
    """The protocols of a service, by its signing name; none for one without a model."""
    if service == "ec2":  # whose model is larger than all others together
        return frozenset({"ec2"})
    try:
        return frozenset(load_service(MODELS.get(service, service)).protocols)
    except LookupError:
        return frozenset()


def _is_plain_json(request: WireRequest) -> bool:
    """Whether nothing but the target and the body says what is asked for."""
    is_json = request.method == "POST" and not request.is_form and "content-encoding" not in request.headers
    return is_json and not _own_arguments(request)


def _plain_form(request: WireRequest) -> dict[str, str] | None:
    """The form of a request that says each thing once and in one place; None for any other."""
    text = request.body.decode("utf-8", "replace") if request.is_form else ""
    in_body = _pairs(text)
    in_query = [(name, value) for name, value in _pairs(request.query_string) if not name.startswith("X-Amz-")]
    pairs = in_body or in_query
    names = [name for name, _ in pairs]
    is_odd = len(set(names)) != len(names) or bool(in_body and in_query) or (request.body and not request.is_form)
    return None if is_odd or "content-encoding" in request.headers else dict(pairs)


def _own_arguments(request: WireRequest) -> list[str]:
    """The names of the query's arguments, those of a signature apart."""
    return [name for name, _ in _pairs(request.query_string) if not name.startswith("X-Amz-")]


def _pairs(text: str) -> list[tuple[str, str]]:
    return parse_qsl(text, keep_blank_values=True)


def _read_json(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def read_form(form: Mapping[str, str]) -> dict[str, Any]:
    """A form's parameters, nested as their names say.

    >>> read_form({"Tags.member.1.Key": "a", "SubnetId.1": "subnet-1", "Action": "X"})
    {'Tags': [{'Key': 'a'}], 'SubnetId': ['subnet-1'], 'Action': 'X'}
    """
    root: dict[str, Any] = {}
    for name, value in form.items():
        *above, last = name.split(".")
        branch = root
        for part in above:
            inner = branch.setdefault(part, {})
            if not isinstance(inner, dict):
                inner = branch[part] = {}
            branch = inner
        branch[last] = value
    read: dict[str, Any] = {name: _nested(value) for name, value in root.items()}
    return read


def _nested(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if set(value) == {"member"}:
        return _nested(value["member"])
    if all(name.isdecimal() for name in value):
        return [_nested(value[name]) for name in sorted(value, key=int)]
    return {name: _nested(inner) for name, inner in value.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Route:
    """How a REST operation is told: path, arguments that must be there (with a value, where one is named), headers."""

    operation: str
    method: str
    path: re.Pattern[str]
    arguments: Mapping[str, str | None]
    headers: frozenset[str]
    members: tuple[tuple[str, str, str], ...]
    """Member, where it stands (``uri``, ``querystring``, ``header``), and its name there."""

    @property
    def weight(self) -> tuple[int, int]:
        """Of several that fit the one that asks for most is meant; of paths the longer one."""
        return len(self.arguments) + len(self.headers), len(self.path.pattern)


def _read_rest(request: WireRequest, service: str) -> tuple[str, dict[str, Any]]:
    fitting = [(route, found) for route in _routes(service) if (found := _fits(route, request)) is not None]
    if not fitting:
        return UNKNOWN, {}
    route, labels = max(fitting, key=lambda one: one[0].weight)
    if service == "s3" and "/" in unquote(labels.get("Bucket", "")):
        return UNKNOWN, {}  # moto takes what is behind the slash for a key
    if any(one.weight == route.weight and one.arguments != route.arguments for one, _ in fitting):
        return UNKNOWN, {}  # two things are asked at once
    parameters: dict[str, Any] = {}
    for member, where, name in route.members:
        value = {"uri": labels, "querystring": request.arguments, "header": request.headers}[where].get(name)
        if value is not None:
            parameters[member] = unquote(value) if where == "uri" else value
    if (service, route.operation) == ("s3", "DeleteObjects"):
        keys = DELETED_KEY.findall(request.body.decode("utf-8", "replace"))
        parameters["Delete"] = {"Objects": [{"Key": html.unescape(key)} for key in keys]}
    return route.operation, parameters


def _fits(route: _Route, request: WireRequest) -> Mapping[str, str] | None:
    """The path's labels, where a request is for this operation."""
    if route.method != request.method or not route.headers <= request.headers.keys():
        return None
    for name, value in route.arguments.items():
        if name not in request.arguments or value not in {None, request.arguments[name]}:
            return None
    found = route.path.fullmatch(request.raw_path)
    return found.groupdict() if found else None


@cache
def _routes(service: str) -> tuple[_Route, ...]:
    """A service's operations by how they are told; none for a service without a model."""
    try:
        model = load_service(MODELS.get(service, service))
    except LookupError:
        return ()
    return tuple(_route(model, name) for name in sorted(model.operation_names))


def _route(model: ServiceModel, name: str) -> _Route:
    http, shape = model.http_of(name), model.operation(name).input
    path, _, query = http["requestUri"].partition("?")
    pairs = [part.partition("=") for part in query.split("&") if part]
    arguments: dict[str, str | None] = {key: value if is_told else None for key, is_told, value in pairs}
    uses = shape.members.items() if shape is not None else ()
    members = [(member, use.traits) for member, use in uses if use.traits.get("location") in PLACES]
    required = set(shape.traits.get("required", ())) if shape is not None else set()
    needed = [traits for member, traits in members if member in required]
    asked = [_wire_name(traits) for traits in needed if traits["location"] == "querystring"]
    arguments |= {key: None for key in asked if key not in arguments}
    return _Route(
        operation=name,
        method=http["method"],
        path=re.compile(_path_expression(path), re.DOTALL),
        arguments={key: value for key, value in arguments.items() if key not in CLIENTS_OWN},
        headers=frozenset(_wire_name(traits) for traits in needed if traits["location"] == "header"),
        members=tuple((member, traits["location"], _wire_name(traits)) for member, traits in members),
    )


PLACES: Final = frozenset({"uri", "querystring", "header"})


def _wire_name(traits: Mapping[str, Any]) -> str:
    name = str(traits["locationName"])
    return name.lower() if traits["location"] == "header" else name


def _path_expression(path: str) -> str:
    """A slash more at the end is of no matter, but in a key."""
    path, expression, end = path.rstrip("/"), "", 0
    for found in LABEL.finditer(path):
        expression += re.escape(path[end : found.start()]) + f"(?P<{found[1]}>{'.+' if found[2] else '[^/]+'})"
        end = found.end()
    return expression + re.escape(path[end:]) + ("" if path.endswith("+}") else "/?")
