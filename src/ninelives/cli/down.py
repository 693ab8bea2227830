"""``ninelives down``: end an embedded region with all that it runs."""

from pathlib import Path

import click

from ninelives.cli.background import answers, settings_of, stop_region
from ninelives.cli.errors import UserError
from ninelives.cli.settings import HOST, PORT, RegionSettings, default_state_directory, strangers_in


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
@click.option("--delete-state", is_flag=True, help="Forget its records, images and logs too.")
def down(port: int, state: Path | None, *, delete_state: bool) -> None:
    """Stop an embedded region: its tasks, its load balancers and its control process.

    The records stay, so that `ninelives up` brings the services back; --delete-state forgets them.
    """
    directory = state or default_state_directory(port)
    settings, strangers = settings_of(directory), strangers_in(directory)
    if delete_state and strangers and settings is None:
        raise UserError(
            f"{directory} is no state folder of a region: it holds {', '.join(strangers[:3])}. Nothing was deleted.",
            hint="Name the folder that `ninelives up` was given with --state.",
        )
    was_running = stop_region(directory, said=lambda what: click.echo(f"{what} …", err=True))
    if delete_state and directory.exists():
        from ninelives.cli.compose import delete_state as forget

        left = forget(directory)
        gone = (
            f"{directory} is gone." if not left else f"the region's records in {directory} are gone; {', '.join(left)} stays."
        )
        click.echo(f"Stopped; {gone}" if was_running else gone, err=True)
        if settings is not None and settings.runtime in {"docker", "host"}:  # Docker builds for host processes, too
            _forget_images(settings)
        return
    records = f"Records stay in {directory}." if directory.exists() else f"{directory} had vanished, with its records."
    click.echo(f"Stopped. {records}" if was_running else f"No region runs from {directory}.", err=True)


def _forget_images(settings: RegionSettings) -> None:
    """Those that only this region's registry knew: their names mean nothing any more, unless another has its port now."""
    from ninelives.cli.docker_images import forget_images

    if answers(settings.endpoint):
        return
    registry = f"{HOST}:{settings.port}"
    removed = forget_images(registry)
    if removed:
        click.echo(f"{removed} of its images ({registry}/…) are gone from Docker too.", err=True)
