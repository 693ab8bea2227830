"""Options that several verbs share, and the session that they open."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from ninelives.deploy.options import DEFAULT_TIMEOUT, FILE_NAME, LOCAL, Options
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Proving:
    """How a release is to be proven. ``path`` None: the one that the health check asks for."""

    rate: float
    path: str | None = None


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


def decision_option(command: F) -> F:
    """--wait-for-promotion: told as ``waits_for_decisions``."""
    return click.option(
        "--wait-for-promotion", "waits_for_decisions", is_flag=True,
        help="Keep waiting where the release pauses for a decision, instead of ending with code 8.",
    )(command)  # fmt: skip


def following_options(command: F) -> F:
    """--timeout, --json."""
    timeout = click.option(
        "--timeout", type=Duration(), envvar="NINELIVES_TIMEOUT", default=None,
        help="How long to wait for the verdict; the deployment goes on after that "
        f"[{write_duration(DEFAULT_TIMEOUT)} and the bakes of the strategy].",
    )  # fmt: skip
    as_json = click.option(
        "--json", "as_json", is_flag=True, help="One JSON object on stdout; progress as JSON lines on stderr."
    )
    return timeout(as_json(command))


def release_options(command: F) -> F:
    """--wait/--no-wait, --wait-for-promotion, --timeout, --json: told as ``options`` and ``as_json``."""
    import functools

    @click.option("--wait/--no-wait", default=True, show_default=True, help="Wait for the verdict.")
    @decision_option
    @following_options
    @functools.wraps(command)
    def with_options(timeout: timedelta | None, *, wait: bool, waits_for_decisions: bool, **rest: Any) -> Any:
        return command(options=Options(timeout=timeout, wait=wait, waits_for_decisions=waits_for_decisions), **rest)

    return with_options  # type: ignore[return-value]  # click's decorators keep no signature


def proving_options(command: F) -> F:
    """--prove, --prove-rate, --prove-path: told as ``proving``, None where no proof is asked for."""
    import functools

    @click.option("--prove", is_flag=True, help="Send requests while it releases, and count each; end with 9 if one is lost.")
    @click.option(
        "--prove-rate", type=click.FloatRange(1, 1000), default=20.0, show_default=True, help="Requests a second of --prove."
    )
    @click.option("--prove-path", default=None, metavar="PATH", help="What --prove asks for [what the health check asks for].")
    @functools.wraps(command)
    def with_proving(prove_rate: float, prove_path: str | None, *, prove: bool, **rest: Any) -> Any:
        if prove_path is not None and not prove_path.startswith("/"):
            raise click.BadParameter(f"expected a path such as /health, found {prove_path!r}.", param_hint="--prove-path")
        return command(proving=Proving(rate=prove_rate, path=prove_path) if prove else None, **rest)

    return with_proving  # type: ignore[return-value]  # click's decorators keep no signature


def report_option(command: F) -> F:
    """--report: told as ``report``."""
    return click.option(
        "--report", envvar="NINELIVES_REPORT", default=None, type=click.Path(path_type=Path), metavar="PATH",
        help="Write the release report, one HTML page: into this file (….html) or this folder.",
    )(command)  # fmt: skip
