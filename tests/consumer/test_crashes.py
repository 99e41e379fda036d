"""A consumer is killed, by SIGKILL, anywhere: another one finishes its work, and nothing twice."""

import signal
from collections import Counter
from collections.abc import Sequence

import pytest
import redis

from app.notifications.mailboxes import last_seqs
from tests.conftest import StartConsumer
from tests.support.consuming import (
    Pushes,
    consumer,
    dead_letters,
    event,
    finish,
    let_idle,
    pending,
    send,
    send_fields,
    told,
)
from tests.support.dying_consumer import NAME, POINTS
from tests.support.processes import run_flask, run_module
from tests.support.waiting import wait_for

pytestmark = pytest.mark.usefixtures("in_app")

BATCH = 10


class Progress:
    """Whether `least` more notifications were made for `users` than there are now."""

    def __init__(self, users: Sequence[str], least: int) -> None:
        self._users = users
        self._enough = self._made() + least

    def _made(self) -> int:
        return sum(last_seqs(self._users).values())

    def __call__(self) -> bool:
        return self._made() >= self._enough


def run_until_it_dies(environment: dict[str, str], point: str) -> None:
    done = run_module(environment, "tests.support.dying_consumer", point, str(BATCH))
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize("point", POINTS)
def test_nothing_is_lost_and_nothing_is_told_twice_when_a_consumer_is_killed(
    redis_client: redis.Redis, environment: dict[str, str], point: str
) -> None:
    events = [event("grace", *(["linus"] if number % 3 else [])) for number in range(2 * BATCH)]
    send(redis_client, *events[: BATCH + 5])
    bad = send_fields(redis_client, {b"event": b"not JSON"})
    # The same event once more, in the batch after the one that is cut off.
    send(redis_client, *events[BATCH + 5 :], events[BATCH + 1])

    with Pushes(redis_client) as pushes:
        run_until_it_dies(environment, point)
        committed = point not in ("after read", "before commit")
        assert len(told("grace")) == (2 * BATCH - 1 if committed else BATCH)
        acknowledged = point == "after acknowledgement"
        assert len(pending(redis_client)) == (
            0 if acknowledged else BATCH - (point != "after read")
        )

        let_idle(redis_client)
        finish(consumer(redis_client, "survivor"))
        published = Counter((user, title) for user, _, title in pushes.titles())

    expected = {
        user: [sent["id"] for sent in events if user in sent["data"]["recipients"]]
        for user in ("grace", "linus")
    }
    assert {user: told(user) for user in expected} == expected
    assert set(published) == {(user, title) for user in expected for title in expected[user]}
    assert [letter[b"entry"] for letter in dead_letters(redis_client)] == [bad]
    assert pending(redis_client) == []


def test_a_consumer_that_is_killed_and_restarted_under_its_name_goes_on_at_once(
    redis_client: redis.Redis, environment: dict[str, str]
) -> None:
    events = [event() for _ in range(2 * BATCH)]
    send(redis_client, *events)
    run_until_it_dies(environment, "between publish and acknowledgement")
    # No idle time has passed.
    finish(consumer(redis_client, NAME))
    assert told("grace") == [sent["id"] for sent in events]
    assert pending(redis_client) == []


def test_consumers_that_are_killed_while_they_are_busy_lose_and_repeat_nothing(
    redis_client: redis.Redis, environment: dict[str, str], start_consumer: StartConsumer
) -> None:
    users = ("ada", "grace", "linus", "mary")
    events = [event(users[n % 4], users[(n + 1) % 4]) for n in range(2_000)]
    send(redis_client, *events)
    doomed = [start_consumer("--batch", "20") for _ in range(2)]
    for process in doomed:
        wait_for(Progress(users, 200))
        process.kill()
    let_idle(redis_client)
    done = run_flask(environment, "consumer", "run", "--burst")
    assert done.returncode == 0, done.stderr
    for user in users:
        expected = [sent["id"] for sent in events if user in sent["data"]["recipients"]]
        assert sorted(told(user)) == sorted(expected)
    assert pending(redis_client) == []
    assert dead_letters(redis_client) == []
