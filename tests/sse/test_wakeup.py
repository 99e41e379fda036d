"""A stream's greenlet sleeps until it is woken, and is left alone while it does other work."""

from concurrent.futures import ThreadPoolExecutor

import gevent
import pytest

from app.sse.wakeup import Wakeup

LONG = 600


def waiting(wakeup: Wakeup, seconds: float = LONG) -> "gevent.Greenlet[..., bool]":
    """A greenlet that waits already."""
    greenlet = gevent.spawn(wakeup.wait, seconds)
    gevent.sleep(0)
    assert not greenlet.ready()
    return greenlet


def test_who_waits_is_woken_and_told_why() -> None:
    wakeup = Wakeup()
    greenlet = waiting(wakeup)
    wakeup.set()
    assert greenlet.get(timeout=5)


def test_a_wait_ends_when_its_time_has_passed() -> None:
    assert not waiting(Wakeup(), 0.01).get(timeout=5)


def test_what_was_set_before_is_not_waited_for() -> None:
    wakeup = Wakeup()
    wakeup.set()
    assert wakeup.wait(LONG)
    assert wakeup.wait(LONG)
    wakeup.clear()
    assert not wakeup.wait(0)


@pytest.mark.parametrize("seconds", [0, -1])
def test_without_time_it_only_looks(seconds: float) -> None:
    assert not Wakeup().wait(seconds)


def test_to_set_it_does_not_switch() -> None:
    wakeup = Wakeup()
    greenlet = waiting(wakeup)
    wakeup.set()
    wakeup.set()
    assert not greenlet.ready()
    greenlet.get(timeout=5)


def test_set_and_cleared_before_it_ran_it_waits_no_longer_than_asked() -> None:
    wakeup = Wakeup()
    greenlet = waiting(wakeup)
    wakeup.set()
    wakeup.clear()
    assert not greenlet.get(timeout=5)


def test_a_later_wait_is_not_cut_short_by_the_timer_of_an_earlier_one() -> None:
    wakeup = Wakeup()
    first = waiting(wakeup, 0.02)
    wakeup.set()
    assert first.get(timeout=5)
    wakeup.clear()
    second = waiting(wakeup)
    gevent.sleep(0.05)
    assert not second.ready()
    wakeup.set()
    assert second.get(timeout=5)


def test_a_later_but_shorter_wait_ends_in_its_own_time() -> None:
    wakeup = Wakeup()
    first = waiting(wakeup)
    wakeup.set()
    first.get(timeout=5)
    wakeup.clear()
    assert not waiting(wakeup, 0.01).get(timeout=5)


def test_who_waits_for_something_else_is_left_alone() -> None:
    wakeup = Wakeup()
    reached = []

    def work() -> None:
        wakeup.wait(0.01)
        wakeup.wait(0.01)
        gevent.sleep(0.05)  # its socket is full; the timer fires and somebody sets it
        reached.append("written")

    greenlet = gevent.spawn(work)
    gevent.sleep(0.03)
    wakeup.set()
    gevent.sleep(0)
    assert reached == []
    greenlet.get(timeout=5)
    assert reached == ["written"]


def test_a_killed_greenlet_is_not_woken() -> None:
    wakeup = Wakeup()
    greenlet = waiting(wakeup)
    wakeup.set()
    greenlet.kill()
    wakeup.set()
    gevent.sleep(0)
    assert waiting(Wakeup(), 0.001).get(timeout=5) is False


def test_who_waits_again_after_a_kill_is_woken_as_before() -> None:
    wakeup = Wakeup()
    lost = waiting(wakeup)
    wakeup.set()
    lost.kill()
    wakeup.clear()
    greenlet = waiting(wakeup)
    wakeup.set()
    assert greenlet.get(timeout=5)


def test_once_closed_it_leaves_no_timer_and_it_may_be_closed_twice() -> None:
    def leaves_nothing() -> bool:
        wakeup = Wakeup()
        greenlet = waiting(wakeup)
        wakeup.set()
        greenlet.get(timeout=5)
        wakeup.close()
        wakeup.close()
        hub = gevent.get_hub()
        # A loop that has nothing more to do ends; a timer of ten minutes would hold it.
        ended = hub.join(timeout=0.5)
        hub.destroy(destroy_loop=True)
        return bool(ended)

    # A thread has a loop of its own, in which no other test left anything.
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(leaves_nothing).result()
