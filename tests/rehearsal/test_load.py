"""The load counts every fault for what it is, forgives nothing, and is on time."""

import asyncio
from collections import Counter
from itertools import pairwise

import pytest
from faulty_server import FaultyServer, faulty_server, refusing_target

from ninelives.rehearsal.load import Stream, resolve, send_load
from ninelives.rehearsal.sample import Kind, Sample, Target, mixed_traffic


async def stream_to(target: Target, path: str, *, connections: int = 0, patience: float = 5.0) -> Stream:
    kind = Kind(name="k", rate=1, path=path, connections=connections, timeout_seconds=patience)
    return Stream(kind, target, await resolve(target))


async def ask(stream: Stream) -> Sample:
    return await stream.request(asyncio.get_running_loop().time())


BARE_AND_TLS = pytest.mark.parametrize("tls", [False, True], ids=["bare", "tls"])


@BARE_AND_TLS
@pytest.mark.parametrize("connections", [0, 1])
@pytest.mark.parametrize(
    ("path", "status", "version", "error"),
    [
        ("/ok", 200, "1.0.0", None),
        ("/json", 200, "2.0.1", None),
        ("/text", 200, "1.0.0", None),
        ("/until-closed", 200, "1.0.0", None),
        ("/503", 503, None, "status_503"),
        ("/404", 404, "1.0.0", "status_404"),
        ("/reset", None, None, "reset"),
        ("/closed", None, None, "closed"),
        ("/half", 200, None, "closed"),
        ("/malformed", None, None, "malformed"),
        ("/never", None, None, "timeout"),
    ],
)
def test_each_fault_has_its_class(
    path: str, status: int | None, version: str | None, error: str | None, connections: int, *, tls: bool
) -> None:
    async def scenario() -> tuple[Sample, int]:
        async with faulty_server(tls=tls) as server:
            stream = await stream_to(server.target, path, connections=connections, patience=0.3)
            sample = await ask(stream)
            stream.close()
            return sample, server.requests[path]

    sample, asked = asyncio.run(scenario())

    if tls and path == "/reset":  # TLS may say goodbye before
        assert sample.error in {"reset", "closed"}
    else:
        assert (status, version, error) == (sample.status, sample.version, sample.error)
    assert asked == 1
    assert not sample.reused


def test_an_answer_cut_off_by_a_reset_is_lost() -> None:
    async def scenario() -> Sample:
        async with faulty_server() as server:
            return await ask(await stream_to(server.target, "/half-then-reset"))

    assert asyncio.run(scenario()).error in {"reset", "closed"}


def test_a_port_that_nothing_listens_on_refuses() -> None:
    async def scenario() -> Sample:
        return await ask(await stream_to(refusing_target(), "/ok"))

    assert asyncio.run(scenario()).error == "refused"


@BARE_AND_TLS
def test_a_kept_connection_is_used_again(*, tls: bool) -> None:
    async def scenario() -> tuple[list[bool], int]:
        async with faulty_server(tls=tls) as server:
            stream = await stream_to(server.target, "/ok", connections=1)
            samples = [await ask(stream) for _ in range(4)]
            stream.close()
            return [sample.reused for sample in samples], server.connections

    assert asyncio.run(scenario()) == ([False, True, True, True], 1)


def test_a_pool_is_filled_and_then_used_in_turn() -> None:
    async def scenario() -> int:
        async with faulty_server() as server:
            stream = await stream_to(server.target, "/ok", connections=3)
            for _ in range(9):
                await ask(stream)
            stream.close()
            return server.connections

    assert asyncio.run(scenario()) == 3


def test_a_fresh_connection_carries_one_request() -> None:
    async def scenario() -> int:
        async with faulty_server() as server:
            stream = await stream_to(server.target, "/ok")
            for _ in range(3):
                await ask(stream)
            return server.connections

    assert asyncio.run(scenario()) == 3


@BARE_AND_TLS
def test_a_connection_closed_while_idle_and_seen_so_loses_nothing(*, tls: bool) -> None:
    async def scenario() -> tuple[list[Sample], FaultyServer]:
        async with faulty_server(tls=tls) as server:
            stream = await stream_to(server.target, "/closes-when-idle", connections=1)
            first = await ask(stream)
            await server.idle_closed.wait()
            second = await ask(stream)
            stream.close()
            return [first, second], server

    samples, server = asyncio.run(scenario())

    assert [(None, False), (None, False)] == [(sample.error, sample.reused) for sample in samples]
    assert server.connections == 2


@BARE_AND_TLS
def test_a_request_lost_on_a_reused_connection_is_lost_and_never_sent_again(*, tls: bool) -> None:
    async def scenario() -> tuple[list[Sample], FaultyServer]:
        async with faulty_server(tls=tls) as server:
            stream = await stream_to(server.target, "/closes-when-asked-again", connections=1)
            samples = [await ask(stream), await ask(stream)]
            stream.close()
            return samples, server

    samples, server = asyncio.run(scenario())

    assert [(None, False), ("closed", True)] == [(sample.error, sample.reused) for sample in samples]
    assert (server.requests["/closes-when-asked-again"], server.connections) == (2, 1)


def test_a_connection_that_was_said_to_close_is_not_used_again() -> None:
    async def scenario() -> list[Sample]:
        async with faulty_server() as server:
            stream = await stream_to(server.target, "/says-close", connections=1)
            return [await ask(stream), await ask(stream)]

    assert [(None, False), (None, False)] == [(sample.error, sample.reused) for sample in asyncio.run(scenario())]


def test_latency_counts_from_when_the_request_was_due() -> None:
    async def scenario() -> Sample:
        async with faulty_server() as server:
            stream = await stream_to(server.target, "/ok")
            return await stream.request(asyncio.get_running_loop().time() - 2.0)

    sample = asyncio.run(scenario())

    assert sample.lag >= 2.0
    assert sample.latency >= sample.lag
    assert not sample.is_lost


def test_a_load_of_all_faults_is_counted_exactly() -> None:
    kinds = [
        Kind(name=path, rate=50 + 10 * number, path=path, connections=2 * (number % 2), timeout_seconds=2)
        for number, path in enumerate(["/ok", "/503", "/reset", "/closed", "/half", "/malformed", "/json"])
    ]

    async def scenario() -> tuple[list[Sample], FaultyServer]:
        samples: list[Sample] = []
        stop = asyncio.Event()
        async with faulty_server() as server:
            loop = asyncio.get_running_loop()
            loop.call_later(0.7, stop.set)
            await send_load(server.target, kinds, start_at=loop.time(), record=samples.append, stop=stop)
            return samples, server

    samples, server = asyncio.run(scenario())

    assert dict(server.requests) == dict(Counter(sample.kind for sample in samples))
    expected = {"/ok": None, "/503": "status_503", "/reset": "reset", "/closed": "closed", "/half": "closed",
                "/malformed": "malformed", "/json": None}  # fmt: skip
    assert {(sample.kind, sample.error) for sample in samples} == set(expected.items())


def test_requests_are_due_at_a_fixed_rate_even_when_nothing_answers() -> None:
    kinds = [Kind(name="k", rate=100, path="/never", timeout_seconds=0.4)]

    async def scenario() -> list[Sample]:
        samples: list[Sample] = []
        stop = asyncio.Event()
        async with faulty_server() as server:
            loop = asyncio.get_running_loop()
            loop.call_later(0.5, stop.set)
            await send_load(server.target, kinds, start_at=loop.time(), record=samples.append, stop=stop)
        return samples

    samples = asyncio.run(scenario())

    due = sorted(sample.intended_at for sample in samples)
    steps = [later - earlier for earlier, later in pairwise(due)]
    assert steps == pytest.approx([0.01] * len(steps), abs=1e-6)
    assert len(samples) >= 20
    assert {sample.error for sample in samples} == {"timeout"}


@pytest.mark.parametrize("rate", [60.0, 200.0, 240.0, 1000.0])
def test_mixed_traffic_adds_up_to_the_rate(rate: float) -> None:
    kinds = mixed_traffic(rate)

    assert sum(kind.rate for kind in kinds) == pytest.approx(rate)
    assert {"keep-alive", "fresh", "slow"} == {kind.name for kind in kinds}


@pytest.mark.parametrize(("rate", "takes", "timeout"), [(0, 0, 1), (-1, 0, 1), (1, 2, 2)])
def test_a_kind_that_makes_no_sense_is_refused(rate: float, takes: float, timeout: float) -> None:
    with pytest.raises(ValueError, match=r"expected a rate|must be above"):
        Kind(name="k", rate=rate, takes_seconds=takes, timeout_seconds=timeout)
