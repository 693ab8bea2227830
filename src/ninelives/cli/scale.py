"""``ninelives scale``: shows what scales the service, and changes count, bounds and suspensions by hand."""

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from ninelives.cli.exit_codes import ExitCode
from ninelives.cli.options import Duration, Place, json_option, place_options
from ninelives.deploy.quantities import write_duration

if TYPE_CHECKING:
    from ninelives.deploy.release import Session

KINDS = click.Choice(["in", "out", "scheduled", "all"])
EVERY_KIND = ("in", "out", "scheduled")
LOOKS_EVERY_SECONDS = 1.0


@click.command()
@click.argument("count", required=False, type=click.IntRange(min=0))
@place_options
@click.option("--min", "least", type=click.IntRange(min=0), default=None, help="The fewest tasks.")
@click.option("--max", "most", type=click.IntRange(min=1), default=None, help="The most tasks.")
@click.option("--suspend", type=KINDS, multiple=True, help="Let this kind of scaling rest; may be repeated.")
@click.option("--resume", type=KINDS, multiple=True, help="Let it go on; may be repeated.")
@click.option("--wait", is_flag=True, help="Wait until as many tasks run as are desired.")
@click.option("--timeout", type=Duration(), default="10m", show_default=True, help="How long --wait waits, at most.")
@json_option
def scale(
    count: int | None,
    place: Place,
    least: int | None,
    most: int | None,
    suspend: tuple[str, ...],
    resume: tuple[str, ...],
    timeout: timedelta,
    **how: bool,
) -> int:
    """Show what scales the service: bounds, what is followed, the last activities.

    With COUNT, set the number of tasks by hand; within the bounds, where there are some. --min and --max move the bounds until
    the service file's own change; --suspend and --resume say which kinds of scaling take place.
    """
    from ninelives.cli.progress import screen_for
    from ninelives.cli.session import open_definition
    from ninelives.deploy.clock import WallClock
    from ninelives.deploy.release import Session
    from ninelives.deploy.scale import ScaleChange
    from ninelives.deploy.scale import scale as change_scale

    change = ScaleChange(count=count, least=least, most=most, suspend=_kinds(suspend), resume=_kinds(resume))
    if set(change.suspend) & set(change.resume):
        raise click.UsageError("--suspend and --resume name the same kind.")
    definition, aws = open_definition(place)
    clock, is_settled = WallClock(), True
    with screen_for(definition, as_json=how["as_json"]) as listener:
        session = Session(aws=aws, definition=definition, clock=clock, listener=listener)
        if not change.is_nothing:
            change_scale(session, change)
        if how["wait"]:
            is_settled = _settled(session, timeout)
    _show(session, as_json=how["as_json"])
    if not is_settled:
        click.echo(
            f"After {write_duration(timeout)} the tasks were not all there, or not all gone. `ninelives status` shows why.",
            err=True,
        )
        return ExitCode.TIMED_OUT
    return ExitCode.OK


def _kinds(given: tuple[str, ...]) -> tuple[str, ...]:
    return EVERY_KIND if "all" in given else tuple(dict.fromkeys(given))


def _settled(session: "Session", timeout: timedelta) -> bool:
    from ninelives.deploy.scale import is_settled

    until = session.clock.now() + timeout
    while not is_settled(session):
        if session.clock.now() >= until:
            return False
        session.clock.wait(LOOKS_EVERY_SECONDS)
    return True


def _show(session: "Session", *, as_json: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    from ninelives.cli.page import page
    from ninelives.cli.scaling_output import activity_lines, scaling_facts
    from ninelives.deploy.observation import see_service
    from ninelives.deploy.scaling_view import read_scaling
    from ninelives.deploy.service_call import require_service

    aws, definition, now = session.aws, session.definition, session.clock.now()
    file = definition.file
    require_service(aws, definition)
    service = see_service(aws, file.cluster_name, file.service)
    assert service is not None, "it is there"
    is_deploying = any(one.rollout_state == "IN_PROGRESS" for one in service.deployments)
    found = read_scaling(aws, file, now, is_deploying=is_deploying, time_scale=service.time_scale)
    if as_json:
        told = {
            "service": file.service,
            "cluster": file.cluster_name,
            "environment": definition.environment,
            "region": aws.region,
            "desired_count": service.desired_count,
            "running_count": service.running_count,
            "pending_count": service.pending_count,
            "scaling": None if found is None else found.as_json(),
        }
        click.echo(json.dumps(told, indent=2))
        return
    console = page()
    facts = Table.grid(padding=(0, 2))
    facts.add_row("  tasks", f"{service.running_count} of {service.desired_count} running, {service.pending_count} pending")
    for name, text in scaling_facts(found) if found is not None else (("scaling", "none: the count is as it was set"),):
        facts.add_row(f"  {name}", text)
    console.print(
        Text.assemble(
            (file.service, "bold"), f"  in {file.cluster_name}, {aws.region} ", (f"({definition.environment})", "dim")
        ),
        facts,
    )
    for ago, text in activity_lines(found, now) if found is not None else ():
        console.print(Text.assemble((f"  {ago:>7} ago  ", "dim"), text))
