"""Where a region lives on this machine: its port, its state folder, and what stands in it."""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
PORT = 4566
REGION = "eu-west-1"
ACCOUNT = "123456789012"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionSettings:
    """What ``ninelives up`` was asked for; kept in the state folder, so that a region comes back as it was."""

    state_directory: Path
    port: int = PORT
    region: str = REGION
    account: str = ACCOUNT
    runtime: str = "auto"
    """``docker``, ``host`` or ``auto``: Docker where its engine answers."""
    time_scale: float = 1.0
    functions: Mapping[str, str] = field(default_factory=dict)
    """What stands in for Lambda functions that lifecycle hooks name: a URL or ``path.py:function`` by name or ARN."""
    enforce_iam: bool = False
    """Whether signatures are checked and IAM policies decide."""
    log_bytes_max: int = 1024**3
    """What all logs of the region may take on disk."""
    identity_providers: Mapping[str, str] = field(default_factory=dict)
    """Where the keys of OpenID Connect issuers are, by issuer, in place of the issuer's own address."""

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def instance(self) -> str:
        """What marks this region's containers and processes; other state folders have other marks."""
        return hashlib.sha256(str(self.state_directory.resolve()).encode()).hexdigest()[:12]

    @property
    def log_file(self) -> Path:
        return self.state_directory / "region.log"

    @property
    def socket_directory(self) -> Path:
        """For unix sockets, whose paths may have 107 bytes at the most."""
        return Path(tempfile.gettempdir()) / f"ninelives-{os.getuid()}-{self.instance}"


def default_state_directory(port: int) -> Path:
    """``$NINELIVES_STATE``, else a folder a port below the user's state folder (XDG base directory specification)."""
    named = os.environ.get("NINELIVES_STATE")
    if named:
        return Path(named).absolute()  # the control process stands in another folder
    return _state_home() / str(port)


def default_report_directory() -> Path:
    """Where reports are written that no place was named for."""
    return _state_home() / "reports"


def _state_home() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "ninelives"


STATE_ENTRIES = (
    "access-logs", "access.*", "agent.*", "cloudwatch.*", "envoy", "load", "logs.*", "moto", "registry", "tasks", "region.*",
    "scaling.*", "settings.*", "stacks.*",
)  # fmt: skip
"""What stands in a state folder, as patterns of names."""


def strangers_in(directory: Path) -> list[str]:
    """Names of what stands in a folder and is no region's; none where no folder can be looked into."""
    try:
        found = sorted(entry.name for entry in directory.iterdir())
    except OSError:
        return []
    return [name for name in found if not any(fnmatch(name, pattern) for pattern in STATE_ENTRIES)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningRegion:
    """What a control process says of itself in its state folder."""

    pid: int
    endpoint: str
    region: str
    account: str
    runtime: str
    started: str
    """The process's start time as the kernel counts it: a pid alone may be another's by now."""
    enforces_iam: bool = False
    is_ending: bool = False
    """Whether it was told to stop or to let go, and is about to."""

    @property
    def is_alive(self) -> bool:
        return process_start(self.pid) == self.started


def process_start(pid: int) -> str | None:
    """When a process started, in clock ticks since boot, as text; None when there is none (or it is a zombie)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] in {"Z", "X"} else fields[19]


def read_running(state_directory: Path) -> RunningRegion | None:
    """The control process that a state folder names, alive or not."""
    found = _read_json(state_directory / "region.json")
    return None if found is None else RunningRegion(**known_fields(RunningRegion, found))


def known_fields(kind: type[Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """What of ``found`` is a field of ``kind``: a file of a newer version may say more."""
    return {field.name: found[field.name] for field in fields(kind) if field.name in found}


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write aside, then move into place: a reader never sees half a file."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    draft.replace(path)


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
