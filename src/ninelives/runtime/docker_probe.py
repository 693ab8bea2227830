"""Whether a Docker engine answers here whose containers can be reached, asked without loading the SDK."""

import getpass
import http.client
import json
import os
import socket
from pathlib import Path
from typing import Any

DEFAULT_SOCKET = "/var/run/docker.sock"
TIMEOUT_SECONDS = 2.0
OK = 200


def socket_path() -> str | None:
    """The engine's socket on this machine; None where ``DOCKER_HOST`` names another way to it."""
    host = os.environ.get("DOCKER_HOST", "") or f"unix://{DEFAULT_SOCKET}"
    return host.removeprefix("unix://") if host.startswith("unix://") else None


def probe() -> str | None:
    """None if containers can be run and reached; otherwise a sentence that says why not. Takes two seconds at most."""
    path = socket_path()
    if path is None:
        return (
            f"DOCKER_HOST is {os.environ['DOCKER_HOST']}: the addresses of its containers cannot be reached from here; "
            "a unix:// socket is needed."
        )
    try:
        return _unfit(_info(path))
    except FileNotFoundError:
        return f"there is no Docker socket at {path}; Docker is not installed or not running."
    except PermissionError:
        return (
            f"permission denied on the Docker socket {path}; add {_user()} to the group {_group_of(path)!r} "
            f"(`sudo usermod -aG {_group_of(path)} {_user()}`) and log in again."
        )
    except ConnectionRefusedError:
        return f"nothing answers at the Docker socket {path}; the daemon is not running (`sudo systemctl start docker`)."
    except TimeoutError:
        return f"the Docker engine at {path} did not answer within {TIMEOUT_SECONDS:.0f} s."
    except (OSError, http.client.HTTPException, ValueError) as error:
        return f"the Docker engine at {path} does not answer as it should: {error}."


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _info(path: str) -> dict[str, Any]:
    connection = _UnixConnection(path)
    try:
        connection.request("GET", "/info")
        response = connection.getresponse()
        body = response.read()
        if response.status != OK:
            raise ValueError(f"GET /info answered {response.status}")
        info: dict[str, Any] = json.loads(body)
    finally:
        connection.close()
    return info


def _unfit(info: dict[str, Any]) -> str | None:
    """Why the containers of an engine that answers cannot be used, None if they can."""
    if info.get("OSType") != "linux":
        return f"the Docker engine runs {info.get('OSType')} containers, not Linux ones."
    if info.get("OperatingSystem") == "Docker Desktop":
        return "Docker Desktop keeps its containers in a virtual machine, whose addresses cannot be reached from here."
    if any("rootless" in str(option) for option in info.get("SecurityOptions") or []):
        return "the Docker engine is rootless: the addresses of its containers cannot be reached from here."
    return None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _group_of(path: str) -> str:
    try:
        return Path(path).group()
    except (KeyError, OSError):
        return "docker"
