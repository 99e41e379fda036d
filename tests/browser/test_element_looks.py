"""How `<tidings-inbox>` looks: pictures for people to look at."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.inbox_page import arrived, emit, open_inbox, tell
from tests.browser.tab import Site

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

Screenshot = Callable[[Page, str], Path]

ADA, LINUS = {"id": "ada", "name": "Ada"}, {"id": "linus", "name": "Linus"}
LOGIN = {"id": "42", "title": "Fix login", "url": "/stories/42"}
SEARCH = {"id": "7", "title": "Search is slow", "url": "/stories/7"}


def fill(site: Site) -> None:
    """What a day brings."""
    tell(site, "grace", "The build is green again", body="All 1,204 tests passed.", kind="build")
    emit(
        site,
        {
            "type": "story.completed",
            "data": {"story": SEARCH, "actor": ADA, "watcher_ids": ["grace"]},
        },
        *(
            {
                "type": "story.commented",
                "data": {
                    "story": LOGIN, "actor": LINUS, "watcher_ids": ["grace"], "comment": text,
                },
            }
            for text in ("Is it the cookie?", "I can take it tomorrow, if nobody is on it yet.")
        ),
        {"type": "story.assigned", "data": {"story": LOGIN, "actor": ADA, "assignee_id": "grace"}},
    )  # fmt: skip
    tell(
        site, "grace", "עדה הזכירה אותך בסיפור", body="שלום, אפשר להעיף מבט?",
        kind="story.mentioned", actor={"id": "eda", "name": "עדה"}, url="/stories/9",
    )  # fmt: skip


def test_pictures(site: Site, screenshot: Screenshot) -> None:
    site.sign_in("grace")
    inbox = open_inbox(site)
    page = inbox.page
    page.set_viewport_size({"width": 900, "height": 720})
    page.emulate_media(reduced_motion="reduce")
    tell(site, "grace", "Ada mentioned you", body="@grace, have a look?", actor=ADA)
    expect(inbox.toasts).to_have_count(1)
    fill(site)
    expect(inbox.toasts).to_have_count(2)
    screenshot(page, "inbox-toasts")

    inbox.open()
    inbox.row("The build is green again").get_by_text("The build is green again").click()
    inbox.row("The build is green again").hover()
    screenshot(page, "inbox-light")
    page.emulate_media(color_scheme="dark")
    screenshot(page, "inbox-dark")
    page.emulate_media(color_scheme="light", forced_colors="active")
    screenshot(page, "inbox-forced-colours")
    page.emulate_media(forced_colors="none")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    screenshot(page, "inbox-menu")
    page.keyboard.press("Escape")
    page.keyboard.press("e")
    inbox.notice.wait_for()
    page.set_viewport_size({"width": 380, "height": 700})
    screenshot(page, "inbox-narrow")
    page.close()

    right_to_left = open_inbox(site, direction="rtl")
    right_to_left.page.set_viewport_size({"width": 900, "height": 720})
    right_to_left.open()
    right_to_left.rows.first.wait_for()
    screenshot(right_to_left.page, "inbox-rtl")


def test_a_phone_shows_the_tools_that_have_no_pointer_to_wait_for(
    site: Site, browser: Browser, screenshot: Screenshot
) -> None:
    size: ViewportSize = {"width": 390, "height": 740}
    with browser.new_context(has_touch=True, is_mobile=True, viewport=size) as context:
        phone = Site(context, site.web, site.redis_url)
        phone.sign_in("grace")
        fill(phone)
        inbox = open_inbox(phone)
        arrived(inbox, 5)
        inbox.bell.tap()
        expect(inbox.rows).to_have_count(5)
        expect(inbox.rows.first.get_by_role("button", name="Archive")).to_have_css("opacity", "1")
        expect(inbox.panel).to_have_css("width", "390px")
        screenshot(inbox.page, "inbox-phone")
        inbox.rows.first.get_by_role("button", name="Archive").tap()
        expect(inbox.rows).to_have_count(4)
