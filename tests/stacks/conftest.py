import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "api"))

from region_bench import RegionBench
from type_bench import Bench


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Resource types on records of their own, whose backends are global."""
    from moto.core.base_backend import BackendDict

    BackendDict.reset()
    with asyncio.Runner() as runner:
        made = Bench(runner)
        yield made
        runner.run(made.logs.close())
        runner.run(made.moto.close())
    BackendDict.reset()


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegionBench]:
    """Resource types on a region whose loop runs when something is waited for."""
    from moto.core.base_backend import BackendDict

    BackendDict.reset()
    with asyncio.Runner() as runner:
        made = RegionBench(runner, tmp_path_factory.mktemp("region"))
        yield made
        made.close()
    BackendDict.reset()
