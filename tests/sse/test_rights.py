"""Revocations in memory: all that matter, none that has expired, whatever else fails."""

import logging
from collections.abc import Callable, Sequence

import gevent
import pytest
from gevent.event import Event
from hypothesis import given, settings
from hypothesis import strategies as st

from app.auth.revocation import Revocation
from app.errors import DatabaseUnavailable
from app.sse import rights as rights_module
from app.sse.rights import OVERLAP_SECONDS, Rights
from tests.sse.parts import FAR_FUTURE, Clock

ADAS_TOKEN = Revocation("ada", "token-1", revoked_at=900_000, expires_at=FAR_FUTURE)
ALL_OF_GRACE = Revocation("grace", None, revoked_at=900_000, expires_at=FAR_FUTURE)


class Table:
    """The database's part."""

    def __init__(self, *kept: Revocation) -> None:
        self.kept = list(kept)
        self.asked: list[int] = []
        self.faults: list[Exception] = []
        self.hang: Callable[[], object] = lambda: None

    def look(self, moment: int) -> Sequence[Revocation]:
        self.asked.append(moment)
        self.hang()
        if self.faults:
            raise self.faults.pop(0)
        return [one for one in self.kept if one.revoked_at >= moment]


def rights_of(table: Table, keepalive_seconds: float = 0.001) -> Rights:
    return Rights(table.look, keepalive_seconds)


def wait_until(condition: Callable[[], bool]) -> None:
    with gevent.Timeout(10):
        while not condition():
            gevent.sleep(0.001)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The rights' clock."""
    clock = Clock()
    monkeypatch.setattr(rights_module, "time", clock)
    return clock


def test_what_was_revoked_before_the_start_is_known_after_a_load() -> None:
    table = Table(ADAS_TOKEN, ALL_OF_GRACE)
    rights = rights_of(table)
    assert not rights.refuses("ada", "token-1", 0)
    rights.load()
    assert rights.refuses("ada", "token-1", 0)
    assert not rights.refuses("ada", "token-2", 0)
    assert rights.refuses("grace", "token-2", 900_000)
    assert not rights.refuses("grace", "token-2", 900_001)
    assert not rights.refuses("mary", "token-1", 0)
    rights.load()
    assert table.asked == [0]  # once


def test_what_is_heard_is_known_at_once_and_told_of_once() -> None:
    ended: list[Revocation] = []
    rights = rights_of(Table(), keepalive_seconds=600)
    rights.start(ended.append)
    rights.hear(ADAS_TOKEN.encode())
    rights.hear(ADAS_TOKEN.encode())
    rights.stop()
    assert rights.refuses("ada", "token-1", None)
    assert ended == [ADAS_TOKEN]


def test_a_second_logout_everywhere_reaches_tokens_that_were_issued_since_the_first() -> None:
    rights = rights_of(Table())
    rights.hear(ALL_OF_GRACE.encode())
    rights.hear(Revocation("grace", None, 950_000, FAR_FUTURE).encode())
    assert rights.refuses("grace", "t", 940_000)
    # An older one that comes late takes nothing back.
    rights.hear(ALL_OF_GRACE.encode())
    rights.hear(Revocation("grace", None, 900_000, FAR_FUTURE + 1).encode())
    assert rights.refuses("grace", "t", 940_000)


def test_a_look_asks_for_what_clocks_and_slow_commits_may_have_hidden_from_the_last(
    clock: Clock,
) -> None:
    table = Table()
    rights = rights_of(table)
    rights.look()
    began = int(clock.now)
    clock.now += 12
    table.faults.append(DatabaseUnavailable("away"))
    with pytest.raises(DatabaseUnavailable):
        rights.look()
    clock.now += 12
    rights.look()
    assert table.asked == [0, began - OVERLAP_SECONDS, began - OVERLAP_SECONDS]


def test_what_was_told_to_nobody_is_found_by_a_look() -> None:
    ended: list[Revocation] = []
    table = Table()
    rights = rights_of(table)
    rights.start(ended.append)
    wait_until(lambda: bool(table.asked))
    table.kept.append(Revocation("ada", None, 2**35, FAR_FUTURE))
    wait_until(lambda: bool(ended))
    rights.stop()
    assert rights.refuses("ada", "any", 0)


def test_when_the_channel_was_lost_it_looks_at_once() -> None:
    table = Table()
    rights = rights_of(table, keepalive_seconds=600)
    rights.start(lambda _: None)
    wait_until(lambda: len(table.asked) == 1)
    gevent.sleep(0)
    rights.hear_again()
    wait_until(lambda: len(table.asked) == 2)
    rights.stop()


def test_what_has_expired_is_forgotten_and_not_learnt(clock: Clock) -> None:
    ended: list[Revocation] = []
    rights = rights_of(Table(), keepalive_seconds=600)
    rights.start(ended.append)
    soon = Revocation("ada", "token-1", int(clock.now), int(clock.now) + 10)
    rights.hear(soon.encode())
    rights.look()
    assert rights.refuses("ada", "token-1", None)
    clock.now += 11
    rights.look()
    assert not rights.refuses("ada", "token-1", None)
    rights.hear(soon.encode())
    rights.stop()
    assert not rights.refuses("ada", "token-1", None)
    assert ended == [soon]


def test_a_database_that_is_away_is_told_of_once_and_asked_until_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    table = Table(ADAS_TOKEN)
    table.faults = [DatabaseUnavailable("away"), ValueError("a defect"), DatabaseUnavailable("a")]
    rights = rights_of(table)
    with caplog.at_level(logging.INFO, "app.sse.rights"):
        rights.start(lambda _: None)
        wait_until(lambda: rights.refuses("ada", "token-1", 0))
        wait_until(lambda: len(caplog.messages) == 2)
        rights.stop()
    assert caplog.messages == [
        "revocations that Redis lost are found late: away",
        "looking for revocations again",
    ]


def test_a_database_that_hangs_is_given_up_and_asked_anew(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(rights_module, "PATIENCE_SECONDS", 0.01)
    table = Table(ADAS_TOKEN)
    table.hang = Event().wait  # for ever
    rights = rights_of(table)
    rights.start(lambda _: None)
    wait_until(lambda: len(table.asked) >= 3)
    assert "the database has not answered for" in caplog.text
    assert len(caplog.messages) == 1
    table.hang = lambda: None
    wait_until(lambda: rights.refuses("ada", "token-1", 0))
    rights.stop()


def test_nonsense_on_the_channel_is_dropped_with_one_word_of_it_and_not_of_its_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rights = rights_of(Table())
    for _ in range(100):
        rights.hear(b"secret nonsense")
    assert caplog.messages == ["dropped what is no revocation from the control channel (15 bytes)"]


@given(st.binary() | st.text().map(lambda text: b'{"revoked":' + text.encode() + b"}"))
@settings(deadline=None)
def test_nothing_that_is_said_on_the_channel_raises(payload: bytes) -> None:
    rights_of(Table()).hear(payload)
