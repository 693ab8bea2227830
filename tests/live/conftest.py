"""A region for a module's tests, on each runtime."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_region import RegionUnderTest, runtimes, skip_without_docker, started

sys.path.append(str(Path(__file__).parents[1] / "api"))


@pytest.fixture(scope="module", params=runtimes())
def region(request: pytest.FixtureRequest) -> Iterator[RegionUnderTest]:
    """A region for a module's tests, on each runtime."""
    skip_without_docker(request.param)
    with started(request.param) as region:
        yield region
