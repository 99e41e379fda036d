"""`<tidings-inbox>`: the bell, the panel and the list, against a real server."""

from playwright.sync_api import expect

from tests.browser.inbox_page import arrived, emit, eventually, open_inbox, tell
from tests.browser.tab import Site
from tests.conftest import TokenFor
from tests.support.waiting import wait_for

MANY = 2_000
STORY = {"id": "42", "title": "Fix login", "url": "/stories/42"}
LINUS = {"id": "linus", "name": "Linus"}


def test_the_badge_shows_what_is_new_and_is_cleared_in_every_tab_by_opening_the_panel(
    shared: Site, user: str
) -> None:
    shared.sign_in(user)
    one, other = open_inbox(shared), open_inbox(shared, path="/q")
    expect(one.bell).to_have_attribute("aria-expanded", "false")
    expect(one.badge).to_be_hidden()
    tell(shared, user, "First", "Second")
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
    tell(shared, user, "Third")
    expect(one.rows).to_have_count(3)
    expect(other.page).to_have_title("Another page")
    assert shared.complaints == []


def test_a_row_says_who_did_what_about_what_how_often_and_why(shared: Site, user: str) -> None:
    shared.sign_in(user)
    inbox = open_inbox(shared)
    data = {"story": STORY, "actor": LINUS, "watcher_ids": [user], "comment": "Is it the cookie?"}
    emit(shared, *[{"type": "story.commented", "data": data}] * 2)
    subject = {"type": "story", "id": "7", "title": "Search is slow"}
    tell(shared, user, "Done", subject=subject)
    arrived(inbox, 2)
    inbox.open()
    comments = inbox.row("2 new comments on “Fix login”, the latest by Linus")
    expect(comments.locator(".avatar")).to_have_text("L")
    expect(comments.locator(".avatar")).to_have_attribute("title", "Linus")
    expect(comments).to_contain_text("Is it the cookie?")
    expect(comments.locator(".meta")).to_contain_text("You follow this")
    expect(comments.locator(".meta")).to_contain_text("2 events")
    link = comments.get_by_role("link")
    expect(link).to_have_attribute("href", f"{shared.web.url}/stories/42")
    expect(inbox.row("Done").locator(".meta")).to_contain_text("Search is slow")
    expect(inbox.row("Done").get_by_role("link")).to_have_count(0)


def test_all_unread_and_archived_are_three_lists(shared: Site, user: str) -> None:
    shared.sign_in(user)
    inbox = open_inbox(shared)
    tell(shared, user, "One", "Two", "Three")
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


def test_two_thousand_notifications_are_scrolled_to_the_end(shared: Site, user: str) -> None:
    shared.sign_in(user)
    inbox = open_inbox(shared)
    tell(shared, user, *(f"Number {number}" for number in range(MANY)))
    arrived(inbox, MANY)
    inbox.open()

    def at_the_end() -> bool:
        # Once for each page, and now and then, as the end moves while rows are laid out: to lay out
        # this many at each look takes for ever.
        rows: int = inbox.scroller.evaluate(
            """box => {
                const rows = box.querySelectorAll("li").length;
                window.looks = (window.looks ?? 0) + 1;
                const again = window.looks % 30 === 0;
                if (rows !== window.rowsSeen || again) box.scrollTop = box.scrollHeight;
                return window.rowsSeen = rows;
            }"""
        )
        return rows == MANY

    wait_for(at_the_end, 60, "the last row")
    assert inbox.titles() == [f"Number {number}" for number in reversed(range(MANY))]


def test_what_comes_while_the_reader_is_further_down_does_not_move_the_list(
    shared: Site, user: str
) -> None:
    shared.sign_in(user)
    inbox = open_inbox(shared)
    tell(shared, user, *(f"Number {number}" for number in range(40)))
    arrived(inbox, 40)
    inbox.open()
    expect(inbox.badge).to_be_hidden()
    # The browser tells of it in its next frame, which a busy machine may draw too late.
    inbox.scroller.evaluate(
        """box => {
            const stop = (event) => event.stopImmediatePropagation();
            box.getRootNode().addEventListener("scroll", stop, { capture: true, once: true });
            box.scrollTop = 600;
        }"""
    )
    place = inbox.row("Number 30").bounding_box()
    tell(shared, user, "Fresh 1", "Fresh 2", "Fresh 3")
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


def test_the_states_without_a_list_are_four_different_ones(shared: Site, user: str) -> None:
    shared.sign_in(user)
    inbox = open_inbox(shared, "sign-in")
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
    tell(shared, user, "Secret")
    expect(inbox.row("Secret")).to_be_visible()

    shared.context.clear_cookies()
    inbox.get("inbox.restart()")
    expect(inbox.panel).to_be_hidden()
    inbox.bell.click()
    expect(inbox.state).to_have_attribute("data-state", "signed-out")
    expect(inbox.panel).not_to_contain_text("Secret")
    inbox.get("inbox.addEventListener('tidings-signin', () => { window.asked = true })")
    inbox.panel.get_by_role("button", name="Sign in").click()
    assert inbox.get("window.asked") is True
    shared.sign_in(user)
    inbox.get("inbox.restart()")
    inbox.bell.click()
    expect(inbox.row("Secret")).to_be_visible()


def test_a_banner_says_that_it_is_offline_and_what_came_meanwhile_makes_no_toast(
    shared: Site, user: str
) -> None:
    shared.sign_in(user)
    earlier = open_inbox(shared)
    tell(shared, user, "Before")
    arrived(earlier, 1)
    earlier.page.close()
    inbox = open_inbox(shared)
    assert inbox.toasts.count() == 0
    inbox.open()
    shared.web.kill()
    eventually(lambda: bool(inbox.get("inbox.tidings.state") == "offline"), "offline")
    since = inbox.get("inbox.tidings.since")
    # A short cut is nobody's business.
    expect(inbox.banner).to_be_visible()
    assert inbox.get("Date.now()") - since >= 5_000
    inbox.hears("You’re offline. This list is brought up to date when you’re back.")
    inbox.page.keyboard.press("Escape")
    tell(shared, user, "While it was away")
    shared.web.start()
    eventually(lambda: bool(inbox.get("inbox.tidings.unread") == 2), "both")
    tell(shared, user, "Live")
    expect(inbox.toasts).to_have_count(1)
    expect(inbox.toasts).to_have_text("Live")
    inbox.open()
    expect(inbox.banner).to_be_hidden()
    eventually(lambda: inbox.titles() == ["Live", "While it was away", "Before"], "all three")


def test_what_comes_from_outside_is_shown_as_text_and_leads_nowhere_by_script(
    shared: Site, user: str
) -> None:
    shared.sign_in(user)
    inbox = open_inbox(shared)
    evil = "<img src=x onerror=alert(1)>"
    tell(shared, user, evil, body=evil, actor={"id": "x", "name": evil})
    tell(shared, user, "Click me", url="/ok")
    shared.publish(user, {"title": "Coffee", "url": "javascript:alert(1)"})
    arrived(inbox, 2)
    inbox.open()
    assert inbox.titles() == ["Click me", evil]
    assert inbox.page.locator("tidings-inbox img").count() == 0
    expect(inbox.row("Click me").get_by_role("link")).to_have_attribute(
        "href", f"{shared.web.url}/ok"
    )
    assert (shared.complaints, inbox.refused) == ([], [])


def test_a_page_may_hand_it_a_token_move_it_and_take_it_away(
    shared: Site, token_for: TokenFor
) -> None:
    inbox = open_inbox(shared, live=False)
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
    tell(shared, "linus", "For Linus")
    expect(inbox.badge).to_have_text("1")
    same = inbox.get(
        "(window.before = inbox.tidings, document.querySelector('main').append(inbox),"
        " new Promise(done => setTimeout(done)).then(() => inbox.tidings === window.before))"
    )
    assert same is True
    inbox.get("(inbox.remove(), null)")
    eventually(lambda: bool(inbox.page.evaluate("before.state") == "offline"), "it let go")
    expect(inbox.page).to_have_title("Board")
