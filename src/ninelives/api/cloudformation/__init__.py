"""CloudFormation on the wire: requests to what the engine is asked for, stacks to answers. A file a noun."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from ninelives.api.authorization.stack_actors import StackActors
from ninelives.api.call import Call, Handler, Operations
from ninelives.api.cloudformation import change_sets, drift, exports, resources, stacks, templates
from ninelives.api.cloudformation.support import SHAPES
from ninelives.api.cloudformation.wire import EngineHandler
from ninelives.api.support import gated
from ninelives.stacks.blueprints import invalid
from ninelives.stacks.engine import Engine

_HANDLERS: Mapping[str, EngineHandler] = {
    **stacks.HANDLERS,
    **change_sets.HANDLERS,
    **resources.HANDLERS,
    **templates.HANDLERS,
    **exports.HANDLERS,
    **drift.HANDLERS,
}


def operations(engine: Engine, actors: StackActors | None = None) -> Operations:
    """CloudFormation's operations, by name. With ``actors`` what is begun goes on as who asked for it."""
    asked = {name: partial(_asked, handler, engine, actors) for name, handler in _HANDLERS.items()}
    return gated("cloudformation", SHAPES, {name: _moded(handler) for name, handler in asked.items()})


def _asked(handler: EngineHandler, engine: Engine, actors: StackActors | None, call: Call) -> Any:
    if actors is not None and call.caller is not None:
        engine = engine.on_behalf_of(actors.seal(call.caller), actors.call_of(call.caller))
    return handler(engine, call)


def _moded(handler: Handler) -> Handler:
    """A handler that refuses to call done what is not ready."""

    def answer(call: Call) -> Any:
        if call.parameters.get("DeploymentConfig", {}).get("Mode") == "EXPRESS":
            raise invalid("Deployment mode EXPRESS is not supported by this region: an operation ends when all is ready.")
        return handler(call)

    return answer


__all__ = ["operations"]
