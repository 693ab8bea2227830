"""Changes keys of a service file's text and nothing else: comments, order, quotes and spaces stay as they were written.

Pure. YAML's own parser says where a value stands; only these characters are replaced, or a line is added. What comes out is
read again and compared with what was meant: where it differs (an anchor that others use, say) nothing is changed.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from ninelives.deploy.errors import DeployError
from ninelives.deploy.options import LOCAL
from ninelives.deploy.yaml_source import BrokenYaml, read_yaml

Value = int | str | Mapping[str, int | str]
Path = tuple[str, ...]

OVERLAYS = "environments"
NULL = "tag:yaml.org,2002:null"
NEIGHBOURS = ("count", "memory", "cpu", "port", "image", "service")
"""After which of these a new key is put, where it is there."""
SHORTHANDS = {"image": "build"}
"""What plain text in the place of a map means."""
TOGETHER = {"scaling": "count"}
"""Keys that mean something only beside another: a new one goes where the other is."""


class CannotEdit(DeployError):
    """The text is written in a way that is left to a human; ``key`` is what would have been changed."""

    def __init__(self, key: str, value: Value, why: str) -> None:
        super().__init__(f"{key}: {why}; nothing was changed.", hint=f"Write it by hand: `{key}: {_written(value)}`.")
        self.key = key


def edited(text: str, environment: str, changes: Mapping[str, Value]) -> str:
    """``text`` with top-level keys of the service changed for ``environment``. Raises ``CannotEdit``."""
    for key, value in changes.items():
        data = read_yaml(text).data
        path = (*place_of(data, environment, key), key)
        before = _at(data, path)
        if isinstance(value, Mapping) and isinstance(before, str) and key in SHORTHANDS:
            value = {SHORTHANDS[key]: before, **value}  # noqa: PLW2901 - what is meant, written out
        meant = _meant(data, path, value)
        text = _set(text, path, value)
        if _read(text) != meant:
            raise CannotEdit(".".join(path), value, "what is written there is used elsewhere, too")
    return text


def place_of(data: Mapping[str, Any], environment: str, key: str) -> Path:
    """Under which keys a key of ``environment`` is to be changed: the overlay that has it, else the file's own.

    Where another environment (but ``local``) would be changed with the file's own key, the overlay gets one of its own.

    >>> file = {"cpu": 256, "environments": {"staging": {"cpu": 512}, "production": None}}
    >>> [place_of(file, one, "cpu") for one in ("staging", "production", "local")]
    [('environments', 'staging'), (), ('environments', 'local')]
    >>> place_of({"cpu": 256, "environments": {"staging": None, "production": None}}, "staging", "cpu")
    ('environments', 'staging')
    """
    overlays: Mapping[str, Any] = data.get(OVERLAYS) or {}
    own = overlays.get(environment) or {}
    if key in own or (key not in data and TOGETHER.get(key) in own):
        return (OVERLAYS, environment)
    others = [one for one in overlays if one not in {environment, LOCAL} and key not in (overlays[one] or {})]
    return (OVERLAYS, environment) if others else ()


def _at(data: Any, path: Path) -> Any:
    for part in path:
        data = data.get(part) if isinstance(data, Mapping) else None
    return data


def _read(text: str) -> Any:
    try:
        return read_yaml(text).data
    except BrokenYaml:
        return None


def _meant(data: Mapping[str, Any], path: Path, value: Value) -> dict[str, Any]:
    meant: dict[str, Any] = copy.deepcopy(dict(data))
    at = meant
    for part in path[:-1]:
        at[part] = dict(at.get(part) or {})
        at = at[part]
    before = at.get(path[-1])
    is_map = isinstance(value, Mapping) and isinstance(before, Mapping)
    at[path[-1]] = {**before, **value} if is_map else value  # type: ignore[dict-item]  # a map, as was just asked
    return meant


def _set(text: str, path: Path, value: Value) -> str:
    """The text with the key at ``path`` saying ``value``."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)
    at, parents = root, [root]
    for depth, part in enumerate(path):
        found = _value_of(at, part)
        if found is None:
            return _added(text, parents, path[depth:], value)
        if depth == len(path) - 1:
            return _replaced(text, found, path, value)
        if isinstance(found, yaml.ScalarNode) and found.tag == NULL:
            return _splice(text, found, _written(_nested(path[depth + 1 :], value)))
        if not isinstance(found, yaml.MappingNode):
            break
        at = found
        parents.append(at)
    raise CannotEdit(".".join(path), value, "the file is written in another way than expected")


def _value_of(node: yaml.MappingNode, key: str) -> yaml.Node | None:
    return next((value for name, value in node.value if isinstance(name, yaml.ScalarNode) and name.value == key), None)


def _replaced(text: str, node: yaml.Node, path: Path, value: Value) -> str:
    if isinstance(node, yaml.MappingNode) and isinstance(value, Mapping):
        for key, each in value.items():
            text = _set(text, (*path, key), each)
        return text
    if isinstance(node, yaml.ScalarNode) or getattr(node, "flow_style", False):
        return _splice(text, node, _written(value))
    raise CannotEdit(".".join(path), value, "a block stands there")


def _splice(text: str, node: yaml.Node, written: str) -> str:
    begin, end = node.start_mark.index, node.end_mark.index
    gap = "" if begin and text[begin - 1] in " \n[{," else " "
    return text[:begin] + gap + written + text[end:]


def _added(text: str, parents: Sequence[yaml.MappingNode], rest: Path, value: Value) -> str:
    """The text with a key that was not there, in the last of ``parents``."""
    parent, key = parents[-1], rest[0]
    line = f"{key}: {_written(_nested(rest[1:], value))}"
    if parent.flow_style:
        if not parent.value:
            return _splice(text, parent, f"{{{line}}}")
        end = parent.value[-1][1].end_mark.index
        return f"{text[:end]}, {line}{text[end:]}"
    indent = " " * parent.value[0][0].start_mark.column
    at = _line_after(text, parent)
    end = "\r\n" if "\r\n" in text else "\n"
    gap = "" if not at or text[at - 1] == "\n" else end
    return f"{text[:at]}{gap}{indent}{line}{end}{text[at:]}"


def _line_after(text: str, parent: yaml.MappingNode) -> int:
    """Where a line may be put into a block: after a neighbour that stands on one line, else before the first key."""
    single = {
        name.value: value
        for name, value in parent.value
        if isinstance(name, yaml.ScalarNode) and value.end_mark.line == name.start_mark.line
    }
    neighbour = next((single[name] for name in NEIGHBOURS if name in single), None)
    if neighbour is None:
        first = parent.value[0][0].start_mark
        return int(first.index - first.column)
    end = text.find("\n", neighbour.end_mark.index)
    return len(text) if end < 0 else end + 1


def _nested(path: Path, value: Value) -> Any:
    for part in reversed(path):
        value = {part: value}  # type: ignore[dict-item]  # nested as deep as the path
    return value


def _written(value: Any) -> str:
    """A value in YAML's flow style.

    >>> _written({"min": 2, "max": 6}), _written("60%"), _written(256)
    ('{min: 2, max: 6}', '60%', '256')
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_written(each)}" for key, each in value.items()) + "}"
    return str(value)
