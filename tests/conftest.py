"""What holds for every test."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is slow, not wrong: examples are counted, their milliseconds are not.
settings.register_profile("ninelives", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ninelives")

LONGEST = frozenset(
    {
        "test_auto_scaling.py",
        "test_demo_live.py",
        "test_figures.py",
        "test_pipeline.py",
        "test_rightsized_service.py",
        "test_strategies.py",
    }
)
"""Files that take minutes."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files, so that of several workers none is left alone with one at the end."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(scope="session", autouse=True)
def state_of_their_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What tests and their processes keep in the user's state folder goes into one of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state-home")))
        yield
