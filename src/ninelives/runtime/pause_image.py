"""The image of the container that holds a task's network: one program of a few instructions, made here, pulled from nowhere.

It only sleeps. Where a task has a single container none is needed: that container holds the network itself.
"""

import io
import struct
import tarfile
from collections.abc import Mapping

REPOSITORY, TAG = "ninelives/pause", "1"
PROGRAM = "pause"
BASE = 0x400000

# `ppoll(NULL, 0, NULL, NULL)` waits for ever; a signal that is not fatal makes it return, and it is called again.
MACHINES: Mapping[str, tuple[int, bytes]] = {
    # mov eax, 34 (pause); syscall; jmp back
    "x86_64": (62, bytes.fromhex("b822000000 0f05 ebf7")),
    # mov x0..x3 = 0; mov x8, #73 (ppoll); svc #0; b back
    "aarch64": (183, struct.pack("<7I", 0xD2800000, 0xD2800001, 0xD2800002, 0xD2800003, 0xD2800928, 0xD4000001, 0x17FFFFFA)),
}  # fmt: skip


def has_program_for(machine: str) -> bool:
    return machine in MACHINES


def program(machine: str) -> bytes:
    r"""A static ELF executable for ``machine`` (as the engine's ``Architecture`` has it). Source: elf(5).

    >>> program("x86_64")[:4], len(program("x86_64"))
    (b'\x7fELF', 129)
    """
    number, code = MACHINES[machine]
    header_size, entry_size = 64, 56
    size = header_size + entry_size + len(code)
    identification = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)  # 64 bit, little endian, version 1
    entry = BASE + header_size + entry_size
    header = identification + struct.pack(
        "<HHIQQQIHHHHHH", 2, number, 1, entry, header_size, 0, 0, header_size, entry_size, 1, 0, 0, 0
    )
    readable_and_executable = 5
    segment = struct.pack("<IIQQQQQQ", 1, readable_and_executable, 0, BASE, BASE, size, size, 0x1000)
    return header + segment + code


def root_archive(machine: str) -> bytes:
    """The image's whole file system as a tar archive, for ``docker import``."""
    content = program(machine)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        member = tarfile.TarInfo(PROGRAM)
        member.mode, member.size = 0o755, len(content)
        tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()
