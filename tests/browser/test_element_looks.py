"""How `<tidings-inbox>` looks: pictures for people to look at."""

import base64
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.inbox_page import arrived, emit, open_inbox, tell
from tests.browser.tab import Site

SHEET = """body { display: grid; grid-template-columns: 1fr 1fr; gap: 20px; margin: 20px;
    background: #eef0f3; } img { display: block; width: 100%; }"""
Screenshot = Callable[[Page, str], Path]

ADA, LINUS = {"id": "ada", "name": "Ada"}, {"id": "linus", "name": "Linus"}
LOGIN = {"id": "42", "title": "Fix login", "url": "/stories/42"}
SEARCH = {"id": "7", "title": "Search is slow", "url": "/stories/7"}


def fill(site: Site, user: str) -> None:
    """What a day brings."""
    tell(site, user, "The build is green again", body="All 1,204 tests passed.", kind="build")
    emit(
        site,
        {
            "type": "story.completed",
            "data": {"story": SEARCH, "actor": ADA, "watcher_ids": [user]},
        },
        *(
            {
                "type": "story.commented",
                "data": {
                    "story": LOGIN, "actor": LINUS, "watcher_ids": [user], "comment": text,
                },
            }
            for text in ("Is it the cookie?", "I can take it tomorrow, if nobody is on it yet.")
        ),
        {"type": "story.assigned", "data": {"story": LOGIN, "actor": ADA, "assignee_id": user}},
    )  # fmt: skip
    tell(
        site, user, "עדה הזכירה אותך בסיפור", body="שלום, אפשר להעיף מבט?",
        kind="story.mentioned", actor={"id": "eda", "name": "עדה"}, url="/stories/9",
    )  # fmt: skip


def test_pictures(shared: Site, screenshot: Screenshot, user: str) -> None:
    shared.sign_in(user)
    inbox = open_inbox(shared)
    page = inbox.page
    page.set_viewport_size({"width": 900, "height": 720})
    page.emulate_media(reduced_motion="reduce")
    tell(shared, user, "Ada mentioned you", body="@grace, have a look?", actor=ADA)
    expect(inbox.toasts).to_have_count(1)
    fill(shared, user)
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

    right_to_left = open_inbox(shared, direction="rtl")
    right_to_left.page.set_viewport_size({"width": 900, "height": 720})
    right_to_left.open()
    right_to_left.rows.first.wait_for()
    screenshot(right_to_left.page, "inbox-rtl")
    row = right_to_left.rows.first
    sign, dot = row.locator(".avatar").bounding_box(), row.locator(".dot").bounding_box()
    assert sign is not None
    assert dot is not None
    assert sign["x"] > dot["x"]


def test_a_phone_shows_the_tools_that_have_no_pointer_to_wait_for(
    shared: Site, browser: Browser, screenshot: Screenshot, user: str
) -> None:
    size: ViewportSize = {"width": 390, "height": 740}
    with browser.new_context(has_touch=True, is_mobile=True, viewport=size) as context:
        phone = Site(context, shared.web, shared.redis_url)
        phone.sign_in(user)
        fill(phone, user)
        inbox = open_inbox(phone)
        arrived(inbox, 5)
        inbox.bell.tap()
        expect(inbox.rows).to_have_count(5)
        expect(inbox.rows.first.get_by_role("button", name="Archive")).to_have_css("opacity", "1")
        expect(inbox.panel).to_have_css("width", "390px")
        screenshot(inbox.page, "inbox-phone")
        inbox.rows.first.get_by_role("button", name="Archive").tap()
        expect(inbox.rows).to_have_count(4)


def test_pictures_of_what_is_shown_where_there_is_no_list(
    shared: Site, user: str, screenshot: Screenshot
) -> None:
    shared.sign_in(user)
    inbox = open_inbox(shared, "sign-in")
    inbox.page.emulate_media(reduced_motion="reduce")
    inbox.page.set_viewport_size({"width": 640, "height": 400})
    panels = []

    def picture(face: str) -> None:
        expect(inbox.state).to_have_attribute("data-state", face)
        panels.append(base64.b64encode(inbox.panel.screenshot()).decode())

    inbox.bell.click()
    picture("empty")
    inbox.tab("Unread").click()
    picture("filtered-empty")
    inbox.page.route("**/api/v1/notifications?*", lambda route: route.fulfill(status=503))
    inbox.tab("All").click()
    picture("error")
    inbox.page.unroute_all()
    inbox.panel.get_by_role("button", name="Try again").click()
    expect(inbox.state).to_have_attribute("data-state", "empty")
    shared.context.clear_cookies()
    inbox.get("inbox.restart()")
    expect(inbox.panel).to_be_hidden()
    inbox.bell.click()
    picture("signed-out")

    sheet = shared.context.new_page()
    sheet.set_viewport_size({"width": 860, "height": 400})
    images = "".join(f'<img src="data:image/png;base64,{panel}">' for panel in panels)
    sheet.set_content(f"<style>{SHEET}</style>{images}")
    height = sheet.evaluate("document.body.offsetHeight + 40")
    sheet.set_viewport_size({"width": 860, "height": height})
    screenshot(sheet, "inbox-states")
