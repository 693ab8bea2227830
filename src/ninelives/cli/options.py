"""Options that several verbs share, and the session that they open."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from ninelives.deploy.options import DEFAULT_TIMEOUT, FILE_NAME, LOCAL
from ninelives.deploy.quantities import read_duration, write_duration

F = TypeVar("F", bound=Callable[..., Any])


class Duration(click.ParamType[timedelta]):
    """``30s``, ``5m``, ``1h``; a bare number means seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        try:
            return read_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which service file, which environment, which region."""

    config: Path
    environment: str
    region: str | None


def place_options(command: F) -> F:
    """--config, --env, --region: told to the command as ``place``."""
    import functools

    @click.option(
        "--config", "-c", envvar="NINELIVES_CONFIG", default=FILE_NAME, show_default=True,
        type=click.Path(path_type=Path), help="The service file.",
    )  # fmt: skip
    @click.option(
        "--env", "-e", "environment", envvar="NINELIVES_ENV", default=LOCAL, show_default=True,
        help="Environment of the service file; `local` is the embedded region.",
    )  # fmt: skip
    @click.option("--region", default=None, help="AWS region, instead of the file's.")
    @functools.wraps(command)
    def with_place(config: Path, environment: str, region: str | None, **rest: Any) -> Any:
        return command(place=Place(config=config, environment=environment, region=region), **rest)

    return with_place  # type: ignore[return-value]  # click's decorators keep no signature


def json_option(command: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")(command)


def following_options(command: F) -> F:
    """--timeout, --json."""
    timeout = click.option(
        "--timeout", type=Duration(), envvar="NINELIVES_TIMEOUT", default=write_duration(DEFAULT_TIMEOUT), show_default=True,
        help="How long to wait for the verdict; the deployment goes on after that.",
    )  # fmt: skip
    as_json = click.option(
        "--json", "as_json", is_flag=True, help="One JSON object on stdout; progress as JSON lines on stderr."
    )
    return timeout(as_json(command))
