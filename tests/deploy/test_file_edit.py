"""A key is changed where it stands, and not a character beside it."""

import difflib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ninelives.deploy.file_edit import CannotEdit, edited
from ninelives.deploy.reading import parse_service_file

FILE = """\
# Cats, and what they need.
service: cats
image: .            # built here
port: 4567

cpu:    1024  # measured once, in 2024
memory: 4096
count: 4
variables: {RACK_ENV: production}

environments:
  local: {}
  staging:   # small
    cluster: Staging-Cluster
    memory: 2048
  production:
    count: {min: 4, max: 20}
"""


def changed_lines(before: str, after: str) -> list[str]:
    return [one for one in difflib.ndiff(before.splitlines(), after.splitlines()) if one[0] in "+-"]


@pytest.mark.parametrize(
    ("environment", "changes", "lines"),
    [
        pytest.param("staging", {"memory": 1024}, ["-     memory: 2048", "+     memory: 1024"], id="the overlay has it"),
        pytest.param("staging", {"cpu": 512}, ["+     cpu: 512"], id="another environment shares the file's own"),
        pytest.param(
            "production",
            {"count": {"min": 2, "max": 9}},
            ["-     count: {min: 4, max: 20}", "+     count: {min: 2, max: 9}"],
            id="a map within braces",
        ),
        pytest.param("local", {"cpu": 512}, ["-   local: {}", "+   local: {cpu: 512}"], id="into empty braces"),
    ],
)
def test_the_right_place_is_changed_and_nothing_else(environment: str, changes: dict[str, Any], lines: list[str]) -> None:
    assert lines == changed_lines(FILE, edited(FILE, environment, changes))


def test_the_only_environment_shares_its_size_with_the_laptop() -> None:
    file = FILE.replace("  production:\n    count: {min: 4, max: 20}\n", "")

    found = edited(file, "staging", {"cpu": 512})

    assert "cpu:    512  # measured once, in 2024" in found
    assert 512 == parse_service_file(found, "local").cpu


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("service: a\nimage: .\nport: 80\n", "service: a\nimage: .\nport: 80\ncpu: 512\n"),
        ("service: a\nimage: .\nport: 80", "service: a\nimage: .\nport: 80\ncpu: 512\n"),
        ("{service: a, image: ., port: 80}\n", "{service: a, image: ., port: 80, cpu: 512}\n"),
        ("x-of-mine:\n  - 1\nservice: a\nimage:\n  build: .\nport: 80 # ours\n\n# end\n",
         "x-of-mine:\n  - 1\nservice: a\nimage:\n  build: .\nport: 80 # ours\ncpu: 512\n\n# end\n"),
        ("service: a\nimage: .\nport: 80\ncpu: '256'\n", "service: a\nimage: .\nport: 80\ncpu: 512\n"),
    ],
)  # fmt: skip
def test_a_key_that_is_missing_is_put_beside_its_like(before: str, after: str) -> None:
    assert after == edited(before, "local", {"cpu": 512})


def test_an_overlay_that_says_nothing_yet_gets_its_key() -> None:
    file = "service: a\nimage: .\nport: 80\ncpu: 256\nenvironments:\n  staging:\n  production: ~\n"

    assert "  staging: {cpu: 512}\n" in edited(file, "staging", {"cpu": 512})
    assert "  production: {cpu: 512}\n" in edited(file, "production", {"cpu": 512})


def test_an_overlay_of_the_laptop_is_made() -> None:
    file = "service: a\nimage: .\nport: 80\ncpu: 256\nenvironments:\n  staging: {}\n"

    found = edited(file, "local", {"cpu": 512, "memory": 1024})

    assert (512, 256) == (parse_service_file(found, "local").cpu, parse_service_file(found, "staging").cpu)


def test_lines_end_as_they_did() -> None:
    file = "service: a\r\nimage: .\r\nport: 80\r\nmemory: 512\r\n"

    found = edited(file, "local", {"memory": 1024, "cpu": 512})

    assert "service: a\r\nimage: .\r\nport: 80\r\nmemory: 1024\r\ncpu: 512\r\n" == found


def test_a_folder_alone_is_written_out_when_something_is_said_beside_it() -> None:
    file = "service: a\nimage: ./app # ours\nport: 80\n"

    assert "image: {build: ./app, platform: linux/arm64} # ours" in edited(
        file, "local", {"image": {"platform": "linux/arm64"}}
    )


def test_what_scales_goes_where_the_count_is() -> None:
    file = "service: a\nimage: .\nport: 80\nenvironments:\n  staging:\n    count: 4 # tasks\n"

    found = edited(file, "staging", {"count": {"min": 2, "max": 6}, "scaling": {"cpu": "50%"}})

    assert "    count: {min: 2, max: 6} # tasks\n    scaling: {cpu: 50%}\n" in found
    assert parse_service_file(found, "local").scaling is None


def test_what_else_scales_is_kept() -> None:
    file = "service: a\nimage: .\nport: 80\ncount: {min: 2, max: 6}\nscaling: {cpu: 60%, cooldown: {in: 9m}} # ours\n"

    assert "scaling: {cpu: 45%, cooldown: {in: 9m}} # ours" in edited(file, "local", {"scaling": {"cpu": "45%"}})


def test_a_block_of_bounds_keeps_its_lines() -> None:
    file = "service: a\nimage: .\nport: 80\ncount:\n  min: 2  # nights\n  max: 8\n"

    assert file.replace("max: 8", "max: 12") == edited(file, "local", {"count": {"min": 2, "max": 12}})


@pytest.mark.parametrize(
    ("file", "key", "value"),
    [
        pytest.param("service: a\nimage: .\nport: 80\ncount:\n  min: 2\n  max: 8\n", "count", 3, id="a block"),
        pytest.param("x-n: &n 256\nservice: a\nimage: .\nport: 80\ncpu: *n\nx-m: *n\n", "cpu", 512, id="an anchor's place"),
    ],
)
def test_what_is_left_to_a_human_is_said_with_the_line_to_write(file: str, key: str, value: int) -> None:
    with pytest.raises(CannotEdit) as refused:
        edited(file, "local", {key: value})

    assert f"{key}: {value}" in str(refused.value)


comments = st.text(st.characters(codec="ascii", categories=["L", "N", "Zs", "P"]), max_size=20)


@given(comments, comments, st.sampled_from(["cpu", "memory", "count"]), st.integers(1, 99_999))
def test_comments_survive_any_change(first: str, last: str, key: str, value: int) -> None:
    file = f"service: a # {first}\nimage: .\nport: 80 # {last}\ncpu: 256 # {first}\n# {last}\n"

    found = edited(file, "local", {key: value})

    assert len(changed_lines(file, found)) <= 3
    assert found.count(f"# {first}") >= file.count(f"# {first}")
    assert found.endswith(file.splitlines(keepends=True)[-1])
