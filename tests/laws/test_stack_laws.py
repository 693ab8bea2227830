"""What holds of every stack, whatever its templates, whatever fails, and whenever the control plane is killed."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stack_world import World, template, thing

from ninelives.model.errors import ApiError
from ninelives.stacks.records import StackStatus

NAMES = "ABCDE"


@st.composite
def templates(draw: st.DrawFn) -> dict[str, Any]:
    """Some things that link to things before them, by name or by ARN."""
    chosen = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=len(NAMES), unique=True).map(sorted))
    resources: dict[str, Any] = {}
    for name in chosen:
        earlier = st.lists(st.sampled_from(list(resources)), max_size=2, unique=True) if resources else st.just([])
        refer = st.sampled_from([lambda one: {"Ref": one}, lambda one: {"Fn::Sub": f"${{{one}}}"}])
        properties: dict[str, Any] = {"Kind": draw(st.sampled_from("xy")), "Size": draw(st.integers(1, 3))}
        links = [draw(refer)(one) for one in draw(earlier)]
        if links:
            properties["Links"] = links
        resources[name] = thing(depends_on=draw(earlier), **properties)
    return template(**resources)


failures = st.sets(st.tuples(st.sampled_from(["Make", "Change"]), st.sampled_from(NAMES)), max_size=2)


def played(story: Callable[[World], Awaitable[Any]]) -> World:
    async def play() -> World:
        world = World()
        await story(world)
        await world.engine.close()
        return world

    return asyncio.run(play())


@given(first=templates())
def test_what_is_created_and_deleted_leaves_nothing(first: Mapping[str, Any]) -> None:
    async def story(world: World) -> None:
        assert (await world.create(first)).status is StackStatus.CREATE_COMPLETE
        assert world.things.keys()
        assert (await world.delete()).status is StackStatus.DELETE_COMPLETE

    assert played(story).things == {}


@given(first=templates(), second=templates())
def test_an_update_leads_where_a_creation_leads(first: Mapping[str, Any], second: Mapping[str, Any]) -> None:
    async def updated(world: World) -> None:
        await world.create(first)
        if first == second:
            with pytest.raises(ApiError, match=r"No updates are to be performed\."):
                await world.update(second)
        else:
            with contextlib.suppress(ApiError):  # the same thing, said otherwise
                assert (await world.update(second)).status is StackStatus.UPDATE_COMPLETE

    async def created(world: World) -> None:
        await world.create(second)

    assert played(updated).sight() == played(created).sight()


@given(first=templates(), failing=failures)
def test_a_creation_that_fails_leaves_nothing(first: Mapping[str, Any], failing: set[tuple[str, str]]) -> None:
    async def story(world: World) -> None:
        world.failing = failing
        stack = await world.create(first)
        does_fail = any(("Make", name) in failing for name in first["Resources"])
        assert stack.status is (StackStatus.ROLLBACK_COMPLETE if does_fail else StackStatus.CREATE_COMPLETE)
        if does_fail:
            assert world.things == {}

    played(story)


@given(first=templates(), second=templates(), failing=failures)
def test_an_update_that_fails_leaves_what_was_there(
    first: Mapping[str, Any], second: Mapping[str, Any], failing: set[tuple[str, str]]
) -> None:
    async def story(world: World) -> None:
        await world.create(first)
        before = {name: dict(one) for name, one in world.things.items()}
        world.failing = failing
        try:
            stack = await world.update(second)
        except ApiError:
            return
        if stack.status is StackStatus.UPDATE_ROLLBACK_FAILED:  # what was changed cannot be changed back
            assert any(operation == "Change" for operation, _ in failing)
        elif stack.status is not StackStatus.UPDATE_COMPLETE:
            assert stack.status is StackStatus.UPDATE_ROLLBACK_COMPLETE
            assert {name: dict(one) for name, one in world.things.items()} == before

    played(story)


@settings(max_examples=120)
@given(first=templates(), second=templates(), failing=failures, kill_at=st.integers(1, 60))
def test_a_killed_control_plane_comes_to_the_same_end(
    first: Mapping[str, Any], second: Mapping[str, Any], failing: set[tuple[str, str]], kill_at: int
) -> None:
    ends: list[list[StackStatus]] = [[], []]

    def story(place: int, dies_at: int | None) -> Callable[[World], Awaitable[None]]:
        async def told(world: World) -> None:
            ends[place].append((await world.create(first)).status)
            world.failing = failing
            world.mortal.count, world.mortal.dies_at = -1, dies_at  # the commit that takes the request is not counted
            try:
                ends[place].append((await world.update(second)).status)
            except ApiError:
                return

        return told

    undisturbed, killed = played(story(0, None)), played(story(1, kill_at))

    assert ends[0] == ends[1]
    if StackStatus.UPDATE_ROLLBACK_FAILED not in ends[0]:
        assert undisturbed.sight() == killed.sight()


@given(first=templates(), failing=failures, kills=st.tuples(st.integers(1, 30), st.integers(1, 20)))
def test_a_life_in_which_the_control_plane_is_killed_leaves_nothing(
    first: Mapping[str, Any], failing: set[tuple[str, str]], kills: tuple[int, int]
) -> None:
    async def story(world: World) -> None:
        world.failing = failing
        world.mortal.count, world.mortal.dies_at = -1, kills[0]
        stack = await world.create(first)
        does_fail = any(("Make", name) in failing for name in first["Resources"])
        assert stack.status is (StackStatus.ROLLBACK_COMPLETE if does_fail else StackStatus.CREATE_COMPLETE)
        world.mortal.count, world.mortal.dies_at = -1, kills[1]
        assert (await world.delete()).status is StackStatus.DELETE_COMPLETE
        assert world.things == {}

    played(story)
