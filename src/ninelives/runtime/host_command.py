"""What a container is on the host: program, arguments, environment and working directory, from image and definition.

The image's files lie below the task's root, its programs are the host's: ``PATH`` is the host's, and a path of the image is
looked for below the root first. A volume is a directory of the task, linked where its container path lies below the root.

Not enforced on the host: the user, the read-only root, read-only volumes, capabilities, CPU limits, the network of a task and
its ``systemControls``.
"""

import os
import re
import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ninelives.model.ecs import ContainerDefinition, HealthCheck
from ninelives.runtime.engine import cannot_create
from ninelives.runtime.environment import ecs_variables
from ninelives.runtime.start_failures import program_not_found, program_not_permitted

LOOPBACK = "127.0.0.1"
EVERYWHERE = {"", "0.0.0.0", "::", "[::]", "*"}  # noqa: S104  # compared with, never bound to
BIND_VARIABLES = ("HOST", "BIND")
INHERITED = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR",
    "GEM_HOME", "GEM_PATH", "RUBYLIB", "RUBYOPT", "BUNDLE_PATH", "BUNDLE_USER_HOME", "RBENV_ROOT", "RBENV_VERSION",
    "SSL_CERT_FILE", "SSL_CERT_DIR",
)  # fmt: skip
"""What a host's programs need to be found and to run; nothing else of the control plane's environment goes to a task."""
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TASK_VARIABLE = "NINELIVES_TASK_ARN"
"""Marks every process of a task, so that none is left behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostCommand:
    """``argv`` as the process sees it; ``stop_signal`` a number."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    private_environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Variables that are written nowhere; together with ``environment`` all that the process has."""
    working_directory: Path
    stop_signal: int


def host_command(  # noqa: PLR0913 - the one place where image, definition, ports and host meet
    container: ContainerDefinition,
    config: Mapping[str, Any],
    *,
    root: Path,
    ports: Mapping[int, int],
    task_arn: str,
    region: str,
    inherited: Mapping[str, str],
    variables: Mapping[str, str],
) -> HostCommand:
    """The command of ``container`` over an image's ``config``, below ``root``.

    ``ports``: the host's port by container port, of the whole task. ``variables`` come to those of the definition and are
    private. Raises ``StartFailed`` where no command is named.
    """
    argv = _argv(container, config)
    if not argv:
        raise cannot_create(f"container {container.name!r}: neither the image nor the definition names a command.")
    defined = ecs_variables(region) | dict(container.environment) | dict(variables)
    environment = _environment(container, config, ports, task_arn, inherited, defined)
    directory = container.working_directory or config.get("WorkingDir") or "/"
    return HostCommand(
        argv=argv,
        environment={name: value for name, value in environment.items() if name not in variables},
        private_environment={name: environment[name] for name in variables},
        working_directory=root / directory.lstrip("/"),
        stop_signal=read_signal(config.get("StopSignal")),
    )


def inherited_environment() -> dict[str, str]:
    """The part of this process's environment that host programs need."""
    return {"PATH": DEFAULT_PATH} | {name: os.environ[name] for name in INHERITED if name in os.environ}


def find_program(command: HostCommand, root: Path) -> str:
    """The file to run. A path of the image is looked for below its root, then on the host. Raises ``StartFailed``."""
    name = command.argv[0]
    if name.startswith("/"):
        below = root / name.lstrip("/")
        found = str(below) if below.exists() else name
    elif "/" in name:
        found = str(command.working_directory / name)
    else:
        found = shutil.which(name, path=command.environment.get("PATH", DEFAULT_PATH)) or ""
    if not found or not os.path.exists(found):  # noqa: PTH110  # a name that may be empty
        package = Path(name).name
        raise program_not_found(
            name,
            hint="the host runtime runs an image's command with this machine's programs: install it "
            f"(`apt-get install {package}`?), or use the Docker runtime",
        )
    if not os.access(found, os.X_OK):
        raise program_not_permitted(name, hint="set its mode in the build context")
    return found


def host_health_check(check: HealthCheck, ports: Mapping[int, int]) -> tuple[str, ...]:
    """The command of a health check as the host runs it: loopback addresses with a container port get the host's port.

    >>> host_health_check(HealthCheck(command=("CMD-SHELL", "curl -f http://localhost:80/health")), {80: 20001})
    ('/bin/sh', '-c', 'curl -f http://localhost:20001/health')
    """
    kind, *command = check.command
    moved = [_with_host_ports(part, ports) for part in command]
    return ("/bin/sh", "-c", *moved) if kind == "CMD-SHELL" else tuple(moved)


def not_enforced(container: ContainerDefinition) -> list[str]:
    """Members of a definition that this container asks for and a host process does not get.

    >>> not_enforced(ContainerDefinition(name="web", image="cats", user="cat", capabilities_added=("SYS_PTRACE",)))
    ['linuxParameters.capabilities', 'user']
    """
    asked = {
        "cpu": container.cpu_units,
        "interactive": container.interactive,
        "linuxParameters.capabilities": container.capabilities_added or container.capabilities_dropped,
        "linuxParameters.tmpfs (as memory)": container.tmpfs,
        "mountPoints.readOnly": any(one.read_only for one in container.mount_points)
        or any(one.read_only for one in container.volumes_from),
        "pseudoTerminal": container.pseudo_terminal,
        "readonlyRootFilesystem": container.readonly_root_filesystem,
        "systemControls": container.system_controls,
        "user": container.user,
    }
    return [member for member, is_asked in asked.items() if is_asked]


def read_signal(text: str | None) -> int:
    """The number of a ``STOPSIGNAL`` (``SIGQUIT``, ``QUIT`` or ``3``); SIGTERM where there is none that is known.

    >>> read_signal("QUIT"), read_signal("3"), read_signal(None)
    (3, 3, 15)
    """
    if text and text.isdigit():
        return int(text)
    name = (text or "").upper()
    found = getattr(signal, name if name.startswith("SIG") else f"SIG{name}", signal.SIGTERM)
    return int(found)


def _argv(container: ContainerDefinition, config: Mapping[str, Any]) -> tuple[str, ...]:
    """As Docker does: an entry point of the definition puts the image's command out of force."""
    if container.entry_point:
        return container.entry_point + (container.command or ())
    command = container.command or config.get("Cmd") or ()
    return (*(config.get("Entrypoint") or ()), *command)


def _environment(
    container: ContainerDefinition,
    config: Mapping[str, Any],
    ports: Mapping[int, int],
    task_arn: str,
    inherited: Mapping[str, str],
    defined: Mapping[str, str],
) -> dict[str, str]:
    image = dict(one.partition("=")[::2] for one in config.get("Env") or ())
    image.pop("PATH", None)  # it names places in a root that host programs do not have
    environment = dict(inherited) | image | dict(defined)
    environment[TASK_VARIABLE] = task_arn
    environment |= {f"PORT_{port}": str(host_port) for port, host_port in ports.items()}
    if container.container_ports:
        environment["PORT"] = _port(environment.get("PORT"), container.container_ports, ports)
        for name in BIND_VARIABLES:
            if environment.get(name, "") in EVERYWHERE:
                environment[name] = LOOPBACK
    return environment


def _port(wanted: str | None, container_ports: tuple[int, ...], ports: Mapping[int, int]) -> str:
    """The host's port in place of a container port; a port that is none of the container's stays: it is the user's fault
    to find.
    """
    if wanted is None:
        return str(ports[container_ports[0]])
    return str(ports[int(wanted)]) if wanted.isdigit() and int(wanted) in container_ports else wanted


def _with_host_ports(text: str, ports: Mapping[int, int]) -> str:
    def host_port(match: re.Match[str]) -> str:
        return f"{match[1]}:{ports.get(int(match[2]), int(match[2]))}"

    return re.sub(r"(localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\]):(\d{1,5})\b", host_port, text)
