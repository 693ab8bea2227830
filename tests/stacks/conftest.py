import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent / "api"))  # `ecs_world`, `running_door`

from type_bench import Bench


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Resource types on records of their own, whose backends are global."""
    from moto.core.base_backend import BackendDict

    BackendDict.reset()
    with asyncio.Runner() as runner:
        made = Bench(runner)
        yield made
        runner.run(made.moto.close())
    BackendDict.reset()
