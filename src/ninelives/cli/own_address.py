"""Where this very tool can be had from by a workflow: its repository on GitHub, at the commit that is installed."""

import json
import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ninelives import __version__
from ninelives.deploy.checkout import git, github_name, name_on_github

ACTION_FILE = "action.yml"
OF_THIS_REPOSITORY = "./ # zizmor: ignore[self-repository] runners other than GitHub's own know no other way"
PINNED = re.compile(r"[\w.-]+/[\w.-]+(/[\w./-]+)?@[0-9a-f]{40}")


def own_action(repository: Path) -> str | None:
    """What ``uses:`` takes to set this tool up, pinned; None where nothing tells.

    In this tool's own repository: the action that stands there. Else where it was installed from (PEP 610): a repository on
    GitHub, or a clone of one.
    """
    if is_home_of_the_tool(repository):
        return OF_THIS_REPOSITORY
    address = installed_from()
    if address is None:
        return None
    version = f" # v{__version__}"
    vcs = address.get("vcs_info") or {}
    if commit := vcs.get("commit_id"):
        name = name_on_github(str(address.get("url", "")))
        return f"{name}@{commit}{version}" if name else None
    folder = Path(unquote(urlsplit(str(address.get("url", ""))).path))
    name, head = github_name(folder), git(folder, "rev-parse", "HEAD")
    return f"{name}@{head}{version}" if name and head else None


def is_home_of_the_tool(repository: Path) -> bool:
    """Whether a repository is the one of this tool."""
    return (repository / ACTION_FILE).is_file() and (repository / "src" / "ninelives" / "__init__.py").is_file()


def installed_from() -> dict[str, Any] | None:
    """Where the installed package came from. Source: PEP 610, ``direct_url.json``."""
    try:
        told = distribution("ninelives").read_text("direct_url.json")
    except PackageNotFoundError:
        return None
    found = json.loads(told) if told else None
    return found if isinstance(found, dict) else None
