"""``ninelives rightsize``: what the service needs, what fits it and what that costs; with --apply, in its file."""

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from ninelives.cli.asking import ask, yes_option
from ninelives.cli.errors import UserError
from ninelives.cli.exit_codes import ExitCode
from ninelives.cli.options import Duration, Place, json_option, place_options

if TYPE_CHECKING:
    from ninelives.deploy.errors import DeployError
    from ninelives.deploy.reading import Definition
    from ninelives.insight.rightsizing import Advice, Facts, NothingFits, TooLittle

PERCENT = click.FloatRange(0, 400)


@click.command()
@place_options
@click.option("--days", type=click.IntRange(1, 63), default=14, show_default=True, help="How far back to look.")
@click.option(
    "--min-data", "minimum", type=Duration(), default="72h", show_default=True,
    help="Of measured time, below which nothing is proposed.",
)  # fmt: skip
@click.option(
    "--percentile", type=click.FloatRange(50, 100), default=99, show_default=True,
    help="Of the minutes, whose CPU must be carried.",
)  # fmt: skip
@click.option("--cpu-headroom", type=PERCENT, default=30, show_default=True, help="Percent on top of that CPU.")
@click.option("--memory-headroom", type=PERCENT, default=25, show_default=True, help="Percent on top of the largest memory.")
@click.option(
    "--warm-up", type=Duration(), default="2m", show_default=True,
    help="How long after its start the CPU of a task is not taken for serving.",
)  # fmt: skip
@click.option("--graviton", is_flag=True, help="Propose tasks on ARM64, where the image is there for it.")
@click.option("--scaled", is_flag=True, help="Propose a count that follows the load, where that is worth it.")
@click.option("--apply", "is_applied", is_flag=True, help="Write the proposal into the service file. AWS is not touched.")
@yes_option("With --apply: do not ask.")
@json_option
def rightsize(  # noqa: PLR0913 - each is an assumption of its own
    place: Place,
    days: int,
    minimum: timedelta,
    percentile: float,
    cpu_headroom: float,
    memory_headroom: float,
    warm_up: timedelta,
    *,
    graviton: bool,
    scaled: bool,
    is_applied: bool,
    yes: bool,
    as_json: bool,
) -> int | None:
    """Propose the smallest Fargate size and count that carries what was measured, with headroom and with a zone lost.

    The figures are CloudWatch's. Shown are what the service does now, the proposal and other ways to run it, each with its
    cost a month, how busy it would have been and what it risks.
    """
    from ninelives.cli.rightsize_output import advice_json, show_advice
    from ninelives.cli.session import open_definition
    from ninelives.deploy.clock import utc_now
    from ninelives.deploy.prices import prices_of
    from ninelives.insight.reading_usage import read_facts
    from ninelives.insight.rightsizing import Advice, advise, instead
    from ninelives.insight.sizing import Assumptions

    if graviton and scaled:
        raise UserError("--graviton and --scaled are two changes.", hint="Apply one, deploy it, then look again.")
    if is_applied and as_json and not yes:
        raise UserError("--apply asks before it writes, and --json cannot.", hint="Add --yes, or leave one of them out.")
    assumptions = Assumptions(
        window=timedelta(days=days),
        percentile=percentile,
        cpu_headroom=cpu_headroom,
        memory_headroom=memory_headroom,
        minimum=minimum,
        warm_up=warm_up,
    )
    definition, aws = open_definition(place)
    facts = read_facts(aws, definition, assumptions, utc_now())
    prices = prices_of(aws.region)
    advice = advise(facts, assumptions, prices)
    if not isinstance(advice, Advice):
        return _refuse(advice, definition, as_json=as_json)
    wish = "graviton" if graviton else "scaled" if scaled else None
    if wish is not None:
        advice = instead(advice, wish)
    text = _text(definition)
    proposed = _proposed(text, definition, advice, facts)
    writes = is_applied and isinstance(proposed, str)
    if as_json:
        click.echo(json.dumps(advice_json(advice, facts, assumptions, prices, definition, is_applied=writes), indent=2))
    else:
        show_advice(advice, facts, assumptions, prices, definition)
    if is_applied:
        _apply(definition, text, proposed, is_agreed=yes, is_quiet=as_json)
    elif not as_json and text != proposed:
        click.echo(f"\n{_next(definition, proposed)}")
    return None


def _next(definition: "Definition", proposed: "str | DeployError") -> str:
    if isinstance(proposed, str):
        return f"Next:  the same command with `--apply` writes it into {definition.path}"
    return f"Note: --apply could not write it: {proposed}"


def _refuse(advice: "TooLittle | NothingFits", definition: "Definition", *, as_json: bool) -> int:
    """There is no proposal: why."""
    from ninelives.deploy.quantities import write_duration
    from ninelives.insight.rightsizing import TooLittle

    file = definition.file
    if isinstance(advice, TooLittle):
        result = {"result": "too_little_data", "hours_found": round(advice.hours, 2), "hours_needed": advice.needed}
        measured, needed = (write_duration(timedelta(hours=hours)) for hours in (advice.hours, advice.needed))
        told = f"Of {file.service} {measured} are measured, and advice takes {needed}."
        hint = "Come back later, look further back with --days, or take less with --min-data, at your own risk."
    else:
        result = {"result": "nothing_fits", "memory_mib": round(advice.memory)}
        told = f"A task of {file.service} uses {advice.memory:.0f} MiB, and with headroom Fargate has no task with so much."
        hint = "Take less headroom (--memory-headroom), or run it on EC2 instances."
    if not as_json:
        raise UserError(told, hint=hint)
    click.echo(
        json.dumps({"service": file.service, "environment": definition.environment, **result, "message": told}, indent=2)
    )
    return ExitCode.ERROR


def _text(definition: "Definition") -> str:
    """The service file's, with its own ends of lines."""
    return definition.path.read_bytes().decode("utf-8")


def _proposed(text: str, definition: "Definition", advice: "Advice", facts: "Facts") -> "str | DeployError":
    """The service file's text with the proposal; or why it cannot be: how it is written, or what another environment says."""
    from ninelives.deploy.errors import DeployError
    from ninelives.deploy.file_edit import edited
    from ninelives.deploy.reading import parse_service_file
    from ninelives.insight.rightsizing import file_changes

    try:
        proposed = edited(text, definition.environment, file_changes(advice, facts, definition.file))
        if proposed != text:
            parse_service_file(proposed, definition.environment, name=f"{definition.path}, as it would be")
    except DeployError as error:
        return error
    return proposed


def _apply(definition: "Definition", text: str, proposed: "str | DeployError", *, is_agreed: bool, is_quiet: bool) -> None:
    """Show the difference, ask, and write."""
    from ninelives.cli.rightsize_output import difference

    if not isinstance(proposed, str):
        raise proposed
    if text == proposed:
        click.echo(f"\n{definition.path} says so already.", err=is_quiet)
        return
    if not is_quiet:
        click.echo("\n" + difference(text, proposed, str(definition.path)))
    if not is_agreed:
        ask(f"Write this into {definition.path}?")
    if _text(definition) != text:
        raise UserError(f"{definition.path} was changed meanwhile; nothing was written.", hint="Run it again.")
    definition.path.write_bytes(proposed.encode("utf-8"))
    click.echo(
        f"{definition.path} is changed, and nothing else: `ninelives deploy VERSION --env {definition.environment}` "
        "makes it so.",
        err=is_quiet,
    )
