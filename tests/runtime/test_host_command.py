"""What a container is on the host."""

import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ninelives.model.ecs import ContainerDefinition, HealthCheck, HealthStatus
from ninelives.runtime.engine import StartFailed
from ninelives.runtime.host_command import HostCommand, find_program, host_command, host_health_check, inherited_environment
from ninelives.runtime.host_health import HealthCount
from ninelives.runtime.host_ports import FIRST, LAST, HostPorts

ROOT = Path("/tasks/0f/web/root")
PORTS = {80: 20080, 9090: 29090}


def command_of(config: dict[str, Any] | None = None, variables: dict[str, str] | None = None, **members: Any) -> HostCommand:
    container = ContainerDefinition(**({"name": "web", "image": "cats", "container_ports": (80,)} | members))
    return host_command(
        container,
        {"Cmd": ["serve"]} if config is None else config,
        root=ROOT,
        ports=PORTS,
        task_arn="arn",
        region="eu-west-1",
        inherited={"PATH": "/usr/bin", "HOME": "/root"},
        variables=variables or {},
    )


@pytest.mark.parametrize(
    ("config", "definition", "argv"),
    [
        ({"Cmd": ["a"]}, {}, ("a",)),
        ({"Cmd": ["a"], "Entrypoint": ["e"]}, {}, ("e", "a")),
        ({"Cmd": ["a"], "Entrypoint": ["e"]}, {"command": ("b",)}, ("e", "b")),
        ({"Cmd": ["a"], "Entrypoint": ["e"]}, {"entry_point": ("f",)}, ("f",)),
        ({"Cmd": ["a"]}, {"entry_point": ("f",), "command": ("b",)}, ("f", "b")),
    ],
)
def test_entry_point_and_command_as_docker_has_them(
    config: dict[str, Any], definition: dict[str, Any], argv: tuple[str, ...]
) -> None:
    assert command_of(config, **definition).argv == argv


def test_without_any_command_nothing_can_be_created() -> None:
    with pytest.raises(StartFailed, match="names a command"):
        command_of({})


@pytest.mark.parametrize(
    ("image", "definition", "port"),
    [
        ([], (), "20080"),
        (["PORT=80"], (), "20080"),
        (["PORT=80"], (("PORT", "9999"),), "9999"),  # an application that listens elsewhere does so here too
        ([], (("PORT", "80"),), "20080"),
    ],
)
def test_the_port_in_the_environment(image: list[str], definition: tuple[tuple[str, str], ...], port: str) -> None:
    environment = command_of({"Cmd": ["a"], "Env": image}, environment=definition).environment

    assert environment["PORT"] == port
    assert (environment["PORT_80"], environment["PORT_9090"]) == ("20080", "29090")


@pytest.mark.parametrize(("given_host", "seen"), [(None, "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "::1")])
def test_an_application_stays_on_loopback_unless_told_otherwise(given_host: str | None, seen: str) -> None:
    environment = command_of(environment=() if given_host is None else (("HOST", given_host),)).environment

    assert (environment["HOST"], environment["BIND"]) == (seen, "127.0.0.1")


def test_programs_are_the_host_s_and_files_the_image_s() -> None:
    command = command_of({"Cmd": ["a"], "Env": ["PATH=/usr/local/bundle/bin", "RACK_ENV=production"], "WorkingDir": "/app"})

    assert command.environment["PATH"] == "/usr/bin"
    assert command.environment["RACK_ENV"] == "production"
    assert command.working_directory == ROOT / "app"


def test_no_secret_of_the_control_plane_reaches_a_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("GEM_HOME", "/gems")
    inherited = inherited_environment()

    assert "AWS_SECRET_ACCESS_KEY" not in inherited
    assert inherited["GEM_HOME"] == "/gems"


def test_a_program_is_looked_for_below_the_root_first(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sh").touch(mode=0o755)
    (tmp_path / "bin" / "plain").touch(mode=0o644)

    assert find_program(command_of({"Cmd": ["/bin/sh"]}), tmp_path) == str(tmp_path / "bin" / "sh")
    assert find_program(command_of({"Cmd": ["/bin/true"]}), tmp_path) == "/bin/true"
    with pytest.raises(StartFailed, match=r"exec: ./bin/plain.: permission denied"):
        find_program(command_of({"Cmd": ["/bin/plain"]}), tmp_path)
    with pytest.raises(StartFailed, match="apt-get install no-such"):
        find_program(command_of({"Cmd": ["no-such"]}), tmp_path)


@pytest.mark.parametrize(
    ("check", "argv"),
    [
        (
            ("CMD-SHELL", "curl http://127.0.0.1:80/ || exit 1"),
            ("/bin/sh", "-c", "curl http://127.0.0.1:20080/ || exit 1"),
        ),
        (("CMD", "nc", "-z", "localhost:9090"), ("nc", "-z", "localhost:29090")),
        (("CMD-SHELL", "curl http://localhost:8000/"), ("/bin/sh", "-c", "curl http://localhost:8000/")),
    ],
)
def test_a_health_check_asks_the_task_s_own_port(check: tuple[str, ...], argv: tuple[str, ...]) -> None:
    assert host_health_check(HealthCheck(command=check), PORTS) == argv


@given(outcomes=st.lists(st.booleans(), max_size=20), retries=st.integers(1, 5), start_period=st.integers(0, 300))
def test_health_follows_docker_s_count(outcomes: list[bool], retries: int, start_period: int) -> None:
    """UNHEALTHY needs ``retries`` failures in a row that count; any success means HEALTHY."""
    check = HealthCheck(command=("CMD", "x"), retries=retries, start_period=timedelta(seconds=start_period))
    count, in_a_row, has_passed = HealthCount(), 0, False
    for number, passed in enumerate(outcomes, 1):
        count = count.after(check, passed=passed, elapsed=timedelta(seconds=30 * number))
        has_passed = has_passed or passed
        counts = has_passed or 30 * number >= start_period
        in_a_row = 0 if passed else in_a_row + counts
        if passed:
            assert count.status is HealthStatus.HEALTHY
        assert (count.status is HealthStatus.UNHEALTHY) == (in_a_row >= retries)


def test_ports_are_free_and_come_again_last() -> None:
    ports = HostPorts("some region")
    first, second = ports.take(), ports.take()
    ports.give_back([first])
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", second + 1))
        third = ports.take()

    assert all(FIRST <= port < LAST for port in (first, second, third))
    assert third not in {first, second, second + 1}
