"""``ninelives prune``: lets go of images and task definitions that nothing runs and no rollback needs."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from ninelives.cli.asking import ask, yes_option
from ninelives.cli.errors import UserError
from ninelives.cli.exit_codes import ExitCode
from ninelives.cli.options import Place, json_option, place_options

if TYPE_CHECKING:
    from ninelives.insight.prune import Done, Plan


@click.command()
@place_options
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Releases to keep for a rollback, the one that runs included.",
)
@click.option(
    "--keep-days", type=click.IntRange(min=0), default=30, show_default=True, help="Keep what is younger than this, too."
)
@click.option("--delete", "deletes", is_flag=True, help="Delete task definitions, instead of deregistering them only.")
@click.option("--no-schedules", is_flag=True, help="Do not look for scheduled tasks in EventBridge.")
@click.option("--dry-run", is_flag=True, help="Show what would go, and end.")
@yes_option()
@json_option
def prune(place: Place, keep: int, keep_days: int, *, deletes: bool, no_schedules: bool, **how: bool) -> int:
    """Show which images and task definitions of the service may go, ask, and delete them.

    What runs anywhere in the account and region stays, and so does what a release under way, a schedule or a rollback needs:
    the last releases of --keep, and whatever is younger than --keep-days. All is looked at again just before it is deleted.
    """
    from ninelives.cli.prune_output import done_json, plan_json, print_json, show_done, show_plan
    from ninelives.cli.session import open_definition
    from ninelives.deploy.clock import WallClock
    from ninelives.deploy.foundation import ecr_repository_name
    from ninelives.insight.holders import Asked
    from ninelives.insight.prune import Prune
    from ninelives.insight.retention import Keep

    dry_run, yes, as_json = how["dry_run"], how["yes"], how["as_json"]
    if as_json and not (yes or dry_run):
        raise UserError("prune asks before it deletes, and --json cannot.", hint="Add --yes, or --dry-run.")
    definition, aws = open_definition(place)
    asked = Asked(
        repository=ecr_repository_name(definition.file),
        family=definition.file.service,
        looks_at_schedules=not no_schedules,
        revisions_of_others=keep,
    )
    clock = WallClock()
    work = Prune(aws, clock, asked, Keep(releases=keep, days=keep_days), deletes_definitions=deletes)
    plan = work.plan()
    told = {"service": definition.file.service, "environment": definition.environment, "region": aws.region, **plan_json(plan)}
    if not as_json:
        show_plan(plan, clock.now())
    if plan.is_empty or dry_run:
        if as_json:
            print_json(told)
        return ExitCode.OK
    if not yes:
        ask(_question(plan), unchanged="Nothing was deleted.")
    done = work.carry_out(plan, lambda what: click.echo(what, err=True))
    if aws.is_local and aws.endpoint is not None:
        _forget_what_docker_built(f"{urlsplit(aws.endpoint).netloc}/{asked.repository}", done)
    if as_json:
        print_json({**told, "done": done_json(done)})
    else:
        show_done(done)
    return ExitCode.ERROR if done.failures else ExitCode.OK


def _forget_what_docker_built(repository: str, done: "Done") -> None:
    """Images that Docker built for an embedded region stay in its engine under their names, whatever runs the tasks."""
    from ninelives.cli.docker_images import forget_names

    names = [f"{repository}:{tag}" for image in done.images for tag in image.tags]
    if names:
        forget_names(names)


def _question(plan: "Plan") -> str:
    from ninelives.cli.prune_output import counted

    images, definitions = counted(len(plan.choice.images), "image"), counted(len(plan.choice.deregister), "task definition")
    return f"Delete {images}, deregister {definitions}?"
