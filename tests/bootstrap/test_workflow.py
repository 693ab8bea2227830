"""The generated workflow: GitHub's linters find nothing in it, and it says what the first user's pipeline needs."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml
from linted import lint
from published_inputs import INPUTS, REQUIRED

from ninelives.bootstrap.workflow import Flavour, Pipeline, dependabot_settings, deploy_workflow, docker_directories
from ninelives.bootstrap.workflow_actions import ACTIONS
from ninelives.deploy.reading import parse_service_file

SETUP = f"acme/ninelives@{'ab' * 20}"
CATS = """\
service: cats
image: {build: ., args: {VERSION: "{version}"}}
port: 4567
environments:
  staging: {cluster: Staging-Cluster, region: eu-west-1}
"""
BAKES = """\
service: cats
image: {build: "apps/{version}/odd name", dockerfile: "docker/Dockerfile.{version}", platform: linux/arm64,
  args: {A: "a b", EXPRESSION: "${{ secrets.KEY }}"}}
port: 4567
deploy: {strategy: canary, canary: {percent: 5%, bake: 20m}, bake: 40m}
environments:
  production: {region: us-east-1, image: {repository: 123456789012.dkr.ecr.us-east-1.amazonaws.com/team/cats}}
"""
BORROWED = """\
service: cats
image: {repository: public.ecr.aws/acme/cats}
port: 4567
environments: {staging: {region: eu-west-1}}
"""


def pipeline(text: str = CATS, flavour: Flavour = Flavour.NINELIVES, **facts: Any) -> Pipeline:
    environment = next(iter(yaml.safe_load(text)["environments"]))
    told = {
        "file": parse_service_file(text, environment),
        "rehearsed_file": parse_service_file(text),
        "environment": environment,
        "flavour": flavour,
        "path": PurePosixPath("ninelives.yml"),
        "main": "main",
        "setup": SETUP,
    }
    return Pipeline(**(told | facts))


def variants() -> Iterator[Pipeline]:
    for flavour in Flavour:
        yield pipeline(flavour=flavour)
        yield pipeline(flavour=flavour, path=PurePosixPath("examples/cats/ninelives.yml"), rehearsed=("1.0.0", "2.0.1"))
        yield pipeline(BAKES, flavour, path=PurePosixPath("a folder/service.yml"), main="trunk")
        yield pipeline(BORROWED, flavour)


def read(text: str) -> dict[str, Any]:
    found: dict[Any, Any] = yaml.safe_load(text)
    return {"on" if name is True else name: value for name, value in found.items()}  # YAML 1.1 takes `on` for true


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def uses(workflow: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(step["uses"], step.get("with", {})) for step in steps(workflow) if "uses" in step]


def test_linters_and_githubs_schemas_find_nothing_in_any_variant(tmp_path: Path) -> None:
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    names = []
    for number, one in enumerate(variants()):
        (folder / f"deploy-{number}.yml").write_text(deploy_workflow(one))
        names.append(f".github/workflows/deploy-{number}.yml")
    (tmp_path / ".github" / "dependabot.yml").write_text(dependabot_settings(pipeline()))

    lint(tmp_path, names, [".github/dependabot.yml"])


def test_the_linters_would_find_something(tmp_path: Path) -> None:
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    good = deploy_workflow(pipeline())
    for spoilt in (
        good.replace(SETUP, "acme/ninelives@v1"),
        good.replace('run: ninelives deploy "$VERSION"', 'run: ninelives deploy "${{ inputs.version }}"'),
        good.replace("timeout-minutes", "timeout-minuets"),
    ):
        assert spoilt != good
        (folder / "deploy.yml").write_text(spoilt)
        with pytest.raises(AssertionError, match=r"zizmor|actionlint|check-jsonschema"):
            lint(tmp_path, [".github/workflows/deploy.yml"])


@pytest.mark.parametrize("one", variants(), ids=lambda one: f"{one.flavour}-{one.path.parent}-{one.file.deploy.strategy}")
def test_every_action_is_pinned_and_given_inputs_that_it_has(one: Pipeline) -> None:
    text = deploy_workflow(one)
    known = {f"{action.repository}@{action.commit}": action.version for action in ACTIONS.values()}

    for pinned, given in uses(read(text)):
        if pinned == SETUP:
            continue
        name = pinned.partition("@")[0]
        assert f"{pinned} # {known[pinned]}\n" in text
        assert set() == set(given) - INPUTS[name]
        assert set() == REQUIRED.get(name, frozenset()) - set(given)


def test_each_action_is_known_by_its_commit_and_its_version() -> None:
    for action in ACTIONS.values():
        assert re.fullmatch(r"[0-9a-f]{40}", action.commit)
        assert re.fullmatch(r"v\d+\.\d+\.\d+", action.version)
        assert action.repository in INPUTS


def test_it_runs_for_a_release_branch_a_version_tag_a_pull_request_and_by_hand_with_a_version() -> None:
    on = read(deploy_workflow(pipeline()))["on"]

    assert {"push", "pull_request", "workflow_dispatch"} == set(on)  # never pull_request_target
    (branch,) = on["push"]["branches"]
    as_regex = branch.replace(".", r"\.")  # GitHub's [0-9]+ means what a regular expression means by it
    assert re.fullmatch(as_regex, "v1.0.0")
    assert not re.fullmatch(as_regex, "main")
    assert ["v*"] == on["push"]["tags"]
    assert {"required": True, "type": "string"}.items() <= on["workflow_dispatch"]["inputs"]["version"].items()


@pytest.mark.parametrize("flavour", Flavour)
def test_only_the_deploy_job_may_ask_for_a_token_and_it_alone_sees_the_secret(flavour: Flavour) -> None:
    text = deploy_workflow(pipeline(flavour=flavour))
    workflow = read(text)
    (other,) = (job for name, job in workflow["jobs"].items() if name != "deploy")
    deploy = workflow["jobs"]["deploy"]

    assert {} == workflow["permissions"]
    assert {"contents": "read"} == other["permissions"]
    assert {"contents": "read", "id-token": "write"} == deploy["permissions"]
    assert "github.event_name == 'pull_request'" == other["if"]
    assert "github.event_name != 'pull_request'" == deploy["if"]
    assert ["secrets.ROLE_TO_ASSUME"] == re.findall(r"secrets\.\w+", text)
    assert "staging" == deploy["environment"]["name"]
    assert {"group": "deploy-cats-staging", "cancel-in-progress": False} == deploy["concurrency"]


def test_the_flavour_of_aws_uses_nothing_of_this_tool_and_waits_for_stability() -> None:
    text = deploy_workflow(pipeline(flavour=Flavour.AWS_ACTIONS))
    given = dict(uses(read(text)))[f"aws-actions/amazon-ecs-deploy-task-definition@{ACTIONS['ecs_deploy'].commit}"]

    assert "ninelives" not in text
    assert (True, "Staging-Cluster", "cats") == (given["wait-for-service-stability"], given["cluster"], given["service"])
    assert "@${{ steps.image.outputs.digest || steps.build.outputs.digest }}" in text


def test_the_report_that_a_release_writes_is_kept_however_it_ended() -> None:
    for job in ("deploy", "rehearse"):
        told = read(deploy_workflow(pipeline()))["jobs"][job]["steps"]
        kept = next(step for step in told if step.get("uses", "").startswith("actions/upload-artifact@"))
        writing = [step for step in told if "--report" in step.get("run", "")]

        assert kept["if"] == "always()"
        assert told.index(kept) == told.index(writing[-1]) + 1
        written = kept["with"]["path"].replace("${{ runner.temp }}", "$RUNNER_TEMP")
        assert all(f'--report "{written}"' in step["run"] for step in writing)


def test_it_waits_as_long_as_the_release_does_on_purpose() -> None:
    text = deploy_workflow(pipeline(BAKES, Flavour.AWS_ACTIONS))

    assert 105 == read(text)["jobs"]["deploy"]["timeout-minutes"]
    assert "wait-for-minutes: 90\n" in text
    assert "run: ninelives up --time-scale 12\n" in deploy_workflow(pipeline(BAKES))
    assert "run: ninelives up\n" in deploy_workflow(pipeline())


def test_paths_are_the_repositorys_and_an_expression_in_the_file_is_text() -> None:
    workflow = read(deploy_workflow(pipeline(BAKES, path=PurePosixPath("a folder/service.yml"))))
    given = dict(uses(workflow))[f"docker/build-push-action@{ACTIONS['build_push'].commit}"]
    version = "${{ steps.version.outputs.version }}"

    assert f"a folder/apps/{version}/odd name" == given["context"]
    assert f"a folder/apps/{version}/odd name/docker/Dockerfile.{version}" == given["file"]
    assert ["A=a b", "EXPRESSION=${{ '${{' }} secrets.KEY }}"] == given["build-args"].splitlines()
    assert "linux/arm64" == given["platforms"]
    assert given["tags"].endswith(f"/team/cats:{version}")
    assert 'run: ninelives deploy "$VERSION" --config service.yml --env production --prove' in deploy_workflow(
        pipeline(BAKES, path=PurePosixPath("a folder/service.yml"))
    )


def test_another_ones_image_is_not_built() -> None:
    for flavour in Flavour:
        names = {name.partition("@")[0] for name, _ in uses({"jobs": {"": _deploy_job(flavour)}})}
        assert not {"docker/build-push-action", "aws-actions/amazon-ecr-login"} & names


def _deploy_job(flavour: Flavour) -> Any:
    return read(deploy_workflow(pipeline(BORROWED, flavour)))["jobs"]["deploy"]


@pytest.mark.parametrize(
    ("build", "directories"),
    [(".", ["/"]), ("apps/web", ["/apps/web"]), ("versions/{version}", ["/versions/*"])],
)
def test_dependabot_looks_where_the_dockerfile_is(build: str, directories: list[str]) -> None:
    one = pipeline(CATS.replace("build: .", f'build: "{build}"'))

    assert directories == docker_directories(one)
    assert directories == read(dependabot_settings(one))["updates"][1]["directories"]


def test_the_first_steps_tell_the_version_and_refuse_a_tag_that_is_not_on_main(tmp_path: Path) -> None:
    """The script itself, in a clone: a branch, a tag on main, a tag elsewhere, by hand, and what is no version."""
    script = Script(tmp_path)

    assert {"version": "1.0.0", "sources": "yes"}.items() <= script.run(GITHUB_REF_NAME="v1.0.0", branch=True).items()
    assert {"version": "2.0.1", "sources": "yes"}.items() <= script.run(GITHUB_REF_NAME="v2.0.1").items()
    with pytest.raises(AssertionError, match="Not on main"):
        script.run(GITHUB_REF_NAME="v3.0.0")
    by_hand = script.run(GITHUB_REF_NAME="main", branch=True, ASKED="v1.0.0")
    assert {"version": "1.0.0", "revision": script.commits["v1.0.0"], "sources": "yes"} == by_hand
    assert "no" == script.run(GITHUB_REF_NAME="main", branch=True, ASKED="9.9.9")["sources"]
    with pytest.raises(AssertionError, match="No version"):
        script.run(GITHUB_REF_NAME="main", branch=True, ASKED="$(touch pwned)")
    assert not list(tmp_path.rglob("pwned"))


def test_a_pull_request_releases_what_it_is_based_on_from_a_tree_of_its_own(tmp_path: Path) -> None:
    """The script itself: where the base has the service file it is released, where it has not, that is said."""
    origin = tmp_path / "origin"
    (origin / "cats").mkdir(parents=True)
    git(origin, "init", "-q", "-b", "main")
    git(origin, "commit", "-q", "--allow-empty", "-m", "nothing yet")
    empty = git(origin, "rev-parse", "HEAD")
    (origin / "cats" / "ninelives.yml").write_text(CATS)
    git(origin, "add", "-A")
    git(origin, "commit", "-qm", "Cats")
    base = git(origin, "rev-parse", "HEAD")
    workflow = read(deploy_workflow(pipeline(path=PurePosixPath("cats/ninelives.yml"))))
    (step,) = (one for one in steps(workflow) if one["name"] == "Build and release what the change is based on")
    tools = {"ninelives": 'echo "$PWD: ninelives $*"'}

    def said(commit: str) -> str:
        temporary = tmp_path / commit
        temporary.mkdir()
        return bash(step["run"], origin, tools, RUNNER_TEMP=str(temporary), **{**step["env"], "BASE": commit})

    assert f"{tmp_path}/{base}/base/cats: ninelives deploy {base[:12]}" == said(base).strip()
    assert "ninelives.yml is new" in said(empty)


def test_an_image_is_looked_for_and_a_registry_that_does_not_answer_is_no_missing_image(tmp_path: Path) -> None:
    (step,) = (one for one in steps(read(deploy_workflow(pipeline()))) if one.get("id") == "image")
    output = tmp_path / "output"
    output.write_text("")

    def look(answer: str, sources: str = "yes") -> str:
        return bash(step["run"], tmp_path, {"aws": answer}, GITHUB_OUTPUT=str(output), VERSION="1.0.0", SOURCES=sources)

    missing = "echo 'An error occurred (ImageNotFoundException)' >&2; exit 254"
    assert "" == look(missing)
    with pytest.raises(AssertionError, match=r"There is no image 1.0.0, no tag v1.0.0 and no branch v1.0.0"):
        look(missing, "no")
    with pytest.raises(AssertionError, match=r"could not be asked::An error occurred .AccessDenied. more"):
        look("printf 'An error occurred (AccessDenied)\\nmore' >&2; exit 254")
    assert "" == output.read_text()
    assert "is released as it was built" in look("echo sha256:ab", "no")
    assert "digest=sha256:ab\n" == output.read_text()


def bash(script: str, folder: Path, tools: dict[str, str], **variables: str) -> str:
    """What a step's script says, as a runner carries it out; ``tools`` stand in for programs."""
    programs = folder.parent / "programs"
    programs.mkdir(exist_ok=True)
    for name, text in tools.items():
        (programs / name).write_text(f"#!/bin/bash\n{text}\n")
        (programs / name).chmod(0o755)
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


class Script:
    """A repository with release branch v1.0.0, tag v2.0.1 on main and tag v3.0.0 off it, and a runner's clone of it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.commits = folder, {}
        origin = folder / "origin"
        origin.mkdir()
        git(origin, "init", "-q", "-b", "main")
        for name, where in (("v1.0.0", "branch"), ("v2.0.1", "tag"), ("v3.0.0", "elsewhere")):
            if where != "tag":
                git(origin, "checkout", "-q", "-b", name if where == "branch" else "elsewhere", "-f")
            git(origin, "commit", "-q", "--allow-empty", "-m", name)
            if where != "branch":
                git(origin, "tag", name)
            self.commits[name] = git(origin, "rev-parse", "HEAD")
            git(origin, "checkout", "-q", *(["-B", "main"] if name == "v1.0.0" else ["main"]))
        self.origin = origin

    def run(self, *, branch: bool = False, **variables: str) -> dict[str, str]:
        clone = self.folder / "clone"
        shutil.rmtree(clone, ignore_errors=True)
        git(self.folder, "clone", "-q", str(self.origin), "clone")
        name = variables["GITHUB_REF_NAME"]
        git(clone, "checkout", "-q", "--detach", f"origin/{name}" if branch else name)
        (step,) = (one for one in steps(read(deploy_workflow(pipeline()))) if one.get("id") == "version")
        output = self.folder / "output"
        output.write_text("")
        told = {"GITHUB_REF": f"refs/{'heads' if branch else 'tags'}/{name}", "GITHUB_OUTPUT": str(output), "ASKED": ""}
        bash(step["run"], clone, {}, **{**told, **variables})
        return dict(line.split("=", 1) for line in output.read_text().splitlines())
