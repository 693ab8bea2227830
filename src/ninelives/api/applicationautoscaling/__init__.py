"""Application Auto Scaling: its operations on the region's scaling. A file a noun. Only services of ECS are scaled."""

from collections.abc import Mapping
from functools import partial

from ninelives.api.applicationautoscaling import activities, policies, scheduled_actions, tags, targets
from ninelives.api.applicationautoscaling.handling import ScalingHandler
from ninelives.api.call import Operations
from ninelives.autoscaling import AutoScaling

_HANDLERS: Mapping[str, ScalingHandler] = {
    **activities.HANDLERS,
    **policies.HANDLERS,
    **scheduled_actions.HANDLERS,
    **tags.HANDLERS,
    **targets.HANDLERS,
}


def operations(scaling: AutoScaling) -> Operations:
    """Application Auto Scaling's operations, by name."""
    return {name: partial(handler, scaling) for name, handler in _HANDLERS.items()}


__all__ = ["operations"]
