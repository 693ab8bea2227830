"""The contract of ``region.ports.TaskRuntime``, kept by every runtime."""

import asyncio
import shutil
import subprocess
import urllib.request
import uuid
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from runtime_bench import PORT, Bench, Given, Watched, as_seen, doomed_command, watched

from ninelives.model.containers import MountPoint, RestartPolicy, Ulimit, VolumeFrom
from ninelives.model.ecs import Container, HealthCheck, HealthStatus, LastStatus, TaskAddress

FOR_EVER = "echo ready; while :; do sleep 1; done"
PATIENT = "trap 'echo asked; exit 7' TERM; echo ready; while :; do sleep 0.1; done"
DEAF = "trap '' TERM; echo ready; while :; do sleep 0.1; done"
SECOND = timedelta(seconds=1)


async def get(address: TaskAddress) -> bytes:
    """What the task answers at its container port, as soon as it listens."""

    def fetch() -> bytes:
        with urllib.request.urlopen(f"http://{address.ip}:{address.port_of(PORT)}/", timeout=5) as response:
            content: bytes = response.read()
            return content

    for _ in range(300):
        try:
            return await asyncio.to_thread(fetch)
        except OSError:
            await asyncio.sleep(0.05)
    raise AssertionError(f"nothing answers at {address}")


def files_with(content: bytes, directory: str) -> list[Path]:
    """Files below a directory with these bytes."""
    return [path for path in Path(directory).rglob("*") if path.is_file() and content in path.read_bytes()]


def test_a_started_task_answers_at_its_address(bench: Bench) -> None:
    async def main() -> None:
        async with watched(bench) as one:
            launch = bench.launch(bench.container("", command=bench.serve, container_ports=(PORT,)))
            started = await one.start(launch)

            assert started.failure is None
            assert started.address is not None
            assert await get(started.address) == b"meow\n"
            container = one.container(launch)
            assert container.last_status == "RUNNING"
            assert container.runtime_id
            assert container.started_at is not None
            assert started.pull_started_at is not None
            assert started.pull_stopped_at is not None
            assert started.pull_started_at <= started.pull_stopped_at

    asyncio.run(main())


def test_two_tasks_of_a_definition_live_side_by_side(bench: Bench) -> None:
    async def main() -> None:
        async with watched(bench) as one:
            container = bench.container("", command=bench.serve, container_ports=(PORT,))
            launches = [bench.launch(container), bench.launch(container)]
            addresses = [(await one.start(launch)).address for launch in launches]

            assert None not in addresses
            assert addresses[0] != addresses[1]
            for address in addresses:
                assert address is not None
                assert await get(address) == b"meow\n"

    asyncio.run(main())


def test_every_line_arrives_in_order_and_once(bench: Bench) -> None:
    async def main() -> None:
        async with watched(bench) as one:
            launch = bench.launch(bench.container("seq 1 5000; echo to-error >&2; printf unfinished"))
            await one.start(launch)
            await one.until_said(launch, "unfinished")
            await one.until_said(launch, "to-error")  # another stream: its place among the others is not promised
            messages = [message for message in one.messages(launch) if message != "to-error"]

            assert messages == [*map(str, range(1, 5001)), "unfinished"]
            assert len(one.messages(launch)) == len(messages) + 1

    asyncio.run(main())


def test_the_loop_stays_awake_while_many_lines_arrive(bench: Bench) -> None:
    async def main() -> None:
        async with watched(bench) as one:
            launch = bench.launch(bench.container("seq 1 60000; echo done; sleep 60"))
            await one.start(launch)
            loop = asyncio.get_running_loop()
            worst = 0.0
            while "done" not in one.messages(launch)[-1:]:
                before = loop.time()
                await asyncio.sleep(0.005)
                worst = max(worst, loop.time() - before)

            assert len(one.messages(launch)) == 60_001
            assert worst < 0.5

    asyncio.run(main())


def test_the_exit_code_is_reported(bench: Bench) -> None:
    async def main() -> None:
        async with watched(bench) as one:
            launch = bench.launch(bench.container("exit 3"))
            await one.start(launch)
            stopped = await one.until_stopped(launch)

            assert stopped.exit_code == 3
            assert stopped.finished_at is not None
            assert one.seen(launch).failure is None

    asyncio.run(main())


def test_a_process_that_heeds_the_stop_signal_ends_with_its_own_code(bench: Bench) -> None:
    async def main() -> None:
        async with watched(bench) as one:
            launch = bench.launch(bench.container(PATIENT))
            await one.start(launch)
            await one.until_said(launch, "ready")
            await one.runtime.stop(launch)
            stopped = await one.until_stopped(launch)

            assert stopped.exit_code == 7
            await one.until_said(launch, "asked")

    asyncio.run(main())


def test_a_process_without_a_handler_dies_of_the_stop_signal(bench: Bench) -> None:
    """With Docker under an init: a process that is number 1 itself is deaf to signals that it does not handle."""

    async def main() -> None:
        async with watched(bench) as one:
            launch = bench.launch(bench.container("echo ready; exec sleep 60", init_process_enabled=True))
            await one.start(launch)
            await one.until_said(launch, "ready")
            await one.runtime.stop(launch)

            assert (await one.until_stopped(launch)).exit_code == 143

    asyncio.run(main())


def test_a_process_that_ignores_the_stop_signal_is_killed_after_its_timeout(bench: Bench) -> None:
    async def main() -> None:
        async with watched(bench) as one:
            launch = bench.launch(bench.container(DEAF, stop_timeout=SECOND))
            await one.start(launch)
            await one.until_said(launch, "ready")
            began = asyncio.get_running_loop().time()
            await one.runtime.stop(launch)
            await one.runtime.stop(launch)

            assert (await one.until_stopped(launch)).exit_code == 137
            assert asyncio.get_running_loop().time() - began >= 1.0

    asyncio.run(main())


def test_a_task_that_is_started_twice_runs_once(bench: Bench) -> None:
    async def main() -> None:
        async with watched(bench) as one:
            launch = bench.launch(bench.container(FOR_EVER))
            await one.runtime.start(launch)
            await one.start(launch)
            await one.runtime.start(launch)
            await one.until_said(launch, "ready")
            await one.runtime.stop(replace(launch, definition=launch.definition))
            await one.remove(launch)

            assert one.messages(launch) == ["ready"]

    asyncio.run(main())


def test_remove_leaves_nothing_even_of_a_running_task(bench: Bench) -> None:
    async def main() -> None:
        async with watched(bench) as one:
            launch = bench.launch(bench.container(FOR_EVER))
            await one.start(launch)
            await one.remove(launch)
            await one.remove(launch)

        async with watched(bench, [as_seen(launch, LastStatus.RUNNING)]) as later:
            assert later.seen(launch).is_removed

    asyncio.run(main())


def test_a_stop_in_the_middle_of_a_start_leaves_the_task_stopped(bench: Bench) -> None:
    async def main() -> None:
        async with watched(bench) as one:
            launches = [bench.launch(bench.container(DEAF, stop_timeout=SECOND)) for _ in range(3)]
            for turns, launch in enumerate(launches):
                await one.runtime.start(launch)
                for _ in range(turns * 40):
                    await asyncio.sleep(0.001)
                await one.runtime.stop(launch)
            for launch in launches:
                await one.until_stopped(launch)
                await one.remove(launch)

        async with watched(bench, [as_seen(launch, LastStatus.STOPPING) for launch in launches]) as later:
            assert all(later.seen(launch).is_removed for launch in launches)

    asyncio.run(main())


def test_a_task_that_is_not_known_is_stopped_and_removed_at_once(bench: Bench) -> None:
    async def main() -> None:
        async with watched(bench) as one:
            launch = bench.launch(bench.container(FOR_EVER))
            await one.runtime.stop(launch)

            assert one.seen(launch).is_removed

    asyncio.run(main())


def test_a_missing_image_is_a_failure_that_names_it(bench: Bench) -> None:
    async def main() -> None:
        async with watched(bench) as one:
            launch = bench.launch(bench.container(FOR_EVER, image="127.0.0.1:1/cats:9.9.9"))
            started = await one.start(launch)

            assert started.failure is not None
            assert started.failure.startswith("CannotPullContainerError: ")
            assert "cats" in started.failure
            assert "connection refused" in started.failure

    asyncio.run(main())


def test_an_image_comes_from_its_registry_and_its_digest_is_reported(bench: Bench) -> None:
    async def main() -> None:
        async with watched(bench) as one:
            launch = bench.launch(bench.container("echo hello", image=f"{bench.registry}/small:1"))
            await one.start(launch)
            await one.until_said(launch, "hello")
            digest = one.container(launch).image_digest
            assert digest is not None
            pinned = bench.launch(bench.container("echo hello", image=f"{bench.registry}/small@{digest}"))
            await one.start(pinned)
            await one.until_said(pinned, "hello")

            assert one.container(pinned).image_digest == digest

    asyncio.run(main())


def test_a_version_that_does_not_exist_is_a_failure_that_names_it(bench: Bench) -> None:
    async def main() -> None:
        async with watched(bench) as one:
            launch = bench.launch(bench.container(FOR_EVER, image=f"{bench.registry}/small:9.9.9"))
            started = await one.start(launch)

            image = f"{bench.registry}/small:9.9.9"
            assert started.failure == (
                "CannotPullContainerError: pull image manifest has been retried 1 time(s): "
                f"failed to resolve ref {image}: {image}: not found"
            )
            await one.runtime.stop(launch)
            assert (await one.until_stopped(launch)).exit_code is None

    asyncio.run(main())


def test_a_missing_command_is_a_failure_that_names_it(bench: Bench) -> None:
    async def main() -> None:
        async with watched(bench) as one:
            launch = bench.launch(bench.container("", command=("no-such-program", "--port", "1")))
            started = await one.start(launch)

            assert started.failure is not None
            assert started.failure.startswith("CannotStartContainerError: ResourceInitializationError: failed to create new")
            assert 'exec: "no-such-program": executable file not found in $PATH' in started.failure
            assert one.container(launch).exit_code is None
            await one.remove(launch)

    asyncio.run(main())


def test_containers_see_their_variables_and_those_that_ecs_adds(bench: Bench) -> None:
    async def main() -> None:
        async with watched(bench) as one:
            command = ("sh", "-c", "env; echo end")
            launch = bench.launch(bench.container("", command=command, environment=(("GREETING", "purr"),)))
            await one.start(launch)
            await one.until_said(launch, "end")

            assert {"GREETING=purr", "AWS_REGION=eu-west-1", "AWS_EXECUTION_ENV=AWS_ECS_FARGATE"} <= set(one.messages(launch))

    asyncio.run(main())


def test_secret_variables_reach_the_container_and_no_file_of_ours(bench: Bench) -> None:
    async def main() -> None:
        async with watched(bench, inputs=Given(environment={"KEY": "catnip-4711"})) as one:
            check = HealthCheck(command=("CMD-SHELL", 'test "${#KEY}" = 11'), interval=SECOND / 2, timeout=SECOND)
            launch = bench.launch(bench.container("echo key $KEY; sleep 60", health_check=check))
            await one.start(launch)
            await one.until_said(launch, "key catnip-4711")
            await one.until(lambda: one.container(launch).health_status is HealthStatus.HEALTHY)
            logged = {"log"}

            assert [path for path in files_with(b"catnip", bench.directory) if path.name not in logged] == []
            assert "catnip" not in repr(one.history)

        async with watched(bench, [as_seen(launch, LastStatus.RUNNING)]) as later:
            assert later.seen(launch).is_removed

    asyncio.run(main())


def test_a_health_check_knows_the_secret_variables_after_an_adoption(bench: Bench) -> None:
    async def main() -> None:
        check = HealthCheck(command=("CMD-SHELL", 'test "$KEY" = catnip'), interval=SECOND / 2, timeout=SECOND, retries=1)
        launch = bench.launch(bench.container(FOR_EVER, health_check=check))
        first = Watched(bench.runtime(Given(environment={"KEY": "catnip"})))
        await first.start(launch)
        await first.runtime.close()
        async with watched(bench, [as_seen(launch, LastStatus.RUNNING)]) as later:
            await later.until(lambda: later.container(launch).health_status is HealthStatus.HEALTHY)

    asyncio.run(main())


def test_a_task_whose_secret_is_missing_starts_nothing_and_says_so(bench: Bench) -> None:
    async def main() -> None:
        missing = "ResourceInitializationError: unable to pull secrets or registry auth: no such secret"
        async with watched(bench, inputs=Given(missing=missing)) as one:
            launch = bench.launch(bench.container(FOR_EVER))
            started = await one.start(launch)

            assert started.failure == missing
            assert one.container(launch).started_at is None

    asyncio.run(main())


def test_a_container_with_a_restart_policy_is_started_again_where_it_was(bench: Bench) -> None:
    async def main() -> None:
        async with watched(bench) as one:
            policy = RestartPolicy(ignored_exit_codes=frozenset({3}), restart_attempt_period=SECOND / 2)
            script = "if test -e been; then echo again; sleep 1; exit 3; fi; touch been; echo first; sleep 1; exit 1"
            launch = bench.launch(bench.container(script, restart_policy=policy))
            await one.start(launch)
            stopped = await one.until_stopped(launch)

            assert one.messages(launch) == ["first", "again"]
            assert (stopped.exit_code, stopped.restart_count) == (3, 1)
            statuses = [report.containers[0].last_status for report in one.history if report.containers]
            assert statuses == sorted(statuses, key=("PENDING", "RUNNING", "STOPPED").index)

    asyncio.run(main())


def test_a_container_that_ended_unseen_is_restarted_once_there_is_a_control_plane(bench: Bench) -> None:
    async def main() -> None:
        policy = RestartPolicy(restart_attempt_period=SECOND / 2)
        script = "if test -e been; then echo again; sleep 60; fi; touch been; sleep 1; exit 1"
        launch = bench.launch(bench.container(script, restart_policy=policy))
        first = Watched(bench.runtime())
        await first.start(launch)
        seen = first.container(launch)
        await first.runtime.close()
        await asyncio.sleep(1.2)  # nothing of ours sees it end
        recorded = Container(arn="arn", name="web", image=bench.image, last_status=seen.last_status)
        launch = as_seen(launch, LastStatus.RUNNING)
        launch = replace(launch, task=replace(launch.task, containers=(recorded,)))
        async with watched(bench, [launch]) as later:
            await later.until_said(launch, "again")
            await later.until(lambda: later.container(launch).restart_count == 1)

            assert later.container(launch).last_status == "RUNNING"

    asyncio.run(main())


def test_containers_of_a_task_share_its_volumes_and_no_other_task_does(bench: Bench) -> None:
    async def main() -> None:
        async with watched(bench) as one:
            mount = MountPoint(source_volume="shared", container_path="/shared")
            writer = bench.container(
                "echo meow > shared/word; echo written; sleep 60", name="writer", working_directory="/", mount_points=(mount,)
            )
            reader = bench.container(
                "cat shared/word; echo end; sleep 60",
                working_directory="/",
                volumes_from=(VolumeFrom(source_container="writer", read_only=True),),
                depends_on=(("writer", "HEALTHY"),),
            )
            written = HealthCheck(command=("CMD-SHELL", "test -s shared/word"), interval=SECOND / 4, timeout=SECOND)
            launch = bench.launch(reader, replace(writer, health_check=written))
            await one.start(launch)
            await one.until_said(launch, "end")
            other = bench.launch(
                bench.container("ls shared; echo end; sleep 60", working_directory="/", mount_points=(mount,))
            )
            await one.start(other)
            await one.until_said(other, "end")

            assert one.messages(launch) == ["meow", "end"]
            assert one.messages(other) == ["end"]
            await one.remove(launch)
            await one.remove(other)

        async with watched(bench) as later:
            assert later.history == []

    asyncio.run(main())


def test_lines_of_a_container_with_a_terminal_arrive_too(bench: Bench) -> None:
    async def main() -> None:
        async with watched(bench) as one:
            launch = bench.launch(bench.container("seq 1 100; printf unfinished", pseudo_terminal=True))
            await one.start(launch)
            await one.until_said(launch, "unfinished")

            assert one.messages(launch) == [*map(str, range(1, 101)), "unfinished"]

    asyncio.run(main())


def test_a_limit_of_open_files_is_the_container_s(bench: Bench) -> None:
    async def main() -> None:
        async with watched(bench) as one:
            limit = Ulimit(name="nofile", soft_limit=512, hard_limit=1024)
            launch = bench.launch(bench.container("ulimit -Sn; ulimit -Hn; echo end; sleep 60", ulimits=(limit,)))
            await one.start(launch)
            await one.until_said(launch, "end")

            assert one.messages(launch) == ["512", "1024", "end"]

    asyncio.run(main())


def test_a_check_that_passes_makes_a_container_healthy_and_one_that_fails_unhealthy(bench: Bench) -> None:
    async def main() -> None:
        async with watched(bench) as one:
            quick = {"interval": SECOND / 2, "timeout": SECOND, "retries": 1}
            well = bench.launch(bench.container(FOR_EVER, health_check=HealthCheck(command=("CMD", "true"), **quick)))  # type: ignore[arg-type]  # a test's shorthand
            ill = bench.launch(bench.container(FOR_EVER, health_check=HealthCheck(command=("CMD-SHELL", "exit 1"), **quick)))  # type: ignore[arg-type]  # a test's shorthand
            for launch in (well, ill):
                await one.start(launch)
                assert one.container(launch).health_status is HealthStatus.UNKNOWN
            await one.until(lambda: one.container(well).health_status is HealthStatus.HEALTHY)
            await one.until(lambda: one.container(ill).health_status is HealthStatus.UNHEALTHY)

    asyncio.run(main())


def test_containers_start_in_order_of_dependence_and_stop_in_reverse(bench: Bench) -> None:
    async def main() -> None:
        async with watched(bench) as one:
            prepare = bench.container("echo prepared", name="prepare", essential=False)
            database = bench.container(PATIENT, name="database", depends_on=(("prepare", "SUCCESS"),))
            web = bench.container(PATIENT, depends_on=(("database", "START"),))
            launch = bench.launch(web, database, prepare)
            started = await one.start(launch)
            for name in ("database", "web"):
                await one.until_said(launch, "ready", name)
            await one.runtime.stop(launch)
            for name in ("web", "database"):
                await one.until_stopped(launch, name)
            times = {container.name: container for container in one.seen(launch).containers}

            assert started.is_started
            assert times["prepare"].exit_code == 0
            finished = [times[name].finished_at for name in ("prepare", "web", "database")]
            began = [times[name].started_at for name in ("prepare", "database", "web")]
            assert None not in finished + began
            assert finished == sorted(finished)  # type: ignore[type-var]  # none is None
            assert began == sorted(began)  # type: ignore[type-var]  # none is None
            await one.remove(launch)

    asyncio.run(main())


def test_a_dependency_that_fails_keeps_the_task_from_starting(bench: Bench) -> None:
    async def main() -> None:
        async with watched(bench) as one:
            prepare = bench.container("exit 4", name="prepare", essential=False)
            web = bench.container(FOR_EVER, depends_on=(("prepare", "SUCCESS"),))
            started = await one.start(bench.launch(prepare, web))

            assert started.failure is not None
            assert "exit code 4" in started.failure

    asyncio.run(main())


def test_too_much_memory_ends_a_container_with_its_reason(bench: Bench) -> None:
    async def main() -> None:
        async with watched(bench) as one:
            greedy = 'x=; while :; do x="$x$(head -c 1000000 /dev/zero | tr "\\0" a)"; done'
            launch = bench.launch(bench.container(greedy, memory_mib=32))
            await one.start(launch)
            stopped = await one.until_stopped(launch)

            assert stopped.exit_code == 137
            assert stopped.reason == "OutOfMemoryError: Container killed due to memory usage"

    asyncio.run(main())


def test_containers_share_the_memory_of_their_task_and_the_largest_is_killed_when_they_use_more(bench: Bench) -> None:
    """Each alone is below the 64 MiB. ``tail`` keeps what it was told to write at the end, which does not come."""

    def takes(mebibytes: int) -> str:
        tail = "busybox tail" if bench.kind == "docker" else "tail"
        return f"(head -c {mebibytes << 20} /dev/zero; sleep 60) | {tail} -c {mebibytes << 20}"

    async def main() -> None:
        async with watched(bench) as one:
            small, large = bench.container(takes(24), name="small"), bench.container(takes(44), name="large")
            alone, together = bench.launch(large, memory_mib=64), bench.launch(small, large, memory_mib=64)
            await one.start(alone)
            await one.start(together)
            stopped = await one.until_stopped(together, "large")

            assert stopped.exit_code == 137
            assert stopped.reason == "OutOfMemoryError: Container killed due to memory usage"
            assert one.container(together, "small").last_status == "RUNNING"
            assert one.container(alone, "large").last_status == "RUNNING"
            used = (await one.runtime.usage([alone.task.arn]))[alone.task.arn]
            assert used.memory_bytes > 44 << 20

    asyncio.run(main())


def test_usage_tells_cpu_and_memory_of_what_runs(bench: Bench) -> None:
    async def main() -> None:
        async with watched(bench) as one:
            busy = bench.launch(bench.container("while :; do :; done"), bench.container(FOR_EVER, name="beside"))
            idle = bench.launch(bench.container(PATIENT))
            await one.start(busy)
            await one.start(idle)
            arns = [launch.task.arn for launch in (busy, idle)]
            first = await one.runtime.usage([*arns, "arn:of:nobody"])
            assert set(arns) == set(first)
            used = first
            for _ in range(300):
                used = await one.runtime.usage(arns)
                if used[arns[0]].cpu - first[arns[0]].cpu >= SECOND * 0.3:
                    break
                await asyncio.sleep(0.05)

            assert used[arns[0]].cpu - first[arns[0]].cpu >= SECOND * 0.3
            assert used[arns[1]].cpu - first[arns[1]].cpu < used[arns[0]].cpu - first[arns[0]].cpu
            assert all(0 < usage.memory_bytes < 256 * 1024 * 1024 for usage in used.values())
            names = {one.name for one in busy.definition.containers}
            assert names == set(used[arns[0]].containers), "each container is told of by its name"
            assert sum((one.cpu for one in used[arns[0]].containers.values()), timedelta()) == used[arns[0]].cpu
            assert (used[arns[0]].network is None) == (bench.kind == "host"), "host processes share the machine's network"
            await one.runtime.stop(idle)
            await one.until_stopped(idle)
            assert set(arns[:1]) == set(await one.runtime.usage(arns))

    asyncio.run(main())


def test_tasks_outlive_a_killed_control_plane_and_are_adopted(bench: Bench) -> None:
    counting = "n=0; while :; do n=$((n+1)); echo $n; sleep 0.05; done"
    running, ended, stranger, gone = (uuid.uuid4().hex for _ in range(4))
    scripts = {running: counting, ended: "sleep 3; exit 5", stranger: FOR_EVER}
    launches = {
        task_id: as_seen(bench.launch(bench.container(script), task_id=task_id), LastStatus.RUNNING)
        for task_id, script in {running: counting, ended: scripts[ended], gone: FOR_EVER}.items()
    }
    with subprocess.Popen(doomed_command(bench, scripts), stdout=subprocess.PIPE, text=True) as control_plane:
        assert control_plane.stdout is not None
        before: list[int] = []
        for line in control_plane.stdout:
            before += [int(line)] if line.strip().isdigit() else []
            if len(before) >= 50:
                break
        control_plane.kill()
        control_plane.wait()
        before += [int(line) for line in control_plane.stdout if line.strip().isdigit()]

    async def main() -> None:
        async with watched(bench, launches.values()) as later:
            assert later.seen(launches[running]).is_started
            assert later.container(launches[running]).last_status == "RUNNING"
            assert later.seen(launches[gone]).is_removed
            assert (await later.until_stopped(launches[ended])).exit_code == 5
            last = before[-1] + 40
            await later.until_said(launches[running], str(last))
            after = [int(message) for message in later.messages(launches[running])]

            assert set(before) | set(after) >= set(range(1, last + 1))
            assert after[0] > 1
            assert after == list(range(after[0], after[-1] + 1))
            await later.runtime.stop(launches[running])
            await later.remove(launches[running])

            unknown = Watched(bench.runtime())
            await unknown.runtime.adopt(
                [as_seen(bench.launch(bench.container(FOR_EVER), task_id=stranger), LastStatus.RUNNING)]
            )
            assert unknown.history[-1].is_removed
            await unknown.runtime.close()

    asyncio.run(main())


def test_a_task_whose_address_was_not_told_before_the_end_is_adopted_with_it(bench: Bench) -> None:
    async def main() -> None:
        launch = bench.launch(bench.container(FOR_EVER, container_ports=(8080,)))
        first = Watched(bench.runtime())
        told = (await first.start(launch)).address
        await first.runtime.close()
        async with watched(bench, [as_seen(launch, LastStatus.ACTIVATING)]) as later:
            await later.until(lambda: later.seen(launch).is_started)

            assert told is not None
            assert told == later.seen(launch).address
            await later.remove(launch)

    asyncio.run(main())


def test_a_runtime_of_another_instance_touches_nothing(bench: Bench) -> None:
    async def main() -> None:
        async with watched(bench) as one:
            launch = bench.launch(bench.container(FOR_EVER, stop_timeout=SECOND))
            await one.start(launch)
            other = replace(bench, instance="another", directory=f"{bench.directory}-of-another")
            async with watched(other):
                pass
            await one.runtime.stop(launch)

            assert (await one.until_stopped(launch)).exit_code in {137, 143}

    asyncio.run(main())


@pytest.mark.docker
@pytest.mark.parametrize("pid_mode", ["task", None])
def test_containers_see_each_others_processes_where_the_task_says_so(docker_bench: Bench, pid_mode: str | None) -> None:
    async def main() -> None:
        async with watched(docker_bench) as one:
            looks = "while :; do cat /proc/[0-9]*/cmdline | tr '\\0' ' '; echo; sleep 0.2; done"
            launch = docker_bench.launch(docker_bench.container("exec sleep 7777"), docker_bench.container(looks, name="side"))
            definition = replace(launch.definition, members={"pidMode": pid_mode} if pid_mode else {})
            launch = replace(launch, definition=definition)
            await one.start(launch)
            await one.until(lambda: len(one.messages(launch, "side")) > 3)

            seen = any("sleep 7777" in message for message in one.messages(launch, "side"))
            assert seen is (pid_mode == "task")

    asyncio.run(main())


def test_a_folder_that_was_deleted_under_the_runtime_does_not_come_back(bench: Bench) -> None:
    async def main() -> None:
        async with watched(bench) as one:
            shutil.rmtree(bench.directory)
            launch = bench.launch(bench.container(FOR_EVER))
            started = await one.start(launch)
            await one.remove(launch)

            assert bench.kind == "docker" or "no such file or directory" in (started.failure or "").lower()
            assert not await asyncio.to_thread(Path(bench.directory).exists)
            (Path(bench.directory) / "tasks").mkdir(parents=True)  # the bench looks for what is left

    asyncio.run(main())
