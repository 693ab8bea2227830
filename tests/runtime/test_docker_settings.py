"""A container definition in Docker's words."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from runtime_bench import Bench

from ninelives.model.containers import MountPoint, Tmpfs, Ulimit, VolumeFrom
from ninelives.model.ecs import ContainerDefinition, HealthCheck
from ninelives.region.ports import TaskLaunch
from ninelives.runtime import pause_image
from ninelives.runtime.docker_facts import create_failure, observation_of, pull_failure, start_failure
from ninelives.runtime.docker_settings import CONTAINER_NAME, TASK_ARN, DockerHost, create_body, pause_body

HOST = DockerHost(instance="i", region="eu-west-1", cpu_count=2)
BENCH = Bench(kind="docker", image="cats:1", registry="", serve=(), directory="", instance="i")
MIB = 1024 * 1024


def launch_of(container: ContainerDefinition, cpu_units: int | None, memory_mib: int | None) -> TaskLaunch:
    launch = BENCH.launch(container)
    return replace(launch, definition=replace(launch.definition, cpu_units=cpu_units, memory_mib=memory_mib))


@pytest.mark.parametrize(
    ("task_cpu", "task_memory", "container", "limits"),
    [
        (256, 512, {}, {"NanoCpus": 250_000_000, "Memory": 512 * MIB, "MemorySwap": 512 * MIB}),
        (None, None, {}, {}),
        (8192, None, {}, {"NanoCpus": 2_000_000_000}),  # a machine of two processors gives no more
        (None, 512, {"memory_mib": 128}, {"Memory": 128 * MIB, "MemorySwap": 128 * MIB}),
        (None, None, {"memory_mib": 1}, {"Memory": 6 * MIB, "MemorySwap": 6 * MIB}),
        (None, None, {"memory_reservation_mib": 64}, {"MemoryReservation": 64 * MIB}),
        (None, None, {"cpu_units": 1}, {"CpuShares": 2}),
    ],
)
def test_limits(task_cpu: int | None, task_memory: int | None, container: dict[str, int], limits: dict[str, int]) -> None:
    one = BENCH.container("true", **container)
    body = create_body(
        HOST, launch_of(one, task_cpu, task_memory), one, image="cats:1", digest=None, network="bridge", variables={}
    )
    found = {name for name in body["HostConfig"] if name.startswith(("Nano", "Memory", "CpuShares"))}

    assert {name: body["HostConfig"][name] for name in found} == limits


def body_of(container: ContainerDefinition, *others: ContainerDefinition) -> dict[str, Any]:
    launch = BENCH.launch(container, *others, task_id="0f")
    network = "container:pause" if others else "bridge"
    return create_body(HOST, launch, container, image="cats:1", digest=None, network=network, variables={"KEY": "secret"})


def test_what_a_definition_asks_for_is_asked_of_docker() -> None:
    one = BENCH.container(
        "true",
        environment=(("NAME", "Tom"),),
        docker_labels=(("team", "cats"), (TASK_ARN, "forged")),
        capabilities_added=("SYS_PTRACE",),
        capabilities_dropped=("NET_RAW",),
        tmpfs=(Tmpfs(container_path="/run", size_mib=16, mount_options=("noexec",)),),
        ulimits=(Ulimit(name="nofile", soft_limit=1, hard_limit=-1),),
        system_controls=(("net.core.somaxconn", "1024"),),
        interactive=True,
        pseudo_terminal=True,
        mount_points=(MountPoint(source_volume="data", container_path="/data", read_only=True),),
        volumes_from=(VolumeFrom(source_container="side", read_only=True),),
    )
    body = body_of(one)
    host = body["HostConfig"]

    assert {"NAME=Tom", "KEY=secret", "AWS_REGION=eu-west-1"} <= set(body["Env"])
    assert (body["Labels"]["team"], body["Labels"][TASK_ARN]) == ("cats", BENCH.launch(one, task_id="0f").task.arn)
    assert (body["OpenStdin"], body["Tty"]) == (True, True)
    assert (host["CapAdd"], host["CapDrop"]) == (["SYS_PTRACE"], ["NET_RAW"])
    assert host["Tmpfs"] == {"/run": "noexec,size=16m"}
    assert host["Ulimits"] == [{"Name": "nofile", "Soft": 1, "Hard": -1}]
    assert host["Sysctls"] == {"net.core.somaxconn": "1024"}
    assert host["VolumesFrom"] == ["ecs-contract-1-side-0f:ro"]
    (mount,) = host["Mounts"]
    assert (mount["Type"], mount["Source"], mount["Target"], mount["ReadOnly"]) == (
        "volume",
        "ecs-contract-1-data-0f",
        "/data",
        True,
    )


def test_settings_of_the_network_are_those_of_the_container_that_holds_it() -> None:
    controls = (("net.core.somaxconn", "1024"), ("kernel.shmmax", "4096"))
    one, side = BENCH.container("true", system_controls=controls), BENCH.container("true", name="side")

    assert body_of(one, side)["HostConfig"]["Sysctls"] == {"kernel.shmmax": "4096"}
    pause = pause_body(HOST, BENCH.launch(one, side), "pause:1")
    assert pause["HostConfig"]["Sysctls"] == {"net.core.somaxconn": "1024"}


def test_the_image_s_own_health_check_never_runs() -> None:
    one = BENCH.container("true")
    body = create_body(HOST, BENCH.launch(one), one, image="cats:1", digest=None, network="bridge", variables={})

    assert body["Healthcheck"] == {"Test": ["NONE"]}


def test_a_health_check_in_nanoseconds() -> None:
    check = HealthCheck(
        command=("CMD-SHELL", "true"), interval=timedelta(seconds=1.5), timeout=timedelta(seconds=2), retries=4
    )
    one = BENCH.container("true", health_check=check)
    body = create_body(HOST, BENCH.launch(one), one, image="cats:1", digest=None, network="bridge", variables={})

    assert body["Healthcheck"] == {
        "Test": ["CMD-SHELL", "true"],
        "Interval": 1_500_000_000,
        "Timeout": 2_000_000_000,
        "Retries": 4,
        "StartPeriod": 0,
    }


def test_members_that_the_definition_leaves_out_are_the_image_s() -> None:
    one = ContainerDefinition(name="web", image="cats:1", entry_point=("/run",), user="cat")
    body = create_body(HOST, BENCH.launch(one), one, image="cats:1", digest=None, network="bridge", variables={})

    assert (body["Entrypoint"], body["User"]) == (("/run",), "cat")
    assert body.keys().isdisjoint({"Cmd", "WorkingDir"})


def inspected(**state: object) -> dict[str, object]:
    never = "0001-01-01T00:00:00Z"
    known = {"Status": "running", "ExitCode": 0, "StartedAt": "2026-01-02T03:04:05.5Z", "FinishedAt": never}
    return {"Id": "0f", "State": known | state, "Config": {"Labels": {CONTAINER_NAME: "web"}}}


@pytest.mark.parametrize(
    ("state", "last_status", "exit_code", "reason"),
    [
        ({"Status": "created"}, "PENDING", None, None),
        ({}, "RUNNING", None, None),
        ({"OOMKilled": True}, "RUNNING", None, None),  # a child of it: the container lives on
        ({"Status": "exited", "ExitCode": 3}, "STOPPED", 3, None),
        (
            {"Status": "exited", "ExitCode": 137, "OOMKilled": True},
            "STOPPED",
            137,
            "OutOfMemoryError: Container killed due to memory usage",
        ),
        ({"Status": "dead", "ExitCode": 137}, "STOPPED", 137, None),
    ],
)
def test_what_docker_says_of_a_container(
    state: dict[str, object], last_status: str, exit_code: int | None, reason: str | None
) -> None:
    one = observation_of(inspected(**state))

    assert (one.last_status, one.exit_code, one.reason) == (last_status, exit_code, reason)


RETRIED = "CannotPullContainerError: pull image manifest has been retried 1 time(s): "
UNRESOLVED = f"{RETRIED}failed to resolve ref r:1/cats:9: "


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("manifest for r:1/cats:9 not found: manifest unknown: x", f"{UNRESOLVED}r:1/cats:9: not found"),
        ("name unknown: repository cats not found", f"{UNRESOLVED}r:1/cats:9: not found"),
        ("dial tcp 127.0.0.1:1: connect: connection refused", f"{UNRESOLVED}failed to do request: dial tcp"),
        ("unauthorized: authentication required", f"{UNRESOLVED}pull access denied, repository does not exist or may"),
        ("short read: unexpected EOF", f"{UNRESOLVED}short read: unexpected EOF"),
        (
            "no matching manifest for linux/amd64 in the manifest list entries",
            f"{RETRIED}image Manifest does not contain descriptor matching platform 'linux/amd64'.",
        ),
    ],
)
def test_why_an_image_could_not_be_pulled(said: str, reason: str) -> None:
    assert str(pull_failure("r:1/cats:9", said, "x86_64")).startswith(reason)


@pytest.mark.parametrize(
    "cause",
    [
        'exec: "puma": executable file not found in $PATH',
        'exec: "/app/run": permission denied',
        'exec: "/run": stat /run: no such file or directory',
        'chdir to cwd ("/app") set in config.json failed: no such file or directory',
    ],
)
@pytest.mark.parametrize("before", ["failed to create shim task: ", "failed to create task for container: x: ", ""])
def test_why_a_container_could_not_be_started(before: str, cause: str) -> None:
    said = f"{before}OCI runtime create failed: runc create failed: unable to start container process: {cause}: unknown"

    assert str(start_failure("web", said)) == (
        "CannotStartContainerError: ResourceInitializationError: failed to create new container runtime task: "
        "failed to create shim task: OCI runtime create failed: runc create failed: "
        f"unable to start container process: {cause}: unknown"
    )


def test_what_docker_alone_says_is_told_with_the_container_s_name() -> None:
    failure = str(start_failure("web", "unable to find user cat: no matching entries in passwd file"))

    assert failure.startswith("CannotStartContainerError: container 'web' could not be started: unable to find user cat")


def test_a_container_without_a_command_is_a_failure_to_create_it() -> None:
    assert str(create_failure("web", "No command specified")).startswith("CannotCreateContainerError: container 'web'")


def test_the_pause_program_is_an_executable_of_its_machine() -> None:
    for machine, (number, code) in pause_image.MACHINES.items():
        program = pause_image.program(machine)

        assert int.from_bytes(program[18:20], "little") == number
        assert program.endswith(code)
