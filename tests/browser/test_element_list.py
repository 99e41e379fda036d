"""`<tidings-inbox>`: the bell, the panel and the list, against a real server."""

import pytest
from playwright.sync_api import expect

from tests.browser.inbox_page import arrived, eventually, open_inbox, tell
from tests.browser.tab import Site
from tests.conftest import TokenFor

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

MANY = 2_000


def test_the_badge_shows_what_is_new_and_is_cleared_in_every_tab_by_opening_the_panel(
    site: Site,
) -> None:
    site.sign_in("grace")
    one, other = open_inbox(site), open_inbox(site, path="/q")
    expect(one.bell).to_have_attribute("aria-expanded", "false")
    expect(one.badge).to_be_hidden()
    tell(site, "grace", "First", "Second")
    for tab in (one, other):
        expect(tab.bell).to_have_accessible_name("Notifications, 2 new")
        expect(tab.badge).to_have_text("2")
        expect(tab.page).to_have_title("(2) Board")
    one.open()
    expect(one.bell).to_have_attribute("aria-expanded", "true")
    assert one.titles() == ["Second", "First"]
    for tab in (one, other):
        expect(tab.bell).to_have_accessible_name("Notifications")
        expect(tab.badge).to_be_hidden()
        expect(tab.page).to_have_title("Board")
    # Seen is not read.
    expect(one.unread_rows).to_have_count(2)
    other.page.evaluate("document.title = 'Another page'")
    tell(site, "grace", "Third")
    expect(one.rows).to_have_count(3)
    expect(other.page).to_have_title("Another page")
    assert site.complaints == []


def test_all_unread_and_archived_are_three_lists(site: Site) -> None:
    site.sign_in("grace")
    inbox = open_inbox(site)
    tell(site, "grace", "One", "Two", "Three")
    arrived(inbox, 3)
    inbox.open()
    inbox.row("One").get_by_text("One").click()
    inbox.row("Two").hover()
    inbox.row("Two").get_by_role("button", name="Archive").click()
    expect(inbox.rows).to_have_count(2)
    assert inbox.titles() == ["Three", "One"]
    arrived(inbox, 1)
    inbox.tab("Unread").click()
    expect(inbox.rows).to_have_count(1)
    assert inbox.titles() == ["Three"]
    # What is read stays where it is until the person looks anew.
    inbox.row("Three").get_by_text("Three").click()
    expect(inbox.unread_rows).to_have_count(0)
    assert inbox.titles() == ["Three"]
    inbox.tab("Archived").click()
    expect(inbox.row("Two")).to_be_visible()
    assert inbox.titles() == ["Two"]
    inbox.tab("Unread").click()
    expect(inbox.state).to_have_attribute("data-state", "filtered-empty")


def test_two_thousand_notifications_are_scrolled_to_the_end(site: Site) -> None:
    site.sign_in("grace")
    inbox = open_inbox(site)
    tell(site, "grace", *(f"Number {number}" for number in range(MANY)))
    eventually(lambda: bool(inbox.get("inbox.tidings.unread") == MANY), "all of them")
    inbox.open()

    def at_the_end() -> bool:
        rows: int = inbox.scroller.evaluate(
            "box => { box.scrollTop = box.scrollHeight; return box.querySelectorAll('li').length; }"
        )
        return rows == MANY

    eventually(at_the_end, "the last row")
    assert inbox.titles() == [f"Number {number}" for number in reversed(range(MANY))]


def test_what_comes_while_the_reader_is_further_down_does_not_move_the_list(site: Site) -> None:
    site.sign_in("grace")
    inbox = open_inbox(site)
    tell(site, "grace", *(f"Number {number}" for number in range(40)))
    arrived(inbox, 40)
    inbox.open()
    expect(inbox.badge).to_be_hidden()
    inbox.scroller.evaluate("box => box.scrollTop = 600")
    place = inbox.row("Number 30").bounding_box()
    tell(site, "grace", "Fresh 1", "Fresh 2", "Fresh 3")
    expect(inbox.fresh).to_have_text("3 new")
    assert inbox.row("Number 30").bounding_box() == place
    # Not shown, so not seen, and not read by marking all as read.
    expect(inbox.badge).to_have_text("3")
    inbox.panel.get_by_role("button", name="Mark all as read").click()
    arrived(inbox, 3)
    inbox.fresh.click()
    expect(inbox.fresh).to_be_hidden()
    assert inbox.titles()[:4] == ["Fresh 3", "Fresh 2", "Fresh 1", "Number 39"]
    expect(inbox.unread_rows).to_have_count(3)
    expect(inbox.badge).to_be_hidden()
    assert inbox.focused() == "Fresh 3"


def test_the_states_without_a_list_are_four_different_ones(site: Site) -> None:
    site.sign_in("grace")
    inbox = open_inbox(site, "sign-in")
    refused = "**/api/v1/notifications?*"
    inbox.page.route(refused, lambda route: route.fulfill(status=503))
    inbox.bell.click()
    expect(inbox.state).to_have_attribute("data-state", "error")
    inbox.page.unroute(refused)
    inbox.panel.get_by_role("button", name="Try again").click()
    expect(inbox.state).to_have_attribute("data-state", "empty")
    inbox.tab("Archived").click()
    expect(inbox.state).to_have_attribute("data-state", "filtered-empty")
    inbox.panel.get_by_role("button", name="Show all").click()
    expect(inbox.tab("All")).to_have_attribute("aria-selected", "true")
    tell(site, "grace", "Secret")
    expect(inbox.row("Secret")).to_be_visible()

    site.context.clear_cookies()
    inbox.get("inbox.restart()")
    expect(inbox.panel).to_be_hidden()
    inbox.bell.click()
    expect(inbox.state).to_have_attribute("data-state", "signed-out")
    expect(inbox.panel).not_to_contain_text("Secret")
    inbox.get("inbox.addEventListener('tidings-signin', () => { window.asked = true })")
    inbox.panel.get_by_role("button", name="Sign in").click()
    assert inbox.get("window.asked") is True
    site.sign_in("grace")
    inbox.get("inbox.restart()")
    inbox.bell.click()
    expect(inbox.row("Secret")).to_be_visible()


def test_a_banner_says_that_it_is_offline_and_goes_when_it_is_not(site: Site) -> None:
    site.sign_in("grace")
    inbox = open_inbox(site)
    inbox.open()
    site.web.kill()
    eventually(lambda: bool(inbox.get("inbox.tidings.state") == "offline"), "offline")
    since = inbox.get("inbox.tidings.since")
    expect(inbox.banner).to_be_hidden()
    inbox.banner.wait_for(timeout=20_000)
    assert inbox.get("Date.now()") - since >= 5_000
    expect(inbox.said).to_contain_text("You’re offline")
    site.web.start()
    expect(inbox.banner).to_be_hidden(timeout=20_000)


def test_what_comes_from_outside_is_shown_as_text_and_leads_nowhere_by_script(site: Site) -> None:
    site.sign_in("grace")
    inbox = open_inbox(site)
    evil = "<img src=x onerror=alert(1)>"
    tell(site, "grace", evil, body=evil, actor={"id": "x", "name": evil})
    tell(site, "grace", "Click me", url="/ok")
    site.publish("grace", {"title": "Coffee", "url": "javascript:alert(1)"})
    arrived(inbox, 2)
    inbox.open()
    assert inbox.titles() == ["Click me", evil]
    assert inbox.page.locator("tidings-inbox img").count() == 0
    expect(inbox.row("Click me").get_by_role("link")).to_have_attribute(
        "href", f"{site.web.url}/ok"
    )
    assert (site.complaints, inbox.refused) == ([], [])


def test_a_page_may_hand_it_a_token_move_it_and_take_it_away(
    site: Site, token_for: TokenFor
) -> None:
    inbox = open_inbox(site, live=False)
    inbox.page.evaluate(
        """token => {
            document.querySelector("tidings-inbox").remove();
            // Set before it is part of the page, as frameworks do.
            const inbox = document.createElement("tidings-inbox");
            inbox.token = async () => token;
            document.querySelector("header").append(inbox);
        }""",
        token_for("linus"),
    )
    eventually(lambda: inbox.get("inbox.tidings?.state") == "live", "a live inbox")
    tell(site, "linus", "For Linus")
    expect(inbox.badge).to_have_text("1")
    same = inbox.get(
        "(window.before = inbox.tidings, document.querySelector('main').append(inbox),"
        " new Promise(done => setTimeout(done)).then(() => inbox.tidings === window.before))"
    )
    assert same is True
    inbox.get("(inbox.remove(), null)")
    eventually(lambda: bool(inbox.page.evaluate("before.state") == "offline"), "it let go")
    expect(inbox.page).to_have_title("Board")
