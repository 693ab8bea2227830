"""Builds an image with Docker and pushes it, through the Docker SDK."""

import contextlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ninelives.deploy.errors import BuildFailed, DeployError, PushFailed

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


def build(wanted: Build) -> str:
    """Build an image; its id. Raises ``BuildFailed`` with the build's last lines."""
    with _engine(BuildFailed) as client:
        output = client.api.build(
            path=str(wanted.folder),
            dockerfile=wanted.dockerfile,
            buildargs=dict(wanted.arguments),
            labels=dict(wanted.labels),
            platform=wanted.platform,
            rm=True,
            forcerm=True,
            decode=True,
        )
        return _image_id(output)


def push(image_id: str, repository_uri: str, tag: str, *, username: str, password: str) -> None:
    """Tag an image that was built, and push it. Raises ``PushFailed``."""
    with _engine(PushFailed) as client:
        client.api.tag(image_id, repository_uri, tag)
        pushed = client.api.push(
            repository_uri, tag, auth_config={"username": username, "password": password}, stream=True, decode=True
        )
        for one in pushed:
            if "error" in one:
                raise PushFailed(f"The push of {repository_uri}:{tag} failed: {one['error']}")


@contextlib.contextmanager
def _engine(failure: type[DeployError]) -> Iterator[Any]:
    """Docker's engine; whatever goes wrong with it is a ``failure``, in its own words."""
    import docker.errors
    import requests.exceptions

    try:
        with contextlib.closing(_client()) as client:
            yield client
    except docker.errors.APIError as error:
        raise failure(f"Docker refused: {error.explanation or error}") from error
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        raise failure(f"Docker's engine failed: {error}", hint="Is it still running? `docker info` tells.") from error


def _client() -> Any:
    import docker

    return docker.DockerClient.from_env()


def _image_id(output: Iterable[Mapping[str, Any]]) -> str:
    """The id that a build's output ends with. Raises ``BuildFailed``."""
    last: deque[str] = deque(maxlen=LAST_LINES)
    image_id = ""
    for one in output:
        last.extend(_lines(one))
        image_id = one.get("aux", {}).get("ID") or image_id
        if "error" in one:
            told = "\n".join(f"  | {line}" for line in last)
            raise BuildFailed(f"The image could not be built: {one['error'].strip()}\n{told}")
    if not image_id:
        raise BuildFailed("Docker built no image and did not say why.")
    return image_id


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
        return "Docker is there, but this user may not use its socket: it must be in the group `docker`."
    if any(isinstance(cause, FileNotFoundError | ConnectionRefusedError) for cause in causes):
        return "No Docker engine answers."
    return f"No Docker engine answers ({error})."
