"""However many connections come at once, a worker takes up a few at a time, in their order."""

from collections import Counter
from collections.abc import Iterator

import gevent
import pytest

from app.ops.door import Door


class Rounds:
    """Which round of the loop it is: how often it has looked at its sockets."""

    def __init__(self) -> None:
        self.now = 0
        self._watcher = gevent.get_hub().loop.check()
        self._watcher.start(self._count)

    def _count(self) -> None:
        self.now += 1

    def close(self) -> None:
        """Count no more."""
        self._watcher.stop()
        self._watcher.close()


@pytest.fixture
def rounds() -> Iterator[Rounds]:
    rounds = Rounds()
    yield rounds
    rounds.close()


def test_a_few_enter_in_each_round_in_the_order_in_which_they_came(rounds: Rounds) -> None:
    door, entered = Door(4), list[tuple[int, int]]()

    def connection(number: int) -> None:
        door.enter()
        entered.append((number, rounds.now))

    with gevent.Timeout(10):
        gevent.joinall([gevent.spawn(connection, number) for number in range(30)])
        gevent.sleep(0.001)
        gevent.joinall([gevent.spawn(connection, number) for number in range(30, 33)])
    assert [number for number, _ in entered] == list(range(33))
    each = Counter(round for _, round in entered)
    assert max(each.values()) == 4
    assert len(each) <= 12, "no round is left out"


def test_who_comes_alone_does_not_wait() -> None:
    door = Door(1)
    others_ran = list[bool]()
    gevent.spawn(lambda: others_ran.append(True))
    door.enter()
    assert not others_ran


def test_who_gives_up_does_not_keep_the_others_waiting() -> None:
    door, entered = Door(2), list[int]()

    def connection(number: int) -> None:
        door.enter()
        entered.append(number)

    greenlets = [gevent.spawn(connection, number) for number in range(12)]
    gevent.sleep(0)
    gevent.killall(greenlets[4:8])
    with gevent.Timeout(10):
        gevent.joinall(greenlets)
    assert entered == [0, 1, 2, 3, 8, 9, 10, 11]


def test_what_is_behind_the_door_gets_what_it_was_called_with() -> None:
    called: list[tuple[object, ...]] = []
    door = Door()
    door.before(lambda *args: called.append(args))("listener", "client", "address")
    assert called == [("listener", "client", "address")]
