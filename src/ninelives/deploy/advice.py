"""What is not wrong in a service file and yet likely to hurt: said at a release, before it begins. Pure."""

from collections.abc import Iterator

from ninelives.deploy.quantities import write_duration
from ninelives.deploy.reading import Definition

ROUNDS_LEAST = 2
"""Rounds of checks that a grace period should have room for: one that fails in the boot, and one that does not."""


def advice(definition: Definition) -> Iterator[str]:
    """Sentences, each with file, line and key."""
    yield from _on_the_grace_period(definition)
    yield from _on_idle_strategies(definition)


def _on_the_grace_period(definition: Definition) -> Iterator[str]:
    health = definition.file.health
    least = ROUNDS_LEAST * health.interval * health.unhealthy_threshold
    if health.grace_period < least:
        yield (
            f"{definition.where('health', 'grace_period')}: {write_duration(health.grace_period)} is short beside the health "
            f"check: a task that still boots when {health.unhealthy_threshold} checks have failed (one every "
            f"{write_duration(health.interval)}) is unhealthy, and once the grace period is over it is replaced, however good "
            f"it is by then; {write_duration(least)} or more leaves it time"
        )


def _on_idle_strategies(definition: Definition) -> Iterator[str]:
    """What a strategy asks for is idle under another: as wished where that one is named, hardly so where none is."""
    deploy = definition.file.deploy
    if "strategy" in deploy.model_fields_set:
        return
    for name in ("canary", "linear"):
        if name in deploy.model_fields_set:
            yield (
                f"{definition.where('deploy', name)}: is not used: no strategy is given, and without one a release is "
                f"{deploy.strategy}; add `strategy: {name}`, or say `strategy: {deploy.strategy}` if that is meant"
            )
