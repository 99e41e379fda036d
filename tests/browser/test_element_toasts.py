"""`<tidings-inbox>`: toasts, and what is said aloud."""

from playwright.sync_api import expect

from tests.browser.inbox_page import arrived, emit, eventually, open_inbox, standstill, tell
from tests.browser.tab import Site, Tab


def test_a_toast_is_shown_in_one_tab_and_takes_no_focus(shared: Site, user: str) -> None:
    shared.sign_in(user)
    one, other = open_inbox(shared), open_inbox(shared, path="/q")
    follower = Tab(other.page)
    for tab in (one, other):
        tab.page.locator("#text").focus()
    tell(shared, user, "Ada assigned you a story", url="/healthz")
    eventually(lambda: one.toasts.count() + other.toasts.count() == 1, "one toast")
    for tab in (one, other):
        arrived(tab, 1)
        assert tab.get("document.activeElement.id") == "text"
    eventually(lambda: bool(one.heard or other.heard), "a word")
    shown, rest = (one, other) if one.heard else (other, one)
    assert shown.heard == ["New notification: Ada assigned you a story"]
    assert (rest.heard, rest.toasts.count()) == ([], 0)

    # The tab that spoke is closed; the other takes over, when it has the stream and the word.
    shown.page.close()
    eventually(lambda: rest is one or follower.leads, "the other's stream")
    locks = "navigator.locks.query().then(({held, pending}) => [held.length, pending.length])"
    eventually(lambda: bool(rest.get(locks) == [2, 0]), "both locks")
    tell(shared, user, "Again")
    expect(rest.toasts).to_have_count(1)
    rest.toasts.get_by_role("button", name="Again").click()
    arrived(rest, 1)
    expect(rest.toasts).to_have_count(0)


def test_a_burst_is_one_toast_that_opens_the_list(shared: Site, user: str) -> None:
    shared.sign_in(user)
    inbox = open_inbox(shared)
    with standstill(inbox):
        tell(shared, user, *(f"Number {number}" for number in range(30)))
        arrived(inbox, 30)
    expect(inbox.toasts).to_have_count(1)
    expect(inbox.toasts).to_have_text("30 new notifications")
    inbox.hears("30 new notifications")
    assert inbox.heard == ["30 new notifications"]
    inbox.toasts.get_by_role("button", name="30 new").click()
    expect(inbox.panel).to_be_visible()
    expect(inbox.toasts).to_have_count(0)


def test_no_toast_while_the_panel_is_open_but_a_word(shared: Site, user: str) -> None:
    shared.sign_in(user)
    inbox = open_inbox(shared)
    inbox.open()
    tell(shared, user, "In sight")
    expect(inbox.row("In sight")).to_be_visible()
    inbox.hears("New notification: In sight")
    assert inbox.toasts.count() == 0


def test_a_group_that_grows_is_news_also_to_a_page_that_never_listed_it(
    shared: Site, user: str
) -> None:
    shared.sign_in(user)
    story = {"id": user, "title": "Fix login"}
    data = {"story": story, "actor": {"id": "linus", "name": "Linus"}, "watcher_ids": [user]}
    comment = {"type": "story.commented", "data": {**data, "comment": "Hm"}}
    earlier = open_inbox(shared)
    emit(shared, comment, comment)
    eventually(lambda: bool(earlier.get("inbox.tidings.seq") == 2), "two comments")
    earlier.page.close()
    inbox = open_inbox(shared)
    emit(shared, comment)
    expect(inbox.toasts).to_have_count(1)
    expect(inbox.toasts).to_contain_text("3 new comments")
    inbox.hears("New notification: 3 new comments on “Fix login”, the latest by Linus")
    # What the person does elsewhere is none.
    inbox.get("inbox.tidings.list().then(({items}) => inbox.tidings.markRead(items[0].id))")
    expect(inbox.toasts).to_have_count(0)
    inbox.get("inbox.tidings.list().then(({items}) => inbox.tidings.markUnread(items[0].id))")
    emit(shared, comment)
    expect(inbox.toasts).to_have_count(1)
    expect(inbox.toasts).to_contain_text("4 new comments")
    inbox.hears("New notification: 4 new comments on “Fix login”, the latest by Linus")
    assert len(inbox.heard) == 2


def test_a_toast_stays_while_it_is_pointed_at_or_has_the_focus(shared: Site, user: str) -> None:
    shared.sign_in(user)
    inbox = open_inbox(shared)
    with standstill(inbox):
        run_for = inbox.page.clock.run_for
        tell(shared, user, "Stay")
        arrived(inbox, 1)
        run_for(400)
        expect(inbox.toasts).to_have_count(1)
        inbox.toasts.hover()
        run_for(60_000)
        expect(inbox.toasts).to_have_count(1)
        inbox.page.mouse.move(1, 1)
        run_for(6_000)
        expect(inbox.toasts).to_have_count(1)
        inbox.toasts.get_by_role("button", name="Stay").focus()
        run_for(60_000)
        # Within the toast the focus may move.
        inbox.page.keyboard.press("Tab")
        expect(inbox.toasts.get_by_role("button", name="Dismiss")).to_be_focused()
        run_for(60_000)
        expect(inbox.toasts).to_have_count(1)
        inbox.page.locator("#text").focus()
        run_for(8_000)
        expect(inbox.toasts).to_have_count(0)


def test_what_is_read_elsewhere_is_told_no_more(shared: Site, user: str) -> None:
    shared.sign_in(user)
    inbox = open_inbox(shared)
    tell(shared, user, "Read me")
    expect(inbox.toasts).to_have_count(1)
    inbox.get("inbox.tidings.list().then(({items}) => inbox.tidings.markRead(items[0].id))")
    expect(inbox.toasts).to_have_count(0, timeout=3_000)
