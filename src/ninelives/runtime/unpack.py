"""Unpacks the layers of an image below a directory, and nothing outside it.

Source: OCI image specification 1.1, "Image Layer Filesystem Changeset" (whiteouts). What only an image with a root of its own
can have (devices, links to absolute paths) is left out: host processes have the host's root.
"""

import shutil
import tarfile
from collections.abc import Iterable
from pathlib import Path

from ninelives.runtime.engine import cannot_pull

WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"


def unpack(layers: Iterable[Path], root: Path) -> None:
    """Unpack the blobs ``layers``, lowest first, into ``root``. Raises ``StartFailed`` for one that is no tar archive."""
    root.mkdir(parents=True, exist_ok=True)
    for layer in layers:
        try:
            with tarfile.open(layer, mode="r:*") as archive:
                _unpack_layer(archive, root)
        except (tarfile.ReadError, tarfile.CompressionError, EOFError) as error:
            raise cannot_pull(
                f"a layer cannot be unpacked ({error}); the host runtime reads tar and tar+gzip. Build the image again so."
            ) from error


def _unpack_layer(archive: tarfile.TarFile, root: Path) -> None:
    for member in archive:
        name = Path(member.name).name
        if name.startswith(WHITEOUT):
            _white_out(root, Path(member.name).parent, name)
            continue
        try:
            checked = tarfile.data_filter(member, str(root))
        except tarfile.FilterError:
            continue
        _make_way(root / checked.name, checked)
        archive.extract(checked, root, filter="data")


def _make_way(path: Path, member: tarfile.TarInfo) -> None:
    """A file of an upper layer replaces what a lower one had there, even a directory."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir() and not member.isdir():
        shutil.rmtree(path)


def _white_out(root: Path, parent: Path, name: str) -> None:
    directory = (root / parent).resolve()
    if not directory.is_relative_to(root.resolve()) or not directory.is_dir():
        return
    gone = list(directory.iterdir()) if name == OPAQUE else [directory / name.removeprefix(WHITEOUT)]
    for path in gone:
        if path == directory or path.parent != directory:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
