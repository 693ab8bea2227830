"""Watches: one look for all pages, only what has changed, slower where AWS asks for it."""

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from ninelives.console.hub import WATCHES_KEPT, Hub, Watch, merged
from ninelives.console.reading import Reader
from ninelives.deploy.clock import WallClock

SOON = 0.001


async def told(watch: Watch, count: int) -> list[dict[str, Any]]:
    """The next states of a watch."""
    states = watch.states()
    found = [orjson.loads(await anext(states)) for _ in range(count)]
    await states.aclose()
    return found


def looks(*answers: dict[str, Any] | Exception) -> tuple[Callable[[], dict[str, Any]], list[int]]:
    """A look that gives these answers one after the other, the last one for ever; and how often it was taken."""
    taken: list[int] = []

    def look() -> dict[str, Any]:
        answer = answers[min(len(taken), len(answers) - 1)]
        taken.append(1)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return look, taken


def test_a_page_is_told_only_what_has_changed() -> None:
    look, taken = looks({"n": 1, "at": 1}, {"n": 1, "at": 2}, {"n": 2, "at": 3})

    async def scenario() -> list[dict[str, Any]]:
        watch = Watch("w", look, lambda _: SOON)
        found = await told(watch, 2)
        await watch.close()
        return found

    assert [1, 2] == [state["n"] for state in asyncio.run(scenario())]
    assert len(taken) >= 3


def test_two_pages_share_one_look_and_the_second_has_something_at_once() -> None:
    look, taken = looks({"n": 1})

    async def scenario() -> None:
        watch = Watch("w", look, lambda _: 3600.0)
        assert [{"n": 1}] == await told(watch, 1)
        assert [[{"n": 1}], [{"n": 1}]] == list(await asyncio.gather(told(watch, 1), told(watch, 1)))
        await watch.close()

    asyncio.run(scenario())

    assert 1 == len(taken)


def test_who_has_done_something_need_not_wait_for_the_next_look() -> None:
    look, _ = looks({"n": 1}, {"n": 2})

    async def scenario() -> list[dict[str, Any]]:
        watch = Watch("w", look, lambda _: 3600.0)
        states = watch.states()
        first = orjson.loads(await anext(states))
        ahead = asyncio.ensure_future(anext(states))
        while not ahead.done():
            watch.hurry()
            await asyncio.sleep(0)
        await states.aclose()
        await watch.close()
        return [first, orjson.loads(ahead.result())]

    assert [{"n": 1}, {"n": 2}] == asyncio.run(scenario())


def test_trouble_is_a_state_and_passes() -> None:
    throttled = ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "ListServices")
    look, _ = looks(throttled, {"n": 1})

    async def scenario() -> list[dict[str, Any]]:
        watch = Watch("w", look, lambda _: SOON)
        found = await told(watch, 2)
        await watch.close()
        return found

    trouble, state = asyncio.run(scenario())

    assert ("throttled", {"n": 1}) == (trouble["trouble"]["kind"], state)


def test_credentials_are_looked_for_again_when_they_are_refused() -> None:
    look, _ = looks(NoCredentialsError(), {"n": 1})
    refused: list[int] = []

    async def scenario() -> None:
        watch = Watch("w", look, lambda _: SOON, lambda: refused.append(1))
        await told(watch, 2)
        await watch.close()

    asyncio.run(scenario())

    assert [1] == refused


def test_a_stream_brings_what_all_its_sources_say() -> None:
    async def scenario() -> set[str]:
        watches = {name: Watch(name, looks({"from": name})[0], lambda _: 3600.0) for name in ("overview", "service")}
        stream = merged({name: watch.states() for name, watch in watches.items()}, 60.0)
        found = {(await anext(stream))[0] for _ in watches}
        await stream.aclose()
        for watch in watches.values():
            await watch.close()
        return found

    assert {"overview", "service"} == asyncio.run(scenario())


def test_what_is_done_while_it_is_looked_at_is_looked_at_again() -> None:
    taken: list[int] = []

    async def scenario() -> dict[str, Any]:
        loop = asyncio.get_running_loop()

        def look() -> dict[str, Any]:
            taken.append(1)
            if len(taken) == 1:
                asyncio.run_coroutine_threadsafe(hurried(), loop).result()
            return {"n": len(taken)}

        async def hurried() -> None:
            watch.hurry()

        watch = Watch("w", look, lambda _: 3600.0)
        async with asyncio.timeout(10):
            [_, second] = await told(watch, 2)
        await watch.close()
        return second

    assert {"n": 2} == asyncio.run(scenario())


@pytest.mark.parametrize("pace", [3.0, 125.0])
def test_where_aws_asks_for_fewer_calls_even_the_slowest_look_becomes_slower(pace: float) -> None:
    waits: list[float] = []
    look, _ = looks(ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "DescribeServices"))

    async def scenario() -> None:
        watch = Watch("w", look, lambda _: pace)
        states = watch.states()
        enough, real = asyncio.Event(), asyncio.timeout

        def waited(seconds: float) -> asyncio.Timeout:
            waits.append(seconds)
            if len(waits) == 6:
                enough.set()
            return real(0)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(asyncio, "timeout", waited)
            await anext(states)
            await enough.wait()
        await states.aclose()
        await watch.close()

    asyncio.run(scenario())

    assert [pace * times for times in (2, 4, 8, 16, 16, 16)] == waits[:6]


def test_what_nobody_looks_at_any_more_is_forgotten_one_day() -> None:
    hub = Hub(Reader(lambda: None, WallClock()))  # type: ignore[arg-type,return-value]  # nobody asks

    seen = [hub.service(("c", f"preview-{number}")) for number in range(WATCHES_KEPT + 50)]

    assert hub.service(("c", f"preview-{WATCHES_KEPT + 49}")) is seen[-1]
    assert hub.service(("c", "preview-0")) is not seen[0]


def test_a_server_that_stops_waits_for_no_page() -> None:
    async def scenario() -> list[str]:
        watch, stopping = Watch("w", lambda: {"n": 1}, lambda _: 3600.0), asyncio.Event()
        found = []
        async with asyncio.timeout(10):
            async for name, _ in merged({"a": watch.states()}, 60.0, stopping):
                found.append(name)
                stopping.set()
        await watch.close()
        return found

    assert ["a"] == asyncio.run(scenario())
