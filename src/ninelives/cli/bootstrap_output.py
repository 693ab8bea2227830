"""What ``ninelives bootstrap`` shows: the plan as a table, the costs, progress line by line, the result; or it all as JSON."""

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import IO, Any

import click

from ninelives.bootstrap.apply import Listener
from ninelives.bootstrap.cloudformation import Change, StackEvent
from ninelives.bootstrap.costs import Costs
from ninelives.bootstrap.destroy import Demolition
from ninelives.bootstrap.drift import Drifted
from ninelives.bootstrap.github_trust import DEPLOY_ROLE_OUTPUT, ROLE_SECRET, github_stack_name
from ninelives.bootstrap.plan import Act, Plan, PlannedStack
from ninelives.bootstrap.stacks import Surroundings, WantedStack
from ninelives.bootstrap.template import template_text
from ninelives.cli.progress import JSON_LINES_VERSION, JsonLines
from ninelives.deploy.clock import Clock
from ninelives.deploy.reading import Definition
from ninelives.deploy.reports import Step, Tell, telling

COLOURS = {"add": "green", "modify": "yellow", "replace": "red", "may be replaced": "red", "remove": "red"}
DATA_TRANSFER = "Data transfer (to the internet, between zones) is not included."


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What was planned and, where it was done, what the stacks say now. ``outputs`` None: nothing was done."""

    definition: Definition
    around: Surroundings
    plan: Plan
    costs: Costs
    outputs: Mapping[str, Mapping[str, str]] | None = field(default=None)

    def applied(self, outputs: Mapping[str, Mapping[str, str]]) -> "Result":
        return replace(self, outputs=outputs)

    @property
    def outcome(self) -> str:
        if self.outputs is not None:
            return "changed"
        return "planned" if self.plan.has_changes else "unchanged"

    @property
    def deploy_role_arn(self) -> str | None:
        file = self.definition.file
        outputs = (self.outputs or {}).get(github_stack_name(file))
        if outputs is None:
            seen = next((one.seen for one in self.plan.stacks if one.wanted.name == github_stack_name(file)), None)
            outputs = seen.outputs if seen is not None else {}
        return outputs.get(DEPLOY_ROLE_OUTPUT)


# Templates.


def template_document(stack: WantedStack) -> str:
    """A template as it is given to CloudFormation, with the stack's name and parameters above it."""
    parameters = "".join(f"#   {name}: {value}\n" for name, value in stack.parameters.items() if value)
    heading = f"# Stack {stack.name}" + (f", with the parameters\n{parameters}" if parameters else "\n")
    return f"---\n{heading}\n{template_text(stack.kind)}"


# The plan, before it is agreed to.


def word_of(change: Change) -> str:
    """What is done to a resource; what is lost is said as loudly as it deserves.

    >>> word_of(Change(action="Modify", logical_id="Vpc", type="AWS::EC2::VPC", replacement="True"))
    'replace'
    """
    if change.action == "Modify" and change.replacement != "False":
        return "replace" if change.replacement == "True" else "may be replaced"
    return change.action.lower()


def show_plan(definition: Definition, plan: Plan, costs: Costs, around: Surroundings) -> None:
    """Changes and costs, on stderr."""
    file = definition.file
    _say(
        f"{click.style(file.service, bold=True)} in {around.region}, account {around.account} "
        f"(environment {definition.environment})"
    )
    if not around.makes_cluster:
        _say(f"  cluster {file.cluster_name} is there already, and used as it is")
    if around.provider_arn is not None:
        _say("  GitHub is an identity provider of the account already, and used as it is")
    for stack in plan.stacks:
        _show_stack(stack)
    if plan.losses:
        _say(click.style("\nWhat is replaced or removed is lost, with all that it holds.", fg="red", bold=True))
    if plan.has_changes:
        show_costs(costs)


def _show_stack(stack: PlannedStack) -> None:
    words = {Act.CREATE: "new", Act.UPDATE: "changes", Act.KEEP: "no changes", Act.RECREATE: "new"}
    _say(f"\nStack {click.style(stack.wanted.name, bold=True)}: {words[stack.act]}")
    if stack.act is Act.RECREATE and stack.seen is not None:
        _say(f"  what is left of an earlier attempt ({stack.seen.status}) holds nothing, and is deleted first")
    width = max((len(change.logical_id) for change in stack.changes), default=0)
    for change in stack.changes:
        word = word_of(change)
        told = click.style(f"{word.upper() if change.is_loss else word:<15}", fg=COLOURS.get(word), bold=change.is_loss)
        what = ", ".join(change.properties)
        _say(f"  {told} {change.logical_id:<{width}}  {change.type}" + (f"  {what}" if what else ""))


def show_costs(costs: Costs) -> None:
    """What a month costs, on stderr."""
    source = f"list prices of {costs.as_of}" + (
        "" if costs.is_of_region else f", of {costs.priced_in}: none are known for this region"
    )
    _say(f"\nCosts a month in {costs.region} ({source}; US dollars, without tax)")
    for line in costs.lines:
        count = f"{line.count} x " if line.monthly is not None else ""
        monthly = f"{line.monthly:9.2f}" if line.monthly is not None else "   by use"
        _say(f"  {monthly}  {count}{line.what} ({line.price})")
    _say(f"  {costs.monthly:9.2f}  in all, and what is paid by use. {DATA_TRANSFER}")


# Progress.


@contextlib.contextmanager
def screen_for(*, as_json: bool, stream: IO[str] | None = None) -> Iterator[Listener]:
    """What to tell stack events to: a line each, with its time in UTC; JSON lines with --json."""
    out = stream if stream is not None else sys.stderr

    def listener(event: StackEvent) -> None:
        if as_json:
            print(
                json.dumps({"version": JSON_LINES_VERSION, "type": "stack_event", **event_json(event)}), file=out, flush=True
            )
            return
        print(event_line(event, in_colour=out.isatty()), file=out, flush=True)

    yield listener


def event_json(event: StackEvent) -> dict[str, Any]:
    return {
        "at": event.at.isoformat(),
        "stack": event.stack,
        "resource": event.logical_id,
        "resource_type": event.type,
        "status": event.status,
        "reason": event.reason or None,
    }


def event_line(event: StackEvent, *, in_colour: bool) -> str:
    """A line of progress."""
    colour = (
        "red" if event.is_failure or "ROLLBACK" in event.status else "green" if event.status.endswith("COMPLETE") else None
    )
    status = event.status.lower().replace("_", " ")
    told = click.style(status, fg=colour) if in_colour and colour else status
    who = f"stack {event.stack}" if event.is_of_stack else f"{event.stack}: {event.logical_id} ({event.type})"
    reason = f": {event.reason}" if event.reason and (event.is_failure or not event.is_of_stack) else ""
    return f"{event.at:%Y-%m-%dT%H:%M:%SZ} {who} {told}{reason}"


def teller(clock: Clock, *, as_json: bool) -> Tell:
    """Tells steps as progress is told."""

    def line(step: Step) -> None:
        click.echo(f"{step.at:%Y-%m-%dT%H:%M:%SZ} {step.text}", err=True)

    return telling(JsonLines(sys.stderr) if as_json else line, clock)


# The result.


def print_result(result: Result, *, as_json: bool) -> None:
    """The result, on stdout."""
    if as_json:
        click.echo(json.dumps(result_json(result), indent=2))
        return
    match result.outcome:
        case "unchanged":
            click.echo("No changes: everything is as the service file says.")
        case "planned":
            click.echo("Nothing was changed.")
        case _:
            click.echo(click.style("done: ", fg="green", bold=True) + _counted(result.plan))
            click.echo(f"  Next:  `ninelives deploy VERSION --env {result.definition.environment}`")
            if result.deploy_role_arn is not None:
                click.echo(f"  GitHub: set the secret {ROLE_SECRET} to {result.deploy_role_arn}")


def _counted(plan: Plan) -> str:
    changed = [stack for stack in plan.stacks if stack.act is not Act.KEEP]
    return ", ".join(f"{stack.wanted.name} ({len(stack.changes)})" for stack in changed)


def result_json(result: Result) -> dict[str, Any]:
    """The result as data."""
    plan, costs = result.plan, result.costs
    return {
        "result": result.outcome,
        "service": result.definition.file.service,
        "environment": result.definition.environment,
        "account": result.around.account,
        "region": result.around.region,
        "stacks": [
            {
                "name": stack.wanted.name,
                "action": stack.act,
                "changes": [
                    {
                        "action": word_of(change),
                        "resource": change.logical_id,
                        "resource_type": change.type,
                        "physical_id": change.physical_id,
                        "properties": list(change.properties),
                    }
                    for change in stack.changes
                ],
                "outputs": _outputs(result, stack),
            }
            for stack in plan.stacks
        ],
        "costs": costs_json(costs),
        "deploy_role_arn": result.deploy_role_arn,
    }


def _outputs(result: Result, stack: PlannedStack) -> dict[str, str] | None:
    if result.outputs is not None:
        return dict(result.outputs.get(stack.wanted.name, {}))
    return dict(stack.seen.outputs) if stack.seen is not None else None


def costs_json(costs: Costs) -> dict[str, Any]:
    return {
        "currency": "USD",
        "region": costs.region,
        "as_of": costs.as_of,
        "prices_are_of_region": costs.is_of_region,
        "priced_in": costs.priced_in,
        "monthly": round(costs.monthly, 2),
        "includes_data_transfer": False,
        "lines": [{"what": one.what, "count": one.count, "price": one.price, "monthly": one.monthly} for one in costs.lines],
    }


# Drift.


def print_drift(drifts: Sequence[Drifted], *, as_json: bool) -> None:
    """What was changed beside CloudFormation, on stdout."""
    if as_json:
        told = [
            {
                "stack": one.stack,
                "resource": one.logical_id,
                "resource_type": one.type,
                "physical_id": one.physical_id,
                "status": one.status.lower(),
                "differences": [
                    {"property": each.path, "kind": each.kind.lower(), "expected": each.expected, "actual": each.actual}
                    for each in one.differences
                ],
            }
            for one in drifts
        ]
        click.echo(json.dumps({"drifted": told}, indent=2))
        return
    if not drifts:
        click.echo("No drift: everything is as the stacks say.")
    for one in drifts:
        click.echo(
            f"{one.stack}: {click.style(one.logical_id, bold=True)} ({one.type}) {one.status.lower()}: {one.physical_id}"
        )
        for each in one.differences:
            click.echo(f"  {each.path}: expected {each.expected or 'nothing'}, found {each.actual or 'nothing'}")


# Taking down.


def show_demolition(definition: Definition, demolition: Demolition, region: str) -> None:
    """What would go, on stderr."""
    file, losses = definition.file, demolition.losses
    _say(f"{click.style(file.service, bold=True)} in {region} (environment {definition.environment})")
    for stack in demolition.stacks:
        _say(f"  {click.style('delete', fg='red')} stack {stack.name} ({stack.status})")
    for name, why in demolition.kept:
        _say(f"  keep   stack {name}: {why}")
    lost = [
        f"the service, with {losses.tasks} running tasks" if demolition.has_service else "",
        f"{losses.images} images" if losses.images else "",
        f"{losses.objects} access logs" if losses.objects else "",
        f"the logs in {losses.log_group}" if losses.log_group else "",
    ]
    if any(lost):
        _say(click.style("Lost for good: ", fg="red", bold=True) + ", ".join(filter(None, lost)) + ".")


def print_demolished(demolition: Demolition, left: Sequence[str], *, did: bool, as_json: bool) -> None:
    """What became of it, on stdout."""
    if as_json:
        told = {
            "result": "destroyed" if did else "nothing" if demolition.is_empty else "planned",
            "stacks": [stack.name for stack in demolition.stacks],
            "kept": [{"stack": name, "reason": why} for name, why in demolition.kept],
            "left": list(left),
        }
        click.echo(json.dumps(told, indent=2))
        return
    if demolition.is_empty:
        click.echo("There is nothing to delete.")
    elif not did:
        click.echo("Nothing was deleted.")
    elif not left:
        click.echo(
            click.style("done: ", fg="green", bold=True)
            + "nothing is left"
            + (", but what others use." if demolition.kept else ".")
        )
    for one in left:
        click.echo(f"left: {one}")


def _say(text: str) -> None:
    click.echo(text, err=True)
