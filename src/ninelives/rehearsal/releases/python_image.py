"""A base image for the catalogue's service where no image can be pulled: this machine's own Python, as much as it needs of it.

The interpreter, the modules that the service imports, a shell, and the libraries that these are linked with, each at the path
where it is here. Some 15 MB, made in a second. Linux with glibc or musl; Docker's engine must be on this machine's processor.
"""

import io
import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path

from ninelives.rehearsal.releases.files import SERVICE

PROGRAM = "usr/local/bin/python3"
SHELL = Path("/bin/sh")
BASE_LABEL = "ninelives.base"
_LIBRARY = re.compile(r"(?:=> )?(/\S+) \(0x")
_MODULES = """
import json, runpy, sys
sys.argv = ["service.py"]
runpy.run_path({service!r}, run_name="service")
import encodings.idna, encodings.latin_1, encodings.ascii
print(json.dumps([sys.executable, *(m.__file__ for m in sys.modules.values() if getattr(m, "__file__", None))]))
"""


def root_archive(also: Iterable[Path] = ()) -> bytes:
    """The image's files as a tar archive, as ``docker import`` takes it; with other files ``also``, at their paths here."""
    interpreter, *modules = [*_modules(), *map(str, also)]
    program = Path(interpreter).resolve()
    binaries = [program, SHELL.resolve(), *(Path(one) for one in modules if one.endswith(".so"))]
    files = {*map(Path, modules), *binaries, *(Path(one) for one in _libraries(binaries)), *_landmarks(program)}
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for path in sorted(files):
            tar.add(path.resolve(), str(path).lstrip("/"), filter=_owned_by_root)
        for name, target in ((PROGRAM, str(program)), ("bin/sh", str(SHELL.resolve()))):
            if Path("/", name) not in files:
                link = tarfile.TarInfo(name)
                link.type, link.linkname = tarfile.SYMTYPE, target
                tar.addfile(link)
        folder = tarfile.TarInfo("tmp")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o1777
        tar.addfile(folder)
    return content.getvalue()


def make_python_image(name: str, also: Iterable[Path] = ()) -> None:
    """Import the image into Docker's engine under ``name``. Raises ``subprocess.CalledProcessError``.

    A label names it in all that is built from it, for ``remove_python_image``.
    """
    libraries = sorted({str(Path(one).parent) for one in _libraries([Path(sys.executable).resolve()])})
    changes = [
        f"ENV LD_LIBRARY_PATH={':'.join(libraries)}",
        "ENV PATH=/usr/local/bin:/usr/bin:/bin",
        "ENV PYTHONDONTWRITEBYTECODE=1",
        f"LABEL {BASE_LABEL}={name}",
        'CMD ["python3"]',
    ]
    command = ["docker", "import", *(word for change in changes for word in ("--change", change)), "-", name]
    subprocess.run(command, input=root_archive(also), check=True, capture_output=True)


def remove_python_image(name: str) -> None:
    """Remove the image, and what was built from it and has lost its name to a later build. What is in use stays."""
    without_name = ["docker", "image", "prune", "--force", "--filter", f"label={BASE_LABEL}={name}"]
    for command in (without_name, ["docker", "image", "rm", name]):
        subprocess.run(command, check=False, capture_output=True)


def _modules() -> list[str]:
    """The interpreter's path, and those of the files that the service imports."""
    script = _MODULES.format(service=str(SERVICE))
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], check=True, capture_output=True, text=True)
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return [one for one in found if one != str(SERVICE)]


def _landmarks(program: Path) -> Iterable[Path]:
    """What Python knows its own place by."""
    return (program.parent.parent / "lib").glob("python3.*/os.py")


def _libraries(binaries: Iterable[Path]) -> set[str]:
    """What binaries are linked with, the loader included."""
    found: set[str] = set()
    for binary in binaries:
        done = subprocess.run(["ldd", str(binary)], check=False, capture_output=True, text=True)
        found |= set(_LIBRARY.findall(done.stdout))
    return found


def _owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member
