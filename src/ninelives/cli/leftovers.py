"""What a region's runtime keeps of images that its registry has deleted: Docker's copies, or the host runtime's layers.

Best effort, on a thread of its own: what a task still uses, Docker does not remove, and the region does not wait for it.
"""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from ninelives.cli.docker_images import forget_names
from ninelives.cli.settings import HOST, RegionSettings
from ninelives.registry import ImageAction
from ninelives.runtime import layer_path

log = logging.getLogger(__name__)


class Leftovers:
    """Removes what is left of deleted images on this machine."""

    def __init__(self, settings: RegionSettings) -> None:
        self._runs_docker = settings.runtime == "docker"
        self._registry = f"{HOST}:{settings.port}"
        self._layers = settings.state_directory / "tasks" / "layers"
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="leftovers")

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def told(self, action: ImageAction) -> None:
        """An image was pushed or deleted: Docker forgets the names of what was deleted."""
        if action.action != "DELETE" or not self._runs_docker:
            return
        repository = f"{self._registry}/{action.repository}"
        names = [f"{repository}@{action.digest}"] if action.tag is None else [f"{repository}:{action.tag}"]
        if action.is_last:
            names.append(f"{repository}@{action.digest}")
        self._thread.submit(forget_names, list(dict.fromkeys(names)))

    def files_removed(self, digests: Sequence[str]) -> None:
        """Blobs are gone from the registry: the host runtime forgets its copies of layers."""
        if self._runs_docker:
            return
        for digest in digests:
            layer_path(self._layers, digest).unlink(missing_ok=True)
