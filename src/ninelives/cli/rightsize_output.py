"""What ``ninelives rightsize`` shows: what was measured, the ways to run the service with cost and risk, the difference of the
file; or it all as JSON.
"""

import difflib
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import click
from rich.console import Group
from rich.table import Table
from rich.text import Text

from ninelives.cli.charts import bars
from ninelives.cli.page import page
from ninelives.deploy.prices import Prices
from ninelives.deploy.quantities import write_duration
from ninelives.deploy.reading import Definition
from ninelives.insight.replay import Bounds
from ninelives.insight.rightsizing import Advice, Facts, Option, file_changes, requests_a_task
from ninelives.insight.sizing import Assumptions
from ninelives.insight.usage import Spread

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
BUSY, VERY_BUSY = 70, 90
"""Percent of CPU or memory from which on a figure is shown in yellow, in red."""
NAME_WIDTH = 9
DAYS_WORTH_SHOWING = 3
"""Of the week."""


def show_advice(advice: Advice, facts: Facts, assumptions: Assumptions, prices: Prices, definition: Definition) -> None:
    """All of it, on stdout."""
    console = page()
    file = definition.file
    console.print(
        Text.assemble(
            (file.service, "bold"), f" in {file.cluster_name}, {prices.region} ", (f"({definition.environment})", "dim")
        )
    )
    console.print(Text(_measured(facts, assumptions), "dim"))
    console.print()
    console.print(_used(advice, facts))
    if len(advice.hours) > 1:
        console.print()
        console.print(_hours(advice, assumptions))
    console.print()
    console.print(_options(advice))
    console.print()
    console.print(_risks(advice, facts))
    if advice.warnings:
        console.print()
    for warning in advice.warnings:
        console.print(_hanging(Text("!", "bold yellow"), Text(_sentence(warning))))
    console.print()
    console.print(Text(verdict(advice, is_changed=bool(file_changes(advice, facts, file))), "bold"))
    console.print(Text(backtest(advice, facts)))
    console.print(Text(" ".join(_small_print(advice, assumptions, prices)), "dim"))


def verdict(advice: Advice, *, is_changed: bool) -> str:
    """The proposal in a sentence."""
    if not is_changed:
        return "Nothing to change: the service is as small as what was measured allows."
    size, saving = advice.proposed.size, advice.saving
    what = f"{size.cpu} CPU units and {size.memory} MiB, {count_words(advice.proposed.count)}"
    arm = " on Graviton" if advice.proposed.is_arm and not advice.now.is_arm else ""
    if saving >= 0.01:  # noqa: PLR2004 - a cent
        return f"{what}{arm}: saves ${saving:,.2f} of ${advice.now.monthly[1]:,.2f} a month."
    if saving <= -0.01:  # noqa: PLR2004
        return f"{what}{arm}: costs ${-saving:,.2f} a month more, for what the service lacks now."
    return f"{what}{arm}: costs the same."


def backtest(advice: Advice, facts: Facts) -> str:
    """How the proposal would have fared, from 90 % of CPU on."""
    played = advice.proposed.replayed
    above = {limit: count for limit, count in played.minutes_above.items() if limit >= VERY_BUSY and count}
    hours = f"the {hours_words(facts.usage.hours)} measured"
    if not above:
        return f"Played again on it, {hours} keep the busiest task below {VERY_BUSY} % of CPU."
    parts = " and ".join(f"above {limit} % in {count:,}" for limit, count in above.items())
    return f"Played again on it, {hours} have the busiest task's CPU {parts} of {played.minutes:,} minutes."


def hours_words(hours: float) -> str:
    """Whole hours; below ten, tenths.

    >>> hours_words(336.02), hours_words(1.04), hours_words(2.5)
    ('336 hours', '1 hour', '2.5 hours')
    """
    told = f"{hours:,.0f}" if hours >= 10 else f"{round(hours, 1):g}"  # noqa: PLR2004
    return f"{told} hour{'s' * (told != '1')}"


def count_words(count: int | Bounds) -> str:
    """A count, in words.

    >>> count_words(1), count_words(3), count_words(Bounds(least=2, most=6, target=50))
    ('1 task', '3 tasks', '2 to 6 tasks at 50 % of CPU')
    """
    if isinstance(count, int):
        return f"{count} task{'s' * (count != 1)}"
    return f"{count.least} to {count.most} tasks" + (f" at {count.target} % of CPU" if count.target else "")


def _measured(facts: Facts, assumptions: Assumptions) -> str:
    usage = facts.usage
    starts = len(usage.minutes) - len(usage.steady)
    days = assumptions.window / timedelta(days=1)
    left_out = f"; CPU without {starts:,} minutes of starts" if starts else ""
    return f"measured: {hours_words(usage.hours)} of the last {days:g} days{left_out}"


def _used(advice: Advice, facts: Facts) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1))
    table.add_column("", no_wrap=True)
    for name in ("p50", "p95", "p99", "most"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True, style="dim")

    def row(name: str, values: Spread, unit: str) -> None:
        figures = (values.p50, values.p95, values.p99, values.maximum)
        table.add_row(name, *(f"{one:,.0f}" if one >= 10 else f"{one:,.2g}" for one in figures), unit)  # noqa: PLR2004

    row("CPU of all tasks", advice.cpu, "units")
    row("memory of the largest", advice.memory, "MiB")
    traffic = facts.traffic
    if traffic.requests is not None:
        row("requests", traffic.requests, "a minute")
    if traffic.response_p50 is not None and traffic.response_p99 is not None:
        table.add_row(
            "response time",
            _milliseconds(traffic.response_p50),
            "",
            _milliseconds(traffic.response_p99),
            "",
            "of the worst hour",
        )
    return table


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:,.0f} ms" if seconds < 10 else f"{seconds:,.0f} s"  # noqa: PLR2004


def _hours(advice: Advice, assumptions: Assumptions) -> Group:
    """CPU by hour of the day; of the week, too, where several days of it are known. All rows have one scale."""
    day, hour = advice.busiest
    peak = max(advice.week.values()) or 1.0
    days = sorted({weekday for weekday, _ in advice.week})
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column(no_wrap=True, style="cyan")
    grid.add_column(no_wrap=True, justify="right")
    grid.add_row("  all days", bars([advice.hours.get(one, 0.0) for one in range(24)], peak), "")
    for weekday in days if len(days) >= DAYS_WORTH_SHOWING else ():
        row = [advice.week.get((weekday, one), 0.0) for one in range(24)]
        grid.add_row(f"  {WEEKDAYS[weekday]}", bars(row, peak), f"{max(row):,.0f}")
    heading = f"CPU at p{assumptions.percentile:g} by hour in UTC, most on {WEEKDAYS[day]} at {hour}: {peak:,.0f} units"
    return Group(Text(heading, "dim"), grid)


def _options(advice: Advice) -> Table:
    """The ways to run it, side by side; 80 columns hold them."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1))
    table.add_column("", no_wrap=True, min_width=NAME_WIDTH)
    table.add_column("CPU", justify="right", no_wrap=True)
    table.add_column("MiB", justify="right", no_wrap=True)
    table.add_column("tasks", justify="right", no_wrap=True)
    table.add_column("$ a month", justify="right", no_wrap=True)
    for name in ("p50", "p95", "p99"):
        table.add_column(f"CPU {name}", justify="right", no_wrap=True)
    table.add_column("memory", justify="right", no_wrap=True)
    for option in (advice.now, advice.proposed, *advice.others):
        if option.name == "spot" and option.obstacle is not None:
            continue
        style = "bold" if option.name == "proposed" else "dim" if option.obstacle is not None else ""
        cpu = option.replayed.cpu
        table.add_row(
            option.name,
            str(option.size.cpu),
            str(option.size.memory),
            _count(option),
            _money(option.monthly),
            *(_percent(one) for one in (cpu.p50, cpu.p95, cpu.p99, option.memory_percent)),
            style=style,
        )
    return table


def _count(option: Option) -> str:
    if isinstance(option.count, Bounds):
        return f"{option.count.least}-{option.count.most}"
    return str(option.count) if option.on_demand is None else f"{option.on_demand}+{option.count - option.on_demand}"


def _money(monthly: tuple[float, float]) -> str:
    """A month, or the range that it is in.

    >>> _money((10.0, 10.0)), _money((10.2, 1220.8))
    ('10.00', '10-1,221')
    """
    low, high = monthly
    return f"{low:,.2f}" if low == high else f"{low:,.0f}-{high:,.0f}"


def _percent(value: float) -> Text:
    colour = "red" if value >= VERY_BUSY else "yellow" if value >= BUSY else ""
    return Text(f"{value:.0f} %", colour)


def _risks(advice: Advice, facts: Facts) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True, min_width=NAME_WIDTH, style="dim")
    table.add_column(overflow="fold")
    for option in (advice.now, advice.proposed, *advice.others):
        if option.obstacle is not None:
            table.add_row(option.name, Text(f"Not yet: {option.obstacle}.", "dim"))
        else:
            table.add_row(option.name, _told(option, facts))
    return table


def _told(option: Option, facts: Facts) -> str:
    if not isinstance(option.count, Bounds) or not option.count.target:
        return option.risk
    requests = requests_a_task(option, facts.traffic)
    about = f", about {requests:,} requests a minute and task" if requests else ""
    return f"{option.risk} Scales at {option.count.target} % of CPU{about}."


def _hanging(mark: Text, text: Text) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(mark, text)
    return grid


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _small_print(advice: Advice, assumptions: Assumptions, prices: Prices) -> Iterator[str]:
    """What it rests on."""
    zones = f"{advice.demand.zones} zones" if advice.demand.zones > 1 else "one zone"
    yield (
        f"Assumed: p{assumptions.percentile:g} of the minutes' CPU and {assumptions.cpu_headroom:g} % of headroom, the most "
        f"memory and {assumptions.memory_headroom:g} %, tasks in {zones}."
    )
    source = prices.fargate_source(arm=advice.proposed.is_arm)
    place = f"{prices.priced_in}" if prices.is_of_region else f"{prices.priced_in}, the nearest with prices to {prices.region}"
    verified = "" if source.is_verified else ", unverified"
    yield f"List prices of {prices.as_of} for {place}{verified} ({source.what}, {source.date}), without discounts."
    if (spot := advice.option("spot")) is not None and spot.obstacle is None:
        low, high = prices.spot_share
        yield f"Spot is taken for {100 * low:.0f} to {100 * high:.0f} % of that; it has no list price."


def difference(before: str, after: str, name: str) -> str:
    """A unified diff, coloured where the terminal takes it."""
    colours = {"+": "green", "-": "red", "@": "cyan"}
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, name, lineterm="", n=2)
    return "\n".join(click.style(line, fg=colours.get(line[0])) if line[:3] not in {"+++", "---"} else line for line in lines)


# As data.


def advice_json(
    advice: Advice, facts: Facts, assumptions: Assumptions, prices: Prices, definition: Definition, *, is_applied: bool
) -> dict[str, Any]:
    """The advice as data; CPU in units of 1024 a vCPU, memory in MiB, money in US dollars."""
    usage, traffic = facts.usage, facts.traffic
    source = prices.fargate_source(arm=advice.proposed.is_arm)
    return {
        "result": "changes" if file_changes(advice, facts, definition.file) else "unchanged",
        "applied": is_applied,
        "service": definition.file.service,
        "environment": definition.environment,
        "region": prices.region,
        "measured": {
            "hours": round(usage.hours, 2),
            "minutes": len(usage.minutes),
            "minutes_of_starts": len(usage.minutes) - len(usage.steady),
            "cpu": _spread(advice.cpu),
            "memory": _spread(advice.memory),
            "cpu_by_hour": {f"{hour:02d}": round(value, 1) for hour, value in advice.hours.items()},
            "cpu_by_hour_of_week": {
                f"{WEEKDAYS[day]} {hour:02d}": round(value, 1) for (day, hour), value in advice.week.items()
            },
            "busiest": {"day": WEEKDAYS[advice.busiest[0]], "hour": advice.busiest[1]},
            "requests_a_minute": None if traffic.requests is None else _spread(traffic.requests),
            "response_time": {"p50": traffic.response_p50, "p99_of_the_worst_hour": traffic.response_p99},
            "cpu_a_request": traffic.cpu_a_request,
            "tasks_killed_for_memory": facts.evidence.kills,
            "leak_mib_a_day": None if advice.leak is None else round(advice.leak.mib_a_day, 1),
        },
        "assumptions": {
            "days": assumptions.window / timedelta(days=1),
            "percentile": assumptions.percentile,
            "cpu_headroom": assumptions.cpu_headroom,
            "memory_headroom": assumptions.memory_headroom,
            "min_data": write_duration(assumptions.minimum),
            "warm_up": write_duration(assumptions.warm_up),
            "zones": advice.demand.zones,
        },
        "now": option_json(advice.now, facts),
        "proposed": option_json(advice.proposed, facts),
        "others": [option_json(one, facts) for one in advice.others],
        "monthly_saving": round(advice.saving, 2),
        "prices": {
            "currency": "USD",
            "as_of": prices.as_of,
            "priced_in": prices.priced_in,
            "is_of_region": prices.is_of_region,
            "is_verified": source.is_verified,
            "source": source.what,
            "source_date": source.date,
        },
        "warnings": list(advice.warnings),
    }


def option_json(option: Option, facts: Facts) -> dict[str, Any]:
    count: Any = option.count
    if isinstance(count, Bounds):
        count = {
            "min": count.least,
            "max": count.most,
            "cpu_target": count.target or None,
            "requests_per_task": requests_a_task(option, facts.traffic),
        }
    return {
        "name": option.name,
        "cpu": option.size.cpu,
        "memory": option.size.memory,
        "count": count,
        "architecture": "ARM64" if option.is_arm else "X86_64",
        "on_demand": option.on_demand,
        "monthly": {"low": option.monthly[0], "high": option.monthly[1]},
        "mean_tasks": round(option.replayed.mean_tasks, 2),
        "cpu_percent": _spread(option.replayed.cpu),
        "memory_percent": round(option.memory_percent, 1),
        "minutes_above": {str(limit): count for limit, count in option.replayed.minutes_above.items()},
        "risk": option.risk,
        "obstacle": option.obstacle,
    }


def _spread(values: Spread) -> dict[str, float]:
    return {name: round(value, 2) for name, value in asdict(values).items()}
