"""What becomes of a stack, step by step, in a world of simple things."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from stack_world import World, template, thing, wanted

from ninelives.model.errors import ApiError
from ninelives.stacks import StackStore, intents
from ninelives.stacks.planning import Facts
from ninelives.stacks.records import OnFailure, OperationKind, ResourceStatus, Stack, StackStatus
from ninelives.stacks.state import State
from ninelives.stacks.templates.errors import TemplateError

Story = Callable[[World], Awaitable[None]]


def told(story: Story) -> None:
    """Play a story to its end."""

    async def play() -> None:
        world = World()
        try:
            async with asyncio.timeout(20):
                await story(world)
        finally:
            await world.engine.close()

    asyncio.run(play())


def statuses(world: World, name: str = "s") -> dict[str, ResourceStatus]:
    stack = intents.existing(world.engine, name)
    return {one.logical_id: one.status for one in world.engine.state.live_resources(stack.stack_id) if one.is_current}


def test_what_does_not_need_each_other_is_made_at_once_and_the_rest_in_order() -> None:
    async def story(world: World) -> None:
        await world.create(
            template(
                A=thing(Size=1), B=thing(Size=1), C=thing(Size=1, Links=[{"Ref": "A"}]), D=thing(depends_on=["C", "B"], Size=1)
            )
        )
        assert {("Make", "A"), ("Make", "B")} == set(world.calls[:2])
        assert [("Make", "C"), ("Make", "D")] == world.calls[2:]
        world.calls.clear()
        await world.delete()
        assert ("Remove", "D") == world.calls[0]
        assert world.calls.index(("Remove", "C")) < world.calls.index(("Remove", "A"))

    told(story)


def test_what_is_replaced_is_made_anew_before_the_old_one_goes_and_what_refers_to_it_follows() -> None:
    async def story(world: World) -> None:
        await world.create(template(A=thing(Kind="x"), B=thing(Size=1, Links=[{"Ref": "A"}])))
        world.calls.clear()
        stack = await world.update(template(A=thing(Kind="y"), B=thing(Size=1, Links=[{"Ref": "A"}])))
        assert stack.status is StackStatus.UPDATE_COMPLETE
        assert [("Make", "A"), ("Change", "B"), ("Remove", "A")] == world.calls

    told(story)


def test_a_name_that_the_template_gives_cannot_be_had_twice() -> None:
    async def story(world: World) -> None:
        await world.create(template(A=thing(Name="mine", Kind="x")))
        stack = await world.update(template(A=thing(Name="mine", Kind="y")))
        assert stack.status is StackStatus.UPDATE_ROLLBACK_COMPLETE
        reasons = [one.reason for one in world.engine.state.events(stack.stack_id)]
        message = (
            "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename mine and update"
        )
        assert any(one.startswith(message) for one in reasons)

    told(story)


def test_a_creation_left_as_it_failed_can_be_rolled_back_later() -> None:
    async def story(world: World) -> None:
        world.failing = {("Make", "B")}
        stack = await world.create(template(A=thing(Size=1), B=thing(Size=1)), on_failure=OnFailure.DO_NOTHING)
        assert stack.status is StackStatus.CREATE_FAILED
        assert stack.status_reason == "The following resource(s) failed to create: [B]. "
        assert statuses(world) == {"A": ResourceStatus.CREATE_COMPLETE, "B": ResourceStatus.CREATE_FAILED}
        intents.rollback_stack(world.engine, stack, None)
        assert (await world.end_of(stack)).status is StackStatus.ROLLBACK_COMPLETE
        assert world.things == {}

    told(story)


def test_an_update_left_as_it_failed_can_be_rolled_back_later() -> None:
    async def story(world: World) -> None:
        await world.create(template(A=thing(Size=1), B=thing(Kind="x")))
        before = world.sight()
        world.failing = {("Make", "C")}
        after = template(A=thing(Size=2), B=thing(Kind="y"), C=thing(depends_on=["A", "B"], Size=1))
        stack = await world.update(after, on_failure=OnFailure.DO_NOTHING)
        assert stack.status is StackStatus.UPDATE_FAILED
        intents.rollback_stack(world.engine, stack, None)
        assert (await world.end_of(stack)).status is StackStatus.UPDATE_ROLLBACK_COMPLETE
        assert world.sight() == before

    told(story)


def test_a_creation_that_fails_can_take_the_stack_with_it() -> None:
    async def story(world: World) -> None:
        world.failing = {("Make", "B")}
        stack = await world.create(template(A=thing(Size=1), B=thing(Size=1)), on_failure=OnFailure.DELETE)
        assert stack.status is StackStatus.DELETE_COMPLETE
        assert world.things == {}
        assert world.engine.state.find("s") is None

    told(story)


def test_a_rollback_that_fails_goes_on_once_it_can_or_without_what_cannot() -> None:
    async def story(world: World) -> None:
        first = template(A=thing(Size=1), B=thing(depends_on=["A"], Kind="x"))
        await world.create(first)
        world.failing = {("Make", "B")}

        async def break_then_update() -> Any:
            stack = intents.living(world.engine, "s")
            second = template(A=thing(Size=2), B=thing(depends_on=["A"], Kind="y"))
            begun = await intents.update_stack(world.engine, stack, wanted(second))
            await world.until(lambda: ("Change", "A") in world.calls)
            world.failing.add(("Change", "A"))
            return await world.end_of(begun)

        stack = await break_then_update()
        assert stack.status is StackStatus.UPDATE_ROLLBACK_FAILED
        with pytest.raises(ApiError, match="not in a failed state"):
            intents.continue_update_rollback(world.engine, stack, ["Nobody"], None)
        intents.continue_update_rollback(world.engine, stack, ["A"], None)
        stack = await world.end_of(stack)
        assert stack.status is StackStatus.UPDATE_ROLLBACK_COMPLETE
        assert world.sight()["B"] == {"Kind": "x"}

    told(story)


def test_an_update_can_be_cancelled() -> None:
    async def story(world: World) -> None:
        await world.create(template(A=thing(Size=1), B=thing(Size=1, depends_on=["A"])))
        before = world.sight()
        stack = intents.living(world.engine, "s")
        second = template(A=thing(Size=2), B=thing(Size=2, depends_on=["A"]))
        begun = await intents.update_stack(world.engine, stack, wanted(second))
        intents.cancel_update(world.engine, world.engine.state.stacks[begun.stack_id], None)
        assert (await world.end_of(begun)).status is StackStatus.UPDATE_ROLLBACK_COMPLETE
        assert world.sight() == before
        with pytest.raises(ApiError, match="CancelUpdateStack cannot be called from current stack status"):
            intents.cancel_update(world.engine, intents.living(world.engine, "s"), None)

    told(story)


def test_what_cannot_be_deleted_is_told_and_can_be_left_behind() -> None:
    async def story(world: World) -> None:
        await world.create(template(A=thing(Size=1), B=thing(Size=1)))
        world.failing = {("Remove", "A")}
        stack = await world.delete()
        assert stack.status is StackStatus.DELETE_FAILED
        assert stack.status_reason == "The following resource(s) failed to delete: [A]. "
        assert [one["Logical"] for one in world.things.values()] == ["A"]
        intents.delete_stack(world.engine, stack, retained=["A"])
        assert (await world.end_of(stack)).status is StackStatus.DELETE_COMPLETE
        assert [one["Logical"] for one in world.things.values()] == ["A"]

    told(story)


def test_a_stack_that_is_being_made_can_be_deleted() -> None:
    async def story(world: World) -> None:
        stack = await intents.create_stack(world.engine, "s", wanted(template(A=thing(Size=1), B=thing(depends_on=["A"]))))
        await asyncio.sleep(0)
        intents.delete_stack(world.engine, world.engine.state.stacks[stack.stack_id])
        assert (await world.end_of(stack)).status is StackStatus.DELETE_COMPLETE
        assert world.things == {}

    told(story)


def test_a_deletion_begins_though_work_of_a_failed_operation_is_still_being_broken_off() -> None:
    async def story(world: World) -> None:
        stack = await intents.create_stack(world.engine, "s", wanted(template(A=thing(Size=1), B=thing(depends_on=["A"]))))
        facts, engine = world.engine._facts, world.engine

        def broken(one: Stack) -> Facts:
            if (
                one.operation is not None
                and one.operation.kind is OperationKind.CREATE
                and engine.state.live_resources(one.stack_id)
            ):
                raise TemplateError("It holds no more.")
            return facts(one)

        engine._facts = broken  # type: ignore[method-assign, assignment]
        await world.until(lambda: engine.state.stacks[stack.stack_id].operation is None)
        intents.delete_stack(engine, engine.state.stacks[stack.stack_id])

        assert (await world.end_of(stack)).status is StackStatus.DELETE_COMPLETE

    told(story)


def test_a_creation_has_its_time() -> None:
    async def story(world: World) -> None:
        world.never_stable = {"A"}
        begun = await intents.create_stack(world.engine, "s", wanted(template(A=thing(Size=1))), timeout_minutes=1)
        await world.until(lambda: bool(world.things))
        world.pass_time(timedelta(minutes=2))
        world.engine.drive(begun.stack_id)
        stack = await world.end_of(begun)
        assert stack.status is StackStatus.ROLLBACK_COMPLETE
        reasons = [one.reason for one in world.engine.state.events(stack.stack_id)]
        assert "Stack creation time exceeded the specified timeout. Rollback requested by user." in reasons
        assert "Resource creation cancelled" in reasons

    told(story)


def test_a_tag_of_the_stack_goes_to_all_that_is_tagged() -> None:
    async def story(world: World) -> None:
        await world.create(template(A=thing(Size=1)), tags={"team": "cats"})
        await world.update(template(A=thing(Size=1)), tags={"team": "dogs"})
        (live,) = world.things.values()
        assert live["Tags"]["team"] == "dogs"
        assert live["Tags"]["aws:cloudformation:stack-name"] == "s"

    told(story)


def test_what_is_wrong_with_properties_is_told_before_anything_is_called() -> None:
    async def story(world: World) -> None:
        stack = await world.create(template(A=thing(Size="many", Color="red")))
        (reason,) = [one.reason for one in world.engine.state.events(stack.stack_id) if one.status == "CREATE_FAILED"]
        assert reason == (
            "Properties validation failed for resource A with message:\n#: 2 schema violations found\n"
            "#/Size: expected type: Integer, found: String\n#: extraneous key [Color] is not permitted"
        )
        assert world.calls == []

    told(story)


def test_stacks_outlive_the_control_plane_on_disk(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        store = StackStore(tmp_path / "stacks.sqlite")
        world.engine.state = State(store)
        stack = await world.create(template(A=thing(Size=1)), tags={"team": "cats"})
        store.close()

        again = State(StackStore(tmp_path / "stacks.sqlite"))
        assert again.stacks == {stack.stack_id: stack}
        assert again.resources_of(stack.stack_id) == world.engine.state.resources_of(stack.stack_id)
        assert next(again.events(stack.stack_id)).status == "CREATE_COMPLETE"
        assert (tmp_path / "stacks.sqlite").stat().st_mode & 0o777 == 0o600
        again.close()

    told(story)


def test_an_export_is_used_only_where_conditions_lead_to_it() -> None:
    async def story(world: World) -> None:
        given = template(A=thing(Size=1))
        given["Outputs"] = {"A": {"Value": {"Ref": "A"}, "Export": {"Name": "there"}}}
        await world.create(given, name="giver")
        choice = {"Fn::If": ["Other", {"Fn::ImportValue": "not-there"}, {"Fn::ImportValue": "there"}]}
        using = template(B=thing(Size=1, Links=[choice]))
        using["Conditions"] = {"Other": {"Fn::Equals": ["a", "b"]}}
        stack = await world.create(using, name="user")
        assert (stack.status, stack.imports) == (StackStatus.CREATE_COMPLETE, ("there",))

    told(story)
