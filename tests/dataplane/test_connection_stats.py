"""Connections of listeners and target groups, as Envoy counts them."""

import pytest
from envoy_world import World, in_world

from ninelives.dataplane.connection_stats import connection_counts
from ninelives.region.ports import ConnectionCounts


def test_counters_are_found_by_the_names_of_what_they_belong_to() -> None:
    counters = {
        "http.app/web/1/2.downstream_cx_active": 3,
        "http.app/web/1/2.downstream_cx_total": 9,
        "http.admin.downstream_cx_total": 50,
        "cluster.web.v1/6d.upstream_cx_total": 4,
        "cluster.web.v1/6d.upstream_cx_connect_fail": 1,
        "cluster.control_plane.upstream_cx_total": 1,
        "cluster.web.v1/6d.upstream_rq_total": 7,
    }

    assert connection_counts(counters) == {
        "app/web/1/2": ConnectionCounts(active=3, opened=9),
        "web.v1/6d": ConnectionCounts(opened=4, failed=1),
    }


@pytest.mark.live
def test_a_request_is_a_connection_of_its_listener_and_one_to_its_target_group() -> None:
    async def test(world: World) -> None:
        await world.serve("web")
        before = await world.plane.connections()
        assert 200 == (await world.get("/")).status
        listener, group = world.records.listener.arn.partition(":listener/")[2], "web/6d0ecf831eec9f09"
        after = await world.plane.connections()

        assert 1 == after[listener].opened - before[listener].opened
        assert 1 <= after[group].opened

    in_world(test)
