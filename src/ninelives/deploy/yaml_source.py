"""YAML text as plain data, with the line of every key.

Keys given twice and syntax errors are mistakes with a line. Below the maps that hold text for other programs (variables,
build arguments) a scalar stays the text that was written: ``3.10`` is not the number 3.1, and ``on`` is not ``true``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

KeyPath = tuple[str | int, ...]

TEXT_MAPS = frozenset({"variables", "secrets", "args"})
"""Names of maps whose values are text, whatever YAML would make of them."""

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A mistake in a file. ``line`` counts from 1; None when the file as a whole is meant."""

    line: int | None
    text: str

    def located(self, name: str) -> str:
        return f"{name}:{self.line}: {self.text}" if self.line else f"{name}: {self.text}"


class BrokenYaml(Exception):
    """The text is no YAML, or not a mapping."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.text)
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True)
class YamlSource:
    """What was read: data, the line of each key path, and the mistakes that reading alone shows."""

    data: Mapping[str, Any]
    lines: Mapping[KeyPath, int]
    problems: tuple[Problem, ...]


def read_yaml(text: str) -> YamlSource:
    """Read a YAML mapping. Raises ``BrokenYaml`` for what is not one."""
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            raise BrokenYaml(Problem(line=None, text="the file is empty"))
        if not isinstance(node, yaml.MappingNode):
            line = node.start_mark.line + 1
            raise BrokenYaml(Problem(line=line, text="expected keys and values (`service: …`) at the top"))
        reader = _Reader(loader)
        data = reader.mapping(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = ", ".join(part for part in (error.context, error.problem) if part)
        raise BrokenYaml(Problem(line=mark.line + 1 if mark else None, text=f"not valid YAML: {what}")) from None
    except yaml.YAMLError as error:
        raise BrokenYaml(Problem(line=None, text=f"not valid YAML: {error}")) from None
    finally:
        loader.dispose()
    return YamlSource(data=data, lines=reader.lines, problems=tuple(reader.problems))


class _Reader:
    """Walks composed nodes; notes lines and keys given twice."""

    def __init__(self, loader: yaml.SafeLoader) -> None:
        self.loader = loader
        self.lines: dict[KeyPath, int] = {}
        self.problems: list[Problem] = []

    def mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for twice in sorted({key for key in keys if keys.count(key) > 1 and key != "<<"}):
            line = [key for key, _ in node.value if key.value == twice][-1].start_mark.line + 1
            self.problems.append(Problem(line=line, text=f"key {twice!r} is given twice"))
        self.loader.flatten_mapping(node)  # `<<: *anchor`
        found: dict[str, Any] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                self.problems.append(Problem(line=line, text="a key must be text"))
                continue
            here = (*path, key.value)
            self.lines[here] = line
            found[key.value] = self.value(value, here)
        return found

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self.lines[(*path, index)] = item.start_mark.line + 1
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        if len(path) > 1 and path[-2] in TEXT_MAPS and isinstance(node, yaml.ScalarNode):
            return None if node.style is None and node.value in _NULLS else node.value
        return self.loader.construct_object(node)
