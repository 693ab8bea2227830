"""Deliveries of subscription filters are of a size that a function takes."""

from hypothesis import given
from hypothesis import strategies as st

from ninelives.model.logs import LogEvent
from ninelives.telemetry.logs.subscriptions import PART_MAX, parts


@given(st.lists(st.integers(1, PART_MAX), max_size=20))
def test_parts_hold_all_events_in_order_and_no_more_than_a_function_takes(lengths: list[int]) -> None:
    events = [LogEvent(place, place, "s", 0, "x" * length) for place, length in enumerate(lengths)]
    made = list(parts(events))

    assert [one for part in made for one in part] == events
    assert all(sum(len(one.message) for one in part) <= PART_MAX for part in made)
    assert all(made)
