"""A real browser: Chromium as the system packages it, driven by Playwright."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from app.config import PROJECT
from tests.support.processes import program
from tests.support.require import require

WHOLE_CHROMIUM = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
# The shell is Chromium without the program around it: the same engine for a third of the work. It
# keeps no page for the back button.
CHROMIUM = ("chromium-headless-shell", *WHOLE_CHROMIUM)

# A busy machine is no failure: a page waits for its turn, and what it is to show has time to come.
PATIENCE_MS = 60_000
EXPECT_MS = 40_000

# The sandbox needs what containers withhold; the rest keeps the browser from calling its maker.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser with an empty profile. Skips the test when none is installed."""
    path = program(*CHROMIUM)
    require(path, "no Chromium found; install one: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def save_screenshot(page: Page, name: str, folder: Path) -> Path:
    """Save what `page` shows as `name`.png in `folder`; in docs/images if UPDATE_SCREENSHOTS=1."""
    if os.environ.get("UPDATE_SCREENSHOTS") == "1":
        folder = PROJECT / "docs" / "images"
        folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.png"
    page.screenshot(path=path)
    return path


def open_page_of_a_product(page: Page, origin: str) -> None:
    """Open a page of that origin that is not ours: our answers let nobody run a script in them."""
    body = "<!doctype html><title>A product's page</title>"
    page.route(
        f"{origin}/product", lambda route: route.fulfill(body=body, content_type="text/html")
    )
    page.goto(f"{origin}/product")
