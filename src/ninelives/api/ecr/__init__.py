"""ECR: its operations on the registry. A file a noun; each reads the wire, calls the registry and writes the wire."""

import inspect
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from ninelives.api.call import Call, Handler, Operations
from ninelives.api.ecr import authorization, images, layers, lifecycle, policies, repositories
from ninelives.api.ecr.events import image_action
from ninelives.api.ecr.shop import EcrHandler, Shop
from ninelives.model.arns import Place
from ninelives.model.errors import ApiError
from ninelives.registry import Registry, RegistryError

_HANDLERS: Mapping[str, EcrHandler] = {
    **authorization.HANDLERS,
    **images.HANDLERS,
    **layers.HANDLERS,
    **lifecycle.HANDLERS,
    **policies.HANDLERS,
    **repositories.HANDLERS,
}


def operations(
    registry: Registry,
    *,
    place: Place,
    endpoint: str,
    now: Callable[[], datetime],
    password: Callable[[Call], str] | None = None,
    policy_changed: Callable[[], None] = lambda: None,
) -> Operations:
    """ECR's operations on ``registry``, by name. ``endpoint`` is the host and port under which clients reach the registry;
    ``password`` is what a caller may log in with there, where the registry asks who it is; ``policy_changed`` is told when a
    lifecycle policy was put or deleted.
    """
    shop = Shop(registry=registry, place=place, endpoint=endpoint, now=now, password=password, policy_changed=policy_changed)
    handlers = {**_HANDLERS, **lifecycle.Previews().handlers()}
    return {name: _refusing(partial(handler, shop)) for name, handler in handlers.items()}


def _refusing(handler: Handler) -> Handler:
    """``handler``, with the registry's refusals in ECR's codes."""

    async def answer(call: Call) -> Mapping[str, Any]:
        try:
            answered = handler(call)
            return await answered if inspect.isawaitable(answered) else answered
        except RegistryError as error:
            raise ApiError(error.ecr_code, str(error)) from error

    return answer


__all__ = ["image_action", "operations"]
