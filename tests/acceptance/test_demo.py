"""The demo: what one person does on their page rings the other's bell, without a reload."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    FrameLocator,
    Locator,
    Page,
    ViewportSize,
    expect,
)

from tests.conftest import StartWeb
from tests.support.processes import ConsumerProcess, WebServer

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

STORY = "Sign in with a passkey"


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A window of the size of the README's picture; nothing moves in it."""
    size: ViewportSize = {"width": 1360, "height": 800}
    with browser.new_context(viewport=size, reduced_motion="reduce") as context:
        yield context


@pytest.fixture
def complaints(context: BrowserContext) -> list[str]:
    """What the browser complains about: errors, and what the security policy refused."""
    found: list[str] = []
    context.on("weberror", lambda error: found.append(str(error.error)))

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error":
            found.append(message.text)

    context.on("console", hear)
    return found


def open_demo(page: Page, web: WebServer) -> tuple[FrameLocator, FrameLocator]:
    """Ada's and Grace's pages, side by side, both connected."""
    page.goto(web.url)
    ada, grace = (page.frame_locator("iframe").nth(side) for side in (0, 1))
    for person, name in ((ada, "Ada"), (grace, "Grace")):
        expect(person.get_by_role("heading", name=name, exact=True)).to_be_visible()
        expect(person.locator("#connection")).to_have_text("Live", timeout=15_000)
    return ada, grace


def bell(person: FrameLocator | Page, news: int) -> Locator:
    """The bell with exactly so many new ones in its name, as a screen reader says it."""
    name = f"Notifications, {news} new" if news else "Notifications"
    return person.get_by_role("button", name=re.compile(f"^{name}$"))


def assign(person: FrameLocator, to: str, story: str = STORY) -> None:
    person.get_by_label(f"Assignee of {story}").select_option(label=to)


def test_ada_assigns_and_graces_bell_counts_up_without_reload(
    context: BrowserContext,
    complaints: list[str],
    web: WebServer,
    consumer: ConsumerProcess,
    screenshot: Callable[[Page, str], Path],
) -> None:
    page = context.new_page()
    ada, grace = open_demo(page, web)
    navigations: list[str] = []
    page.on("framenavigated", lambda frame: navigations.append(frame.url))
    expect(bell(grace, 0)).to_be_visible()

    assign(ada, "Grace")

    toast = grace.locator("#toasts")
    expect(toast).to_contain_text(f"Ada assigned you “{STORY}”")
    expect(bell(grace, 1)).to_be_visible()
    expect(grace.get_by_label(f"Assignee of {STORY}")).to_have_value("grace")

    remark = ada.get_by_label("Comment on Dark mode for invoices")
    remark.fill("The totals are hard to read. @grace, can you look?")
    remark.press("Enter")
    expect(toast).to_contain_text("Ada mentioned you")
    expect(bell(grace, 2)).to_be_visible()
    expect(bell(ada, 0)).to_be_visible()

    screenshot(page, "demo")
    assert navigations == []
    assert complaints == []


def test_opening_the_panel_clears_the_badge_and_opening_an_item_reads_it(
    context: BrowserContext, complaints: list[str], web: WebServer, consumer: ConsumerProcess
) -> None:
    ada, grace = open_demo(context.new_page(), web)
    other = context.new_page()
    other.goto(f"{web.url}/inbox?as=grace")
    expect(other.locator("#connection")).to_have_text("Live", timeout=15_000)
    assign(ada, "Grace")
    expect(bell(other, 1)).to_be_visible()

    bell(grace, 1).click()

    expect(bell(grace, 0)).to_have_attribute("aria-expanded", "true")
    expect(bell(other, 0)).to_be_visible()
    expect(grace.locator("#unread")).to_have_text("1 unread")

    grace.get_by_role("link", name=re.compile("Ada assigned you")).click()

    expect(bell(grace, 0)).to_have_attribute("aria-expanded", "false")
    bell(other, 0).click()
    expect(other.locator("#unread")).to_have_text("All read")
    assert complaints == []


def test_the_inbox_is_used_by_keyboard(
    context: BrowserContext, web: WebServer, consumer: ConsumerProcess
) -> None:
    page = context.new_page()
    page.goto(f"{web.url}/inbox?as=grace")
    with web.http() as http:
        token = http.post("/board/api/login", json={"user": "ada"}).json()["token"]
    with web.http(token) as http:
        http.post("/board/api/stories/42/assign", json={"assignee": "grace"}).raise_for_status()
    expect(bell(page, 1)).to_be_visible(timeout=15_000)

    bell(page, 1).press("Enter")
    expect(page.get_by_role("region", name="Notifications")).to_be_focused()
    page.keyboard.press("Escape")
    expect(bell(page, 0)).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name=re.compile("Ada assigned you"))).to_be_focused()
    page.keyboard.press("Enter")

    expect(bell(page, 0)).to_be_focused()
    expect(page.locator(".card", has_text=STORY)).to_have_class(re.compile("pointed-at"))


def test_a_page_that_lost_its_server_comes_back_with_what_it_missed(
    context: BrowserContext, start_web: StartWeb, consumer: ConsumerProcess
) -> None:
    first, second = start_web(), start_web()
    page = context.new_page()
    page.goto(f"{first.url}/inbox?as=grace")
    connection = page.locator("#connection")
    expect(connection).to_have_text("Live", timeout=15_000)

    first.terminate()
    expect(connection).to_have_text("Reconnecting…", timeout=15_000)
    with second.http() as http:
        token = http.post("/board/api/login", json={"user": "ada"}).json()["token"]
    with second.http(token) as http:
        http.post("/board/api/stories/42/assign", json={"assignee": "grace"}).raise_for_status()
    first.start()

    expect(bell(page, 1)).to_be_visible(timeout=30_000)
    expect(connection).to_have_text("Live")


def test_whoever_opens_a_story_without_a_name_picks_one(
    context: BrowserContext, web: WebServer
) -> None:
    page = context.new_page()
    page.goto(f"{web.url}/inbox?story=42")

    page.get_by_role("link", name="Margaret").click()

    expect(page.get_by_role("heading", name="Margaret")).to_be_visible()
    expect(page.locator(".card", has_text=STORY)).to_have_class(re.compile("pointed-at"))
