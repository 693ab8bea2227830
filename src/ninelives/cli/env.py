"""``ninelives env``: what a shell needs so that any AWS client talks to the region."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ninelives.cli.errors import UserError
from ninelives.cli.settings import HOST, PORT, RunningRegion, default_state_directory, read_running

if TYPE_CHECKING:
    from ninelives.api.authorization.credentials import RegionKeys

ACCESS_KEY = "ninelives"


def environment(running: RunningRegion, keys: "RegionKeys | None" = None) -> dict[str, str]:
    """Environment variables that point every AWS SDK at a region, and what `ninelives deploy` builds images with for it.

    ``keys`` are the root keys of a region that enforces IAM; any others do for one that does not.

    Source: AWS SDKs and Tools reference, "Service-specific endpoints" and "Environment variables".
    """
    return {
        "AWS_ENDPOINT_URL": running.endpoint,
        "AWS_REGION": running.region,
        "AWS_DEFAULT_REGION": running.region,
        "AWS_ACCESS_KEY_ID": keys.access_key if keys else ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": keys.secret if keys else ACCESS_KEY,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",  # Live Tail's host would be stream-127.0.0.1
        "NINELIVES_BUILDER": running.runtime,
    }


def root_keys(running: RunningRegion, directory: Path) -> "RegionKeys | None":
    """The root keys of a region that enforces IAM."""
    if not running.enforces_iam:
        return None
    from ninelives.cli.access_keys import read_keys

    return read_keys(directory)


def around_proxies(variables: Mapping[str, str]) -> dict[str, str]:
    """What keeps clients from asking a proxy for the region; nothing where no proxy is set.

    >>> around_proxies({"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": "intranet"})
    {'NO_PROXY': 'intranet,127.0.0.1', 'no_proxy': 'intranet,127.0.0.1'}
    """
    if not any(variables.get(name) for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")):
        return {}
    known = variables.get("no_proxy") or variables.get("NO_PROXY") or ""
    hosts = [host for host in known.split(",") if host]
    told = ",".join(hosts if HOST in hosts else [*hosts, HOST])
    return {"NO_PROXY": told, "no_proxy": told}


@click.command()
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    envvar="NINELIVES_PORT",
    default=PORT,
    show_default=True,
    help="Port of the region.",
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False, resolve_path=True),
    default=None,
    help="State folder of the region.",
)
def env(port: int, state: Path | None) -> None:
    """Print shell lines that point AWS clients at the region: eval "$(ninelives env)"."""
    directory = state or default_state_directory(port)
    running = read_running(directory)
    if running is None or not running.is_alive:
        raise UserError(f"No region runs from {directory}.", hint="Start one with `ninelives up`.")
    for name, value in environment(running, root_keys(running, directory)).items():
        click.echo(f"export {name}={shlex.quote(value)}")
    for name, value in around_proxies(os.environ).items():
        click.echo(f"export {name}={shlex.quote(value)}")
    click.echo("unset AWS_SESSION_TOKEN AWS_PROFILE")
