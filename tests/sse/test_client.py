"""A client sends each change once, in order, and knows when it may have missed one."""

import pytest

from app.sse import client as client_module
from app.sse.client import QUEUE_FRAMES, Client
from tests.sse.parts import new_client


def text(seq: int) -> bytes:
    return b"<%d>" % seq


def offer(client: Client, *seqs: int) -> None:
    for seq in seqs:
        client.offer(seq, text(seq))


@pytest.fixture
def client() -> Client:
    """A client that has caught up with seq 10."""
    client = new_client("ada", 10)
    client.confirm()
    client.begin_catch_up()
    client.caught_up(10)
    client.take()
    return client


def test_a_new_client_is_behind_whatever_its_position() -> None:
    assert new_client("ada", None).behind
    assert new_client("ada", 10).behind


def test_the_next_change_is_sent_and_those_after_it(client: Client) -> None:
    offer(client, 11, 12, 13)
    assert client.take() == b"<11><12><13>"
    assert client.take() == b""
    assert not client.behind


@pytest.mark.parametrize("old", [1, 9, 10])
def test_a_change_that_it_has_is_dropped(client: Client, old: int) -> None:
    offer(client, old)
    assert client.take() == b""
    assert not client.behind
    offer(client, 11, 11, old, 12, 11)
    assert client.take() == b"<11><12>"


def test_a_gap_is_never_jumped(client: Client) -> None:
    offer(client, 11, 13, 14)
    assert client.behind
    assert client.position == 11
    assert client.take() == b"<11>"


def test_what_fills_a_gap_too_late_is_left_to_the_database(client: Client) -> None:
    offer(client, 12, 11)
    assert client.behind
    assert client.take() == b""
    client.begin_catch_up()
    client.caught_up(12)
    assert not client.behind
    offer(client, 11, 12, 13)
    assert client.take() == b"<13>"


def test_a_full_queue_loses_nothing_it_is_behind(client: Client) -> None:
    last = 10 + QUEUE_FRAMES
    offer(client, *range(11, last + 3))
    assert client.behind
    assert client.position == last
    assert client.take() == b"".join(map(text, range(11, last + 1)))


def test_nothing_more_is_kept_for_who_is_behind(client: Client) -> None:
    offer(client, 12, *range(13, 13 + 2 * QUEUE_FRAMES))
    assert client.take() == b""


def test_a_change_during_a_catch_up_that_did_not_read_it_is_caught_up_with_next() -> None:
    client = new_client("ada", 10)
    client.begin_catch_up()
    offer(client, 12, 11)  # committed while the database was read, and not seen by that
    client.caught_up(10)
    assert client.behind
    client.begin_catch_up()
    client.caught_up(12)
    assert not client.behind


def test_a_change_during_a_catch_up_that_did_read_it_is_not_read_twice() -> None:
    client = new_client("ada", 10)
    client.begin_catch_up()
    offer(client, 11, 12)
    client.caught_up(12)
    assert not client.behind
    offer(client, 12)
    assert client.take() == b""


def test_a_change_before_a_catch_up_began_is_in_it(client: Client) -> None:
    offer(client, 12, 13)
    client.begin_catch_up()
    client.caught_up(13)
    assert not client.behind


def test_a_subscription_that_came_back_during_a_catch_up_calls_for_another() -> None:
    client = new_client("ada", 10)
    client.begin_catch_up()
    client.confirm()  # what was published before this is lost, and may not have been read
    client.caught_up(11)
    assert client.behind
    client.begin_catch_up()
    client.caught_up(12)
    assert not client.behind


def test_a_subscription_that_comes_back_puts_everybody_behind(client: Client) -> None:
    client.confirm()
    assert client.behind
    assert client.wait(0)


def test_a_sweep_during_a_catch_up_calls_for_another() -> None:
    client = new_client("ada", 10)
    client.begin_catch_up()
    client.fall_behind()
    client.caught_up(11)
    assert client.behind


def test_a_database_that_was_put_back_takes_the_position_back_with_it(client: Client) -> None:
    client.fall_behind()
    client.begin_catch_up()
    client.caught_up(4)
    offer(client, 5)
    assert client.take() == b"<5>"


def test_nothing_is_sent_before_the_position_is_known() -> None:
    client = new_client("ada", None)
    offer(client, 1, 2)
    assert client.take() == b""
    client.begin_catch_up()
    offer(client, 2)
    client.caught_up(2)
    assert (client.position, client.behind) == (2, False)


def test_the_first_reason_to_end_stays(client: Client) -> None:
    client.end(b"first")
    client.end(b"second")
    assert client.ending == b"first"


def test_what_has_no_number_waits_in_line_with_the_rest(client: Client) -> None:
    offer(client, 11)
    assert client.offer_unnumbered(b"<foreign>")
    offer(client, 12)
    assert client.take() == b"<11><foreign><12>"


def test_what_has_no_number_is_refused_by_a_full_queue_and_harms_nothing(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "QUEUE_FRAMES", 2)
    offer(client, 11, 12)
    assert not client.offer_unnumbered(b"<foreign>")
    assert not client.behind
    assert client.take() == b"<11><12>"
    offer(client, 13)
    assert client.take() == b"<13>"


def test_what_has_no_number_takes_a_numbered_ones_place_but_loses_it_not(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "QUEUE_FRAMES", 1)
    assert client.offer_unnumbered(b"<foreign>")
    offer(client, 11)
    assert client.behind
    assert client.position == 10


@pytest.mark.parametrize(
    "wake",
    [
        lambda client: offer(client, 11),
        lambda client: offer(client, 12),
        lambda client: client.offer_unnumbered(b"x"),
        lambda client: client.fall_behind(),
        lambda client: client.confirm(),
        lambda client: client.end(b"x"),
    ],
    ids=["next", "gap", "unnumbered", "behind", "confirmed", "end"],
)
def test_whatever_there_is_to_do_wakes_its_greenlet(client: Client, wake: object) -> None:
    assert not client.wait(0)
    assert callable(wake)
    wake(client)
    assert client.wait(0)


def test_what_came_while_nobody_waited_is_not_slept_over(client: Client) -> None:
    offer(client, 11)
    client.take()
    offer(client, 12)  # while the first chunk was being written
    assert client.wait(0)
    assert client.take() == b"<12>"


def test_an_old_change_wakes_nobody(client: Client) -> None:
    offer(client, 10)
    assert not client.wait(0)
