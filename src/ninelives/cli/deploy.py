"""``ninelives deploy``: build, push and release a version."""

import os
from dataclasses import replace
from pathlib import Path

import click

from ninelives.cli.errors import UserError
from ninelives.cli.options import Place, Proving, place_options, proving_options, release_options, report_option
from ninelives.deploy.checkout import git
from ninelives.deploy.options import LOCAL, Builder, Options

VERSION_VARIABLES = ("NINELIVES_VERSION", "IMAGE_TAG", "GITHUB_SHA")


@click.command()
@click.argument("version", required=False)
@place_options
@click.option(
    "--builder",
    type=click.Choice([builder.value for builder in Builder]),
    envvar="NINELIVES_BUILDER",
    default=None,
    help="What builds the image [what the region runs tasks with, else Docker where it answers].",
)
@click.option("--force", is_flag=True, help="Replace the tasks even if nothing changed.")
@proving_options
@report_option
@release_options
def deploy(  # noqa: PLR0913 (an argument for each option)
    version: str | None,
    place: Place,
    builder: str | None,
    options: Options,
    proving: Proving | None,
    report: Path | None,
    *,
    force: bool,
    as_json: bool,
) -> int:
    """Build, push and release VERSION, and wait for the verdict.

    Without VERSION: that of $NINELIVES_VERSION, $IMAGE_TAG or $GITHUB_SHA, else the commit of a clean checkout.
    """
    from ninelives.cli.session import Telling, run_release
    from ninelives.deploy.release import deploy as release_version

    chosen = version or version_of_surroundings(place.config.parent)
    suited = region_builder() if place.environment == LOCAL else Builder.AUTO
    asked_for = replace(options, builder=Builder(builder) if builder else suited, force=force)
    if proving is not None and not options.wait:
        raise UserError("--prove counts requests until the verdict; --no-wait does not wait for it.", hint="Leave one out.")
    return run_release(
        place,
        lambda session, asked: release_version(session, chosen, asked),
        asked_for,
        Telling(as_json=as_json, report=report, version=chosen),
        proving=proving,
    )


def version_of_surroundings(folder: Path) -> str:
    """The version that the environment or the checkout names. Raises ``UserError`` when none does."""
    for name in VERSION_VARIABLES:
        if os.environ.get(name):
            return os.environ[name]
    commit = git(folder, "rev-parse", "--short=12", "HEAD")
    if commit is None:
        raise UserError("Which version?", hint="Name it: `ninelives deploy 1.0.0`.")
    if git(folder, "status", "--porcelain", "--", "."):
        raise UserError(
            f"The checkout differs from its commit {commit}, so the commit does not name what would be released.",
            hint="Commit first, or name a version: `ninelives deploy VERSION`.",
        )
    return commit


def region_builder() -> Builder:
    """What suits the embedded region that runs here: its tasks run as containers or as host processes."""
    from urllib.parse import urlsplit

    from ninelives.cli.settings import default_state_directory, read_running
    from ninelives.deploy.aws import LOCAL_ENDPOINT

    endpoint = os.environ.get("AWS_ENDPOINT_URL") or LOCAL_ENDPOINT
    try:
        port = urlsplit(endpoint).port
    except ValueError:
        return Builder.AUTO
    running = read_running(default_state_directory(port)) if port else None
    if running is None or not running.is_alive or running.endpoint != endpoint.rstrip("/"):
        return Builder.AUTO
    return Builder(running.runtime)
