"""``ninelives up``: start an embedded region, or bring one back."""

import asyncio
import logging
import logging.handlers
import re
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
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

REGION_NAME = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
ACCOUNT_ID = re.compile(r"\d{12}")
LOG_BYTES_MAX = 10 * 1024 * 1024


def _of_form(pattern: re.Pattern[str], expected: str) -> Callable[[click.Context, click.Parameter, str | None], str | None]:
    """An option's value, if it has this form."""

    def check(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
        if value is not None and not pattern.fullmatch(value):
            raise click.BadParameter(f"expected {expected}, found {value!r}.")
        return value

    return check


@click.command()
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    envvar="NINELIVES_PORT",
    default=None,
    help=f"Port of the AWS endpoint on 127.0.0.1 [{PORT}].",
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False, resolve_path=True),
    default=None,
    help="State folder of the region.",
)
@click.option(
    "--region",
    default=None,
    callback=_of_form(REGION_NAME, f"the name of an AWS region, such as {REGION}"),
    help=f"Name of the AWS region [{REGION}].",
)
@click.option(
    "--account",
    default=None,
    callback=_of_form(ACCOUNT_ID, f"an account id of 12 digits, such as {ACCOUNT}"),
    help=f"Account id [{ACCOUNT}].",
)
@click.option("--runtime", type=click.Choice(["auto", "docker", "host"]), default=None, help="What runs tasks [auto].")
@click.option(
    "--time-scale",
    type=click.FloatRange(min=1.0),
    envvar="NINELIVES_TIME_SCALE",
    default=None,
    help="Divide the waits that are only policy (ticks, health check intervals) by N [1].",
)
@click.option(
    "--function",
    "functions",
    metavar="NAME=WHERE",
    multiple=True,
    callback=lambda _, __, given: _stand_ins(given),
    help="What stands in for a Lambda function that a lifecycle hook names: a URL that takes a POST, or path.py:function. "
    "May be repeated; `NAME=` forgets one.",
)
@click.option(
    "--enforce-iam/--no-enforce-iam",
    default=None,
    help="Check signatures and let IAM policies decide, as AWS does; `ninelives env` has the root keys [no].",
)
@click.option(
    "--identity-provider",
    "providers",
    metavar="ISSUER=URL",
    multiple=True,
    callback=lambda _, __, given: _issuers(given),
    help="Where the keys of an OpenID Connect issuer are, if not at its own address. May be repeated; `ISSUER=` forgets one.",
)
@click.option(
    "--log-limit",
    "log_bytes_max",
    type=click.IntRange(min=16),
    metavar="MB",
    default=None,
    callback=lambda _, __, megabytes: None if megabytes is None else megabytes * 1024**2,
    help="Disk that all CloudWatch Logs may take; beyond it the oldest events of the largest log group go [1024].",
)
@click.option("--foreground", is_flag=True, help="Stay in the foreground; Ctrl-C stops everything.")
def up(
    state: Path | None, functions: Mapping[str, str], providers: Mapping[str, str], *, foreground: bool, **asked: Any
) -> None:
    """Start an embedded AWS region, or bring one back with its tasks and its traffic.

    What is not given is as it was at the last start from the same state folder.
    """
    given = {name: value for name, value in asked.items() if value is not None}
    directory = state or default_state_directory(given.get("port", PORT))
    before = settings_of(directory)
    if before is None and (strangers := strangers_in(directory)):
        raise UserError(
            f"{directory} is no state folder of a region: it holds {', '.join(strangers[:3])}.",
            hint="Name an empty or a new folder with --state.",
        )
    before = before or RegionSettings(state_directory=directory)
    known = {name: where for name, where in {**before.functions, **functions}.items() if where}
    issuers = {issuer: url for issuer, url in {**before.identity_providers, **providers}.items() if url}
    settings = replace(before, functions=known, identity_providers=issuers, **given)
    running = running_to_stay(directory)
    if running is not None and running.is_alive:
        _say_running(running, "already runs", directory)
        _say_unchanged(running, before, settings)
        return
    _require_own_records(before, settings)
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
    # Where IAM is enforced, the page is served by whoever has credentials.
    page = "`ninelives console`, with these credentials" if running.enforces_iam else f"{running.endpoint}/_ninelives/console/"
    click.echo(f"See it:       {page}", err=True)


def _require_own_records(before: RegionSettings, asked: RegionSettings) -> None:
    """Refuse to bring a region back as another: every record bears the name of its region and account."""
    if not (before.state_directory / "region.sqlite").exists():
        return
    if (before.region, before.account) != (asked.region, asked.account):
        raise UserError(
            f"The records in {before.state_directory} are those of region {before.region}, account {before.account}.",
            hint="Leave --region and --account out, name another folder with --state, or forget the records first: "
            f"`ninelives down --state {shlex.quote(str(before.state_directory))} --delete-state`.",
        )


def _say_unchanged(running: RunningRegion, before: RegionSettings, asked: RegionSettings) -> None:
    """Say what was asked for and is not so: a region that runs stays as it is."""
    port = urlsplit(running.endpoint).port
    choices: tuple[tuple[str, object, object], ...] = (
        ("--port", port, asked.port),
        ("--region", running.region, asked.region),
        ("--account", running.account, asked.account),
        ("--runtime", running.runtime, running.runtime if asked.runtime == "auto" else asked.runtime),
        ("--time-scale", f"{before.time_scale:g}", f"{asked.time_scale:g}"),
        ("--enforce-iam", _yes(running.enforces_iam), _yes(asked.enforce_iam)),
        ("--function", _listed(before.functions), _listed(asked.functions)),
        ("--identity-provider", _listed(before.identity_providers), _listed(asked.identity_providers)),
    )
    other = [f"{option} is {real}, not {wanted}" for option, real, wanted in choices if real != wanted]
    if other:
        end = _verb("down", running, before.state_directory)
        click.echo(f"It stays as it was started: {'; '.join(other)}. To change that, end it first with `{end}`.", err=True)


def _yes(value: object) -> str:
    return "on" if value else "off"


def _listed(functions: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={where}" for name, where in functions.items()) or "none"


def _issuers(given: tuple[str, ...]) -> dict[str, str]:
    """By issuer: a URL, or nothing where it is to be forgotten.

    >>> _issuers(("https://token.example/=http://127.0.0.1:5079",))
    {'https://token.example': 'http://127.0.0.1:5079'}
    """
    found = {}
    for text in given:
        issuer, equals, url = text.partition("=")
        parts = [urlsplit(one) for one in (issuer, url) if one]
        if not equals or not issuer or any(one.scheme not in {"http", "https"} or not one.netloc for one in parts):
            raise click.BadParameter(f"expected two URLs, ISSUER=URL, found {text!r}.")
        found[issuer.rstrip("/")] = url
    return found


def _stand_ins(given: tuple[str, ...]) -> dict[str, str]:
    """By function: a URL, an absolute path with a function, or nothing where one is to be forgotten."""
    from ninelives.hooks.stand_ins import PythonStandIn, read_stand_in

    found: dict[str, str] = {}
    for text in given:
        name, equals, where = text.partition("=")
        if equals and not where:
            found[name] = ""
            continue
        try:
            name, stand_in = read_stand_in(name, where)
        except ValueError as error:
            raise click.BadParameter(f"{error}.") from None
        if isinstance(stand_in, PythonStandIn):
            path = stand_in.path.absolute()  # the control process stands in another folder
            if not path.is_file():
                raise click.BadParameter(f"there is no file {stand_in.path}.")
            where = f"{path}:{stand_in.function}"
        found[name] = where
    return found


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
    from ninelives.cli.compose import serve_until_told, state_directory_of

    state_directory_of(settings)
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
