"""Layers land below their directory, whatever they say, on every Python that we support."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from ninelives.runtime.unpack import unpack


def layer(folder: Path, *members: tuple[str, dict[str, object]], content: bytes = b"new") -> Path:
    path = folder / f"{len(list(folder.iterdir()))}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, facts in members:
            member = tarfile.TarInfo(name)
            for fact, value in facts.items():
                setattr(member, fact, value)
            member.size = len(content) if member.isreg() else 0
            archive.addfile(member, io.BytesIO(content) if member.isreg() else None)
    return path


def below(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*")}


def test_files_and_folders_land_below_the_root(tmp_path: Path) -> None:
    layers = tmp_path / "layers"
    layers.mkdir()
    blob = layer(
        layers,
        ("app", {"type": tarfile.DIRTYPE, "mode": 0o777, "uid": 10001}),
        ("/app/run", {"mode": 0o6777, "uid": 10001, "uname": "cats"}),
        ("app/data", {"mode": 0o666}),
        ("app/link", {"type": tarfile.SYMTYPE, "linkname": "run"}),
        ("app/same", {"type": tarfile.LNKTYPE, "linkname": "app/data"}),
    )

    unpack([blob], tmp_path / "root")

    root = tmp_path / "root"
    assert below(root) == {"app", "app/run", "app/data", "app/link", "app/same"}
    assert [0o755, 0o755, 0o644] == [(root / name).stat().st_mode & 0o7777 for name in ("app", "app/run", "app/data")]
    assert (root / "app/run").stat().st_uid == os.getuid()
    assert (root / "app/same").read_bytes() == b"new"


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("../out", {}),
        ("app/../../out", {}),
        ("link", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}),
        ("link", {"type": tarfile.SYMTYPE, "linkname": "../../out"}),
        ("link", {"type": tarfile.LNKTYPE, "linkname": "/etc/passwd"}),
        ("link", {"type": tarfile.LNKTYPE, "linkname": "../out"}),
        ("null", {"type": tarfile.CHRTYPE}),
        ("pipe", {"type": tarfile.FIFOTYPE}),
    ],
)
def test_what_would_leave_the_root_is_left_out(name: str, facts: dict[str, object], tmp_path: Path) -> None:
    layers = tmp_path / "layers"
    layers.mkdir()

    unpack([layer(layers, (name, facts))], tmp_path / "root")

    assert below(tmp_path / "root") <= {"app"}
    assert not (tmp_path / "out").exists()


def test_a_link_of_a_lower_layer_leads_nowhere_else(tmp_path: Path) -> None:
    layers, out, root = tmp_path / "layers", tmp_path / "out", tmp_path / "root"
    layers.mkdir()
    out.mkdir()
    root.mkdir()
    (root / "escape").symlink_to(out)

    unpack([layer(layers, ("escape/file", {}))], root)

    assert list(out.iterdir()) == []


def test_whiteouts_remove_what_lower_layers_had(tmp_path: Path) -> None:
    layers = tmp_path / "layers"
    layers.mkdir()
    lower = layer(layers, ("a/x", {}), ("a/y", {}), ("b/z", {}))
    upper = layer(layers, ("a/.wh.x", {}), ("b/.wh..wh..opq", {}), ("b/new", {}))

    unpack([lower, upper], tmp_path / "root")

    assert below(tmp_path / "root") == {"a", "a/y", "b", "b/new"}


def test_a_file_takes_the_place_of_a_folder(tmp_path: Path) -> None:
    layers = tmp_path / "layers"
    layers.mkdir()
    lower = layer(layers, ("a/x", {}))

    unpack([lower, layer(layers, ("a", {}))], tmp_path / "root")

    assert (tmp_path / "root" / "a").read_bytes() == b"new"


@pytest.mark.parametrize("name", [".wh.", ".wh..", ".wh...", "app/.wh...", "app/../.wh..."])
def test_a_whiteout_takes_away_nothing_but_its_own_entry(name: str, tmp_path: Path) -> None:
    layers, root = tmp_path / "layers", tmp_path / "root"
    layers.mkdir()
    root.mkdir()
    (tmp_path / "beside").touch()
    (root / "app").mkdir()
    (root / "app" / "run").touch()

    unpack([layer(layers, (name, {}))], root)

    assert (tmp_path / "beside").exists()
    assert below(root) == {"app", "app/run"}
