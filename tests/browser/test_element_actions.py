"""`<tidings-inbox>`: what the person does in the list, against a real server."""

import json

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.browser.inbox_page import InboxPage, arrived, eventually, open_inbox, tell
from tests.browser.tab import Site

LOGIN = {"type": "story", "id": "42", "title": "Fix login"}


@pytest.fixture
def inbox(shared: Site, user: str) -> InboxPage:
    """Grace's, live, with nothing in it."""
    shared.sign_in(user)
    return open_inbox(shared)


def fill(site: Site, user: str, inbox: InboxPage, *titles: str) -> None:
    """Notifications, in the open panel."""
    tell(site, user, *titles)
    arrived(inbox, len(titles))
    inbox.open()
    expect(inbox.rows).to_have_count(len(titles))


def listed(inbox: InboxPage, status: str) -> list[str]:
    """What the server lists."""
    titles: list[str] = inbox.get(
        f"inbox.tidings.list({{status: '{status}'}}).then(p => p.items.map(i => i.title))"
    )
    return titles


def test_an_item_is_read_by_opening_it_and_the_page_may_open_it_by_itself(
    shared: Site, inbox: InboxPage, user: str
) -> None:
    tell(shared, user, "Story", url="/stories/42")
    arrived(inbox, 1)
    inbox.open()
    inbox.get(
        "inbox.addEventListener('tidings-open', event => {"
        " window.opened = event.detail.title; event.preventDefault(); })"
    )
    inbox.row("Story").get_by_role("link").click()
    assert inbox.get("window.opened") == "Story"
    assert inbox.page.url.endswith("/p")
    expect(inbox.panel).to_be_hidden()
    arrived(inbox, 0)


def test_a_link_goes_where_it_leads_and_its_item_is_read_all_the_same(
    shared: Site, inbox: InboxPage, user: str
) -> None:
    tell(shared, user, "Story", url="/healthz")
    arrived(inbox, 1)
    inbox.open()
    inbox.row("Story").get_by_role("link").click()
    inbox.page.wait_for_url("**/healthz")
    other = open_inbox(shared, path="/q")
    arrived(other, 0)


def test_a_subject_that_is_opened_anywhere_is_read(
    shared: Site, inbox: InboxPage, user: str
) -> None:
    tell(shared, user, "About login", subject=LOGIN)
    tell(shared, user, "Other")
    arrived(inbox, 2)
    story = open_inbox(shared, 'viewing="story/42"', path="/stories/42")
    arrived(inbox, 1)
    tell(shared, user, "More about login", subject=LOGIN)
    eventually(lambda: bool(listed(inbox, "unread") == ["Other"]), "the story read")
    assert story.toasts.count() == 0


def test_archive_says_so_at_once_and_can_be_undone(
    shared: Site, inbox: InboxPage, user: str
) -> None:
    fill(shared, user, inbox, "One", "Two", "Three")
    inbox.row("Two").hover()
    inbox.row("Two").get_by_role("button", name="Archive").click()
    assert inbox.titles() == ["Three", "One"]
    expect(inbox.notice).to_contain_text("Archived")
    inbox.hears("Archived")
    eventually(lambda: listed(inbox, "archived") == ["Two"])
    inbox.notice.get_by_role("button", name="Undo").click()
    expect(inbox.rows).to_have_count(3)
    assert inbox.titles() == ["Three", "Two", "One"]
    eventually(lambda: listed(inbox, "archived") == [])


@pytest.mark.parametrize("label", ["Snooze for an hour", "Snooze until tomorrow"])
def test_snooze_and_take_it_back(shared: Site, inbox: InboxPage, label: str, user: str) -> None:
    fill(shared, user, inbox, "One", "Two")
    inbox.choose("One", label)
    expect(inbox.rows).to_have_count(1)
    expect(inbox.notice).to_contain_text("Snoozed until")
    eventually(lambda: listed(inbox, "snoozed") == ["One"])
    until = (
        "inbox.tidings.list({status: 'snoozed'}).then(p => Date.parse(p.items[0].snoozed_until))"
    )
    hours = inbox.get(f"{until}.then(until => (until - Date.now()) / 3.6e6)")
    assert (0.9 < hours <= 1) if "hour" in label else (9 <= hours <= 34)
    inbox.notice.get_by_role("button", name="Undo").click()
    expect(inbox.rows).to_have_count(2)
    assert inbox.titles() == ["Two", "One"]


def test_a_kind_or_a_story_is_muted_from_its_item_and_can_be_heard_again(
    shared: Site, inbox: InboxPage, user: str
) -> None:
    tell(shared, user, "Login", subject=LOGIN, kind="story.commented")
    arrived(inbox, 1)
    inbox.open()
    preferences = "inbox.tidings.preferences()"
    inbox.choose("Login", "Mute “Fix login”")
    expect(inbox.notice).to_contain_text("You’ll get no more about Fix login")
    eventually(lambda: inbox.get(preferences)["muted_subjects"] == ["story/42"])
    inbox.notice.get_by_role("button", name="Undo").click()
    eventually(lambda: inbox.get(preferences)["muted_subjects"] == [])
    inbox.choose("Login", "Mute comments")
    eventually(lambda: inbox.get(preferences)["muted_kinds"] == ["story.commented"])


def test_what_the_server_refuses_is_taken_back_with_a_word(
    shared: Site, inbox: InboxPage, user: str
) -> None:
    fill(shared, user, inbox, "One", "Two")
    asked = []

    def refuse(route: Route) -> None:
        asked.append(inbox.titles())
        problem = {"type": "about:blank", "title": "Away", "status": 503, "detail": "Away"}
        route.fulfill(
            status=503,
            content_type="application/problem+json",
            headers={"Retry-After": "3"},
            body=json.dumps(problem),
        )

    inbox.page.route("**/api/v1/notifications/**", refuse)
    inbox.row("Two").hover()
    inbox.row("Two").get_by_role("button", name="Archive").click()
    expect(inbox.notice).to_contain_text("Try again in 3 seconds.")
    # Both are heard, however quickly the one follows the other.
    inbox.hears("The server is busy. Try again in 3 seconds.")
    heard = inbox.heard
    assert inbox.shortest_stay_ms > 1_000
    assert heard.index("Archived") < heard.index("The server is busy. Try again in 3 seconds.")
    assert inbox.titles() == ["Two", "One"]
    # It was gone while the server was asked.
    assert asked == [["One"]]
    inbox.panel.get_by_role("button", name="Mark all as read").click()
    expect(inbox.unread_rows).to_have_count(2)


def test_read_and_unread_are_in_step_in_every_tab_and_on_every_device(
    shared: Site, inbox: InboxPage, user: str, browser: Browser
) -> None:
    with browser.new_context() as profile:
        device = Site(profile, shared.web, shared.redis_url)
        device.sign_in(user)
        others = open_inbox(shared, path="/q"), open_inbox(device)
        fill(shared, user, inbox, "One", "Two")
        for other in others:
            other.open()
            expect(other.unread_rows).to_have_count(2)
        for label, unread in (("Mark as read", 1), ("Mark as unread", 2)):
            inbox.choose("One", label)
            for other in others:
                expect(other.unread_rows).to_have_count(unread)
        inbox.panel.get_by_role("button", name="Mark all as read").click()
        for other in others:
            expect(other.unread_rows).to_have_count(0)
    expect(inbox.tab("Unread")).to_have_text("Unread0")
    expect(inbox.panel.get_by_role("button", name="Mark all as read")).to_be_disabled()
