"""``ninelives bootstrap``: what a service stands on, as CloudFormation stacks; the changes and the costs are shown first."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from ninelives.cli.asking import ask, yes_option
from ninelives.cli.exit_codes import ExitCode
from ninelives.cli.options import Place, place_options

if TYPE_CHECKING:
    from ninelives.bootstrap.plan import Plan
    from ninelives.deploy.aws import Aws
    from ninelives.deploy.reading import Definition


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What was agreed to before anything was shown."""

    yes: bool
    allow_replacement: bool
    dry_run: bool


@click.command()
@place_options
@click.option("--print", "prints", is_flag=True, help="Print the templates and their parameters, and stop.")
@click.option("--dry-run", is_flag=True, help="Show the changes and the costs, and stop.")
@yes_option()
@click.option(
    "--allow-replacement", is_flag=True, help="With --yes: also where something is removed or replaced by another of its kind."
)
@click.option(
    "--skip-trust-check", is_flag=True, help="Make the deploy role even if workflows of the checkout would not get it."
)
@click.option("--drift", is_flag=True, help="Show what was changed beside CloudFormation, and stop.")
@click.option("--destroy", is_flag=True, help="Take it all down again, the service too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout; progress as JSON lines on stderr.")
def bootstrap(  # noqa: PLR0913 (each option is told apart)
    place: Place,
    *,
    prints: bool,
    dry_run: bool,
    yes: bool,
    allow_replacement: bool,
    skip_trust_check: bool,
    drift: bool,
    destroy: bool,
    as_json: bool,
) -> int:
    """Make what the service stands on: network, load balancer, roles, repository, logs, alarms, trust in GitHub.

    The stacks are changed as the service file says; changes and monthly costs are shown before they are agreed to. What is as
    the file says is left alone. Then `ninelives deploy` takes it from there.
    """
    if sum((prints, drift, destroy)) > 1:
        raise click.UsageError("--print, --drift and --destroy are three commands: take one.")
    consent = Consent(yes=yes, allow_replacement=allow_replacement, dry_run=dry_run)
    if prints:
        return _print(place)
    from ninelives.cli.session import open_definition

    definition, aws = open_definition(place)
    if drift:
        return _drift(definition, aws, as_json=as_json)
    if destroy:
        return _destroy(definition, aws, consent, as_json=as_json)
    return _apply(definition, aws, consent, checks_trust=not skip_trust_check, as_json=as_json)


def _print(place: Place) -> int:
    from ninelives.bootstrap.stacks import Surroundings, wanted_stacks
    from ninelives.cli.bootstrap_output import template_document
    from ninelives.deploy.reading import read_service_file

    definition = read_service_file(place.config, place.environment)
    file = definition.file
    around = Surroundings(account=file.bootstrap.account or "123456789012", region=place.region or file.region or "eu-west-1")
    for stack in wanted_stacks(definition, around):
        click.echo(template_document(stack), nl=False)
    return ExitCode.OK


def _apply(definition: "Definition", aws: "Aws", consent: Consent, *, checks_trust: bool, as_json: bool) -> int:
    from ninelives.bootstrap.apply import Session, carry_out
    from ninelives.bootstrap.costs import costs_of
    from ninelives.bootstrap.plan import drop_change_sets, make_plan
    from ninelives.bootstrap.stacks import wanted_stacks
    from ninelives.bootstrap.survey import survey
    from ninelives.bootstrap.trust_check import require_trusted
    from ninelives.cli.bootstrap_output import Result, print_result, screen_for, show_plan
    from ninelives.deploy.clock import WallClock

    clock = WallClock()
    if checks_trust:
        require_trusted(definition, aws.region)
    around = survey(aws, definition)
    wanted = wanted_stacks(definition, around)
    plan = make_plan(aws, wanted, definition.environment, clock)
    costs = costs_of(wanted, definition.file, aws.region)
    if not as_json:
        show_plan(definition, plan, costs, around)
    told = Result(definition=definition, around=around, plan=plan, costs=costs)
    if not plan.has_changes or consent.dry_run:
        drop_change_sets(aws, plan)
        print_result(told, as_json=as_json)
        return ExitCode.OK
    with _dropped_unless_agreed(aws, plan):
        _agree(plan, consent, as_json=as_json)
    with screen_for(as_json=as_json) as listener:
        outputs = carry_out(Session(aws=aws, clock=clock, listener=listener), plan)
    print_result(told.applied(outputs), as_json=as_json)
    return ExitCode.OK


@contextlib.contextmanager
def _dropped_unless_agreed(aws: "Aws", plan: "Plan") -> Iterator[None]:
    """What was only asked of CloudFormation is not left behind where nobody agreed."""
    from ninelives.bootstrap.plan import drop_change_sets

    try:
        yield
    except BaseException:
        drop_change_sets(aws, plan)
        raise


def _agree(plan: "Plan", consent: Consent, *, as_json: bool) -> None:
    """Raise unless somebody agrees to the plan."""
    from ninelives.bootstrap.errors import NotAgreed

    losses = [f"{stack.wanted.name}: {change.logical_id} ({change.type})" for stack, change in plan.losses]
    if consent.yes:
        if losses and not consent.allow_replacement:
            raise NotAgreed(
                "This would remove or replace:\n" + "\n".join(f"  - {loss}" for loss in losses),
                hint="If that is meant, say so: --yes --allow-replacement. Nothing was changed.",
            )
        return
    ask("Replace and remove what is marked above?" if losses else "Make these changes?", as_json=as_json)


def _drift(definition: "Definition", aws: "Aws", *, as_json: bool) -> int:
    from ninelives.bootstrap.drift import find_drift
    from ninelives.bootstrap.stacks import Surroundings, wanted_stacks
    from ninelives.bootstrap.survey import require_account
    from ninelives.cli.bootstrap_output import print_drift
    from ninelives.deploy.clock import WallClock

    account, _ = require_account(aws, definition)
    names = [one.name for one in wanted_stacks(definition, Surroundings(account=account, region=aws.region))]
    print_drift(find_drift(aws, names, WallClock()), as_json=as_json)
    return ExitCode.OK


def _destroy(definition: "Definition", aws: "Aws", consent: Consent, *, as_json: bool) -> int:
    from ninelives.bootstrap.apply import Session
    from ninelives.bootstrap.destroy import demolish, plan_demolition
    from ninelives.bootstrap.survey import require_account
    from ninelives.cli.bootstrap_output import print_demolished, screen_for, show_demolition, teller
    from ninelives.deploy.clock import WallClock

    require_account(aws, definition)
    demolition = plan_demolition(aws, definition)
    if not as_json:
        show_demolition(definition, demolition, aws.region)
    if demolition.is_empty or consent.dry_run:
        print_demolished(demolition, [], did=False, as_json=as_json)
        return ExitCode.OK
    if not consent.yes:
        ask("Delete all of it?", as_json=as_json)
    clock = WallClock()
    with screen_for(as_json=as_json) as listener:
        session = Session(aws=aws, clock=clock, listener=listener)
        left = demolish(session, definition, demolition, teller(clock, as_json=as_json))
    print_demolished(demolition, left, did=True, as_json=as_json)
    return ExitCode.OK if not left else ExitCode.ERROR
