"""What stands in this repository's ``.github``: linted, and the example's workflow is what the command writes."""

import re
from pathlib import Path

import yaml
from linted import lint
from published_inputs import INPUTS

from ninelives.bootstrap.workflow_actions import ACTIONS
from ninelives.cli.main import run
from ninelives.cli.own_address import OF_THIS_REPOSITORY

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / ".github" / "workflows").glob("*.yml"))


def test_githubs_linters_find_nothing() -> None:
    assert {".github/workflows/ci.yml", ".github/workflows/deploy.yml"} == set(WORKFLOWS)
    lint(ROOT, WORKFLOWS, [".github/dependabot.yml"], ["action.yml"])


def test_the_examples_workflow_is_what_its_own_first_line_writes() -> None:
    found = re.match(r"# Written by `ninelives (workflow [^`]+)`", (ROOT / ".github/workflows/deploy.yml").read_text())
    assert found

    verb, config, path, *rest = found[1].split(" ")
    assert ["workflow", "--config"] == [verb, config]
    assert 0 == run([verb, config, str(ROOT / path), *rest, "--check"]), "run the command in its first line"


def test_every_action_that_is_used_here_is_the_one_of_the_table_with_inputs_that_it_has() -> None:
    known = {f"{one.repository}@{one.commit} # {one.version}" for one in ACTIONS.values()}
    for name in [*WORKFLOWS, "action.yml"]:
        text = (ROOT / name).read_text()
        used = set(re.findall(r"^ +(?:- )?uses: (.+)$", text, re.MULTILINE)) - {OF_THIS_REPOSITORY}
        assert used
        assert set() == used - known, name
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    given = action["runs"]["steps"][0]["with"]
    assert set() == set(given) - INPUTS["astral-sh/setup-uv"]
