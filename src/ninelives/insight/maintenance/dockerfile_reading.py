"""A Dockerfile as checks see it: its instructions with their lines, and the images that it is built from. Pure."""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ninelives.insight.maintenance.base_images import BaseImage, read_base_image


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """``line`` counts from 1; ``stage`` is the number of the FROM that it stands under, from 1 (0: before the first)."""

    name: str
    value: str
    line: int
    stage: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dockerfile:
    """``path`` is how findings call it."""

    path: str
    instructions: tuple[Instruction, ...]

    @property
    def last_stage(self) -> tuple[Instruction, ...]:
        """What makes the image that runs: its last stage, and the stages of this file that it is built from."""
        of_stage = {one.stage: one for one in self.instructions if one.name == "FROM"}
        if not of_stage:
            return ()
        names = {stage_name(one): number for number, one in of_stage.items() if stage_name(one)}
        chain, number = set(), max(of_stage)
        while number not in chain:
            chain.add(number)
            number = names.get(image_of(of_stage[number]), number)
        return tuple(one for one in self.instructions if one.stage in chain)

    def last(self, name: str) -> Instruction | None:
        """The one of that name that counts: the last."""
        return next((one for one in reversed(self.last_stage) if one.name == name), None)

    def at(self, instruction: Instruction | None) -> str:
        return self.path if instruction is None else f"{self.path}:{instruction.line}"


def read_dockerfile(text: str, path: str) -> Dockerfile:
    """The instructions of a Dockerfile, comments left out."""
    from dockerfile_parse import DockerfileParser

    found, stage = [], 0
    for one in DockerfileParser(fileobj=io.BytesIO(text.encode())).structure:
        if one["instruction"] == "COMMENT":
            continue
        stage += one["instruction"] == "FROM"
        found.append(Instruction(name=one["instruction"], value=one["value"].strip(), line=one["startline"] + 1, stage=stage))
    return Dockerfile(path=path, instructions=tuple(found))


def image_of(instruction: Instruction) -> str:
    """What a FROM names."""
    return next((word for word in instruction.value.split() if not word.startswith("--")), "")


def stage_name(instruction: Instruction) -> str:
    """What a FROM calls its stage; empty where it does not."""
    found = re.search(r"\sas\s+(\S+)\s*$", instruction.value, re.IGNORECASE)
    return found[1] if found else ""


def base_images(dockerfile: Dockerfile, arguments: Mapping[str, str]) -> Iterator[BaseImage]:
    """The images of other people's that a Dockerfile is built from, with ``arguments`` and the ARGs' defaults filled in.

    Its own stages and ``scratch`` are none; a name that cannot be told is left out.
    """
    known = _arguments(dockerfile.instructions, arguments)
    stages: set[str] = {"scratch", ""}
    for one in dockerfile.instructions:
        if one.name != "FROM":
            continue
        name = _filled_in(image_of(one), known)
        if name not in stages:
            yield read_base_image(name, dockerfile.at(one))
        stages.add(stage_name(one))


def _filled_in(text: str, known: Mapping[str, str]) -> str:
    return re.sub(r"\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))", lambda found: _value(found, known), text)


def _value(found: re.Match[str], known: Mapping[str, str]) -> str:
    return known.get(found[1] or found[3]) or found[2] or ""


def _arguments(instructions: Sequence[Instruction], given: Mapping[str, str]) -> dict[str, str]:
    """What the ARGs before the first FROM come to; each may name those above it."""
    found = dict(given)
    for one in instructions:
        if one.name == "ARG" and one.stage == 0:
            name, _, default = one.value.partition("=")
            found.setdefault(name.strip(), _filled_in(default.strip().strip("\"'"), found))
    return found
