"""`<tidings-inbox>`: by keyboard, by ear, and for whoever needs more contrast or less motion."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.browser.inbox_page import InboxPage, arrived, eventually, open_inbox, tell
from tests.browser.tab import Site
from tests.support.shared import Place


@pytest.fixture
def inbox(shared: Site, user: str) -> InboxPage:
    """Grace's, live, with four notifications."""
    shared.sign_in(user)
    inbox = open_inbox(shared)
    tell(shared, user, "One", "Two", "Three")
    tell(shared, user, "Four", url="/healthz", body="With a body", actor={"id": "a", "name": "A"})
    arrived(inbox, 4)
    return inbox


def test_all_of_it_works_by_keyboard(inbox: InboxPage) -> None:
    press = inbox.page.keyboard.press
    inbox.bell.focus()
    press("Enter")
    expect(inbox.rows).to_have_count(4)
    walk = [("ArrowDown", "Four"), ("j", "Three"), ("ArrowDown", "Two"), ("k", "Three"),
            ("End", "One"), ("ArrowDown", "One"), ("Home", "Four"), ("ArrowUp", "Four"),
            ("j", "Three")]  # fmt: skip
    for key, title in walk:
        press(key)
        assert inbox.focused() == title
    # The focus stays in the list when its row goes, and comes to the row that takes its place.
    press("e")
    expect(inbox.rows).to_have_count(3)
    assert inbox.focused() == "Two"
    press("z")
    expect(inbox.rows).to_have_count(4)
    press("End")
    press("Enter")
    arrived(inbox, 3)
    assert inbox.focused() == "One"
    # From the row to its own buttons, into the menu, and back.
    press("Tab")
    press("Tab")
    press("Enter")
    expect(inbox.page.get_by_role("menu")).to_be_visible()
    press("ArrowDown")
    press("e")
    expect(inbox.rows).to_have_count(4)
    press("Escape")
    expect(inbox.page.get_by_role("menu")).to_be_hidden()
    expect(inbox.panel).to_be_visible()
    press("Escape")
    expect(inbox.panel).to_be_hidden()
    expect(inbox.bell).to_be_focused()
    assert inbox.refused == []


def test_the_tab_key_passes_the_list_in_three_steps(inbox: InboxPage) -> None:
    inbox.open()
    expect(inbox.rows).to_have_count(4)
    inbox.tab("All").focus()
    inbox.page.keyboard.press("ArrowRight")
    expect(inbox.tab("Unread")).to_be_focused()
    expect(inbox.tab("Unread")).to_have_attribute("aria-selected", "true")
    expect(inbox.rows).to_have_count(4)
    for step in ("Four", "tool", "tool"):
        inbox.page.keyboard.press("Tab")
        assert inbox.focused() == step
    inbox.page.keyboard.press("Tab")
    expect(inbox.rows.locator(":focus")).to_have_count(0)


def test_the_last_row_that_goes_leaves_the_focus_in_the_panel(
    shared: Site, inbox: InboxPage
) -> None:
    inbox.open()
    expect(inbox.rows).to_have_count(4)
    inbox.page.keyboard.press("j")
    for left in (3, 2, 1, 0):
        inbox.page.keyboard.press("e")
        expect(inbox.rows).to_have_count(left)
    expect(inbox.panel).to_be_focused()


def test_what_comes_takes_the_focus_from_no_row(shared: Site, inbox: InboxPage, user: str) -> None:
    inbox.open()
    expect(inbox.rows).to_have_count(4)
    for _ in range(2):
        inbox.page.keyboard.press("j")
    tell(shared, user, "Five")
    expect(inbox.rows).to_have_count(5)
    assert inbox.focused() == "Three"


def test_a_click_elsewhere_closes_the_panel_and_leaves_the_focus_there(inbox: InboxPage) -> None:
    inbox.open()
    inbox.page.locator("#text").click()
    expect(inbox.panel).to_be_hidden()
    expect(inbox.page.locator("#text")).to_be_focused()


PHONE = {"width": 390, "height": 740}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "forced-colours": {"forced_colors": "active"},
    "right-to-left-phone": {"viewport": PHONE, "has_touch": True, "is_mobile": True},
}


@pytest.mark.parametrize("look", LOOKS)
def test_an_audit_finds_nothing(browser: Browser, place: Place, user: str, look: str) -> None:
    # In its full strength: axe takes what fades in for too faint.
    with browser.new_context(reduced_motion="reduce", **LOOKS[look]) as context:
        site = Site(context, place.web, place.redis_url)
        site.sign_in(user)
        inbox = open_inbox(site, "sign-in", "rtl" if "right-to-left" in look else "ltr")
        inbox.bell.click()
        audit_face(inbox, "empty")
        inbox.tab("Unread").click()
        audit_face(inbox, "filtered-empty")
        inbox.page.route("**/api/v1/notifications?*", lambda route: route.fulfill(status=503))
        inbox.tab("Archived").click()
        audit_face(inbox, "error")
        inbox.page.unroute_all()
        inbox.page.keyboard.press("Escape")
        tell(site, user, "One", "Two", "Three")
        tell(site, user, "Four", url="/x", body="With a body", actor={"id": "a", "name": "A"})
        arrived(inbox, 4)
        expect(inbox.toasts.last).to_be_visible()
        audit(inbox, "closed, with a toast")
        inbox.bell.click()
        expect(inbox.rows).to_have_count(4)
        inbox.choose("Two", "Mark as read")
        expect(inbox.unread_rows).to_have_count(3)
        audit(inbox, "the list")
        inbox.row("Three").hover()
        inbox.row("Three").get_by_role("button", name="More actions").click()
        audit(inbox, "a menu")
        inbox.page.keyboard.press("Escape")
        inbox.row("Three").get_by_role("button", name="Archive").click()
        inbox.notice.wait_for()
        audit(inbox, "a notice")
        context.clear_cookies()
        inbox.get("inbox.restart()")
        expect(inbox.panel).to_be_hidden()
        inbox.bell.click()
        audit_face(inbox, "signed-out")


def audit_face(inbox: InboxPage, face: str) -> None:
    """The same, of the panel when it shows no list."""
    expect(inbox.state).to_have_attribute("data-state", face)
    audit(inbox, face)


def audit(inbox: InboxPage, what: str) -> None:
    """Fail with all that axe-core finds in the page."""
    results = Axe().run(inbox.page)
    assert results.violations_count == 0, f"{what}:\n{results.generate_report()}"


def test_there_is_one_polite_live_region(inbox: InboxPage) -> None:
    inbox.open()
    live = "[aria-live], [role=status], [role=alert], [role=log]"
    regions = f"[...inbox.shadowRoot.querySelectorAll('{live}')]"
    assert inbox.get(f"{regions}.map(region => region.ariaLive)") == ["polite"]


def test_nothing_moves_for_who_wants_less_motion(shared: Site, inbox: InboxPage, user: str) -> None:
    inbox.page.emulate_media(reduced_motion="reduce")
    tell(shared, user, "Five")
    expect(inbox.toasts.last).to_be_visible()
    assert inbox.get("inbox.shadowRoot.getAnimations?.().length ?? 0") == 0
    assert inbox.toasts.last.evaluate("toast => getComputedStyle(toast).animationName") == "none"


def test_words_colours_and_parts_are_the_pages_to_set(shared: Site, inbox: InboxPage) -> None:
    inbox.page.evaluate(
        """() => {
            const sheet = new CSSStyleSheet();
            sheet.replaceSync(`tidings-inbox { --tidings-surface: rgb(1, 2, 3); }
                tidings-inbox::part(item-title) { font-size: 30px; }`);
            document.adoptedStyleSheets = [sheet];
            const inbox = document.querySelector("tidings-inbox");
            const bellUnseen = { one: "{count} Brief", other: "{count} Briefe" };
            inbox.words = { title: "Post", bell: "Post", bellUnseen };
            inbox.lang = "de";
        }"""
    )
    bell = inbox.page.get_by_role("button", name="4 Briefe")
    bell.click()
    panel = inbox.page.get_by_role("dialog", name="Post")
    expect(panel).to_have_css("background-color", "rgb(1, 2, 3)")
    expect(inbox.page.locator("tidings-inbox .item-title").first).to_have_css("font-size", "30px")
    expect(panel).to_contain_text("jetzt")


def test_times_stay_true_and_say_all_when_pointed_at(shared: Site, user: str) -> None:
    shared.sign_in(user)
    shared.context.clock.install()
    inbox = open_inbox(shared)
    tell(shared, user, "Four")
    arrived(inbox, 1)
    inbox.open()
    time = inbox.row("Four").locator("time")
    expect(time).to_have_text("now")
    expect(time).to_have_attribute("title", inbox.get(
        "new Intl.DateTimeFormat('en', {dateStyle: 'full', timeStyle: 'short'}).format(new Date())"
    ))  # fmt: skip
    inbox.page.clock.fast_forward("02:00")
    eventually(lambda: "minute" in time.inner_text(), "a minute ago")
