"""How ``ninelives prune`` shows what may go, why the rest stays, and what went."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import click

from ninelives.cli.page import page
from ninelives.insight.prune import Done, Plan, name_of
from ninelives.insight.retention import Hold, Reason, StoredImage

SHOWN_MAX: Final = 40
"""Rows of a table; the JSON has all."""
DIGEST_SHOWN: Final = 19
UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")
STEP: Final = 1024


def write_bytes(count: float) -> str:
    """Bytes for people.

    >>> write_bytes(0), write_bytes(1536), write_bytes(3 * 1024**3)
    ('0 B', '1.5 KiB', '3.0 GiB')
    """
    size = float(count)
    for unit in UNITS:
        if size < STEP or unit == UNITS[-1]:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= STEP
    raise AssertionError(count)


def counted(count: int, what: str) -> str:
    """A number of things.

    >>> counted(1, "image"), counted(2, "image")
    ('1 image', '2 images')
    """
    return f"{count} {what}{'' if count == 1 else 's'}"


def show_plan(plan: Plan, now: datetime) -> None:
    """What would go as tables, then why the rest stays, then what cannot be known."""
    from rich.table import Table

    choice = plan.choice
    if choice.images:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in ("image", "digest", "pushed (UTC)", "age"):
            table.add_column(column, no_wrap=True)
        table.add_column("size", justify="right", no_wrap=True)
        for image in choice.images[:SHOWN_MAX]:
            age = f"{(now - image.pushed_at).days} d"
            size = write_bytes(sum(image.blobs.values()))
            table.add_row(_called(image), image.digest[:DIGEST_SHOWN], f"{image.pushed_at:%Y-%m-%d %H:%M}", age, size)
        page().print(table)
        _and_more(len(choice.images))
    names = [name_of(one) for one in choice.deregister]
    if names:
        click.echo(f"Deregister: {_in_a_line(names)}.")
    if plan.deletes_definitions and (choice.delete or names):
        click.echo(f"Delete: {_in_a_line([*names, *map(name_of, choice.delete)])}.")
    if plan.is_empty:
        click.echo(f"Nothing of {plan.facts.repository} is to go.")
    else:
        click.echo(
            f"{len(choice.images)} of {len(plan.facts.images)} images would go; that frees {write_bytes(choice.freed_bytes)} "
            "(layers that others need stay)."
        )
    for line in _why_the_rest_stays(plan):
        click.echo(line)
    for limit in plan.limits:
        click.echo(f"Note: {limit}.")


def _called(image: StoredImage) -> str:
    if image.tags:
        return ", ".join(image.tags)
    return "(about another image)" if image.subject is not None else "(no tag)"


def _and_more(count: int) -> None:
    if count > SHOWN_MAX:
        click.echo(f"… and {count - SHOWN_MAX} more; --json has all.")


def _in_a_line(names: Sequence[str]) -> str:
    shown = ", ".join(names[:SHOWN_MAX])
    return shown if len(names) <= SHOWN_MAX else f"{shown} and {len(names) - SHOWN_MAX} more"


def _why_the_rest_stays(plan: Plan) -> Iterable[str]:
    own = {one.arn for one in plan.facts.definitions.values() if one.family == plan.facts.family}
    kept = {arn: holds for arn, holds in plan.choice.held_definitions.items() if arn in own}
    for what, held in (("image", plan.choice.held_images), ("task definition", kept)):
        if held:
            counts = ", ".join(f"{count} {reason.value}" for reason, count in _by_reason(held).items())
            yield f"Kept: {counted(len(held), what)} ({counts})."


def _by_reason(held: Mapping[str, Sequence[Hold]]) -> dict[Reason, int]:
    """How many stay for each reason, the best of each alone."""
    order = list(Reason)
    best = Counter(min((hold.reason for hold in holds), key=order.index) for holds in held.values())
    return {reason: best[reason] for reason in order if reason in best}


def show_done(done: Done) -> None:
    images = counted(len(done.images), "image")
    definitions = counted(len(done.deregistered) or len(done.deleted), "task definition")
    click.echo(f"Deleted {images} and {definitions}; {write_bytes(done.freed_bytes)} are free.")
    for one in done.spared:
        click.echo(f"Spared: {one}, which was needed again, or had changed, at the second look.")
    for failure in done.failures:
        click.echo(f"Not deleted: {failure}", err=True)


def plan_json(plan: Plan) -> dict[str, Any]:
    choice = plan.choice
    return {
        "repository": plan.facts.repository,
        "family": plan.facts.family,
        "keep": {"releases": plan.keep.releases, "days": plan.keep.days},
        "freed_bytes": choice.freed_bytes,
        "images": [_image_json(one) for one in choice.images],
        "deregister": [one.arn for one in choice.deregister],
        "delete": [one.arn for one in (*choice.deregister, *choice.delete)] if plan.deletes_definitions else [],
        "kept_images": {digest: _holds_json(holds) for digest, holds in choice.held_images.items()},
        "kept_task_definitions": {arn: _holds_json(holds) for arn, holds in choice.held_definitions.items()},
        "limits": list(plan.limits),
        "done": None,
    }


def _image_json(image: StoredImage) -> dict[str, Any]:
    return {
        "digest": image.digest,
        "tags": list(image.tags),
        "pushed_at": image.pushed_at.isoformat(),
        "size_bytes": sum(image.blobs.values()),
    }


def _holds_json(holds: Sequence[Hold]) -> list[dict[str, str]]:
    return [{"reason": hold.reason.value, "by": hold.by} for hold in holds]


def done_json(done: Done) -> dict[str, Any]:
    return {
        "images": [one.digest for one in done.images],
        "deregistered": list(done.deregistered),
        "deleted": list(done.deleted),
        "freed_bytes": done.freed_bytes,
        "spared": list(done.spared),
        "failures": list(done.failures),
    }


def print_json(told: Mapping[str, Any]) -> None:
    click.echo(json.dumps(told, indent=2))
