"""Runs the linters of workflows over a folder: what each says is the failure."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PROGRAMS = Path(sys.executable).parent


def run(folder: Path, *command: str) -> None:
    """Run a program of the tests' own environment in ``folder``; it must find nothing."""
    variables = {**os.environ, "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}
    done = subprocess.run(
        [PROGRAMS / command[0], *command[1:]], cwd=folder, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}{done.stderr}"


def lint(folder: Path, workflows: Sequence[str], dependabots: Sequence[str] = (), actions: Sequence[str] = ()) -> None:
    """zizmor at its strictest, actionlint with shellcheck, and GitHub's own schemas."""
    run(folder, "zizmor", "--offline", "--persona=auditor", "--no-config", "--quiet", *workflows, *dependabots, *actions)
    run(folder, "actionlint", *workflows)
    for schema, files in (("workflows", workflows), ("actions", actions)):
        if files:
            run(folder, "check-jsonschema", "--builtin-schema", f"vendor.github-{schema}", *files)
    if dependabots:
        run(folder, "check-jsonschema", "--builtin-schema", "vendor.dependabot", *dependabots)
