"""The documentation is true: links lead somewhere, what the code says of itself is written as it is, nothing is left out."""

import functools
import importlib.util
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from ninelives.cli.exit_codes import ExitCode
from ninelives.cli.main import VERBS, ninelives
from ninelives.deploy.reading import parse_service_file
from ninelives.deploy.service_file import json_schema

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


@functools.cache
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "scripts" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_to_a_page_and_a_heading_that_are_there(page: Path) -> None:
    for target in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{name_of(page)}: {target}"
        assert ROOT in there.parents, f"{name_of(page)}: {target} leads out of the project"
        assert not anchor or anchor in anchors(there), f"{name_of(page)}: {target}: no such heading"


@pytest.mark.parametrize("page", sorted(REFERENCE.glob("*.md")), ids=name_of)
def test_what_is_generated_is_as_the_code_says(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert generator().written(text) == text, "run `.venv/bin/python scripts/reference.py`"


def test_the_schema_of_a_releases_record_is_the_codes() -> None:
    written = (REFERENCE / "release-record.schema.json").read_text(encoding="utf-8")

    assert generator().record_schema_text() == written, "run `.venv/bin/python scripts/reference.py`"


def test_every_page_of_the_documentation_can_be_reached_from_the_readme() -> None:
    reached, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        reached.add(page)
        for target in LINK.findall(prose(page)):
            there = (page.parent / target.partition("#")[0]).resolve()
            if there.suffix == ".md" and there.exists() and there not in reached:
                ahead.append(there)
            if there.is_dir() and ROOT / "docs" in there.parents:
                reached.update(there.glob("*.md"))

    assert set() == {name_of(page) for page in ROOT.glob("docs/**/*.md")} - {name_of(page) for page in reached}


def test_every_verb_and_every_option_is_documented() -> None:
    text = (REFERENCE / "commands.md").read_text(encoding="utf-8")
    for verb in VERBS:
        found = re.search(rf"<!-- generated: help {verb} -->\n(.*?)<!-- end -->", text, re.DOTALL)
        assert found, verb
        command = ninelives.get_command(ninelives.make_context("ninelives", [], resilient_parsing=True), verb)
        assert command is not None
        for option in command.params:
            assert any(re.search(rf"{re.escape(name)}\b", found[1], re.IGNORECASE) for name in [*option.opts, option.name])


def test_commands_that_the_documentation_shows_are_there() -> None:
    shown = {
        (name_of(page), verb)
        for page in PAGES
        for verb in re.findall(
            r"^(?:\$ |  run: |\s*- run: )ninelives ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE
        )
    }

    assert shown
    assert {(page, verb) for page, verb in shown if verb not in VERBS} == set()


def test_every_exit_code_is_documented() -> None:
    told = re.findall(r"^\| (\d+) \|", (REFERENCE / "exit-codes.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert [str(int(code)) for code in ExitCode] == told


def every_key(schema: Mapping[str, Any], part: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """Dotted keys of the service file, by another way than the page's: straight through the schema's references."""
    for name, described in part["properties"].items():
        yield above + name
        for inner in re.findall(r'"#/\$defs/(\w+)"', json.dumps(described)):
            if inner != "Environment":
                yield from every_key(schema, schema["$defs"][inner], f"{above}{name}.")


def written_keys(data: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for name, value in data.items():
        yield above + name
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, dict):
                yield from written_keys(entry, f"{above}{name}.")


def example_file() -> str:
    found = re.search(r"```yaml\n(.*?)```", (REFERENCE / "service-file.md").read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found[1]


def test_every_key_of_the_service_file_has_a_row_with_its_meaning() -> None:
    schema = json_schema()
    rows = {name: meaning for name, _, _, meaning in generator().key_rows()}

    assert set(every_key(schema, schema)) == {name.replace("[]", "") for name in rows}
    assert [] == [name for name, meaning in rows.items() if not meaning]


def test_the_example_holds_every_key_and_is_a_good_file() -> None:
    schema, text = json_schema(), example_file()

    parse_service_file(text)
    parse_service_file(text, "staging")
    written = {re.sub(r"^environments\.\w+\.", "", key) for key in written_keys(yaml.safe_load(text))}
    said = set(re.findall(r"\w+", " ".join(re.findall(r"#(.*)$", text, re.MULTILINE))))  # what may stand there instead
    assert set() == {key for key in set(every_key(schema, schema)) - written if key.rpartition(".")[2] not in said}


def test_the_schema_gives_defaults_as_a_file_would_write_them() -> None:
    def defaults(part: Mapping[str, Any]) -> Iterator[tuple[str, Any, Mapping[str, Any]]]:
        for name, described in part["properties"].items():
            if "pattern" in described and "default" in described:
                yield name, described["default"], described

    schema = json_schema()
    found = [one for part in (schema, *schema["$defs"].values()) for one in defaults(part)]

    assert {"interval", "maximum"} <= {name for name, _, _ in found}
    for name, default, described in found:
        assert re.fullmatch(described["pattern"].strip("^$"), default) or default.startswith("/"), name


def test_every_operation_that_the_region_serves_is_one_of_the_service() -> None:
    from ninelives.api.service_model import load_service

    for service, names in generator().operations().items():
        assert names
        assert set(names) <= load_service(service).operation_names, service


def test_every_behaviour_that_the_reference_tells_is_shown_by_a_test_that_is_there() -> None:
    shown = re.findall(r"\[`(test_\w+)`\]\(\.\./\.\./tests/([\w/]+\.py)\)", (REFERENCE / "behaviours.md").read_text())

    assert shown
    for test, file in shown:
        assert f"def {test}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), f"{file}: no {test}"


def test_no_page_names_what_is_only_on_somebodys_machine() -> None:
    for page in PAGES:
        assert not re.search(r"/(work|root|tmp/\w+|Users/\w+)/", page.read_text(encoding="utf-8")), name_of(page)
