"""Builds an image with Docker and pushes it, through the Docker SDK."""

import contextlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ninelives.deploy.errors import BuildFailed, PushFailed

LAST_LINES = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """What to build. ``dockerfile`` is relative to ``folder``."""

    folder: Path
    dockerfile: str
    arguments: Mapping[str, str]
    platform: str | None
    labels: Mapping[str, str]


def why_docker_cannot() -> str | None:
    """Why Docker cannot build here, in a sentence; None when its engine answers."""
    try:
        with contextlib.closing(_client()) as client:
            client.ping()
    except Exception as error:  # noqa: BLE001 (the SDK lets requests', urllib3's and its own errors through)
        return _explained(error)
    return None


def build_and_push(build: Build, repository_uri: str, tag: str, *, username: str, password: str) -> None:
    """Build, tag and push. Raises ``BuildFailed`` with the build's last lines, or ``PushFailed``."""
    import docker.errors

    with contextlib.closing(_client()) as client:
        output = client.api.build(
            path=str(build.folder),
            dockerfile=build.dockerfile,
            tag=f"{repository_uri}:{tag}",
            buildargs=dict(build.arguments),
            labels=dict(build.labels),
            platform=build.platform,
            rm=True,
            forcerm=True,
            decode=True,
        )
        try:
            _require_success(output)
        except docker.errors.APIError as error:
            raise BuildFailed(f"Docker refused the build: {error.explanation or error}") from None
        pushed = client.api.push(
            repository_uri, tag, auth_config={"username": username, "password": password}, stream=True, decode=True
        )
        for one in pushed:
            if "error" in one:
                raise PushFailed(f"The push of {repository_uri}:{tag} failed: {one['error']}")


def _client() -> Any:
    import docker

    return docker.DockerClient.from_env()


def _require_success(output: Iterable[Mapping[str, Any]]) -> None:
    last: deque[str] = deque(maxlen=LAST_LINES)
    for one in output:
        last.extend(_lines(one))
        if "error" in one:
            told = "\n".join(f"  | {line}" for line in last)
            raise BuildFailed(f"The image could not be built: {one['error'].strip()}\n{told}")


def _lines(one: Mapping[str, Any]) -> Iterator[str]:
    for line in str(one.get("stream", "")).splitlines():
        if line.strip():
            yield line.rstrip()


def _explained(error: BaseException) -> str:
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None and cause not in causes:
        causes.append(cause)
    text = " ".join(str(cause) for cause in causes)
    if any(isinstance(cause, PermissionError) for cause in causes) or "Permission denied" in text:
        return "Docker is there, but this user may not use its socket."
    if any(isinstance(cause, FileNotFoundError | ConnectionRefusedError) for cause in causes):
        return "No Docker engine answers."
    return f"No Docker engine answers ({error})."
