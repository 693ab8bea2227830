"""What an embedded region's registry has left in Docker's engine: images that were built for it, or pulled from it."""

import contextlib
from collections.abc import Sequence


def forget_images(registry: str) -> int:
    """Remove the images of ``registry`` (``host:port``) from Docker's engine; how many. What is in use, or others', stays.

    Best effort: where Docker does not answer, nothing is removed.
    """
    import docker
    import requests.exceptions
    from docker.errors import APIError, DockerException

    removed = 0
    try:
        with contextlib.closing(docker.from_env()) as client:
            for image in client.images.list():
                names = [*image.tags, *(image.attrs.get("RepoDigests") or ())]
                ours = [name for name in names if name.startswith(f"{registry}/")]
                for name in ours:
                    with contextlib.suppress(APIError):
                        client.images.remove(name, force=False)
                removed += bool(ours)
    except (DockerException, requests.exceptions.RequestException):
        return removed
    return removed


def forget_names(names: Sequence[str]) -> int:
    """Remove names of images from Docker's engine, and with its last name an image that no container has; how many went.

    Best effort, as ``forget_images``.
    """
    import docker
    import requests.exceptions
    from docker.errors import APIError, DockerException

    removed = 0
    try:
        with contextlib.closing(docker.from_env()) as client:
            for name in names:
                with contextlib.suppress(APIError):  # not there, or a container has it
                    client.images.remove(name, force=False)
                    removed += 1
    except (DockerException, requests.exceptions.RequestException):
        return removed
    return removed
