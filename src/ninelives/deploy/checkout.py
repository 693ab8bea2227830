"""What git says of a folder: its repository, where that is on GitHub, its branches. Nothing is written."""

import re
import subprocess
from pathlib import Path

GITHUB = re.compile(r"(?:https://(?:[^@/]+@)?|ssh://git@|git@)github\.com[/:](?P<name>[\w.-]+/[\w.-]+?)(?:\.git)?/?")


def git(folder: Path, *arguments: str) -> str | None:
    """What git answers; None when it does not (no git, no checkout, no commit)."""
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def top_of(folder: Path) -> Path | None:
    """The top of the repository that a folder is in."""
    found = git(folder, "rev-parse", "--show-toplevel")
    return Path(found) if found else None


def github_name(folder: Path) -> str | None:
    """``owner/name`` on GitHub, by the remote ``origin`` or, where there is only one, by that."""
    remotes = (git(folder, "remote") or "").split()
    chosen = "origin" if "origin" in remotes else remotes[0] if len(remotes) == 1 else None
    return name_on_github(git(folder, "remote", "get-url", chosen) or "") if chosen else None


def name_on_github(address: str) -> str | None:
    """``owner/name`` of a repository's address; None for one that is elsewhere.

    >>> name_on_github("git@github.com:acme/shop.git"), name_on_github("https://github.com/acme/shop")
    ('acme/shop', 'acme/shop')
    >>> name_on_github("https://gitlab.com/acme/shop.git"), name_on_github("/srv/git/shop.git")
    (None, None)
    """
    found = GITHUB.fullmatch(address)
    return found["name"] if found is not None else None


def main_branch(folder: Path) -> str:
    """The branch that the remote calls its own; ``main`` where it has not said."""
    named = git(folder, "symbolic-ref", "--short", "refs/remotes/origin/HEAD")
    return named.removeprefix("origin/") if named else "main"
