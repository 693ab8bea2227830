"""An image for another processor: its configuration says so, and its one program is none of this machine's."""

import gzip
import io
import json
import platform
import struct
import tarfile
from pathlib import Path

from ninelives.deploy.host_image import ARCHITECTURES, CONFIG_TYPE, LAYER_TYPE, MANIFEST_TYPE, OciImage, digest_of

PROGRAM = "serve"
ELF_MACHINES = {"amd64": 62, "arm64": 183}


def make_foreign_image(folder: Path) -> OciImage:
    """Write the image's layer into ``folder``: for arm64, on arm64 for amd64."""
    here = ARCHITECTURES.get(platform.machine(), platform.machine())
    architecture = "amd64" if here == "arm64" else "arm64"
    content = _archive(_program(architecture))
    layer = folder / "foreign-layer.tar.gz"
    layer.write_bytes(gzip.compress(content, mtime=0))
    config = json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {"Cmd": [f"/{PROGRAM}"]},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(content)]},
        }
    ).encode()
    packed = layer.read_bytes()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {"mediaType": CONFIG_TYPE, "digest": digest_of(config), "size": len(config)},
        "layers": [{"mediaType": LAYER_TYPE, "digest": digest_of(packed), "size": len(packed)}],
    }
    return OciImage(manifest=json.dumps(manifest).encode(), config=config, layer=layer)


def _archive(program: bytes) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        member = tarfile.TarInfo(PROGRAM)
        member.mode, member.size = 0o755, len(program)
        tar.addfile(member, io.BytesIO(program))
    return content.getvalue()


def _program(architecture: str) -> bytes:
    """The smallest file that a kernel knows as a program: an ELF header, and a segment of nothing."""
    header, segment, base = 64, 56, 0x400000
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    fields = (2, ELF_MACHINES[architecture], 1, base + header + segment, header, 0, 0, header, segment, 1, 0, 0, 0)
    program = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, header + segment, header + segment, 0x1000)
    return ident + struct.pack("<HHIQQQIHHHHHH", *fields) + program
