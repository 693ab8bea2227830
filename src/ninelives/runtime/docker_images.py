"""Images in Docker's engine: pulled from their registry, or made here (the one that holds a network)."""

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from ninelives.model.images import ImageReference, read_reference
from ninelives.region.ports import RegistryLogin
from ninelives.runtime import pause_image
from ninelives.runtime.docker_facts import away, pull_failure, reached
from ninelives.runtime.engine import cannot_initialize

if TYPE_CHECKING:
    from docker import APIClient

PULL_THREADS = 4
"""Pulls may take minutes; they have threads of their own and never keep a container from being stopped."""


class DockerImages:
    """The engine's images. ``machine`` is the engine's ``Architecture``."""

    def __init__(self, client: "APIClient", machine: str) -> None:
        self._client = client
        self._machine = machine
        self._threads = ThreadPoolExecutor(PULL_THREADS, thread_name_prefix="docker pull")
        self._pulls: dict[tuple[str, RegistryLogin | None], asyncio.Future[str | None]] = {}
        self._lock = threading.Lock()
        self._pause_id: str | None = None

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def pull(self, reference: str, login: RegistryLogin | None) -> str | None:
        """The digest of the image's manifest in its registry, None for an image made here. Raises ``StartFailed``
        and ``EngineAway``.

        Tasks that want an image at the same time share one pull. A reference with a registry is always asked for again, unless
        it names a digest; one without is taken as it is here, and asked of Docker Hub only if it is not.
        """
        pull = self._pulls.get((reference, login))
        if pull is None:
            pull = asyncio.get_running_loop().run_in_executor(
                self._threads, lambda: reached(lambda: self._pull(reference, login))
            )
            self._pulls[reference, login] = pull
            pull.add_done_callback(lambda _: self._pulls.pop((reference, login), None))
        return await asyncio.shield(pull)

    def _pull(self, reference: str, login: RegistryLogin | None) -> str | None:
        from docker.errors import APIError, DockerException

        image = read_reference(reference)
        who = None if login is None else {"username": login.username, "password": login.password}
        try:
            if image.registry is None or image.digest is not None:
                known = self._inspect(reference)
                if known is not None:
                    return _digest_of(image, known)
            for step in self._client.pull(image.name, tag=image.version, stream=True, decode=True, auth_config=who):
                if "error" in step:
                    raise pull_failure(reference, step["error"], self._machine)
            pulled = self._inspect(reference)
        except APIError as error:
            raise pull_failure(reference, error.explanation or str(error), self._machine) from error
        except (DockerException, OSError) as error:
            raise away(error) or pull_failure(reference, str(error), self._machine) from error
        if pulled is None:
            raise pull_failure(reference, "it was removed while it was pulled", self._machine)
        return _digest_of(image, pulled)

    def pause(self) -> str:
        """The id of the image that holds a task's network. It blocks; raises ``StartFailed``."""
        name = f"{pause_image.REPOSITORY}:{pause_image.TAG}"
        with self._lock:
            if self._pause_id is None:
                known = self._inspect(name) or self._make_pause(name)
                self._pause_id = str(known["Id"])
            return self._pause_id

    def _make_pause(self, name: str) -> Mapping[str, Any]:
        if not pause_image.has_program_for(self._machine):
            raise cannot_initialize(
                f"tasks of several containers need a pause program, and there is none for {self._machine}."
            )
        self._client.import_image_from_data(
            pause_image.root_archive(self._machine),
            repository=pause_image.REPOSITORY,
            tag=pause_image.TAG,
            changes=[f'CMD ["/{pause_image.PROGRAM}"]'],
        )
        made = self._inspect(name)
        assert made is not None, "the import has succeeded"
        return made

    def _inspect(self, reference: str) -> Mapping[str, Any] | None:
        from docker.errors import ImageNotFound

        try:
            inspected: Mapping[str, Any] = self._client.inspect_image(reference)  # type: ignore[no-untyped-call]  # types-docker
        except ImageNotFound:
            return None
        return inspected


def _digest_of(image: ImageReference, inspected: Mapping[str, Any]) -> str | None:
    """The digest of the manifest in the registry that ``image`` names; None for one that was never in it."""
    digests = dict(one.split("@", 1) for one in inspected.get("RepoDigests") or [])
    return image.digest or digests.get(image.name)
