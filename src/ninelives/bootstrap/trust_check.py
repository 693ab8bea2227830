"""Whether the repository's own workflows would get the deploy role: checked before it is made, for a token that is not trusted
shows only in the first run, as one sentence that does not say why.

Only jobs that ask for the role by the secret ``ROLE_TO_ASSUME`` (or by its name) are looked at; what only a run knows
(expressions, a manual run's branch) is not.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ninelives.bootstrap.errors import Untrusted
from ninelives.bootstrap.github_trust import ROLE_SECRET, Run, deploy_role_name, why_not_trusted
from ninelives.deploy.checkout import github_name
from ninelives.deploy.reading import Definition
from ninelives.deploy.yaml_source import BrokenYaml, read_yaml

EXPRESSION = "${{"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployer:
    """A job that asks for the deploy role, and where it runs."""

    where: str
    runs: tuple[Run, ...]


def require_trusted(definition: Definition, region: str) -> None:
    """Raise ``Untrusted`` where a workflow of the checkout would not get the role, or the checkout is another repository's."""
    github = definition.file.bootstrap.github
    if github is None:
        return
    root = checkout_of(definition.folder)
    if root is None:
        return
    problems = []
    remote = github_name(root)
    if remote is not None and remote.lower() != github.repository.lower():
        key = definition.where("bootstrap", "github", "repository")
        problems.append(f"{key}: the role would trust {github.repository}, and this checkout is of {remote}")
    role = deploy_role_name(definition.file, region)
    for path in sorted((root / ".github" / "workflows").glob("*.y*ml")):
        for job in deployers(path.read_text(encoding="utf-8"), str(path.relative_to(root)), role):
            told = (why_not_trusted(github, run) for run in job.runs)
            problems += [f"{job.where}: {why}" for why in dict.fromkeys(filter(None, told))]
    if problems:
        raise Untrusted(
            problems, hint="Change `bootstrap.github` or the workflow; --skip-trust-check makes the role all the same."
        )


def checkout_of(folder: Path) -> Path | None:
    """The checkout that a folder is in. Git itself is not asked: it says nothing of a checkout that is another user's."""
    here = folder.resolve()
    return next((above for above in (here, *here.parents) if (above / ".git").exists()), None)


def deployers(text: str, name: str, role: str) -> Iterator[Deployer]:
    """The jobs of a workflow that ask for the deploy role."""
    try:
        workflow = read_yaml(text).data
    except BrokenYaml:
        return  # GitHub will say so
    jobs = workflow.get("jobs")
    for job_name, job in (jobs if isinstance(jobs, Mapping) else {}).items():
        if isinstance(job, Mapping) and _asks_for(job, role):
            yield Deployer(where=f"{name}: job {job_name}", runs=tuple(_runs(workflow.get("on"), job)))


def _asks_for(job: Mapping[str, Any], role: str) -> bool:
    steps = job.get("steps")
    wanted = [step.get("with") for step in (steps if isinstance(steps, list) else []) if isinstance(step, Mapping)]
    asked = [str(one.get("role-to-assume", "")) for one in wanted if isinstance(one, Mapping)]
    return any(ROLE_SECRET in one or one.endswith(f":role/{role}") for one in asked)


def _runs(triggers: Any, job: Mapping[str, Any]) -> Iterable[Run]:
    environment = job.get("environment")
    named = environment.get("name") if isinstance(environment, Mapping) else environment
    if named is not None:
        return [] if EXPRESSION in str(named) else [Run(environment=str(named))]
    if not isinstance(triggers, Mapping):
        return []
    push = triggers.get("push")
    refs: Sequence[str] = []
    if isinstance(push, Mapping):
        refs = [
            *(f"refs/heads/{_plain(one)}" for one in push.get("branches") or ()),
            *(f"refs/tags/{_plain(one)}" for one in push.get("tags") or ()),
        ]
    return [Run(ref=ref) for ref in refs if not ref.split("/", 2)[2].startswith("!")]


def _plain(pattern: Any) -> str:
    """GitHub's ``**`` is IAM's ``*``."""
    return str(pattern).replace("**", "*")
