"""What a Dockerfile says without running it: variables, files that it copies from the build folder, and the command.

For machines without Docker. FROM, RUN and whatever needs the network are skipped and listed, so that the user knows what
the host must bring itself. Several stages are followed: ``COPY --from`` takes what the earlier stage copied.
Source: "Dockerfile reference" (docs.docker.com).
"""

import io
import json
import re
import shlex
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from posixpath import basename, dirname, join, normpath

from ninelives.deploy.build_context import BuildContext, normal
from ninelives.deploy.errors import BuildFailed

SHELL = ("/bin/sh", "-c")
_HEREDOC = re.compile(r"<<-?\s*[\"']?(\w+)[\"']?")
_VARIABLE = re.compile(r"\\\$|\$(?:(\w+)|\{(\w+)(?::([-+])([^}]*))?\})")
_FLAG = re.compile(r"--(\w+)(?:=(\S+))?\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """A file or folder that lands in the image; ``mode`` overrides the source's permissions."""

    source: Path
    mode: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A Dockerfile's last stage. ``files`` by absolute path in the image; ``skipped`` lists what was not carried out."""

    files: Mapping[str, Copied] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    entry_point: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    working_directory: str = "/"
    stop_signal: str | None = None
    user: str | None = None
    ports: tuple[str, ...] = ()
    shell: tuple[str, ...] = SHELL
    arguments: Mapping[str, str] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()


def interpret(text: str, context: BuildContext, arguments: Mapping[str, str], *, name: str = "Dockerfile") -> Recipe:
    """The recipe of a Dockerfile's last stage. Raises ``BuildFailed`` with the line of what cannot be read."""
    return _Interpreter(context, arguments, name).run(text)


class _Interpreter:
    def __init__(self, context: BuildContext, arguments: Mapping[str, str], name: str) -> None:
        self.context = context
        self.given = arguments
        self.name = name
        self.defaults: dict[str, str] = {}
        """ARGs before the first FROM."""
        self.stages: dict[str, Recipe] = {}
        """By name and by number, as far as they were read."""
        self.stage_names: tuple[str, ...] = ()
        self.stage_count = 0
        self.recipe: Recipe | None = None
        self.line = 0

    def run(self, text: str) -> Recipe:
        from dockerfile_parse import DockerfileParser

        parser = DockerfileParser(fileobj=io.BytesIO(_without_heredocs(text).encode()))
        for one in parser.structure:
            self.line = one["startline"] + 1
            if one["instruction"] != "COMMENT":
                self._instruction(one["instruction"], one["value"].strip())
        if self.recipe is None:
            raise BuildFailed(f"{self.name}: no FROM in it")
        return self.recipe

    def _failed(self, what: str) -> BuildFailed:
        return BuildFailed(f"{self.name}:{self.line}: {what}")

    def _instruction(self, instruction: str, value: str) -> None:
        if instruction == "FROM":
            self._from(value)
        elif instruction == "ARG":
            self._arg(value)
        elif self.recipe is None:
            raise self._failed(f"{instruction} before the first FROM")
        else:
            carry_out = self._carried_out().get(instruction)
            if carry_out is None:
                raise self._failed(f"unknown instruction {instruction}")
            self.recipe = carry_out(self.recipe, value)
        if self.recipe is not None:
            self.stages |= dict.fromkeys(self.stage_names, self.recipe)

    def _carried_out(self) -> Mapping[str, Callable[[Recipe, str], Recipe]]:
        return {
            "ENV": lambda recipe, value: replace(recipe, variables={**recipe.variables, **self._pairs(recipe, value)}),
            "LABEL": lambda recipe, value: replace(recipe, labels={**recipe.labels, **self._pairs(recipe, value)}),
            "WORKDIR": lambda recipe, value: replace(
                recipe, working_directory=normpath(join(recipe.working_directory, self._expanded(recipe, value)))
            ),
            "COPY": self._copy,
            "ADD": self._copy,
            "CMD": lambda recipe, value: replace(recipe, command=self._command(recipe, value)),
            "ENTRYPOINT": lambda recipe, value: replace(recipe, entry_point=self._command(recipe, value)),
            "EXPOSE": lambda recipe, value: replace(
                recipe, ports=(*recipe.ports, *(_port(port) for port in self._expanded(recipe, value).split()))
            ),
            "STOPSIGNAL": lambda recipe, value: replace(recipe, stop_signal=self._expanded(recipe, value)),
            "USER": lambda recipe, value: replace(
                recipe, user=self._expanded(recipe, value), skipped=(*recipe.skipped, f"USER {value}")
            ),
            "SHELL": lambda recipe, value: replace(recipe, shell=self._words(value) or SHELL),
            "RUN": lambda recipe, value: replace(
                recipe, skipped=(*recipe.skipped, f"RUN {value.split()[0] if value else ''}")
            ),
            "HEALTHCHECK": lambda recipe, _: recipe,  # ECS does not look at it either
            "VOLUME": lambda recipe, _: recipe,
            "MAINTAINER": lambda recipe, _: recipe,
            "ONBUILD": lambda recipe, _: recipe,
        }

    def _from(self, value: str) -> None:
        words = [word for word in value.split() if not word.startswith("--")]
        if not words:
            raise self._failed("FROM names no image")
        base = _substituted(words[0], {**self.defaults, **_only(self.given, self.defaults)})
        inherited = self.stages.get(base)
        named = (words[2],) if len(words) > 2 and words[1].lower() == "as" else ()  # noqa: PLR2004 (FROM x AS y)
        self.stage_names = (*named, str(self.stage_count))
        self.stage_count += 1
        self.recipe = (
            replace(inherited, arguments={})
            if inherited is not None
            else Recipe(skipped=() if base == "scratch" else (f"FROM {base}",))
        )

    def _arg(self, value: str) -> None:
        for word in self._split(value):
            name, has_default, default = word.partition("=")
            if self.recipe is None:
                self.defaults[name] = self.given.get(name, _substituted(default, self.defaults))
                continue
            known = self._known(self.recipe)
            chosen = self.given.get(name, _substituted(default, known) if has_default else self.defaults.get(name))
            if chosen is not None:
                self.recipe = replace(self.recipe, arguments={**self.recipe.arguments, name: chosen})

    def _known(self, recipe: Recipe) -> Mapping[str, str]:
        return {**recipe.arguments, **recipe.variables}

    def _expanded(self, recipe: Recipe, value: str) -> str:
        words = self._split(value)
        return _substituted(" ".join(words), self._known(recipe))

    def _split(self, value: str) -> list[str]:
        try:
            return shlex.split(value)
        except ValueError as error:
            raise self._failed(f"cannot be read: {error}") from None

    def _pairs(self, recipe: Recipe, value: str) -> dict[str, str]:
        """``A=1 B="2 3"``, or the old form ``A 1``."""
        known = self._known(recipe)
        name, _, rest = value.partition(" ")
        if "=" not in name:
            return {name: _substituted(rest.strip(), known)}
        pairs = (word.partition("=") for word in self._split(value))
        return {name: _substituted(text, known) for name, _, text in pairs}

    def _words(self, value: str) -> tuple[str, ...] | None:
        """The words of the JSON (exec) form; None when it is not that form."""
        if not value.startswith("["):
            return None
        try:
            words = json.loads(value)
        except ValueError:
            return None
        return tuple(words) if isinstance(words, list) and all(isinstance(word, str) for word in words) else None

    def _command(self, recipe: Recipe, value: str) -> tuple[str, ...]:
        words = self._words(value)
        return (*recipe.shell, value) if words is None else words

    def _copy(self, recipe: Recipe, value: str) -> Recipe:
        flags: dict[str, str] = {}
        while found := _FLAG.match(value):
            flags[found.group(1)] = found.group(2) or ""
            value = value[found.end() :]
        words = [_substituted(word, self._known(recipe)) for word in self._words(value) or self._split(value)]
        if len(words) < 2:  # noqa: PLR2004 (a source and a target)
            raise self._failed("COPY needs a source and a target")
        *sources, target = words
        mode = int(flags["chmod"], 8) if re.fullmatch(r"0?[0-7]{3,4}", flags.get("chmod", "")) else None
        is_folder = len(sources) > 1 or target.endswith(("/", "/.")) or target in {".", ".."}
        where = normpath(join(recipe.working_directory, target))
        is_folder = is_folder or where in {recipe.working_directory, "/"}
        for source in sources:
            if "://" in source or source.startswith("git@"):
                recipe = replace(recipe, skipped=(*recipe.skipped, f"ADD {source}"))
            elif "from" in flags:
                recipe = self._copy_from_stage(recipe, flags["from"], source, where, is_folder=is_folder)
            else:
                recipe = self._copy_from_folder(recipe, source, where, mode, is_folder=is_folder)
        return recipe

    def _copy_from_folder(self, recipe: Recipe, source: str, where: str, mode: int | None, *, is_folder: bool) -> Recipe:
        if source.startswith("<<"):
            return replace(recipe, skipped=(*recipe.skipped, f"COPY {source}"))
        matches = self.context.matching(source)
        if not matches:
            raise self._failed(f"COPY {source}: no such file in {self.context.folder}, or .dockerignore leaves it out")
        files = dict(recipe.files)
        for match in matches:
            if self.context.is_folder(match):
                files |= {
                    normpath(join(where, path)): Copied(source=found, mode=mode) for path, found in self.context.below(match)
                }
            else:
                target = join(where, basename(match)) if is_folder or len(matches) > 1 else where
                files[normpath(target)] = Copied(source=self.context.folder / match, mode=mode)
        return replace(recipe, files=files)

    def _copy_from_stage(self, recipe: Recipe, stage: str, source: str, where: str, *, is_folder: bool) -> Recipe:
        earlier = self.stages.get(stage)
        root = "/" + normal(source)
        found = {} if earlier is None else {path: one for path, one in earlier.files.items() if _is_below(path, root)}
        if not found:
            return replace(recipe, skipped=(*recipe.skipped, f"COPY --from={stage} {source}"))
        files = dict(recipe.files)
        for path, one in found.items():
            if path == root:
                files[join(where, basename(path)) if is_folder else where] = one
            else:
                files[normpath(join(where, path[len(root.rstrip("/")) + 1 :]))] = one
        return replace(recipe, files=files)


def in_a_line(skipped: tuple[str, ...]) -> str:
    """What was skipped, equal entries counted.

    >>> in_a_line(("FROM ruby", "RUN gem", "RUN gem"))
    'FROM ruby, RUN gem (2 times)'
    """
    return ", ".join(what if times == 1 else f"{what} ({times} times)" for what, times in Counter(skipped).items())


def parents(path: str) -> list[str]:
    """The folders above an absolute path, the root left out, outermost first.

    >>> parents("/app/lib/a.rb")
    ['/app', '/app/lib']
    >>> parents("//.")
    []
    """
    above = []
    while (path := dirname(path)).strip("/"):  # the root has two names: POSIX keeps a second slash
        above.append(path)
    return above[::-1]


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip("/") + "/")


def _port(port: str) -> str:
    return port if "/" in port else f"{port}/tcp"


def _only(values: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if name in names}


def _substituted(text: str, known: Mapping[str, str]) -> str:
    """``$A``, ``${A}``, ``${A:-else}`` and ``${A:+then}`` replaced; what is unknown is empty."""

    def value(found: re.Match[str]) -> str:
        if found.group(0) == r"\$":
            return "$"
        name = found.group(1) or found.group(2)
        is_set = bool(known.get(name))
        match found.group(3):
            case "-":
                return known[name] if is_set else found.group(4)
            case "+":
                return found.group(4) if is_set else ""
            case _:
                return known.get(name, "")

    return _VARIABLE.sub(value, text)


def _without_heredocs(text: str) -> str:
    """Here-documents' bodies made comments: the parser would take their lines for instructions."""
    lines, ends = [], None
    for line in text.splitlines():
        if ends is not None:
            ends = None if line.strip() == ends else ends
            lines.append("#")
            continue
        found = _HEREDOC.search(line) if re.match(r"\s*(RUN|COPY|ADD)\b", line, re.IGNORECASE) else None
        ends = found.group(1) if found else None
        lines.append(line)
    return "\n".join(lines) + "\n"
