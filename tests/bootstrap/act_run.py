"""Runs a workflow on this machine with act, in host mode: GitHub's part is played here, with the guards that act lacks.

What act does not look at is looked at here: that the job which is meant was carried out at all (it skips one whose runner it
does not know, and is content), that the OIDC variables are there only for a job that may ask for a token, and that nothing of
this process's environment leaks into the steps.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from published_inputs import INPUTS, OUTPUTS, REQUIRED
from stand_in import STAND_INS

from ninelives.bootstrap.workflow_actions import ACTIONS

PROGRAMS = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]
STAND_IN = Path(__file__).parent / "stand_in.py"
RUN_SECONDS = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class ActRun:
    """What came of one job."""

    code: int
    lines: Sequence[Mapping[str, Any]]
    job: str

    @property
    def succeeded(self) -> bool:
        """Whether the job was carried out, and all of it was good."""
        results = [line["jobResult"] for line in self.lines if line.get("jobID") == self.job and "jobResult" in line]
        return self.code == 0 and results == ["success"]

    @property
    def said(self) -> str:
        """All that was printed."""
        return "\n".join(str(line.get("msg", "")).rstrip("\n") for line in self.lines)

    def steps(self) -> dict[str, str]:
        """The result of each step, by its name."""
        return {
            str(line["step"]): str(line["stepResult"])
            for line in self.lines
            if line.get("jobID") == self.job and line.get("stage") == "Main" and "stepResult" in line
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """A runner of GitHub's: a repository, and what its steps meet."""

    repository: Path
    home: Path
    token_url: str
    """Where a job that may ask for a token does so; a subject is asked for by ``&subject=``."""
    token_bearer: str
    secrets: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    actions: Mapping[str, Path] = field(default_factory=dict)
    """Actions of ours by what ``uses:`` names."""

    def run(self, workflow: str, job: str, event: str, payload: Mapping[str, Any], *, github_name: str) -> ActRun:
        """Carry out one job of a workflow for an event."""
        described = yaml.safe_load((self.repository / workflow).read_text(encoding="utf-8"))
        told = described["jobs"][job]
        self.home.mkdir(exist_ok=True)
        event_file = self.home / "event.json"
        event_file.write_text(json.dumps(payload), encoding="utf-8")
        command = [
            str(PROGRAMS / "act"), event, "--json", "--no-cache-server", "--container-daemon-socket", "-",
            "--workflows", workflow, "--job", job, "--eventpath", str(event_file),
            "--platform", f"{told['runs-on']}=-self-hosted",
        ]  # fmt: skip
        for name, folder in self._actions().items():
            command += ["--local-repository", f"{name}={folder}"]
        for name, value in {**self.variables, **self._token_variables(told, payload, github_name)}.items():
            command += ["--env", f"{name}={value}"]
        for name, value in self.secrets.items():
            command += ["--secret", f"{name}={value}"]
        done = subprocess.run(
            command,
            cwd=self.repository,
            env=self._clean_environment(),
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        return ActRun(code=done.returncode, lines=list(_json_lines(done.stdout + done.stderr)), job=job)

    def _token_variables(self, job: Mapping[str, Any], payload: Mapping[str, Any], github_name: str) -> dict[str, str]:
        """As GitHub does it: only where the job may, and with the environment in the subject where the job has one."""
        if job.get("permissions", {}).get("id-token") != "write":
            return {}
        environment = job.get("environment")
        name = environment["name"] if isinstance(environment, dict) else environment
        context = f"environment:{name}" if name else f"ref:{payload['ref']}"
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.token_url}?api-version=2.0&subject=repo:{github_name}:{context}",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self.token_bearer,
        }

    def _actions(self) -> dict[str, Path]:
        """Each published action, at the commit of the table, as its stand-in."""
        folder = self.home / "actions"
        found: dict[str, Path] = dict(self.actions)
        for action in ACTIONS.values():
            if action.repository in STAND_INS:
                place = folder / action.repository.replace("/", "-")
                if not place.exists():
                    place.mkdir(parents=True)
                    (place / "action.yml").write_text(json.dumps(description(action.repository)), encoding="utf-8")
                found[f"{action.repository}@{action.commit}"] = place
        return found

    def _clean_environment(self) -> dict[str, str]:
        """Programs and a home, and nothing else of this process."""
        path = [str(PROGRAMS), *(str(Path(program(name)).parent) for name in ("docker", "uv", "git"))]
        kept = {name: os.environ[name] for name in ("DOCKER_HOST", "DOCKER_CONTEXT") if name in os.environ}
        return {
            **kept,
            "HOME": str(self.home),
            "PATH": ":".join([*path, "/usr/local/bin", "/usr/bin", "/bin"]),
            "LANG": "C.UTF-8",
        }


def program(name: str) -> str:
    """Where a program is: on the PATH, or where ``scripts/setup`` puts uv. Fails where it is not."""
    places = [os.environ["PATH"], str(ROOT / ".uv" / "bin"), str(Path.home() / ".local" / "bin")]
    found = shutil.which(name, path=os.pathsep.join(places))
    assert found, f"no {name}"
    return found


def description(name: str) -> dict[str, Any]:
    """``action.yml`` of a stand-in: the published one's inputs and outputs, carried out by our script."""
    required = REQUIRED.get(name, frozenset())
    return {
        "name": name,
        "description": "stand-in",
        "inputs": {one: {"description": one, "required": one in required, "default": ""} for one in sorted(INPUTS[name])},
        "outputs": {one: {"description": one, "value": f"${{{{ steps.it.outputs.{one} }}}}"} for one in sorted(OUTPUTS[name])},
        "runs": {
            "using": "composite",
            "steps": [
                {
                    "id": "it",
                    "shell": "bash",
                    "env": {"INPUTS": "${{ toJSON(inputs) }}"},
                    "run": f"{sys.executable} {STAND_IN} {name}",
                }
            ],
        },
    }


def _json_lines(text: str) -> Iterator[Mapping[str, Any]]:
    for line in text.splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            found = {"msg": line}
        yield found if isinstance(found, dict) else {"msg": line}
