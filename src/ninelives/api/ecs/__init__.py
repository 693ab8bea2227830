"""ECS: its operations on the region's records. A file a noun; each reads the wire, calls an intent and writes the wire."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ninelives.api.call import Call, Operations
from ninelives.api.ecs import (
    account_settings,
    capacity_providers,
    clusters,
    service_deployments,
    services,
    tags,
    task_definitions,
    task_sets,
    tasks,
)
from ninelives.api.ecs.state_changes import state_changes
from ninelives.api.ecs.support import SHAPES
from ninelives.api.ecs.task_inputs import ServiceInputs
from ninelives.api.support import gated
from ninelives.region.region import Region

RegionHandler = Callable[[Region, Call], Mapping[str, Any]]

_HANDLERS: Mapping[str, RegionHandler] = {
    **account_settings.HANDLERS,
    **capacity_providers.HANDLERS,
    **clusters.HANDLERS,
    **service_deployments.HANDLERS,
    **services.HANDLERS,
    **tags.HANDLERS,
    **task_definitions.HANDLERS,
    **task_sets.HANDLERS,
    **tasks.HANDLERS,
}


def operations(region: Region) -> Operations:
    """ECS's operations on ``region``, by name."""
    return gated("ecs", SHAPES, {name: partial(handler, region) for name, handler in _HANDLERS.items()})


__all__ = ["ServiceInputs", "operations", "state_changes"]
