import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "api"))

from scaling_bench import ScalingBench


@pytest.fixture
def bench() -> Iterator[ScalingBench]:
    made = ScalingBench()
    yield made
    made.close()
