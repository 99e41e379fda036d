"""The sweep marks behind who is behind, and nobody else."""

from collections.abc import Callable, Sequence

import gevent
import pytest

from app.errors import DatabaseUnavailable
from app.sse.client import Client
from app.sse.hub import Hub
from app.sse.sweep import Sweeper, sweep
from tests.sse.parts import Channels, new_client, new_hub, push


@pytest.fixture
def hub() -> Hub:
    """An empty hub."""
    return new_hub(Channels(), max_streams=100, max_streams_per_user=100)


def caught_up(hub: Hub, user_id: str, position: int) -> Client:
    client = new_client(user_id, position)
    hub.join(client)
    client.begin_catch_up()
    client.caught_up(position)
    return client


def database(**seqs: int) -> Callable[[Sequence[str]], dict[str, int]]:
    return lambda user_ids: {user: seqs[user] for user in user_ids if user in seqs}


def test_it_marks_who_is_behind_and_nobody_else(hub: Hub) -> None:
    even, behind, other = (
        caught_up(hub, "ada", 7),
        caught_up(hub, "ada", 5),
        caught_up(hub, "grace", 3),
    )
    assert sweep(hub, database(ada=7, grace=3)) == 1
    assert (even.behind, behind.behind, other.behind) == (False, True, False)
    assert behind.wait(0)


def test_who_has_no_mailbox_is_not_behind(hub: Hub) -> None:
    client = caught_up(hub, "ada", 0)
    assert sweep(hub, database()) == 0
    assert not client.behind


def test_a_first_notification_that_was_never_published_is_found(hub: Hub) -> None:
    client = caught_up(hub, "ada", 0)
    assert sweep(hub, database(ada=1)) == 1
    assert client.behind


@pytest.mark.parametrize("stored", [{"ada": 3}, {}])
def test_a_database_that_was_put_back_to_an_older_state_is_found(
    hub: Hub, stored: dict[str, int]
) -> None:
    client = caught_up(hub, "ada", 7)
    assert sweep(hub, database(**stored)) == 1
    assert client.behind


def test_what_arrives_while_the_database_is_asked_is_not_taken_for_a_fault(hub: Hub) -> None:
    client = caught_up(hub, "ada", 7)

    def last_seqs(_users: Sequence[str]) -> dict[str, int]:
        # The answer is of this moment; the pushes of what comes after it are faster than it.
        hub.deliver([(b"user-notifications:ada", push(8))])
        hub.deliver([(b"user-notifications:ada", push(9))])
        return {"ada": 8}

    assert sweep(hub, last_seqs) == 0
    assert (client.position, client.behind) == (9, False)


@pytest.mark.parametrize(("read", "behind"), [(6, True), (7, False), (8, False)])
def test_who_is_reading_reads_again_only_if_its_read_came_too_early(
    hub: Hub, read: int, behind: bool
) -> None:
    client = new_client("ada", 5)
    hub.join(client)
    client.begin_catch_up()
    assert sweep(hub, database(ada=7)) == 0
    client.caught_up(read)
    assert client.behind == behind


def test_what_was_stored_before_a_read_began_is_not_read_twice(hub: Hub) -> None:
    client = new_client("ada", None)
    hub.join(client)
    sweep(hub, database(ada=7))
    client.begin_catch_up()
    client.caught_up(6)  # it was put back in between
    assert not client.behind


def test_a_database_that_was_put_back_during_a_read_is_found(hub: Hub) -> None:
    client = new_client("ada", 5)
    hub.join(client)
    client.begin_catch_up()
    sweep(hub, database(ada=4))
    client.caught_up(7)
    assert client.behind


def test_each_user_is_asked_about_once_in_one_question(hub: Hub) -> None:
    for user in ("grace", "ada", "grace", "ada"):
        caught_up(hub, user, 1)
    asked: list[list[str]] = []

    def last_seqs(users: Sequence[str]) -> dict[str, int]:
        asked.append(sorted(users))
        return {"ada": 1, "grace": 1}

    assert sweep(hub, last_seqs) == 0
    assert asked == [["ada", "grace"]]


def test_who_leaves_while_the_database_is_asked_is_no_error(hub: Hub) -> None:
    client = caught_up(hub, "ada", 1)

    def last_seqs(_users: Sequence[str]) -> dict[str, int]:
        hub.leave(client)
        return {"ada": 2}

    sweep(hub, last_seqs)
    assert hub.streams == 0


def swept_after(failure: Exception, hub: Hub) -> Client:
    """A client that lacks a change, once a sweeper has run whose first look fails."""
    client = caught_up(hub, "ada", 1)
    answers: list[Exception | dict[str, int]] = [failure, {"ada": 2}]

    def last_seqs(_users: Sequence[str]) -> dict[str, int]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    sweeper = Sweeper(hub, last_seqs, seconds=0.001)
    sweeper.start()
    with gevent.Timeout(5):
        client.wait(5)
    sweeper.stop()
    return client


def test_it_goes_on_after_the_database_was_away(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    assert swept_after(DatabaseUnavailable("away"), hub).behind
    assert "could not sweep: away" in caplog.text


def test_a_defect_is_said_aloud_and_does_not_end_it(
    hub: Hub, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    assert swept_after(ValueError("a defect"), hub).behind
    assert "the sweep died and is started anew" in caplog.text
    capsys.readouterr()  # gevent prints the traceback too


def test_once_stopped_it_is_still_and_both_may_be_said_twice(hub: Hub) -> None:
    asked: list[Sequence[str]] = []

    def last_seqs(users: Sequence[str]) -> dict[str, int]:
        asked.append(users)
        return {}

    sweeper = Sweeper(hub, last_seqs, seconds=0.001)
    sweeper.start()
    sweeper.start()
    sweeper.stop()
    sweeper.stop()
    gevent.sleep(0.01)
    assert asked == []
