"""From the text of a service file to one environment's service: overlays merged, every mistake told at once, with its line.

An unknown key is told with the nearest known one. All environments are checked, whichever is asked for: a mistake in
``staging`` shows on the laptop.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from ninelives.deploy.errors import InvalidServiceFile, NotFound
from ninelives.deploy.options import FILE_NAME, LOCAL
from ninelives.deploy.service_file import ServiceFile
from ninelives.deploy.yaml_source import BrokenYaml, KeyPath, Problem, YamlSource, read_yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A service file as one environment sees it."""

    path: Path
    environment: str
    file: ServiceFile
    lines: Mapping[KeyPath, int] = field(default_factory=dict)
    """The line of each key path in the file, from 1."""

    @property
    def folder(self) -> Path:
        """What paths in the file are relative to."""
        return self.path.parent

    @property
    def is_local(self) -> bool:
        return self.environment == LOCAL

    def where(self, *key: str) -> str:
        """A key that this environment has, for a message: file, line, name.

        >>> lines = {("secrets",): 7}
        >>> Definition(path=Path("a.yml"), environment="local", file=None, lines=lines).where("secrets")  # type: ignore
        'a.yml:7: secrets'
        """
        overlay = ("environments", self.environment, *key)
        name, line = (overlay, self.lines[overlay]) if overlay in self.lines else (key, self.lines.get(key))
        return Problem(line=line, text=".".join(name)).located(str(self.path))


def read_service_file(path: Path, environment: str = LOCAL) -> Definition:
    """The service that ``path`` describes, in ``environment``. Raises ``InvalidServiceFile`` or ``NotFound``."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(
            f"There is no service file {path}.", hint="Write one with `ninelives init`, or name one with --config."
        ) from None
    except IsADirectoryError:
        raise InvalidServiceFile([f"{path}: expected a file, found a folder"]) from None
    except UnicodeDecodeError:
        raise InvalidServiceFile([f"{path}: not UTF-8 text"]) from None
    file, lines = _parsed(text, environment, str(path))
    return Definition(path=path, environment=environment, file=file, lines=lines)


def environments_of(path: Path) -> list[str]:
    """The environments that a service file has, ``local`` first. Raises as ``read_service_file`` does."""
    read_service_file(path)
    overlays = read_yaml(path.read_text(encoding="utf-8")).data.get("environments") or {}
    return list(dict.fromkeys([LOCAL, *overlays]))


def parse_service_file(text: str, environment: str = LOCAL, *, name: str = FILE_NAME) -> ServiceFile:
    """As ``read_service_file``, from text; ``name`` is how messages call it."""
    return _parsed(text, environment, name)[0]


def _parsed(text: str, environment: str, name: str) -> tuple[ServiceFile, Mapping[KeyPath, int]]:
    try:
        source = read_yaml(text)
    except BrokenYaml as broken:
        raise InvalidServiceFile([broken.problem.located(name)]) from None
    known, problems = _validated(source)
    if problems:
        ordered = sorted(set(problems), key=lambda problem: (problem.line or 0, problem.text))
        raise InvalidServiceFile([problem.located(name) for problem in ordered])
    if environment not in known:
        near = difflib.get_close_matches(environment, known, n=1)
        raise NotFound(
            f"{name} has no environment {environment!r}; it has {', '.join(known)}.",
            hint=f"Did you mean `--env {near[0]}`?"
            if near
            else f"Name one of them with --env, or write {environment!r} under `environments`.",
        )
    return known[environment], source.lines


def merged(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """``overlay`` laid over ``base``: maps are merged key by key, anything else is replaced.

    An empty map empties, and null takes a key of the base away.

    >>> merged({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": 3}, "d": []})
    {'a': {'b': 3, 'c': 2}, 'd': []}
    >>> merged({"a": {"b": 1, "c": 2}, "d": {"e": 1}, "f": 1}, {"a": {"b": None}, "d": {}, "f": None})
    {'a': {'c': 2}, 'd': {}}
    """
    result = dict(base)
    for key, value in overlay.items():
        before = result.get(key)
        if value is None and key in result:
            del result[key]
        elif isinstance(before, Mapping) and isinstance(value, Mapping) and value:
            result[key] = merged(before, value)
        else:
            result[key] = value
    return result


def _validated(source: YamlSource) -> tuple[dict[str, ServiceFile], list[Problem]]:
    """Each environment's service, and all mistakes."""
    problems = list(source.problems)
    base = {key: _shorthand(key, value) for key, value in source.data.items() if not key.startswith("x-")}
    overlays = base.pop("environments", None) or {}
    if not isinstance(overlays, Mapping):
        line = source.lines.get(("environments",))
        return {}, [*problems, Problem(line=line, text="environments: expected names with what differs in each")]
    known: dict[str, ServiceFile] = {}
    for name, raw in {LOCAL: None, **overlays}.items():
        at = ("environments", name)
        if raw is not None and not isinstance(raw, Mapping):
            problems.append(Problem(line=source.lines.get(at), text=f"environments.{name}: expected a map of what differs"))
            continue
        overlay = {key: _shorthand(key, value) for key, value in (raw or {}).items()}
        if "service" in overlay:
            problems.append(
                Problem(line=source.lines.get((*at, "service")), text=f"environments.{name}: the name cannot differ")
            )
        try:
            known[name] = ServiceFile.model_validate(merged(base, overlay))
        except ValidationError as invalid:
            problems += [_problem(error, source, at) for error in invalid.errors()]
    return known, problems


def _shorthand(key: str, value: Any) -> Any:
    """``image: folder`` written out, so that overlays merge with it."""
    return {"build": value} if key == "image" and isinstance(value, str) else value


def _problem(error: Any, source: YamlSource, overlay: KeyPath) -> Problem:
    """A mistake that pydantic found, in our words, at the line where it was written.

    What a part's own check says of one of its keys (``memory: …``) belongs to that key's line.
    """
    path: KeyPath = tuple(part for part in error["loc"] if not str(part).startswith("<"))
    text = str(error["ctx"]["error"]) if error["type"] == "value_error" else ""
    about = (*path, text.partition(": ")[0])
    for where in (about, path):
        for above in ((*overlay, *where), where):
            if above in source.lines:
                return Problem(line=source.lines[above], text=_words(error, path, above[: len(above) - len(where)]))
    for end in range(len(path) - 1, 0, -1):
        for above in ((*overlay, *path[:end]), path[:end]):
            if above in source.lines:
                return Problem(line=source.lines[above], text=_words(error, path, above[: len(above) - end]))
    return Problem(line=None, text=_words(error, path, ()))


def _words(error: Any, path: KeyPath, overlay: KeyPath) -> str:
    where = ".".join(str(part) for part in (*overlay, *path))
    limits = error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            return _unknown_key(path, overlay)
        case "missing":
            return f"{where!r} is missing; it has no default"
        case "value_error":
            told = str(limits["error"])
            own_key, _, rest = told.partition(": ")
            if re.fullmatch(r"\w+", own_key):  # a part's check, about one of its keys
                return f"{where}.{own_key}: {rest}" if where else told
            return f"{where}: {told}" if where else told
        case "string_pattern_mismatch":
            expected = _PATTERNS.get(tuple(part for part in path if not isinstance(part, int)), "another form")
        case kind:
            expected = _EXPECTED.get(kind, error["msg"]).format_map(limits)
    near = difflib.get_close_matches(str(error["input"]), re.findall(r"'(.+?)'", expected), n=1)
    advice = f"; did you mean {near[0]!r}?" if near else ""
    return f"{where}: expected {expected}, found {error['input']!r}{advice}"


_EXPECTED: Mapping[str, str] = {
    "int_type": "a whole number",
    "bool_type": "true or false",
    "string_type": "text",
    "tuple_type": "a list",
    "model_type": "keys and values",
    "model_attributes_type": "keys and values",
    "mapping_type": "keys and values",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
    "too_short": "at least {min_length} entries",
}
"""What pydantic's kinds of error expected."""

_PATTERNS: Mapping[KeyPath, str] = {
    ("service",): "1 to 32 letters, digits and hyphens",
    ("cluster",): "letters, digits, hyphens and underscores",
    ("region",): "an AWS region such as eu-west-1",
    ("health", "path"): "a path that begins with /",
    ("health", "matcher"): 'HTTP codes such as "200" or "200-299"',
    ("bootstrap", "account"): "the 12 digits of an AWS account, in quotes",
    ("bootstrap", "certificate"): "the ARN of a certificate",
    ("bootstrap", "network", "vpc"): "a VPC's id such as vpc-0aaa",
    ("bootstrap", "network", "public_subnets"): "a subnet's id such as subnet-0aaa",
    ("bootstrap", "network", "private_subnets"): "a subnet's id such as subnet-0aaa",
    ("bootstrap", "github", "repository"): "owner/name",
    ("bootstrap", "github", "branches"): "a branch's name, without refs/heads/",
    ("bootstrap", "github", "tags"): "a tag's name, without refs/tags/",
    ("bootstrap", "github", "environments"): "the name of a GitHub environment",
    ("bootstrap", "task_policies"): "an ARN",
    ("bootstrap", "secret_keys"): "an ARN",
    ("bootstrap", "alarms", "notify"): "an ARN",
    ("deploy", "hooks", "function"): "a function's name or ARN",
    ("load_balancer", "test_listener", "header"): "the name of a header",
    ("load_balancer", "alternate_target_group"): "1 to 32 letters, digits and hyphens",
    ("load_balancer", "name"): "1 to 32 letters, digits and hyphens",
    ("load_balancer", "target_group"): "1 to 32 letters, digits and hyphens",
}


def _unknown_key(path: KeyPath, overlay: KeyPath) -> str:
    *parents, key = path
    place = ".".join(str(part) for part in (*overlay, *parents))
    known = keys_at(tuple(parents))
    if not parents and not overlay:
        known = [*known, "environments"]
    near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.5)
    advice = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
    return f"unknown key {key!r} in {repr(place) if place else 'the service file'}; {advice}"


def keys_at(path: KeyPath) -> list[str]:
    """The keys that may stand in the part of the file at ``path``.

    >>> keys_at(("deploy", "rollback"))
    ['circuit_breaker', 'failures', 'alarms']
    >>> keys_at(("deploy", "rollback", "alarms", 0))
    ['5xx', 'latency']
    """
    model: type[BaseModel] = ServiceFile
    for part in path:
        if isinstance(part, int):  # an entry of a list is what the list is of
            continue
        field = next((one for name, one in model.model_fields.items() if part in {name, one.alias}), None)
        inner = next(iter(_models_in(field.annotation, *field.metadata)), None) if field else None
        if inner is None:
            return []
        model = inner
    return [one.alias or name for name, one in model.model_fields.items()]


def _models_in(*annotations: Any) -> Iterable[type[BaseModel]]:
    for annotation in annotations:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield annotation
        yield from _models_in(*get_args(annotation))
