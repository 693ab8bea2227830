"""``ninelives up``: start an embedded region, or bring one back."""

import asyncio
import logging
import logging.handlers
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import click

from ninelives.cli.background import running_to_stay, settings_of, start_region
from ninelives.cli.errors import UserError
from ninelives.cli.settings import (
    ACCOUNT,
    PORT,
    REGION,
    RegionSettings,
    RunningRegion,
    default_state_directory,
    strangers_in,
)

LOG_BYTES_MAX = 10 * 1024 * 1024


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=None, help=f"Port of the AWS endpoint on 127.0.0.1 [{PORT}].")
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False, resolve_path=True),
    default=None,
    help="State folder of the region.",
)
@click.option("--region", "region_name", default=None, help=f"Name of the AWS region [{REGION}].")
@click.option("--account", default=None, help=f"Account id [{ACCOUNT}].")
@click.option("--runtime", type=click.Choice(["auto", "docker", "host"]), default=None, help="What runs tasks [auto].")
@click.option(
    "--time-scale",
    type=click.FloatRange(min=1.0),
    default=None,
    help="Divide the waits that are only policy (ticks, health check intervals) by N [1].",
)
@click.option("--foreground", is_flag=True, help="Stay in the foreground; Ctrl-C stops everything.")
def up(
    port: int | None,
    state: Path | None,
    region_name: str | None,
    account: str | None,
    runtime: str | None,
    time_scale: float | None,
    *,
    foreground: bool,
) -> None:
    """Start an embedded AWS region, or bring one back with its tasks and its traffic.

    What is not given is as it was at the last start from the same state folder.
    """
    directory = state or default_state_directory(port or PORT)
    before = settings_of(directory)
    if before is None and (strangers := strangers_in(directory)):
        raise UserError(
            f"{directory} is no state folder of a region: it holds {', '.join(strangers[:3])}.",
            hint="Name an empty or a new folder with --state.",
        )
    before = before or RegionSettings(state_directory=directory)
    given = {"port": port, "region": region_name, "account": account, "runtime": runtime, "time_scale": time_scale}
    settings = replace(before, **{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    running = running_to_stay(directory)
    if running is not None and running.is_alive:
        _say_running(running, "already runs", directory)
        _say_unchanged(running, settings, directory)
        return
    settings = _with_runtime(settings, running)
    if foreground:
        _serve(settings)
    else:
        _say_running(start_region(settings), "runs", directory)


def _with_runtime(settings: RegionSettings, left_behind: RunningRegion | None) -> RegionSettings:
    """``auto`` decided; a region whose control process died keeps the runtime that its tasks run on."""
    from ninelives.cli.compose import choose_runtime

    if left_behind is not None:
        if settings.runtime not in {"auto", left_behind.runtime}:
            raise UserError(
                f"The tasks of this region run as {left_behind.runtime}, not {settings.runtime}.",
                hint="Leave --runtime out to take them over, or end them first with `ninelives down`.",
            )
        return replace(settings, runtime=left_behind.runtime)
    chosen, why = choose_runtime(settings.runtime)
    click.echo(f"Tasks run as {why}", err=True)
    return replace(settings, runtime=chosen)


def _say_running(running: RunningRegion, how: str, directory: Path) -> None:
    click.echo(
        f"Region {running.region} {how} at {running.endpoint} (tasks: {running.runtime}, process {running.pid}).", err=True
    )
    click.echo(f'Use it with:  eval "$({_verb("env", running, directory)})"', err=True)


def _say_unchanged(running: RunningRegion, asked: RegionSettings, directory: Path) -> None:
    """Say what was asked for and is not so: a region that runs stays as it is."""
    wanted = {"--port": asked.endpoint, "--region": asked.region, "--account": asked.account, "--runtime": asked.runtime}
    real = {"--port": running.endpoint, "--region": running.region, "--account": running.account, "--runtime": running.runtime}
    other = [option for option, value in wanted.items() if value not in {real[option], "auto"}]
    if other:
        end = _verb("down", running, directory)
        click.echo(f"It stays as it was started, without {', '.join(other)}: end it first with `{end}`.", err=True)


def _verb(verb: str, running: RunningRegion, directory: Path) -> str:
    """The command that means this region.

    >>> region = RunningRegion(pid=1, endpoint="http://127.0.0.1:4600", region="r", account="a", runtime="host", started="1")
    >>> _verb("env", region, default_state_directory(4600)), _verb("down", region, Path("/srv/region"))
    ('ninelives env --port 4600', 'ninelives down --state /srv/region')
    """
    if directory == default_state_directory(PORT):
        return f"ninelives {verb}"
    port = urlsplit(running.endpoint).port or PORT
    if directory == default_state_directory(port):
        return f"ninelives {verb} --port {port}"
    return f"ninelives {verb} --state {shlex.quote(str(directory))}"


def _serve(settings: RegionSettings) -> None:
    from ninelives.cli.compose import serve_until_told

    handler: logging.Handler = logging.handlers.RotatingFileHandler(
        settings.log_file, maxBytes=LOG_BYTES_MAX, backupCount=1, encoding="utf-8"
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for noisy in ("botocore", "moto", "werkzeug", "urllib3", "docker"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # Docker tries TLS first on every push and pull, and uvicorn warns of it each time.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)

    def announce(endpoint: str) -> None:
        if sys.stderr.isatty():
            click.echo(f"Region {settings.region} answers at {endpoint}. Ctrl-C stops everything.", err=True)

    asyncio.run(serve_until_told(settings, announce=announce))
