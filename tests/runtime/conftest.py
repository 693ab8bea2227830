"""The runtimes' parts, one by one; the small images are those of the contract."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "contracts"))

from small_images import SmallRegistry, small_registry  # found by the line above


@pytest.fixture
def own_registry() -> Iterator[SmallRegistry]:
    with small_registry() as one:
        yield one
