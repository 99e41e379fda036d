"""Whoever has much to do lets others have their turn: their sockets, their timers."""

import subprocess
import sys
from collections.abc import Iterator, Sequence

import gevent
import pytest

from app.rounds import next_round
from app.sse.link import READ_BYTES
from app.sse.sweep import CLIENTS_IN_A_ROW, sweep
from tests.sse.parts import Channels, new_client, new_hub

# The shortest of those that the test publishes, as Redis sends it.
LEAST_BYTES = len(b"*3\r\n$7\r\nmessage\r\n$17\r\ntidings:test:busy\r\n$1\r\n1\r\n")


def test_a_listener_that_is_never_out_of_work_looks_at_other_sockets(redis_url: str) -> None:
    command = [sys.executable, "-m", "tests.sse.busy_link", redis_url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert 0 < int(done.stdout) <= 2 * READ_BYTES // LEAST_BYTES


@pytest.fixture
def gevents_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a web worker."""
    monkeypatch.setattr("time.sleep", gevent.sleep)


@pytest.fixture
def rounds() -> Iterator[list[int]]:
    """One entry for each round of the loop."""
    found: list[int] = []
    watcher = gevent.get_hub().loop.check()
    watcher.start(lambda: found.append(1))
    yield found
    watcher.stop()
    watcher.close()


@pytest.mark.usefixtures("gevents_sleep")
def test_each_pause_is_a_round_of_the_loop(rounds: list[int]) -> None:
    for _ in range(10):
        next_round()
    assert len(rounds) >= 10


@pytest.mark.usefixtures("gevents_sleep")
def test_a_sweep_of_many_streams_pauses_and_misses_nobody(rounds: list[int]) -> None:
    hub = new_hub(Channels(), 10_000, 10)
    clients = [new_client(f"user-{number}", 1) for number in range(3 * CLIENTS_IN_A_ROW + 1)]
    for client in clients:
        hub.join(client)
        client.begin_catch_up()
        client.caught_up(1)
    asked: list[int] = []

    def last_seqs(users: Sequence[str]) -> dict[str, int]:
        asked.append(len(rounds))
        return dict.fromkeys(users, 2)

    assert sweep(hub, last_seqs) == len(clients)
    assert all(client.behind for client in clients)
    assert len(set(asked)) == 4, "each question in a round of its own"
