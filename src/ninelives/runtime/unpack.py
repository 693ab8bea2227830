"""Unpacks the layers of an image below a directory, and nothing outside it.

Source: OCI image specification 1.1, "Image Layer Filesystem Changeset" (whiteouts). What only an image with a root of its own
can have (devices, links to absolute paths) is left out: host processes have the host's root.
"""

import copy
import os
import shutil
import tarfile
from collections.abc import Iterable
from pathlib import Path

from ninelives.runtime.engine import cannot_pull

WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"
NO_ENTRY = {"", ".", ".."}
"""Names that are no entry of a directory, but it itself or the one above."""


def unpack(layers: Iterable[Path], root: Path) -> None:
    """Unpack the blobs ``layers``, lowest first, into ``root``. Raises ``StartFailed`` for one that is no tar archive."""
    root.mkdir(parents=True, exist_ok=True)
    for layer in layers:
        try:
            with tarfile.open(layer, mode="r:*") as archive:
                archive.extraction_filter = _as_it_is  # members are checked below, alike on every Python
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
        checked = _placed(member, root)
        if checked is None:
            continue
        _make_way(root / checked.name, checked)
        archive.extract(checked, root)


def _placed(member: tarfile.TarInfo, root: Path) -> tarfile.TarInfo | None:
    """The member as it is unpacked: below ``root``, ours, not writable by others, no special bits; None when it is left out.

    The rules of the standard library's ``data`` filter, which Python has from 3.11.4 on; Debian 12's 3.11.2 has none.
    """
    name = member.name.lstrip("/")
    base = root.resolve()
    if not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
        return None
    if not (base / name).resolve().is_relative_to(base):
        return None
    if member.issym() or member.islnk():
        target = Path(member.linkname)
        start = (base / name).parent if member.issym() else base
        if target.is_absolute() or not (start / target).resolve().is_relative_to(base):
            return None
    mode = member.mode & 0o755 | 0o600
    if not mode & 0o100:
        mode &= 0o666
    checked = copy.copy(member)
    checked.name, checked.mode = name, 0o755 if member.isdir() else mode
    checked.uid, checked.gid, checked.uname, checked.gname = os.getuid(), os.getgid(), "", ""
    return checked


def _as_it_is(member: tarfile.TarInfo, _: str) -> tarfile.TarInfo:
    return member


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
    hidden = name.removeprefix(WHITEOUT)
    if hidden in NO_ENTRY:
        return
    for path in list(directory.iterdir()) if name == OPAQUE else [directory / hidden]:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
