"""What AWS CDK leaves in its templates: a note of the libraries that made them."""

from collections.abc import Mapping
from typing import Any, Final

from ninelives.stacks.declared import Declared
from ninelives.stacks.resource_type import Request


async def _read(it: Request) -> Mapping[str, Any]:
    return {**it.properties, "Id": it.physical_id}


METADATA: Final = Declared(
    name="AWS::CDK::Metadata",
    takes="Analytics Modules",
    inert="a note of the libraries that made the template",
    read_by=_read,
)

TYPES: Final = (METADATA,)
