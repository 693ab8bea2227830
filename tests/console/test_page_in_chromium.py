"""The page in a real browser, on a real region with real tasks and Envoy: a release is watched, decided, taken back."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from live_region import RegionUnderTest, eventually, started
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

pytestmark = [pytest.mark.live, pytest.mark.browser, pytest.mark.timeout(240)]

CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
"""As root, without a GPU, and without the calls that a browser makes by itself."""
PAUSES = "strategy: blue-green\n  bake: 0m\n  hooks: [{stages: [POST_SCALE_UP], pause: true, timeout: 24h}]"
WITHIN = 30_000
"""Milliseconds that a release may take to show."""


@pytest.fixture(scope="module")
def serving() -> Iterator[RegionUnderTest]:
    """Good 1, whose next releases wait for a decision once their tasks are healthy."""
    with started("host", time_scale=20) as region:
        code, result = region.deploy("good-1")
        assert (0, "succeeded") == (code, result["verdict"]), result
        file = region.project / "ninelives.yml"
        file.write_text(file.read_text().replace("strategy: rolling", PAUSES))
        yield region


@pytest.fixture(scope="module")
def chromium(serving: RegionUnderTest) -> Iterator[Browser]:  # noqa: ARG001 (begins before: Playwright's loop has this thread)
    if CHROMIUM is None:
        pytest.skip("no Chromium (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Watched:
    """A page, with what went wrong on it and where it asked."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        self.hosts: set[str] = set()
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._asked)
        page.set_default_timeout(WITHIN)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.errors.append(message.text)

    def _asked(self, request: Request) -> None:
        if urlsplit(request.url).scheme in {"http", "https"}:
            self.hosts.add(urlsplit(request.url).netloc)


@pytest.fixture
def watched(serving: RegionUnderTest, chromium: Browser) -> Iterator[Watched]:
    """The region's console. At the end nothing must have gone wrong on it, and nobody else must have been asked."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
    watched = Watched(context.new_page())
    watched.page.bring_to_front()  # of all pages that the browser has, this one has the focus
    watched.page.goto(f"{serving.running.endpoint}/_ninelives/console/")
    expect(watched.page.get_by_role("heading", name="live / behaves")).to_be_visible(timeout=WITHIN)
    yield watched
    context.close()
    assert ([], {urlsplit(serving.running.endpoint).netloc}) == (watched.errors, watched.hosts)


def release(region: RegionUnderTest, version: str) -> None:
    done = region.command("deploy", version, "--no-wait")
    assert done.returncode == 0, done.stderr


def answers(region: RegionUnderTest) -> str:
    with urllib.request.urlopen(region.url(), timeout=10) as response:
        said: str = response.read().decode().strip()
        return said


def confirmed(page: Page, button: str, question: str) -> None:
    """Press a button, and confirm what it asks."""
    page.get_by_role("button", name=button, exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_have_text(question)
    dialog.locator("[data-confirm]").click()
    expect(dialog).not_to_be_visible()


def test_a_release_is_watched_promoted_and_rolled_back(serving: RegionUnderTest, watched: Watched) -> None:
    page = watched.page
    stage = page.get_by_role("region", name="Release")
    release(serving, "good-2")

    # While it goes on: from which version to which, its tasks as they become healthy, and where it waits.
    expect(stage.get_by_role("heading", level=2)).to_have_text(re.compile("good-1.*good-2"))
    expect(stage.get_by_text("Paused: waiting for a decision")).to_be_visible(timeout=WITHIN)
    expect(stage.get_by_role("list", name="Tasks of good-2").locator("[data-state=healthy]")).to_have_count(2)
    expect(stage.get_by_role("list", name="Tasks of good-1").locator("[data-state=healthy]")).to_have_count(2)
    expect(stage.locator("[aria-current=step]")).to_contain_text("waits for you")
    expect(stage.get_by_role("img", name="good-1 has 100 %, good-2 0 % of the traffic by weight")).to_be_visible()
    assert "good-1" == answers(serving)

    # A question that is not confirmed changes nothing; one that is does what `ninelives promote` does.
    page.get_by_role("button", name="Promote", exact=True).click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(stage.get_by_text("Paused: waiting for a decision")).to_be_visible()
    confirmed(page, "Promote", "Let good-2 go on?")
    expect(stage.get_by_text("Released")).to_be_visible(timeout=2 * WITHIN)
    assert "good-2" == answers(serving)

    # And back: the rollback is a release like any other, and waits like it.
    confirmed(page, "Roll back", "Roll behaves back to good-1?")
    expect(stage.get_by_text("Paused: waiting for a decision")).to_be_visible(timeout=2 * WITHIN)
    confirmed(page, "Promote", "Let good-1 go on?")
    expect(stage.get_by_text("Released")).to_be_visible(timeout=2 * WITHIN)
    eventually(lambda: answers(serving) == "good-1", what="good-1 serves")

    page.get_by_role("link", name="Releases").click()
    rows = page.get_by_role("region", name="History").locator("tbody tr")
    expect(rows).to_have_count(3, timeout=WITHIN)
    expect(rows.first).to_contain_text("good-1")


def test_a_release_that_fails_is_shown_with_its_cause_and_its_tasks(serving: RegionUnderTest, watched: Watched) -> None:
    page = watched.page
    release(serving, "exits-3")

    stage = page.get_by_role("region", name="Release")
    expect(stage.get_by_text("Rolled back", exact=True)).to_be_visible(timeout=2 * WITHIN)
    expect(stage).to_contain_text("circuit breaker")
    expect(stage.get_by_role("list", name="Tasks of exits-3").locator("[data-state=failed]").first).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(page.get_by_role("region", name="Tasks").get_by_text("exit code: behaves 3").first).to_be_visible()


def test_abort_takes_back_what_is_under_way(serving: RegionUnderTest, watched: Watched) -> None:
    stage = watched.page.get_by_role("region", name="Release")
    release(serving, "good-4")
    expect(stage.get_by_text("Paused: waiting for a decision")).to_be_visible(timeout=2 * WITHIN)

    confirmed(watched.page, "Abort", "Take good-4 back?")

    expect(stage.get_by_text("Rolled back", exact=True)).to_be_visible(timeout=2 * WITHIN)
    assert "good-1" == answers(serving)


def test_everything_can_be_reached_by_keys(serving: RegionUnderTest, watched: Watched) -> None:
    page = watched.page
    urllib.request.urlopen(f"{serving.url()}/?log=for-the-console", timeout=10).close()

    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("light or dark")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)

    for key, tab in (("t", "Tasks"), ("r", "Releases"), ("l", "Logs"), ("o", "Overview")):
        page.keyboard.press("g")
        page.keyboard.press(key)
        expect(page.locator(".tabs [aria-current=page]")).to_have_text(tab)

    page.keyboard.press("g")
    page.keyboard.press("l")
    lines = page.get_by_role("list", name="Lines")
    expect(lines.get_by_text("GET / log=for-the-console")).to_be_visible(timeout=WITHIN)
    page.keyboard.press("/")
    page.keyboard.type("no such line at all")
    expect(lines.locator("li:visible")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(lines.get_by_text("GET / log=for-the-console")).to_be_visible()

    page.keyboard.press("g")
    page.keyboard.press("o")
    page.keyboard.press("/")
    expect(page.get_by_label("Find a service")).to_be_focused()
    page.keyboard.type("nothing is called so")
    expect(page.get_by_text("None is called so.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="behaves")).to_be_visible()


def test_it_is_light_or_dark_as_asked_and_fits_a_telephone(watched: Watched) -> None:
    page = watched.page

    def colours() -> tuple[str, str]:
        style = "getComputedStyle(document.body)"
        return page.evaluate(f"{style}.backgroundColor"), page.evaluate(f"{style}.color")

    light = colours()
    page.emulate_media(color_scheme="dark")
    dark = colours()
    assert light != dark
    page.keyboard.press("t")
    assert light == colours()
    page.reload()
    expect(page.get_by_role("heading", name="live / behaves")).to_be_visible(timeout=WITHIN)
    assert light == colours()

    for width in (360, 768, 1600):
        page.set_viewport_size({"width": width, "height": 800})
        for tab in ("overview", "tasks", "logs", "releases"):
            page.goto(re.sub(r"#.*", "", page.url) + f"#/live/behaves{'' if tab == 'overview' else '/' + tab}")
            expect(page.locator(f"[data-tab={tab}]")).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (tab, width)


def test_every_control_has_a_name_and_charts_tell_what_they_show(watched: Watched) -> None:
    page = watched.page
    expect(page.locator(".chart").first).to_be_visible()

    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("a, button, input")].filter((one) =>
            !(one.getAttribute("aria-label") || one.textContent.trim())).map((one) => one.outerHTML)"""
    )
    assert [] == unnamed
    assert all(": " in text for text in page.locator(".chart > p").all_text_contents())


def test_a_page_says_when_the_region_is_gone_and_finds_it_again(chromium: Browser, serving: RegionUnderTest) -> None:
    page = chromium.new_page()
    page.goto(f"{serving.running.endpoint}/_ninelives/console/#/live/behaves")
    expect(page.get_by_role("heading", name="live / behaves")).to_be_visible(timeout=WITHIN)

    serving_pid = serving.running.pid
    os.kill(serving_pid, signal.SIGTERM)
    expect(page.get_by_text("The region does not answer.")).to_be_visible(timeout=WITHIN)
    back = serving.command("up", "--state", str(serving.settings.state_directory))
    assert back.returncode == 0, back.stderr

    expect(page.locator("#trouble")).to_be_empty(timeout=WITHIN)
    expect(page.get_by_role("region", name="Release")).to_be_visible()
    page.close()


@pytest.fixture
def by_verb(serving: RegionUnderTest) -> Iterator[str]:
    """The address that `ninelives console` prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ninelives.cli.main", "console", "--port", "0"],
        cwd=serving.project,
        env=serving.environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        yield process.stderr.readline().removeprefix("Console: ").strip()
    finally:
        process.send_signal(signal.SIGINT)
        drain = threading.Thread(target=process.stderr.read, daemon=True)
        drain.start()
        assert 0 == process.wait(30)


def test_the_verb_serves_the_same_page_to_whoever_has_its_key(chromium: Browser, by_verb: str) -> None:
    context: Any = chromium.new_context()
    page = context.new_page()
    assert 403 == page.goto(by_verb.partition("?")[0]).status

    page.goto(by_verb)

    expect(page.get_by_role("heading", name="live / behaves")).to_be_visible(timeout=WITHIN)
    assert "key" not in page.url
    assert "Strict" == context.cookies()[0]["sameSite"]
    context.close()
