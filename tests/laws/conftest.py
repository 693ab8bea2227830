"""The laws look at the same world as the scheduler's own tests; how long they look is one profile for all of them."""

import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parents[1] / "scheduler"))
sys.path.insert(0, str(Path(__file__).parents[1] / "stacks"))

settings.register_profile("laws", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("laws-thorough", settings.get_profile("laws"), max_examples=2000)
