"""The report in a real browser: nothing is asked for, nothing sticks out, whatever the width, and it prints."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from records import good, taken_back

from ninelives.insight.release_page import release_page

pytestmark = pytest.mark.browser

CHROMIUM = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update"]
STICKING_OUT = """() => [...document.querySelectorAll('main *')]
  .filter(one => !one.closest('svg') && !one.closest('.wide') && one.getBoundingClientRect().right > innerWidth + 1)
  .map(one => one.outerHTML.slice(0, 80))"""
CONTRAST = """() => {
  const light = colour => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map(part => part / 255)
      .map(part => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = one => {
    for (; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (/^rgb\\(/.test(colour)) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  return [...document.querySelectorAll('h1, .tile strong, .tile span, .story li span, dt, .where, th, td')].map(one => {
    const [a, b] = [light(getComputedStyle(one).color), light(ground(one))].sort((x, y) => y - x);
    return [(a + 0.05) / (b + 0.05), one.className || one.tagName];
  }).sort((x, y) => x[0] - y[0])[0];
}"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module", params=["good", "taken back"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    record = {"good": good, "taken back": taken_back}[request.param]()
    path = tmp_path_factory.mktemp("report") / "release.html"
    path.write_text(release_page(record), encoding="utf-8")
    return path


def opened(chromium: Browser, path: Path, width: int, scheme: str) -> tuple[Page, list[str]]:
    """The page, and whatever it asked for or complained of."""
    page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]  # its words
    told: list[str] = []
    page.on("request", lambda request: told.append(request.url))
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.goto(path.as_uri())
    return page, told


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (400, "dark"), (1000, "dark"), (1600, "light")])
def test_it_fits_every_width_and_can_be_read_by_day_and_by_night(
    chromium: Browser, path: Path, width: int, scheme: str
) -> None:
    page, told = opened(chromium, path, width, scheme)
    try:
        assert told == [path.as_uri()]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(STICKING_OUT) == []
        least, what = page.evaluate(CONTRAST)
        assert least >= 4.5, what  # WCAG 2.2, 1.4.3
    finally:
        page.close()


def test_the_first_screen_has_the_verdict_and_all_figures(chromium: Browser, path: Path) -> None:
    page, _ = opened(chromium, path, 1000, "light")
    try:
        bottoms = [page.locator(one).last.bounding_box() for one in ("h1", ".tile")]
        assert all(box is not None and box["y"] + box["height"] < 600 for box in bottoms)
    finally:
        page.close()


def test_charts_are_drawn_one_below_the_other_on_one_axis(chromium: Browser, path: Path) -> None:
    page, _ = opened(chromium, path, 1000, "light")
    try:
        boxes = page.locator(".lane > svg").evaluate_all(
            "all => all.map(one => one.getBoundingClientRect()).map(r => [r.left, r.width])"
        )
        assert len({(round(left), round(width)) for left, width in boxes}) == 1
        paths = page.locator("path.new, path.median").evaluate_all("all => all.map(one => one.getBoundingClientRect().width)")
        assert paths
        assert min(paths) > 100
    finally:
        page.close()


def test_it_prints_on_a_few_pages(chromium: Browser, path: Path) -> None:
    page, _ = opened(chromium, path, 1000, "dark")
    try:
        pdf = page.pdf(format="A4")
        assert pdf.startswith(b"%PDF")
        assert pdf.count(b"/Type /Page\n") <= 4
    finally:
        page.close()
