"""Servers that are killed, or say nothing, or are of another origin than the page."""

import os
import signal

from playwright.sync_api import Browser

from tests.browser.tab import Site
from tests.conftest import TokenFor
from tests.support.processes import WebServer
from tests.support.shared import Place
from tests.support.waiting import wait_for

WAYS = ("given", "fetched", "ticket")


def test_a_server_that_is_killed_and_comes_back_costs_nothing(
    shared: Site, token_for: TokenFor, user: str
) -> None:
    tab = shared.open(token=token_for(user))
    shared.tell(user, 5)
    tab.wait_for_seqs(5)
    shared.web.kill()
    tab.wait_for_state("offline")
    shared.tell(user, 5)
    shared.web.start()
    tab.wait_for_state("live")
    tab.wait_for_seqs(10)
    shared.tell(user, 1)
    tab.wait_for_seqs(11)
    assert tab.seqs == list(range(1, 12))
    assert tab.told[-1]["replayed"] is False


def test_a_dead_link_is_noticed_by_its_silence(
    shared: Site, token_for: TokenFor, user: str
) -> None:
    tab = shared.open(token=token_for(user))
    # Long enough to learn how often pings come.
    wait_for(lambda: tab.get("performance.now()") > 5_000)
    os.killpg(shared.web.pid, signal.SIGSTOP)  # it keeps its connections, and says nothing
    try:
        tab.wait_for_state("offline")
        shared.tell(user)
    finally:
        os.killpg(shared.web.pid, signal.SIGCONT)
    tab.wait_for_state("live")
    tab.wait_for_seqs(1)
    assert tab.seqs == [1]


def test_a_page_of_another_origin_is_told_too(
    browser: Browser, place: Place, token_for: TokenFor, user: str
) -> None:
    # Stands for a product's page: it comes from this machine, as one that a test makes up does not,
    # and browsers keep others' pages from this machine. Its policy would let no script run.
    page_url = f"{place.web.url}/healthz"
    environment = place.environment | {"CORS_ORIGINS": place.web.url}
    with (
        browser.new_context(bypass_csp=True) as context,
        WebServer(environment, place.folder) as api,
    ):
        away = Site(context, api, place.redis_url)
        tabs = {}
        for way in WAYS:
            token = token_for(f"{user}-{way}")
            tabs[way] = away.open(way, page_url=page_url, url=f"{api.url}/api/v1", token=token)
            away.tell(f"{user}-{way}", 2)
        for tab in tabs.values():
            tab.wait_for_seqs(2)
        api.kill()
        for way, tab in tabs.items():
            tab.wait_for_state("offline")
            away.tell(f"{user}-{way}", 2)
        api.start()
        for way, tab in tabs.items():
            tab.wait_for_seqs(4)
            assert tab.seqs == [1, 2, 3, 4], way
