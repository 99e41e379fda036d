"""Many tabs of one profile: one stream, and each tab is told everything once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from playwright.sync_api import Browser, Error

from tests.browser.tab import Site, Tab, connections
from tests.conftest import TokenFor
from tests.support.browser import FLAGS, WHOLE_CHROMIUM
from tests.support.processes import program
from tests.support.require import require
from tests.support.waiting import wait_for

BURST = 500


def leader(tabs: Sequence[Tab]) -> Tab:
    """The tab that has the stream, once it is one."""
    wait_for(lambda: [tab.leads for tab in tabs].count(True) == 1, what="one leader")
    return next(tab for tab in tabs if tab.leads)


def one_stream(site: Site) -> None:
    """Wait until the server has one connection: idle ones it closes after 2 s."""
    if connections(site.web.port) is not None:
        wait_for(lambda: connections(site.web.port) == 1, 20, "one connection")


def told_everything(tabs: Sequence[Tab], last: int) -> None:
    """Each tab was told of 1 to `last`, in order."""
    for tab in tabs:
        tab.wait_for_seqs(last)
    for tab in tabs:
        assert tab.seqs == list(range(1, last + 1))


def test_ten_tabs_have_one_stream(shared: Site, token_for: TokenFor, user: str) -> None:
    tabs = [shared.open(token=token_for(user)) for _ in range(10)]
    assert [tab.leads for tab in tabs] == [True] + [False] * 9
    one_stream(shared)
    shared.tell(user, 20)
    told_everything(tabs, 20)
    assert all(tab.get("tidings.unread") == 20 for tab in tabs)
    # The tenth has a connection left for what it asks.
    assert len(tabs[9].get("tidings.list()")["items"]) == 20
    assert shared.complaints == []


def test_a_leader_that_is_closed_in_a_burst_loses_and_doubles_nothing(
    shared: Site, token_for: TokenFor, user: str
) -> None:
    tabs = [shared.open(token=token_for(user)) for _ in range(4)]
    first = leader(tabs)
    tabs.remove(first)
    shared.tell(user, BURST)
    wait_for(lambda: len(tabs[0].seqs) > 20)
    first.page.close()
    told_everything(tabs, BURST)
    leader(tabs)
    one_stream(shared)


def test_a_leader_that_crashes_is_replaced(shared: Site, token_for: TokenFor, user: str) -> None:
    tabs = [shared.open(token=token_for(user)) for _ in range(3)]
    first = leader(tabs)
    tabs.remove(first)
    shared.tell(user, BURST)
    wait_for(lambda: len(tabs[0].seqs) > 20)
    with first.page.expect_event("crash"), suppress(Error):
        first.page.goto("chrome://crash")
    told_everything(tabs, BURST)
    one_stream(shared)


@contextmanager
def paused(tab: Tab) -> Iterator[None]:
    """Nothing in the tab runs, without any word to it; what it holds it keeps."""
    cdp = tab.page.context.new_cdp_session(tab.page)
    cdp.send("Debugger.enable")
    cdp.send("Debugger.pause")
    yield
    with suppress(Error):  # it had nothing to run
        cdp.send("Debugger.resume")
    cdp.send("Debugger.disable")


def test_a_leader_that_is_frozen_lets_go_and_catches_up_when_it_thaws(
    shared: Site, token_for: TokenFor, user: str
) -> None:
    tabs = [shared.open(token=token_for(user)) for _ in range(3)]
    first, *others = tabs
    # A browser freezes hidden tabs, and this one hides none: so it goes by what tabs are told.
    first.get("document.dispatchEvent(new Event('freeze'))")
    wait_for(lambda: not first.leads)
    with paused(first):
        shared.tell(user, 5)
        told_everything(others, 5)
        second = leader(others)
    first.get("document.dispatchEvent(new Event('resume'))")
    told_everything(tabs, 5)
    shared.tell(user, 1)
    told_everything(tabs, 6)
    assert leader(tabs) is second
    one_stream(shared)


def test_a_leader_that_hangs_is_replaced_and_joins_in_when_it_goes_on(
    shared: Site, token_for: TokenFor, user: str
) -> None:
    tabs = [shared.open(token=token_for(user)) for _ in range(3)]
    first, *others = tabs
    with paused(first):
        shared.tell(user, 5)
        told_everything(others, 5)
        leader(others)
    told_everything(tabs, 5)
    wait_for(lambda: not first.leads)
    one_stream(shared)


def test_a_leader_whose_page_fails_to_give_a_token_lets_another_lead(
    shared: Site, token_for: TokenFor, user: str
) -> None:
    first, second = (shared.open(way="fetched", token=token_for(user)) for _ in range(2))
    assert first.leads
    first.page.evaluate(
        "() => Object.defineProperty(options, 'token', { get: () => { throw new Error('away'); } })"
    )
    shared.tell(user, 2)
    told_everything([first, second], 2)
    # It opens its stream anew, and can't.
    first.get("dispatchEvent(new Event('online'))")
    wait_for(lambda: second.leads and not first.leads, 60, "the other one's stream")
    shared.tell(user, 3)
    told_everything([first, second], 5)
    first.wait_for_state("live")
    one_stream(shared)


def test_a_tab_that_comes_back_by_the_back_button_goes_on_where_it_was(
    browser: Browser, shared: Site, token_for: TokenFor, user: str
) -> None:
    kind = browser.browser_type
    path = program(*WHOLE_CHROMIUM)
    require(path, "no whole Chromium found; install one: apt-get install chromium")
    keeping = ["--disable-back-forward-cache"]
    with (
        kind.launch(executable_path=path, args=FLAGS, ignore_default_args=keeping) as other,
        other.new_context() as context,
    ):
        own = Site(context, shared.web, shared.redis_url)
        first, second = (own.open(token=token_for(user)) for _ in range(2))
        first.page.goto(f"{shared.web.url}/healthz")
        own.tell(user, 2)
        told_everything([second], 2)
        assert second.leads
        first.page.go_back(wait_until="commit")
        told_everything([first], 2)  # the page itself is back, with what it was told before
        assert [item["replayed"] for item in first.told] == [True, True]
        assert not first.leads
        own.tell(user, 1)
        told_everything([first, second], 3)


def test_two_people_in_one_profile_are_told_of_their_own_only(
    shared: Site, token_for: TokenFor, user: str
) -> None:
    other = f"not-{user}"
    ada, grace = (shared.open(token=token_for(person)) for person in (other, user))
    assert ada.leads
    assert grace.leads
    shared.tell(other, 2)
    shared.tell(user, 3)
    told_everything([ada], 2)
    told_everything([grace], 3)
    assert ada.get("tidings.unread") == 2


def test_who_signs_in_as_somebody_else_leaves_the_first_ones_notifications_behind(
    shared: Site, user: str
) -> None:
    other = f"not-{user}"
    shared.sign_in(other)
    tabs = [shared.open() for _ in range(3)]
    shared.tell(user, 2)
    shared.tell(other, 4)
    told_everything(tabs, 4)

    shared.sign_in(user)

    for tab in tabs:
        tab.wait_for_event("reset")
        assert tab.told[-1]["reason"] == "user-changed"
        assert tab.get("[tidings.seq, tidings.unread]") == [2, 2]
        tab.wait_for_state("live")
    shared.tell(other, 1)
    shared.tell(user, 1)
    for tab in tabs:
        tab.wait_for_position(3)
        assert tab.seqs == [1, 2, 3, 4, 2, 3]
    leader(tabs)


def test_who_signs_out_is_signed_out_in_all_tabs(shared: Site, user: str) -> None:
    shared.sign_in(user)
    tabs = [shared.open() for _ in range(3)]
    shared.context.clear_cookies()
    for tab in tabs:
        tab.wait_for_state("expired")


def test_without_locks_each_tab_has_a_stream_of_its_own(
    shared: Site, token_for: TokenFor, user: str
) -> None:
    shared.context.add_init_script("delete Navigator.prototype.locks")
    tabs = [shared.open(token=token_for(user)) for _ in range(2)]
    assert all(tab.leads for tab in tabs)
    shared.tell(user, 2)
    told_everything(tabs, 2)
