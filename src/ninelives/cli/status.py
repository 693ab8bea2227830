"""``ninelives status``: the service as it is."""

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from ninelives.cli.options import Place, json_option, place_options
from ninelives.cli.page import page
from ninelives.deploy.quantities import write_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ninelives.deploy.aws import Aws
    from ninelives.deploy.observation import ServiceDeploymentSeen
    from ninelives.deploy.status import LastDeployment, Status
    from ninelives.insight.running_cost import RunningCost


@click.command()
@place_options
@click.option("--cost", "with_cost", is_flag=True, help="Show what the running tasks cost a month, at list prices.")
@json_option
def status(place: Place, *, with_cost: bool, as_json: bool) -> None:
    """Show the service: version, tasks, targets, deployment under way, last events, address."""
    from ninelives.cli.session import open_definition
    from ninelives.deploy.clock import utc_now
    from ninelives.deploy.status import read_status

    definition, aws = open_definition(place)
    found = read_status(aws, definition, utc_now())
    cost = _cost(aws, found) if with_cost else None
    if as_json:
        told = found.as_json() | ({"cost": None if cost is None else cost.as_json()} if with_cost else {})
        click.echo(json.dumps(told, indent=2))
    else:
        _show(found, cost)


def _cost(aws: "Aws", found: "Status") -> "RunningCost | None":
    from ninelives.insight.running_cost import running_cost

    return running_cost(aws, found.service)


def _show(found: "Status", cost: "RunningCost | None") -> None:
    from rich.table import Table
    from rich.text import Text

    from ninelives.cli.release_words import in_short
    from ninelives.cli.scaling_output import activity_lines

    console, file, service = page(), found.definition.file, found.service
    console.print(
        Text.assemble((file.service, "bold"), " ", (found.version, "bold cyan"), f"  in {file.cluster_name}, {found.region}"),
        Text(f"({found.definition.environment})", "dim"),
    )
    facts = Table.grid(padding=(0, 2))
    for name, told in _facts_of(found, cost):
        facts.add_row(f"  {name}", told)
    console.print(facts)
    if found.last is not None:
        for line in last_deployment_lines(found.last):
            console.print(Text(f"  {line}"))
    for ago, text in activity_lines(found.scaling, found.seen.at) if found.scaling is not None else ():
        console.print(Text.assemble((f"  {ago:>7} ago  ", "dim"), f"scaling: {text}"))
    for event in reversed(service.events[:5]):
        when = timedelta() if event.created_at > found.seen.at else found.seen.at - event.created_at
        console.print(Text.assemble((f"  {write_duration(when):>7} ago  ", "dim"), in_short(event.message)))


def _facts_of(found: "Status", cost: "RunningCost | None") -> "Iterator[tuple[str, str]]":
    """What is to be known of the service, in a line each."""
    from ninelives.cli.release_words import counted
    from ninelives.cli.scaling_output import scaling_facts

    service = found.service
    yield "tasks", f"{service.running_count} of {service.desired_count} running, {service.pending_count} pending"
    if cost is not None:
        yield "cost", cost.text
    yield "targets", counted(found.targets) or "none"
    if found.url:
        yield "address", found.url
    yield from deployment_rows(found)
    if found.seen.service_deployment is not None and found.is_under_way:
        yield from deployment_facts(found.seen.service_deployment)
    if found.scaling is not None:
        yield from scaling_facts(found.scaling)


def deployment_rows(found: "Status") -> "Iterator[tuple[str, str]]":
    """The deployments of the service, in a line each."""
    for one in found.service.deployments:
        since = f", begun {write_duration(found.seen.at - one.created_at)} ago" if one.created_at else ""
        failed = f", {one.failed_tasks} failed" if one.failed_tasks else ""
        state = one.rollout_state.lower().replace("_", " ")
        yield one.status.lower(), f"{found.versions.get(one.id, '?')}  {state}, {one.running_count} running{failed}{since}"


def deployment_facts(deployment: "ServiceDeploymentSeen") -> "Iterator[tuple[str, str]]":
    """What is to be known of a release under way: strategy, stage, traffic, hooks, alarms, failures."""
    from ninelives.cli.release_words import STRATEGIES, guards, hook_words, traffic_words, worth_telling

    stage = f", in {deployment.stage}" if deployment.stage is not None else ""
    yield "release", f"{STRATEGIES.get(deployment.plan.strategy, deployment.plan.strategy)}, {deployment.status}{stage}"
    if (traffic := traffic_words(deployment)) is not None:
        yield "traffic", traffic.removeprefix("traffic: ")
    for hook in worth_telling(deployment):
        yield "hook", hook_words(hook)
    for told in guards(deployment):
        yield "alarms", told.removeprefix("alarms: ")
    if deployment.failures:
        yield "failed", f"{deployment.failures} tasks of {deployment.failure_threshold} that trip the circuit breaker"
    if deployment.awaiting:
        yield "next", "`ninelives promote` lets it go on, `ninelives abort` takes it back"


def last_deployment_lines(last: "LastDeployment") -> "Iterator[str]":
    """How the newest deployment ended, where there is more to say than that it succeeded."""
    told = [("Warning", one.cause, one.next_step) for one in last.warnings]
    if last.cause is not None:
        told.insert(0, ("Cause", last.cause, last.diagnosis.next_step if last.diagnosis is not None else ""))
    if told:
        outcome = last.verdict.outcome.replace("_", " ") if last.verdict is not None else "under way"
        yield f"last deployment: {last.version} {outcome}"
    for kind, cause, step in told:
        yield f"  {kind}: {cause}"
        if step:
            yield f"  Next:  {step}"
