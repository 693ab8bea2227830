"""The tool with releases that somebody decides about: a function that is asked, a pause that is promoted or aborted."""

import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from live_region import APP, RegionUnderTest, started

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

HOOKS = """\
  hooks:
    - {stages: [POST_TEST_TRAFFIC_SHIFT], function: smoke, details: {answer: SUCCEEDED}}
    - {stages: [PRE_PRODUCTION_TRAFFIC_SHIFT], pause: true, timeout: 1h}
"""


@pytest.fixture(scope="module")
def serving() -> Iterator[RegionUnderTest]:
    """Good 1 by blue/green, with a test listener on a port of its own."""
    with started("host", functions={"smoke": f"{APP / 'hooks.py'}:smoke"}) as region:
        file = region.project / "ninelives.yml"
        plain = file.read_text()
        shifts = plain.replace("strategy: rolling", "strategy: blue-green\n  bake: 0m")
        file.write_text(shifts.replace("{port: 8080}", "{port: 8080, test_listener: {port: 8081}}"))
        code, result = region.deploy("good-1")
        assert (0, "succeeded") == (code, result["verdict"]), result
        yield region


def with_hooks(region: RegionUnderTest, answer: str = "SUCCEEDED") -> None:
    file = region.project / "ninelives.yml"
    text = file.read_text().partition("  hooks:\n")
    rest = text[2][text[2].index("drain:") :] if text[1] else ""
    before, drain, after = (text[0] + rest).partition("drain:")
    file.write_text(before + HOOKS.replace("SUCCEEDED", answer) + drain + after)


def body(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as response:
        said: str = response.read().decode().strip()
        return said


def decided(region: RegionUnderTest, verb: str) -> tuple[int, dict[str, Any]]:
    import json

    done = region.command(verb, "--json")
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_a_paused_release_answers_at_the_test_listener_alone_and_goes_on_when_it_is_promoted(serving: RegionUnderTest) -> None:
    with_hooks(serving)

    code, paused = serving.deploy("good-2")

    assert (8, "paused") == (code, paused["verdict"])
    assert {"smoke": "SUCCEEDED", None: "AWAITING_ACTION"} == {
        hook["target"] and hook["target"].rpartition(":")[2]: hook["status"] for hook in paused["deployment"]["hooks"]
    }
    assert ("good-1", "good-2") == (body(paused["url"]), body(paused["test_url"]))
    assert "ninelives promote" in serving.command("status").stdout

    code, promoted = decided(serving, "promote")

    assert (0, "succeeded") == (code, promoted["verdict"])
    assert "good-2" == body(promoted["url"])


def test_an_aborted_release_leaves_what_served_and_that_is_a_success(serving: RegionUnderTest) -> None:
    with_hooks(serving)
    before = body(serving.url())
    assert 8 == serving.deploy("good-3")[0]

    code, aborted = decided(serving, "abort")

    assert (0, "rolled_back") == (code, aborted["verdict"])
    assert before == body(aborted["url"])
    assert 1 == serving.command("abort").returncode


def test_a_function_that_refuses_takes_the_release_back_and_is_named(serving: RegionUnderTest) -> None:
    with_hooks(serving, "FAILED")
    before = body(serving.url())

    code, result = serving.deploy("good-4")

    assert (4, "rolled_back") == (code, result["verdict"])
    assert "function:smoke" in result["reason"]
    assert before == body(result["url"])


def test_a_service_that_shifted_rolls_on_where_its_traffic_is(serving: RegionUnderTest) -> None:
    file = serving.project / "ninelives.yml"
    text = file.read_text().replace("strategy: blue-green", "strategy: rolling")
    file.write_text(text[: text.index("  hooks:\n")] + text[text.index("drain:") :] if "  hooks:\n" in text else text)

    code, result = serving.deploy("good-5")

    assert (0, "succeeded") == (code, result["verdict"])
    assert "good-5" == body(result["url"])
