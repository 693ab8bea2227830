"""The resource types that the region has, by name."""

from collections.abc import Mapping
from typing import Final

from ninelives.stacks.resource_type import ResourceType
from ninelives.stacks.types import logs

TYPES: Final[Mapping[str, ResourceType]] = {one.name: one for one in logs.TYPES}

__all__ = ["TYPES"]
