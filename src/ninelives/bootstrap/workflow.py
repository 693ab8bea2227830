"""The GitHub workflow and Dependabot's settings, from the service file. Pure: facts about the repository in, text out.

Everything that comes from the file stands in the text as data: paths are quoted, and a ``${{`` of the file's is written so
that GitHub takes it for text. Source: GitHub docs, "Workflow syntax for GitHub Actions", "Dependabot options reference".
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cache
from pathlib import PurePosixPath
from typing import Any

import yaml

from ninelives.bootstrap.workflow_actions import ACTIONS
from ninelives.deploy.foundation import ecr_repository_name
from ninelives.deploy.image import AWS_PLATFORM
from ninelives.deploy.options import DEFAULT_TIMEOUT, FILE_NAME
from ninelives.deploy.service_file import VERSION_PLACEHOLDER, ServiceFile

VERSION_EXPRESSION = "${{ steps.version.outputs.version }}"
CHANGE_EXPRESSION = "${{ github.event.pull_request.head.sha }}"
DEPLOY_PATH = PurePosixPath(".github/workflows/deploy.yml")
DEPENDABOT_PATH = PurePosixPath(".github/dependabot.yml")

BUILD_MINUTES = 15
WAIT_MINUTES_MAX = 360
"""The longest that amazon-ecs-deploy-task-definition waits, and that a job on GitHub's runners may take."""
SCALE_WITH_BAKES = 12
"""A bake of a minute takes five seconds in a rehearsal."""


class Flavour(StrEnum):
    """What releases: this tool, which proves that nothing was lost; or AWS's own actions and nothing else."""

    NINELIVES = "ninelives"
    AWS_ACTIONS = "aws-actions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """All that a workflow is made from."""

    file: ServiceFile
    """As the environment sees it that is released to."""
    rehearsed_file: ServiceFile
    """As the environment ``local`` sees it."""
    environment: str
    flavour: Flavour
    path: PurePosixPath
    """The service file, from the top of the repository."""
    main: str
    """The branch that tags must be on."""
    setup: str
    """What ``uses:`` takes to set this tool up."""
    rehearsed: tuple[str, str] | None = None
    """Two versions that pull requests release one over the other; None: their base, then themselves."""

    @property
    def folder(self) -> PurePosixPath:
        return self.path.parent


def deploy_workflow(pipeline: Pipeline) -> str:
    """``.github/workflows/deploy.yml``."""
    file, builds = pipeline.file, pipeline.file.image.build is not None
    waits = file.deploy.waits_on_purpose(for_decisions=False)
    is_scaled = pipeline.rehearsed_file.deploy.waits_on_purpose(for_decisions=False) > timedelta(0)
    return _rendered(
        "deploy.yml.jinja",
        actions=ACTIONS,
        arguments=sorted(file.image.args.items()) if builds else [],
        builds=builds,
        change=pipeline.rehearsed[1] if pipeline.rehearsed else CHANGE_EXPRESSION,
        cluster=file.cluster_name,
        config_name=pipeline.path.name,
        config_option="" if pipeline.path.name == FILE_NAME else f" --config {pipeline.path.name}",
        context=lambda version: _within(pipeline.folder, file.image.build or ".", version),
        dockerfile=lambda version: _within(pipeline.folder, f"{file.image.build or '.'}/{file.image.dockerfile}", version),
        environment=pipeline.environment,
        flavour=pipeline.flavour,
        folder=str(pipeline.folder),
        inserted=_inserted,
        main=pipeline.main,
        paths=_watched(pipeline.folder),
        platform=file.image.platform or AWS_PLATFORM,
        region=file.region,
        rehearsed=pipeline.rehearsed,
        repository=ecr_repository_name(file) if builds else file.image.repository,
        service=file.service,
        setup=pipeline.setup,
        time_scale_option=f" --time-scale {SCALE_WITH_BAKES}" if is_scaled else "",
        timeout_minutes=min(_minutes(DEFAULT_TIMEOUT + waits) + BUILD_MINUTES, WAIT_MINUTES_MAX),
        version=VERSION_EXPRESSION,
        wait_minutes=min(_minutes(DEFAULT_TIMEOUT + waits), WAIT_MINUTES_MAX),
    )


def dependabot_settings(pipeline: Pipeline) -> str:
    """``.github/dependabot.yml``: the actions, and the base image of what is built."""
    return _rendered("dependabot.yml.jinja", docker_directories=docker_directories(pipeline))


def lacking_updates(found: str, wanted: str) -> list[tuple[str, str]] | None:
    """Ecosystems and folders of ``wanted`` that Dependabot's settings ``found`` do not look after; None: these are no YAML.

    >>> lacking_updates("updates: [{package-ecosystem: npm}]", "updates: [{package-ecosystem: docker, directories: [/cats]}]")
    [('docker', '/cats')]
    >>> lacking_updates("updates: 1", "updates: [{package-ecosystem: docker, directory: /}]")
    [('docker', '/')]
    """
    try:
        return sorted(_updates(wanted) - _updates(found))
    except yaml.YAMLError:
        return None


def _updates(settings: str) -> set[tuple[str, str]]:
    data = yaml.safe_load(settings)
    updates = data.get("updates") if isinstance(data, dict) else None
    return {
        (str(one.get("package-ecosystem")), str(folder).rstrip("/") or "/")
        for one in _entries(updates)
        if isinstance(one, dict)
        for folder in (_entries(one.get("directories")) or [one.get("directory", "/")])
    }


def _entries(found: Any) -> list[Any]:
    """A list's entries; of what is no list where there should be one, none: others tell its author so."""
    return found if isinstance(found, list) else []


def docker_directories(pipeline: Pipeline) -> list[str]:
    """Where Dockerfiles are, as Dependabot names folders; a folder for each version is told by a star."""
    image = pipeline.file.image
    if image.build is None:
        return []
    folder = _within(pipeline.folder, f"{image.build}/{image.dockerfile}", "*").parent
    return ["/" if folder == PurePosixPath() else f"/{folder}"]


def _within(folder: PurePosixPath, path: str, version: str) -> PurePosixPath:
    """A path of the service file from the top of the repository, ``version`` in its placeholder.

    >>> _within(PurePosixPath("examples/cats"), "./v/{version}", "2"), _within(PurePosixPath(), "../a", "2")
    (PurePosixPath('examples/cats/v/2'), PurePosixPath('../a'))
    """
    parts: list[str] = []
    for part in (folder / _inserted(version)(path)).parts:
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        else:
            parts.append(part)
    return PurePosixPath(*parts)


def _inserted(version: str) -> Callable[[str], str]:
    """Text of the file with the version in its placeholder; no expression of GitHub's but that one.

    >>> _inserted("${{ it }}")("{version}-${{ secrets.KEY }}")
    "${{ it }}-${{ '${{' }} secrets.KEY }}"
    """
    return lambda text: version.join(part.replace("${{", "${{ '${{' }}") for part in text.split(VERSION_PLACEHOLDER))


def _watched(folder: PurePosixPath) -> list[str]:
    """What a pull request must change for its change to be rehearsed; empty: anything."""
    return [] if folder == PurePosixPath() else [f"{folder}/**", str(DEPLOY_PATH)]


def _minutes(duration: timedelta) -> int:
    """Whole minutes, rounded up."""
    return -(-int(duration.total_seconds()) // 60)


PLAIN = re.compile(r"[A-Za-z./][A-Za-z0-9_./-]*")


def as_text(value: object) -> str:
    """A text as YAML has it, quoted where it must be.

    >>> as_text("examples/cats"), as_text("a: b"), as_text("1.0")
    ('examples/cats', '"a: b"', '"1.0"')
    """
    text = str(value)
    return text if PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def as_list_of_text(values: Sequence[object]) -> str:
    """A list of texts as YAML has it, in a line."""
    return json.dumps([str(value) for value in values], ensure_ascii=False)


def _rendered(name: str, **facts: Any) -> str:
    text: str = _template(name).render(facts)
    return text


@cache
def _template(name: str) -> Any:
    """A template of the package. What stands for something stands in «», for brackets and braces are taken."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("ninelives.bootstrap", "workflow_templates"),
        undefined=StrictUndefined,
        variable_start_string="«",
        variable_end_string="»",
        block_start_string="<%",
        block_end_string="%>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 (YAML, not HTML; what needs quotes passes a filter)
    )
    environment.filters |= {"text": as_text, "list_of_text": as_list_of_text}
    return environment.get_template(name)
