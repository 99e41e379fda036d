"""`<tidings-inbox>`: toasts, and what is said aloud."""

import pytest
from playwright.sync_api import expect

from tests.browser.inbox_page import arrived, eventually, open_inbox, tell
from tests.browser.tab import Site

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_toast_is_shown_in_one_tab_and_takes_no_focus(site: Site) -> None:
    site.sign_in("grace")
    one, other = open_inbox(site), open_inbox(site, path="/q")
    one.page.locator("#text").focus()
    other.page.locator("#text").focus()
    tell(site, "grace", "Ada assigned you a story", url="/healthz")
    eventually(lambda: one.toasts.count() + other.toasts.count() == 1, "one toast")
    for tab in (one, other):
        arrived(tab, 1)
        assert tab.get("document.activeElement.id") == "text"
    eventually(lambda: (one.toasts.count(), other.toasts.count()) in ((0, 1), (1, 0)))
    shown = one if one.toasts.count() else other
    said = "New notification: Ada assigned you a story"
    expect(shown.said).to_have_text(said)
    expect((other if shown is one else one).said).to_be_empty()
    # The tab that spoke is closed; the other takes over.
    rest = other if shown is one else one
    shown.page.close()
    tell(site, "grace", "Again")
    expect(rest.toasts).to_have_count(1)
    rest.toasts.get_by_role("button", name="Again").click()
    arrived(rest, 1)
    expect(rest.toasts).to_have_count(0)


def test_a_burst_is_one_toast_that_opens_the_list(site: Site) -> None:
    site.sign_in("grace")
    inbox = open_inbox(site)
    tell(site, "grace", *(f"Number {number}" for number in range(30)))
    expect(inbox.toasts).to_have_count(1)
    expect(inbox.toasts).to_have_text("30 new notifications")
    # A slow machine hears of them in two parts.
    expect(inbox.said).to_contain_text("new notifications")
    inbox.toasts.get_by_role("button", name="30 new").click()
    expect(inbox.panel).to_be_visible()
    expect(inbox.toasts).to_have_count(0)


def test_no_toast_while_the_panel_is_open_but_a_word(site: Site) -> None:
    site.sign_in("grace")
    inbox = open_inbox(site)
    inbox.open()
    tell(site, "grace", "In sight")
    expect(inbox.row("In sight")).to_be_visible()
    expect(inbox.said).to_have_text("New notification: In sight")
    assert inbox.toasts.count() == 0


def test_no_toast_for_what_is_replayed_nor_for_what_was_there_before(site: Site) -> None:
    site.sign_in("grace")
    earlier = open_inbox(site)
    tell(site, "grace", "Before")
    arrived(earlier, 1)
    earlier.page.close()
    inbox = open_inbox(site)
    site.web.kill()
    eventually(lambda: bool(inbox.get("inbox.tidings.state") == "offline"), "offline")
    tell(site, "grace", "While it was away")
    site.web.start()
    arrived(inbox, 2)
    tell(site, "grace", "Live")
    expect(inbox.toasts).to_have_count(1)
    expect(inbox.toasts).to_have_text("Live")


def test_a_toast_stays_while_it_is_pointed_at(site: Site) -> None:
    site.sign_in("grace")
    inbox = open_inbox(site)
    inbox.page.clock.install()
    tell(site, "grace", "Stay")
    arrived(inbox, 1)
    inbox.page.clock.run_for(400)
    expect(inbox.toasts).to_have_count(1)
    inbox.toasts.hover()
    inbox.page.clock.run_for(60_000)
    expect(inbox.toasts).to_have_count(1)
    inbox.page.mouse.move(1, 1)
    inbox.page.clock.run_for(8_000)
    expect(inbox.toasts).to_have_count(0)


def test_what_is_read_elsewhere_is_told_no_more(site: Site) -> None:
    site.sign_in("grace")
    inbox = open_inbox(site)
    tell(site, "grace", "Read me")
    expect(inbox.toasts).to_have_count(1)
    inbox.get("inbox.tidings.list().then(({items}) => inbox.tidings.markRead(items[0].id))")
    expect(inbox.toasts).to_have_count(0, timeout=3_000)
