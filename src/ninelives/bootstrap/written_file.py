"""Tells what we wrote from what somebody has changed: a generated file says how it was made, and bears its own fingerprint.

The fingerprint is that of all that follows it, but for the releases that actions are pinned to: Dependabot brings newer
ones. So a file that was made from an older service file may be written anew, with the newer releases that stand in it, and one
that was edited by hand is left alone.
"""

import hashlib
import re
from enum import StrEnum

HEAD = re.compile(
    r"\A# Written by `(?P<command>[^`\n]*)`[^\n]*\n(?:#[^\n]*\n)*?# Fingerprint: (?P<fingerprint>[0-9a-f]{64})\n\n?", re.ASCII
)


PIN = re.compile(r"(?P<action>[\w.-]+/[\w./-]+)@(?P<commit>[0-9a-f]{40}) # v(?P<version>\d+(?:\.\d+)*)", re.ASCII)
"""An action, pinned, with its version beside it."""


class Standing(StrEnum):
    """How a file on disk stands to what would be written."""

    ABSENT = "absent"
    SAME = "same"
    OUTDATED = "outdated"
    """Ours, untouched, and made from something else."""
    EDITED = "edited"
    """Ours once, and changed since."""
    FOREIGN = "foreign"
    """Never ours."""


def signed(body: str, command: str) -> str:
    """``body`` under its head. ``command`` is what writes it."""
    return (
        f"# Written by `{command}`, which writes it anew; `--check` compares.\n"
        "# Edit the service file instead: what was edited by hand is not overwritten without --force.\n"
        f"# Fingerprint: {_fingerprint(body)}\n\n{body}"
    )


def standing(found: str | None, wanted: str) -> Standing:
    r"""How ``found`` (None: there is no file) stands to ``wanted``, which was ``signed``.

    Line ends may have become those of Windows on the way through git.

    >>> wanted = signed("name: a\n", "ninelives workflow")
    >>> [str(standing(found, wanted)) for found in (None, wanted, signed("name: b\n", "x"), wanted + "more", "name: c\n")]
    ['absent', 'same', 'outdated', 'edited', 'foreign']
    """
    if found is None:
        return Standing.ABSENT
    found = found.replace("\r\n", "\n")
    if found == wanted:
        return Standing.SAME
    head = HEAD.match(found)
    if head is None:
        return Standing.FOREIGN
    return Standing.OUTDATED if _fingerprint(found[head.end() :]) == head["fingerprint"] else Standing.EDITED


def with_newer_pins(wanted: str, found: str | None) -> str:
    """``wanted`` with the releases of actions that are newer in ``found``.

    >>> old, new = (f"uses: a/b@{commit * 40} # v{version}" for commit, version in (("1", "9.0"), ("2", "10.0")))
    >>> with_newer_pins(old, new) == new, with_newer_pins(new, old) == new
    (True, True)
    """
    known = {pin["action"]: pin for pin in PIN.finditer(found or "")}

    def newer(pin: re.Match[str]) -> str:
        other = known.get(pin["action"], pin)
        return max(pin, other, key=lambda one: tuple(map(int, one["version"].split("."))))[0]

    return PIN.sub(newer, wanted)


def _fingerprint(body: str) -> str:
    return hashlib.sha256(PIN.sub(lambda pin: pin["action"], body).encode()).hexdigest()
