"""The key set under requests at once, and an issuer that hangs: nobody waits for nothing."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from app.auth.jwks import fetch
from app.auth.key_set import FRESH_SECONDS, KeySet
from app.errors import ServiceUnavailable
from tests.auth.issuer import Clock, KeyServer
from tests.support.waiting import wait_for


def test_requests_at_once_share_one_fetch(issuer: KeyServer) -> None:
    issuer.hold.clear()
    keys = KeySet(lambda: fetch(issuer.url), "RS256", "id.example")
    with ThreadPoolExecutor(12) as pool:
        waiting = [pool.submit(keys.key, "old") for _ in range(12)]
        wait_for(lambda: issuer.asked, 10, "the first fetch")
        issuer.hold.set()
        assert all(each.result(20) for each in waiting)
    assert issuer.asked == ["/keys"]


def test_who_has_a_good_key_does_not_wait_for_a_newer_one(issuer: KeyServer) -> None:
    clock = Clock()
    keys = KeySet(lambda: fetch(issuer.url), "RS256", "id.example", clock)
    assert keys.key("old")
    clock.now += FRESH_SECONDS
    issuer.hold.clear()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(keys.key, "old")
        wait_for(lambda: len(issuer.asked) == 2, 10, "the second fetch")
        assert keys.key("old")
        assert not first.done()
        issuer.hold.set()
        assert first.result(20)


def test_an_issuer_that_hangs_is_waited_for_in_bounds(
    issuer: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.auth.jwks.TIMEOUT_SECONDS", 0.3)
    issuer.hold.clear()
    keys = KeySet(lambda: fetch(issuer.url), "RS256", "id.example")
    with pytest.raises(ServiceUnavailable):
        keys.key("old")
    issuer.hold.set()
