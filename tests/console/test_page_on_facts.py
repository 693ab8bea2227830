"""The page in a real browser, on facts that a test can change: below a question, and when the console begins anew."""

import asyncio
import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from page_facts import HEAD, deployment, facts, service
from playwright.sync_api import Browser, Request, expect, sync_playwright

from ninelives.api.server import serve
from ninelives.console.app import Console, Place
from ninelives.console.gate import Gate
from ninelives.console.reading import Reader
from ninelives.deploy.clock import WallClock

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
WITHIN = 30_000
MANY = 300


class Facts(Reader):
    """One service in the middle of a release, among many; ``sd`` names the release."""

    def __init__(self) -> None:
        super().__init__(lambda: None, WallClock())  # type: ignore[arg-type,return-value]  # nobody asks
        self.sd = "sd2"
        self.name = "cats"

    def overview(self) -> list[Any]:
        others = [service(serviceName=f"service-{number:03}") for number in range(MANY)]
        return [service(serviceName=self.name), *others]

    def service(self, named: tuple[str, str]) -> Any:  # noqa: ARG002 (one service)
        newest = deployment(serviceDeploymentArn=f"{HEAD}service-deployment/shop/cats/{self.sd}")
        known = facts(deployment=newest)
        return replace(known, service={**known.service, "serviceName": self.name})

    def past(self, named: tuple[str, str], deployment: Any = None) -> list[Any]:  # noqa: ARG002
        return []

    def charts(self, named: tuple[str, str], seconds: int) -> dict[str, Any]:  # noqa: ARG002
        nothing = {key: [None] for key in ("cpu", "cpu_max", "memory", "memory_max")}
        return {"start": self.clock.now(), "period": 60, "count": 1, "groups": {}, "elb5": [], **nothing}


class Served:
    """A console on a port of its own, which may begin anew with another key."""

    def __init__(self) -> None:
        self.reader = Facts()
        self.port = 0
        self.key = "the-first-key"
        self.console: Console | None = None
        self.begin()

    def begin(self) -> None:
        ready = threading.Event()

        async def run() -> None:
            self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
            console = Console(self.reader, Gate(token="t", key=self.key), Place(kind="aws", region="eu-west-1"))

            def listening(port: int) -> None:
                self.port = port
                ready.set()

            try:
                await serve(console.app(), "127.0.0.1", self.port, stop=self._stop, listening=listening)
            finally:
                await console.hub.close()

        self._thread = threading.Thread(target=lambda: asyncio.run(run()))
        self._thread.start()
        assert ready.wait(30)

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/?key={self.key}"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def served() -> Iterator[Served]:
    served = Served()
    yield served
    served.end()


def test_a_decision_is_about_what_was_shown_when_it_was_asked(chromium: Browser, served: Served) -> None:
    page = chromium.new_page()
    page.goto(served.address)
    decided: list[Request] = []
    page.on("request", lambda request: decided.append(request) if request.url.endswith("api/decide") else None)
    page.get_by_role("button", name="Abort", exact=True).click(timeout=WITHIN)

    served.reader.sd = "sd3"
    with page.expect_event("framenavigated"):
        page.evaluate("location.hash = '#/shop/service-007'")
    expect(page.locator("[data-service][aria-current=page]")).to_contain_text("service-007", timeout=WITHIN)
    page.locator("[data-confirm]").click()

    expect(page.locator("#toast")).not_to_be_empty(timeout=WITHIN)
    [request] = decided
    body = json.loads(request.post_data or "")
    assert ("cats", f"{HEAD}service-deployment/shop/cats/sd2") == (body["service"], body["deployment"])
    page.close()


def test_a_page_whose_console_begins_anew_says_what_to_do_and_goes_on_once_let_in(
    chromium: Browser, served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    context = chromium.new_context()
    page = context.new_page()
    page.goto(served.address)
    expect(page.get_by_role("heading", name="shop / cats")).to_be_visible(timeout=WITHIN)

    served.end()
    assert [] == [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    expect(page.locator("#trouble")).to_contain_text("does not answer", timeout=WITHIN)
    served.key = "the-second-key"
    served.begin()
    expect(page.locator("#trouble")).to_contain_text("Open the address that ninelives console has printed.", timeout=WITHIN)

    context.new_page().goto(served.address)
    expect(page.locator("#trouble")).to_be_empty(timeout=WITHIN)
    context.close()


@pytest.mark.parametrize("hash_", ["#/shop/%E0%A4%A", "#/shop/cats/constructor"])
def test_an_address_that_somebody_made_up_does_no_harm(chromium: Browser, served: Served, hash_: str) -> None:
    page = chromium.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(served.address)
    expect(page.get_by_role("heading", name="shop / cats")).to_be_visible(timeout=WITHIN)

    page.evaluate(f"location.hash = '{hash_}'")

    expect(page.locator(".tabs [aria-current=page]")).to_have_text("Overview", timeout=WITHIN)
    assert [] == errors
    page.close()


def test_names_that_are_markup_are_names(chromium: Browser, served: Served) -> None:
    served.reader.name = "<img src=x onerror=alert(1)>"
    page = chromium.new_page()
    page.goto(served.address)

    expect(page.locator("[data-service]").first).to_contain_text("<img src=x", timeout=WITHIN)
    assert 0 == page.locator("main img, nav img").count()
    page.close()


def test_on_a_telephone_the_page_still_has_its_heading_for_those_who_hear_it(chromium: Browser, served: Served) -> None:
    page = chromium.new_page(viewport={"width": 360, "height": 780})
    page.goto(served.address)

    expect(page.get_by_role("heading", level=1)).to_have_text("shop / cats", timeout=WITHIN)
    assert 360 == page.evaluate("document.documentElement.scrollWidth")
    page.close()
