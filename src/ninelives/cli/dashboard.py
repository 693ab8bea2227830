"""``ninelives dashboard``: a CloudWatch dashboard made from the service file."""

from datetime import timedelta

import click

from ninelives.cli.errors import UserError
from ninelives.cli.exit_codes import ExitCode
from ninelives.cli.options import Place, place_options

MARKED = timedelta(days=14)
"""Deployments of these days are marked."""


@click.command()
@place_options
@click.option("--name", default=None, help="Of the dashboard [<service>-<region>-service].")
@click.option(
    "--metric", "named", multiple=True, metavar="NAMESPACE/NAME{DIMENSION=VALUE}:STATISTIC",
    help="A metric of your own to show beside the others, such as `Cats/Purrs{Room=hall}:p99`. May be repeated.",
)  # fmt: skip
@click.option("--apply", "applies", is_flag=True, help="Put it into CloudWatch.")
@click.option("--diff", is_flag=True, help="Show what --apply would change; end with 2 if anything.")
def dashboard(place: Place, name: str | None, named: tuple[str, ...], *, applies: bool, diff: bool) -> int:
    """Print the body of a CloudWatch dashboard for the service.

    Requests, errors and latencies beside the limits of the file's alarms, targets, CPU and memory beside what scaling keeps
    them at, tasks, alarms, deployments, the last errors of the log. For services with and without `ninelives bootstrap`.
    """
    from ninelives.cli.session import open_definition
    from ninelives.deploy.clock import utc_now
    from ninelives.insight.dashboard import Subject, changes, dashboard_body, known_body, owning_stack, put, written
    from ninelives.insight.series import read_metric
    from ninelives.insight.surroundings import survey

    if applies and diff:
        raise click.UsageError("--apply and --diff are two commands: take one.")
    try:
        custom = tuple(map(read_metric, named))
    except ValueError as error:
        raise click.BadParameter(f"{error}.", param_hint="--metric") from None
    definition, aws = open_definition(place)
    around = survey(aws, definition.file, utc_now() - MARKED)
    body = dashboard_body(Subject(file=definition.file, around=around, region=aws.region, custom=custom))
    if not (applies or diff):
        click.echo(written(body), nl=False)
        return ExitCode.OK
    chosen = name or f"{definition.file.service}-{aws.region}-service"
    told = changes(chosen, known_body(aws, chosen), written(body))
    if diff:
        for line in told:
            click.echo(line)
        return ExitCode.CHANGES if told else ExitCode.OK
    if not told:
        click.echo(f"Dashboard {chosen} is as the file says.")
        return ExitCode.OK
    if (stack := owning_stack(aws, chosen)) is not None:
        raise UserError(
            f"Dashboard {chosen} belongs to the stack {stack}, which would change it back.", hint="Name another one: --name."
        )
    for remark in put(aws, chosen, body):
        click.echo(f"CloudWatch remarks: {remark}", err=True)
    click.echo(f"Dashboard {chosen}: {len(body['widgets'])} widgets.")
    return ExitCode.OK
