"""Servers that are killed, or say nothing, or are of another origin than the page."""

import os
import signal

import pytest

from tests.browser.conftest import SETTINGS
from tests.browser.tab import Site
from tests.conftest import StartWeb, TokenFor
from tests.support.processes import WebServer
from tests.support.waiting import wait_for

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_server_that_is_killed_and_comes_back_costs_nothing(
    site: Site, token_for: TokenFor, web: WebServer
) -> None:
    tab = site.open(token=token_for("grace"))
    site.tell("grace", 5)
    tab.wait_for_seqs(5)
    web.kill()
    tab.wait_for_state("offline")
    site.tell("grace", 5)
    web.start()
    tab.wait_for_state("live")
    tab.wait_for_seqs(10)
    site.tell("grace", 1)
    tab.wait_for_seqs(11)
    assert tab.seqs == list(range(1, 12))
    assert tab.told[-1]["replayed"] is False


def test_a_dead_link_is_noticed_by_its_silence(
    site: Site, token_for: TokenFor, web: WebServer
) -> None:
    tab = site.open(token=token_for("grace"))
    # Long enough to learn how often pings come.
    wait_for(lambda: tab.get("performance.now()") > 5_000)
    os.killpg(web.pid, signal.SIGSTOP)  # it keeps its connections, and says nothing
    try:
        tab.wait_for_state("offline")
        site.tell("grace")
    finally:
        os.killpg(web.pid, signal.SIGCONT)
    tab.wait_for_state("live")
    tab.wait_for_seqs(1)
    assert tab.seqs == [1]


@pytest.mark.parametrize("way", ["given", "fetched", "ticket"])
def test_a_page_of_another_origin_is_told_too(
    site: Site, start_web: StartWeb, token_for: TokenFor, web: WebServer, way: str
) -> None:
    api = start_web(workers=1, CORS_ORIGINS=web.url, **SETTINGS)
    away = Site(site.context, api, site.redis_url)
    page_url, url = f"{web.url}/healthz", f"{api.url}/api/v1"
    tab = away.open(way, page_url=page_url, url=url, token=token_for("grace"))
    site.tell("grace", 2)
    tab.wait_for_seqs(2)
    web.kill()
    api.kill()
    tab.wait_for_state("offline")
    site.tell("grace", 2)
    api.start()
    tab.wait_for_seqs(4)
    assert tab.seqs == [1, 2, 3, 4]
