"""What holds for every test."""

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is slow, not wrong: examples are counted, their milliseconds are not.
settings.register_profile("ninelives", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ninelives")

LONGEST = frozenset({"test_demo_live.py", "test_strategies.py"})
"""Files that take minutes."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files, so that of several workers none is left alone with one at the end."""
    items.sort(key=lambda item: item.path.name not in LONGEST)
