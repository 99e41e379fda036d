"""No notice is lost, whoever gives it and whenever."""

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from app.ops.notices import Notices


@pytest.fixture
def notices() -> Iterator[Notices[str]]:
    before = signal.getsignal(signal.SIGUSR1)
    yield Notices()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGUSR1, before)


def test_notices_come_in_order(notices: Notices[str]) -> None:
    notices.put("a")
    notices.put("b")
    assert [notices.get(), notices.get(), notices.get(0)] == ["a", "b", None]


def test_a_notice_from_a_thread_ends_the_wait(notices: Notices[str]) -> None:
    threading.Timer(0.05, notices.put, ["late"]).start()
    assert notices.get(30) == "late"


def test_a_signal_is_seen_however_close_before_the_wait_it_comes(notices: Notices[str]) -> None:
    notices.put_on([signal.SIGUSR1], "signal")

    def signal_after(seconds: float) -> None:
        time.sleep(seconds)
        os.kill(os.getpid(), signal.SIGUSR1)

    for turn in range(300):
        sender = threading.Thread(target=signal_after, args=[turn * 1e-6])
        sender.start()
        assert notices.get(30) == "signal"
        sender.join()


def test_more_notices_than_the_pipe_holds_are_all_kept(notices: Notices[str]) -> None:
    count = 100_000
    for _ in range(count):
        notices.put("one of many")
    assert sum(1 for _ in iter(lambda: notices.get(0), None)) == count
