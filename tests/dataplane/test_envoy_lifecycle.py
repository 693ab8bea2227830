"""Live: drains without loss, the control plane's death and return, Envoy's death, refusals, size."""

import asyncio
import os
import signal
import socket
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from envoy_world import QUICK, World, forward, in_world, read_answer, request, request_head, until

from ninelives.dataplane import EnvoyFailed
from ninelives.dataplane.process import Places, recorded
from ninelives.model.elbv2 import Condition, FixedResponse, TargetHealthState, TargetKey
from ninelives.region.ports import PublishRejected

pytestmark = pytest.mark.live


@dataclass
class Load:
    """Clients of all kinds that run until told to stop. Nothing is tried twice: what fails is lost."""

    url: tuple[str, int]
    sent: int = 0
    bodies: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    stopped: bool = False
    _clients: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self) -> None:
        kinds = [self._keep_alive("/") for _ in range(6)]
        kinds += [self._keep_alive("/slow") for _ in range(4)] + [self._fresh() for _ in range(3)]
        self._clients = [asyncio.create_task(kind) for kind in kinds]

    async def stop(self) -> None:
        self.stopped = True
        await asyncio.gather(*self._clients)

    async def _keep_alive(self, path: str) -> None:
        reader, writer = await asyncio.open_connection(*self.url)
        while not self.stopped:
            writer.write(request_head(path))
            answer = await self._read(reader)
            if answer is None or answer.get("connection") == "close":
                writer.close()
                reader, writer = await asyncio.open_connection(*self.url)
        writer.close()

    async def _fresh(self) -> None:
        while not self.stopped:
            reader, writer = await asyncio.open_connection(*self.url)
            writer.write(request_head("/", connection="close"))
            await self._read(reader)
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> dict[str, str] | None:
        self.sent += 1
        try:
            async with asyncio.timeout(10):
                answer = await read_answer(reader)
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            self.lost.append(repr(error))
            return None
        if answer.status != 200:
            self.lost.append(f"{answer.status} {answer.body}")
        self.bodies[answer.body] += 1
        return answer.headers


async def drain(world: World, key: TargetKey) -> None:
    """As the region does: drain, two quiet readings, remove."""
    world.records.drain(key)
    await world.publish()
    quiet = 0
    while quiet < 2:
        quiet = quiet + 1 if await world.in_flight(key) == 0 else 0
        await asyncio.sleep(0.02)
    world.records.deregister(key)
    await world.publish()


def test_replacing_every_target_under_load_loses_nothing() -> None:
    async def test(world: World) -> None:
        old = await world.serve("v1-a", "v1-b")
        for backend in world.backends:
            backend.slow_seconds = 0.3
        load = Load(world.url)
        load.start()
        for number, key in enumerate(old):
            fresh = await world.backend(f"v2-{number}")
            fresh.slow_seconds = 0.3
            new = world.records.register("web", fresh.port)
            await world.publish()
            await world.until_state(new, TargetHealthState.HEALTHY)
            before = world.backends[number].asked.total()
            await drain(world, key)
            assert world.backends[number].asked.total() >= before
            await world.backends[number].stop()
            await until(lambda: load.sent > 300 * (number + 1), what="load")  # noqa: B023 - awaited at once
        load.bodies.clear()
        mark = load.sent
        await until(lambda: load.sent > mark + 100, what="load")
        await load.stop()

        assert [] == load.lost
        assert {"v2-0", "v2-1"} >= load.bodies.keys() - {"v1-a", "v1-b"} != set()
        assert load.sent > 500

    in_world(test)


def test_attributes_that_change_the_listener_lose_no_request_and_cut_no_stream() -> None:
    changes: list[tuple[str, dict[str, str]]] = [
        ("attributes", {"client_keep_alive.seconds": "100"}),
        ("attributes", {"idle_timeout.timeout_seconds": "30"}),
        ("attributes", {"routing.http.preserve_host_header.enabled": "true"}),
        ("listener_attributes", {"routing.http.response.server.enabled": "false"}),
    ]

    async def test(world: World) -> None:
        await world.serve("a")
        world.backends[0].slow_seconds = 0.3
        reader, writer = await asyncio.open_connection(*world.url)
        writer.write(request_head("/ws", connection="Upgrade", upgrade="websocket"))
        assert b"101" in await reader.readuntil(b"\r\n\r\n")
        load = Load(world.url)
        load.start()
        for records, change in changes:
            before = world.records.snapshot().listeners
            setattr(world.records, records, change)
            assert before != world.records.snapshot().listeners
            mark = load.sent
            await world.publish()
            await until(lambda: load.sent > mark + 100, what="load")  # noqa: B023 - awaited at once
            writer.write(b"still here\n")
            assert b"a:still here\n" == await reader.readline()
        await load.stop()
        writer.close()

        assert [] == load.lost

    in_world(test)


def test_weights_that_move_in_the_snapshot_in_which_the_old_group_drains_lose_nothing() -> None:
    async def test(world: World) -> None:
        sides = {"blue": "green", "green": "blue"}
        for side in sides:
            world.records.group(side)
        world.records.rule(forward(("blue", 1), ("green", 0)))
        live = {side: await world.serve(f"{side}-a", f"{side}-b", group=side) for side in sides}
        load = Load(world.url)
        load.start()
        for old, new in [("blue", "green"), ("green", "blue")] * 6:
            mark = load.sent
            await until(lambda: load.sent > mark + 50, what="load")  # noqa: B023 - awaited at once
            world.records.rules.clear()
            world.records.rule(forward((old, 0), (new, 1)))
            for key in live[old]:
                world.records.drain(key)
            await world.publish()
            for key in live[old]:
                world.records.register(old, key.port)
            await world.publish()
            for key in live[old]:
                await world.until_state(key, TargetHealthState.HEALTHY)
        await load.stop()

        assert [] == load.lost

    in_world(test)


def test_a_slow_request_keeps_a_drain_open_and_ends_it() -> None:
    async def test(world: World) -> None:
        [key, _] = await world.serve("a", "b")
        world.backends[0].slow_seconds = world.backends[1].slow_seconds = 0.6
        slow = [asyncio.create_task(world.get("/slow")) for _ in range(4)]
        await until(lambda: world.backends[0].asked["/slow"] > 0, what="a slow request at the first target")
        world.records.drain(key)
        await world.publish()
        asked = world.backends[0].asked["/"]

        assert 1 <= await world.in_flight(key) <= 4
        assert {"b"} == {(await world.get()).body for _ in range(20)}
        assert asked == world.backends[0].asked["/"]
        assert {200} == {(await one).status for one in slow}
        assert 0 == await world.in_flight(key)

    in_world(test)


def test_requests_that_began_before_a_change_of_the_health_check_count_until_they_end() -> None:
    async def test(world: World) -> None:
        [key, _] = await world.serve("a", "b")
        world.backends[0].slow_seconds = world.backends[1].slow_seconds = 1.0
        slow = [asyncio.create_task(world.get("/slow")) for _ in range(6)]
        await until(lambda: world.backends[0].asked["/slow"] > 0, what="a slow request at the first target")
        world.records.group("web", replace(QUICK, healthy_threshold=5, interval=timedelta(seconds=0.3)))
        world.records.drain(key)
        await world.publish()
        while not all(one.done() for one in slow):
            in_flight = await world.in_flight(key)
            assert in_flight or world.backends[0].answered["/slow"] == world.backends[0].asked["/slow"]
            await asyncio.sleep(0.02)

        async def is_quiet() -> bool:
            return await world.in_flight(key) == 0

        await until(is_quiet, what="no request in flight")
        assert {200} == {(await one).status for one in slow}

    in_world(test)


def test_in_flight_is_0_for_a_target_that_envoy_does_not_know() -> None:
    async def test(world: World) -> None:
        stranger = TargetKey("arn", "127.0.0.1", 1)
        assert {stranger: 0} == await world.plane.requests_in_flight([stranger])
        assert {} == await world.plane.requests_in_flight([])

    in_world(test)


def test_traffic_flows_on_without_a_control_plane_and_the_next_one_adopts() -> None:
    async def test(world: World) -> None:
        world.records.group("web")
        keys = await world.serve("a", "b", "down")
        world.backends[2].health = 503
        await world.until_state(keys[2], TargetHealthState.UNHEALTHY)
        envoy = recorded(world.plane._places)
        load = Load(world.url)
        load.start()
        await until(lambda: load.sent > 50, what="load")
        await world.plane.close()
        mark = load.sent
        await until(lambda: load.sent > mark + 100, what="load without a control plane")

        world.plane = world.new_plane()
        world.plane.prepare(world.records.snapshot())
        started = time.monotonic()
        await world.plane.start()

        assert time.monotonic() - started < 2
        assert envoy == recorded(world.plane._places)
        assert TargetHealthState.HEALTHY is world.state(keys[0])
        assert TargetHealthState.HEALTHY is world.state(keys[1])
        assert TargetHealthState.UNHEALTHY is world.state(keys[2])
        assert "Target.ResponseCodeMismatch" == world.reason(keys[2])
        updates = await world.plane._admin.gauges(r"^(cluster_manager\.cluster_modified|cluster\.web/.*\.update_success)$")
        assert 0 == updates["cluster_manager.cluster_modified"], "nothing is changed needlessly"
        fresh = await world.backend("fresh")
        key = world.records.register("web", fresh.port)
        await world.publish()
        await world.until_state(key, TargetHealthState.HEALTHY)
        await load.stop()
        assert [] == load.lost

    in_world(test)


def test_a_target_that_became_unhealthy_without_a_control_plane_is_known_at_once() -> None:
    async def test(world: World) -> None:
        keys = await world.serve("a", "b")
        await world.plane.close()
        world.backends[0].health = 500
        asked = world.backends[0].asked["/health"]
        await until(lambda: world.backends[0].asked["/health"] > asked + 3, what="checks")
        world.plane = world.new_plane()
        world.plane.prepare(world.records.snapshot())
        await world.plane.start()

        assert (TargetHealthState.UNHEALTHY, TargetHealthState.HEALTHY) == (world.state(keys[0]), world.state(keys[1]))
        assert {"b"} == {(await world.get()).body for _ in range(10)}

    in_world(test)


def test_an_envoy_that_dies_is_started_again() -> None:
    async def test(world: World) -> None:
        [key] = await world.serve("a")
        process = recorded(world.plane._places)
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)

        async def is_back() -> bool:
            try:
                return (await world.get()).status == 200
            except OSError:
                return False

        await until(is_back, what="answers from a new Envoy")
        again = recorded(world.plane._places)
        assert again is not None
        assert process.pid != again.pid
        assert TargetHealthState.HEALTHY is world.state(key)
        fresh = await world.backend("fresh")
        await world.until_state(await registered(world, fresh.port), TargetHealthState.HEALTHY)

    in_world(test)


async def registered(world: World, port: int) -> TargetKey:
    key = world.records.register("web", port)
    await world.publish()
    return key


def test_a_refused_snapshot_says_why_and_the_one_before_stays_in_force() -> None:
    async def test(world: World) -> None:
        [key] = await world.serve("a")
        good = world.records.snapshot()
        [name] = good.routes
        bad_route = {"match": {"safe_regex": {"regex": "(unbalanced"}}, "direct_response": {"status": 200}}
        hosts = [{"name": "alb", "domains": ["*"], "routes": [bad_route]}]
        bad = replace(good, routes={name: {**good.routes[name], "virtual_hosts": hosts}})

        with pytest.raises(PublishRejected, match=r"missing \)"):
            await world.plane.publish(bad)
        assert "a" == (await world.get()).body
        unknown = replace(good, routes={name: {**good.routes[name], "no_such_field": 1}})
        with pytest.raises(PublishRejected, match="no_such_field"):
            await world.plane.publish(unknown)

        assert "a" == (await world.get()).body
        fresh = await world.backend("fresh")
        await world.until_state(await registered(world, fresh.port), TargetHealthState.HEALTHY)
        assert {"a", "fresh"} == {(await world.get()).body for _ in range(20)}
        assert TargetHealthState.HEALTHY is world.state(key)

    in_world(test)


def test_a_listener_whose_port_another_program_took_is_refused_by_name() -> None:
    async def test(world: World) -> None:
        world.records.rule(FixedResponse(status_code=200, message_body="here"))
        with socket.socket() as thief:
            thief.bind(world.url)
            thief.listen()
            assert world.plane.pick_port(*world.url) is None
            with pytest.raises(PublishRejected, match=r"(?i)address already in use"):
                await world.publish()
        await world.publish()

        assert "here" == (await world.get()).body

    in_world(test)


def test_listeners_come_and_go_with_their_ports() -> None:
    async def test(world: World) -> None:
        world.records.rule(FixedResponse(status_code=200, message_body="here"))
        await world.publish()
        assert 200 == (await world.get()).status
        nothing = replace(world.records.snapshot(), listeners={}, routes={})
        await world.plane.publish(nothing)

        async def is_closed() -> bool:
            try:
                await request(world.url)
            except (OSError, asyncio.IncompleteReadError):
                return True
            return False

        await until(is_closed, what="a closed port")
        await world.publish()
        assert 200 == (await world.get()).status

    in_world(test)


def test_a_hundred_target_groups_are_published_quickly_and_changes_stay_quick() -> None:
    async def test(world: World) -> None:
        backend = await world.backend("one")
        keys = []
        for number in range(100):
            name = f"g{number}"
            world.records.group(name, QUICK)
            keys.append(world.records.register(name, backend.port))
            world.records.rule(
                forward((name, 1)), Condition(field="path-pattern", values=(f"/{number}/*",)), priority=number + 1
            )
        world.records.rule(FixedResponse(status_code=404))
        started = time.monotonic()
        await world.publish()
        published = time.monotonic() - started
        for key in keys:
            await world.until_state(key, TargetHealthState.HEALTHY)
        assert 200 == (await world.get("/99/x")).status
        assert published < 3

        durations = []
        for key in keys[:20]:
            world.records.drain(key)
            snapshot = world.records.snapshot()
            started = time.monotonic()
            await world.plane.publish(snapshot)
            durations.append(time.monotonic() - started)
        assert sorted(durations)[10] < 0.05

    in_world(test)


def test_concurrent_publishes_are_serialised_and_the_last_one_wins() -> None:
    async def test(world: World) -> None:
        snapshots = []
        for number in range(20):
            world.records.rules.clear()
            world.records.rule(FixedResponse(status_code=200, message_body=str(number)))
            snapshots.append(world.records.snapshot())
        await asyncio.gather(*(world.plane.publish(snapshot) for snapshot in snapshots))

        assert "19" == (await world.get()).body

    in_world(test)


def test_a_graceful_stop_lets_requests_finish() -> None:
    async def test(world: World) -> None:
        await world.serve("a")
        world.backends[0].slow_seconds = 0.5
        slow = asyncio.create_task(world.get("/slow"))
        await until(lambda: world.backends[0].asked["/slow"] > 0)
        await world.plane.stop(graceful=True)

        assert 200 == (await slow).status
        assert recorded(world.plane._places) is None
        with pytest.raises(OSError, match=r".*"):
            await world.get()

    in_world(test)


def test_a_plane_that_never_started_can_stop_what_another_left() -> None:
    async def test(world: World) -> None:
        await world.plane.close()
        assert recorded(world.plane._places) is not None
        world.plane = world.new_plane()
        await world.plane.stop(graceful=False)
        assert recorded(world.plane._places) is None
        await world.plane.stop(graceful=False)

    in_world(test)


def test_an_envoy_that_cannot_start_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(world: World) -> None:
        await world.plane.stop(graceful=False)
        monkeypatch.setattr("ninelives.dataplane.process.CONCURRENCY", "many")
        world.plane = world.new_plane()
        world.plane.prepare(world.records.snapshot())
        with pytest.raises(EnvoyFailed, match="many"):
            await world.plane.start()

    in_world(test)


@pytest.mark.parametrize("mode", [0o777, 0o750])
def test_a_socket_folder_that_others_can_reach_into_is_closed_to_them(mode: int, tmp_path: Path) -> None:
    folder = tmp_path / "sockets"
    folder.mkdir()
    folder.chmod(mode)

    Places(state_directory=tmp_path / "state", socket_directory=folder).make()

    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_socket_folder_that_somebody_else_made_is_refused(tmp_path: Path) -> None:
    """Its path can be foretold, and it lies where everybody may write: whoever was there first would speak for us."""
    ours, link = tmp_path / "ours", tmp_path / "link"
    ours.mkdir()
    link.symlink_to(ours)

    with pytest.raises(EnvoyFailed, match="link"):
        Places(state_directory=tmp_path / "state", socket_directory=link).make()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make a folder of somebody else")
def test_a_socket_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o700)
    os.chown(theirs, 65534, 65534)

    with pytest.raises(EnvoyFailed, match="theirs"):
        Places(state_directory=tmp_path / "state", socket_directory=theirs).make()


def test_what_an_ended_envoy_told_of_an_address_is_not_believed_of_the_next_one() -> None:
    async def test(world: World) -> None:
        (key,) = await world.serve("one")
        await world.plane.stop(graceful=False)
        await world.backends[0].stop()
        seen: set[TargetHealthState | None] = set()

        world.plane = world.new_plane()
        world.plane.prepare(world.records.snapshot())
        world.plane.subscribe(lambda: seen.add(world.state(key)))
        await world.plane.start()
        seen.add(world.state(key))
        await world.until_state(key, TargetHealthState.UNHEALTHY)

        assert seen == {TargetHealthState.INITIAL, TargetHealthState.UNHEALTHY}

    in_world(test)
