"""What holds of every resource type."""

import pytest

from ninelives.stacks.schemas import schema_of
from ninelives.stacks.types import TYPES


@pytest.mark.parametrize("type_name", sorted(TYPES))
def test_every_type_has_its_schema(type_name: str) -> None:
    assert schema_of(type_name).properties, "run scripts/resource_schemas.py"
