"""The keys of a region that enforces IAM: made at its first start, kept in its state folder for nobody else to read."""

import contextlib
import json
import os
from dataclasses import asdict
from pathlib import Path

from ninelives.api.authorization.credentials import RegionKeys

FILE = "access.json"
PRIVATE = 0o600


def read_keys(directory: Path) -> RegionKeys | None:
    """Those of a state folder; None where it has none."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        return RegionKeys(**json.loads((directory / FILE).read_bytes()))
    return None


def keys_of(directory: Path) -> RegionKeys:
    """Those of a state folder, made where there are none: credentials that were given out stay good over a restart."""
    known = read_keys(directory)
    if known is not None:
        return known
    made = RegionKeys.new()
    draft = directory / "access.draft"
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, PRIVATE), "w", encoding="utf-8") as file:
        json.dump(asdict(made), file)
    draft.replace(directory / FILE)
    return made
