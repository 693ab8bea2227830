"""CloudFormation on the wire: requests to what the engine is asked for, stacks to answers. A file a noun."""

from collections.abc import Mapping
from functools import partial

from ninelives.api.call import Operations
from ninelives.api.cloudformation import change_sets, drift, exports, resources, stacks, templates
from ninelives.api.cloudformation.support import SHAPES
from ninelives.api.cloudformation.wire import EngineHandler
from ninelives.api.support import gated
from ninelives.stacks.engine import Engine

_HANDLERS: Mapping[str, EngineHandler] = {
    **stacks.HANDLERS,
    **change_sets.HANDLERS,
    **resources.HANDLERS,
    **templates.HANDLERS,
    **exports.HANDLERS,
    **drift.HANDLERS,
}


def operations(engine: Engine) -> Operations:
    """CloudFormation's operations, by name."""
    return gated("cloudformation", SHAPES, {name: partial(handler, engine) for name, handler in _HANDLERS.items()})


__all__ = ["operations"]
