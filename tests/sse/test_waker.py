"""Web workers look for snoozes in turns: rarely all together, and soon, whoever can't."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import gevent
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.errors import DatabaseUnavailable
from app.sse.waker import LEASE_LASTS, Lease, Waker
from tests.support.processes import free_port

SECONDS = 0.1


class Worker(Lease):
    """What one worker's waker does, counted."""

    def __init__(self, client: redis.Redis) -> None:
        super().__init__(client, SECONDS)
        self.asked = self.looked = 0
        self.database_is_away = False
        self.waker = Waker(self, self._wake, SECONDS)

    def acquire(self) -> bool:
        self.asked += 1
        return super().acquire()

    def _wake(self) -> int:
        self.looked += 1
        if self.database_is_away:
            raise DatabaseUnavailable("gone")
        return 0


@contextmanager
def workers(count: int, client: redis.Redis) -> Iterator[list[Worker]]:
    """So many, looking."""
    them = [Worker(client) for _ in range(count)]
    for worker in them:
        worker.waker.start()
    yield them
    for worker in them:
        worker.waker.stop()


def wait_until(condition: Callable[[], bool]) -> None:
    with gevent.Timeout(20):
        while not condition():
            gevent.sleep(0.01)


def looks(them: list[Worker]) -> int:
    return sum(worker.looked for worker in them)


def test_many_workers_look_no_more_often_than_one_would(redis_client: redis.Redis) -> None:
    started = time.monotonic()
    with workers(9, redis_client) as them:
        wait_until(lambda: looks(them) >= 20)
        seconds = time.monotonic() - started
        assert looks(them) <= 1 + seconds / (LEASE_LASTS * SECONDS)
        # And only one of them asks as often: the others would cost the more, the more they are.
        in_vain = sum(worker.asked for worker in them) - looks(them)
        assert in_vain <= 9 * (1 + seconds / (2 * SECONDS))


def test_when_the_one_that_looks_dies_another_does(redis_client: redis.Redis) -> None:
    with workers(3, redis_client) as them:
        for _ in range(2):
            wait_until(lambda: looks(them) >= 3)
            looking = max(them, key=lambda worker: worker.looked)
            looking.waker.stop()
            them.remove(looking)
            for worker in them:
                worker.looked = 0
        wait_until(lambda: looks(them) >= 3)


def test_one_that_cannot_look_leaves_it_to_the_others(redis_client: redis.Redis) -> None:
    with workers(2, redis_client) as (cut_off, other):
        cut_off.database_is_away = True
        wait_until(lambda: other.looked >= 40)
        assert cut_off.looked > 1
        assert other.looked == other.asked


def test_without_redis_everybody_looks() -> None:
    nobody = redis.Redis(port=free_port(), retry=Retry(NoBackoff(), 0))
    with workers(3, nobody) as them:
        wait_until(lambda: min(worker.looked for worker in them) >= 3)
        assert all(worker.looked == worker.asked for worker in them)
