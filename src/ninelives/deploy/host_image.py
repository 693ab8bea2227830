"""A host image: a real OCI image with one layer, the files that the Dockerfile copies, and the command in its config.

It holds no base image and nothing that RUN would have made: the machine that runs it must bring those. An annotation says so.
The same input gives the same bytes: names sorted, times at the epoch, owners root. The format is that of the OCI image
specification 1.1 ("Image Manifest", "Image Configuration", "Image Layer Filesystem Changeset").
"""

import gzip
import hashlib
import json
import platform
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ninelives.deploy.dockerfile import Recipe, parents
from ninelives.deploy.errors import BuildFailed

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
IMAGE_KIND = "dev.ninelives.image"
"""Annotation of the manifest and label of the config; its value ``host`` marks a host image."""
EPOCH = "1970-01-01T00:00:00Z"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OciImage:
    """An image on disk, ready to be pushed. Digests are ``sha256:…``."""

    manifest: bytes
    config: bytes
    layer: Path

    @property
    def digest(self) -> str:
        return digest_of(self.manifest)

    @property
    def parts(self) -> Mapping[str, Any]:
        """The manifest as data."""
        data: dict[str, Any] = json.loads(self.manifest)
        return data


def make_host_image(recipe: Recipe, folder: Path, *, version: str, command: tuple[str, ...] | None = None) -> OciImage:
    """Write the layer into ``folder`` and describe it. ``command`` is the service file's, for an image that has none.

    Raises ``BuildFailed`` when nothing says what to run.
    """
    if not (recipe.command or recipe.entry_point or command):
        raise BuildFailed(
            "The Dockerfile has neither CMD nor ENTRYPOINT; a host image knows nothing of its base image's.",
            hint="Add a CMD to the Dockerfile, or `command:` to the service file.",
        )
    layer = folder / "layer.tar.gz"
    content_digest = _write_layer(recipe, layer)
    config = _json(_config(recipe, content_digest))
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {"mediaType": CONFIG_TYPE, "digest": digest_of(config), "size": len(config)},
        "layers": [{"mediaType": LAYER_TYPE, "digest": digest_of_file(layer), "size": layer.stat().st_size}],
        "annotations": {IMAGE_KIND: "host", "org.opencontainers.image.version": version},
    }
    return OciImage(manifest=_json(manifest), config=config, layer=layer)


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def digest_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _config(recipe: Recipe, content_digest: str) -> dict[str, Any]:
    process: dict[str, Any] = {
        "Env": [f"{name}={value}" for name, value in sorted(recipe.variables.items())],
        "WorkingDir": recipe.working_directory,
        "Labels": {**recipe.labels, IMAGE_KIND: "host"},
    }
    if recipe.entry_point is not None:
        process["Entrypoint"] = list(recipe.entry_point)
    if recipe.command is not None:
        process["Cmd"] = list(recipe.command)
    if recipe.stop_signal:
        process["StopSignal"] = recipe.stop_signal
    if recipe.ports:
        process["ExposedPorts"] = {port: {} for port in sorted(set(recipe.ports))}
    return {
        "created": EPOCH,
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": process,
        "rootfs": {"type": "layers", "diff_ids": [content_digest]},
    }


class _Digesting:
    """Passes bytes on and digests them."""

    def __init__(self, sink: gzip.GzipFile) -> None:
        self.sink = sink
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.sha256.update(data)
        return self.sink.write(data)


def _write_layer(recipe: Recipe, layer: Path) -> str:
    """Write the layer; the digest of its content before compression (the ``diff_id``)."""
    folders = {folder for path in recipe.files for folder in parents(path)} | set(parents(f"{recipe.working_directory}/."))
    with layer.open("wb") as file, gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0) as packed:
        content = _Digesting(packed)
        with tarfile.open(fileobj=content, mode="w|", format=tarfile.PAX_FORMAT) as tar:  # type: ignore[call-overload]  # writes only
            for path in sorted(folders | set(recipe.files)):
                _add(tar, path, recipe)
    return f"sha256:{content.sha256.hexdigest()}"


def _add(tar: tarfile.TarFile, path: str, recipe: Recipe) -> None:
    copied = recipe.files.get(path)
    entry = tarfile.TarInfo(path.lstrip("/"))
    if copied is None or (copied.source.is_dir() and not copied.source.is_symlink()):
        entry.type, entry.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(entry)
    elif copied.source.is_symlink():
        entry.type, entry.mode, entry.linkname = tarfile.SYMTYPE, 0o777, str(copied.source.readlink())
        tar.addfile(entry)
    elif copied.source.is_file():
        status = copied.source.stat()
        entry.size = status.st_size
        entry.mode = copied.mode if copied.mode is not None else (0o755 if status.st_mode & 0o111 else 0o644)
        with copied.source.open("rb") as file:
            tar.addfile(entry, file)
