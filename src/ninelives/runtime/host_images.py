"""Images on the host: manifests from their registry, layers kept by digest, unpacked for each task."""

import asyncio
import platform
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ninelives.region.ports import RegistryLogin
from ninelives.runtime.registry_client import ImageManifest, RegistryClient
from ninelives.runtime.unpack import unpack

PULL_THREADS = 4
CACHE_BYTES_MAX = 2 * 1024**3
"""Layers kept on disk; above it, those that were used longest ago go."""
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "ppc64le": "ppc64le", "s390x": "s390x"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HostImage:
    """An image whose layers are there. ``config`` as in the image's configuration: ``Cmd``, ``Env``, ``WorkingDir``, …"""

    digest: str
    config: Mapping[str, Any]
    layers: tuple[Path, ...]


def layer_path(directory: Path, digest: str) -> Path:
    """Where a layer lies in the folder of layers, or would."""
    return directory / digest.replace(":", "-")


class HostImages:
    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._threads = ThreadPoolExecutor(PULL_THREADS, thread_name_prefix="pull")
        self._pulls: dict[tuple[str, RegistryLogin | None], asyncio.Future[HostImage]] = {}
        self._images: dict[str, HostImage] = {}
        """By reference, as last pulled."""

    def open(self) -> None:
        """Make the folder of layers, and clear away what an earlier control plane had half fetched when it died."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        for draft in self._directory.glob("*.draft"):
            draft.unlink()

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def pull(self, reference: str, login: RegistryLogin | None) -> HostImage:
        """Fetch what is not there yet; tasks that want an image at the same time share a pull. Raises ``StartFailed``."""
        pull = self._pulls.get((reference, login))
        if pull is None:
            pull = asyncio.get_running_loop().run_in_executor(self._threads, self._pull, reference, login)
            self._pulls[reference, login] = pull
            pull.add_done_callback(lambda _: self._pulls.pop((reference, login), None))
        image = await asyncio.shield(pull)
        self._images[image.digest] = image
        return image

    def pulled(self, digest: str) -> HostImage:
        """The image of ``digest``, which has been pulled before."""
        return self._images[digest]

    def unpack(self, image: HostImage, root: Path) -> None:
        """Unpack ``image`` into ``root``. It blocks; raises ``StartFailed``."""
        unpack(image.layers, root)

    def _pull(self, reference: str, login: RegistryLogin | None) -> HostImage:
        machine = platform.machine()
        client = RegistryClient(reference, architecture=ARCHITECTURES.get(machine, machine), login=login)
        manifest = client.manifest()
        for layer in manifest.layers:
            path = self._path(layer.digest)
            if path.exists():
                path.touch()
            else:
                client.fetch_layer(layer, path)
        self._prune(manifest)
        return HostImage(
            digest=manifest.digest, config=manifest.config, layers=tuple(self._path(one.digest) for one in manifest.layers)
        )

    def _path(self, digest: str) -> Path:
        return layer_path(self._directory, digest)

    def _prune(self, manifest: ImageManifest) -> None:
        """Keep the cache bounded; the layers of ``manifest`` stay, and so do those of pulls under way (they are newest)."""
        wanted = {self._path(one.digest) for one in manifest.layers}
        by_age = sorted(self._directory.glob("sha256-*"), key=lambda path: path.stat().st_mtime, reverse=True)
        total = 0
        for path in by_age:
            total += path.stat().st_size
            if total > CACHE_BYTES_MAX and path not in wanted:
                path.unlink(missing_ok=True)
