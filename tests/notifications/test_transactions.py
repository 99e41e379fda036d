"""What reads leaves nothing behind; what writes does all of it or nothing."""

from collections.abc import Iterator

import pytest
from flask import Flask

from app.database import reading, writing
from app.notifications.mailboxes import lock_mailbox, mailbox_of, read_mailbox
from tests.notifications.world import World


@pytest.fixture(autouse=True)
def context(app: Flask, world: World) -> Iterator[None]:
    """The application's, where Grace was told of one thing."""
    world.tell("grace")
    with app.app_context():
        yield


@pytest.mark.parametrize("one_moment", [False, True], ids=["each by itself", "one moment"])
def test_a_transaction_is_whole_on_a_connection_that_was_read_on(one_moment: bool) -> None:
    for _ in range(3):  # whichever connection is next
        with reading(one_moment=one_moment) as session:
            mailbox_of(session, "grace")
    with pytest.raises(ZeroDivisionError):
        _write_and_fail()
    assert read_mailbox("grace").last_seq == 1


def _write_and_fail() -> None:
    with writing() as session:
        mailbox = lock_mailbox(session, "grace")
        assert mailbox is not None
        mailbox.last_seq += 1
        session.flush()
        raise ZeroDivisionError


@pytest.mark.parametrize("one_moment", [False, True], ids=["each by itself", "one moment"])
def test_who_only_reads_writes_nothing_by_the_way(one_moment: bool) -> None:
    with reading(one_moment=one_moment) as session:
        mailbox_of(session, "grace").last_seq += 1
        mailbox_of(session, "ada")
    assert read_mailbox("grace").last_seq == 1
