"""What streams ask of the database: many at a time, and each as if it had asked alone."""

from collections.abc import Callable, Sequence

import gevent
import pytest
from gevent.event import Event

from app.errors import DatabaseUnavailable
from app.sse import lookups as lookups_module
from app.sse import stream as stream_module
from app.sse.hub import Hub
from app.sse.lookups import Lookup, Lookups
from tests.sse.parts import Answer, Channels, new_hub, opened, push


class Mailboxes:
    """A database of mailboxes: each question sees what is there when it begins."""

    def __init__(self, **seqs: int) -> None:
        self.seqs = seqs
        self.questions: list[set[str]] = []
        self.reads: list[tuple[str, int | None]] = []
        self.error: Exception | None = None
        # Runs in the middle of the next question: what it has seen is seen, the answer is not sent.
        self.during: list[Callable[[], object]] = []
        self.lookups = Lookups(self.read_standings, self.read_changes)

    def read_standings(self, users: Sequence[str]) -> dict[str, Answer]:
        self.questions.append(set(users))
        assert len(users) == len(set(users))
        seen = {user: Answer(self.seqs[user], 3, 2) for user in users}
        if self.during:
            self.during.pop(0)()
        if self.error:
            raise self.error
        return seen

    def read_changes(self, user: str, after: int | None) -> Answer:
        self.reads.append((user, after))
        if self.error:
            raise self.error
        payloads = [push(seq) for seq in range((after or 0) + 1, self.seqs[user] + 1)]
        return Answer(self.seqs[user], 3, 2, payloads)

    def begin(self, user: str, position: int | None = None) -> "Asked":
        return Asked(self.lookups, user, position)


class Asked:
    """A lookup, and whoever waits for it."""

    def __init__(self, lookups: Lookups, user: str, position: int | None) -> None:
        self.woken = Event()
        self.lookup: Lookup = lookups.begin(user, position, self.woken.set)

    def get(self) -> Answer:
        assert self.woken.wait(5)
        assert self.lookup.ready()
        answer = self.lookup.get()
        assert isinstance(answer, Answer)
        return answer


def turn() -> None:
    """Let every greenlet that can run do so, and what it starts."""
    for _ in range(3):
        gevent.sleep(0)


def test_who_asks_at_once_is_answered_by_one_question() -> None:
    mailboxes = Mailboxes(ada=7, grace=0, mary=2)
    asked = [
        mailboxes.begin("ada", 7),
        mailboxes.begin("grace"),
        mailboxes.begin("grace", 0),
        mailboxes.begin("mary", 2),
    ]
    assert [(one.get().seq, one.get().payloads) for one in asked] == [
        (7, []),
        (0, []),
        (0, []),
        (2, []),
    ]
    assert mailboxes.questions == [{"ada", "grace", "mary"}]
    assert mailboxes.reads == []


def test_who_is_somewhere_else_is_read_for_from_where_it_is() -> None:
    mailboxes = Mailboxes(ada=7, grace=3)
    behind, ahead, there = (
        mailboxes.begin("ada", 5),
        mailboxes.begin("grace", 9),
        mailboxes.begin("ada", 7),
    )
    assert behind.get().payloads == [push(6), push(7)]
    ahead.get()
    assert there.get().payloads == []
    assert mailboxes.reads == [("ada", 5), ("grace", 9)]


def test_a_stream_alone_waits_for_nobody() -> None:
    mailboxes = Mailboxes(ada=7)
    for number in range(1, 4):
        asked = mailboxes.begin("ada", 7)
        turn()
        assert asked.lookup.ready()
        assert len(mailboxes.questions) == number


def test_what_is_committed_before_it_asks_is_found_whatever_is_being_asked() -> None:
    """Answered by a question that had looked already, it would miss what was committed since."""
    mailboxes = Mailboxes(ada=1)
    late: list[Asked] = []

    def commit_and_ask() -> None:
        mailboxes.seqs["ada"] = 2
        late.append(mailboxes.begin("ada", 1))
        gevent.sleep(0)

    mailboxes.during = [commit_and_ask]
    assert mailboxes.begin("ada", 1).get().seq == 1
    assert late[0].get().payloads == [push(2)]
    assert len(mailboxes.questions) == 2


def test_who_comes_while_a_question_is_on_its_way_is_in_the_next_one_with_all_others() -> None:
    mailboxes = Mailboxes(ada=1, grace=2, mary=3)
    answered = Event()
    mailboxes.during = [answered.wait]
    asked = [mailboxes.begin("ada", 1)]
    turn()
    for name, position in (("grace", 2), ("mary", 3), ("ada", 1)):
        asked.append(mailboxes.begin(name, position))
        turn()
    answered.set()
    assert [one.get().seq for one in asked] == [1, 2, 3, 1]
    assert mailboxes.questions == [{"ada"}, {"ada", "grace", "mary"}]


def test_many_more_are_asked_about_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups_module, "BATCH_STREAMS", 10)
    names = [f"user{number}" for number in range(25)]
    mailboxes = Mailboxes(**dict.fromkeys(names, 1))
    asked = [mailboxes.begin(name, 1) for name in names]
    assert [one.get().seq for one in asked] == [1] * 25
    assert [len(question) for question in mailboxes.questions] == [10, 10, 5]


def test_each_that_waits_is_told_that_the_database_is_away_and_the_next_ones_are_answered() -> None:
    mailboxes = Mailboxes(ada=7, grace=3)
    mailboxes.error = DatabaseUnavailable("away for a while")
    asked = [mailboxes.begin("ada", 7), mailboxes.begin("grace", 1)]
    errors = []
    for one in asked:
        with pytest.raises(DatabaseUnavailable, match="away for a while") as caught:
            one.get()
        errors.append(caught.value)
    assert errors[0] is not errors[1]  # tracebacks of thousands would gather in one
    assert mailboxes.reads == []
    mailboxes.error = None
    assert mailboxes.begin("ada", 7).get().seq == 7


def test_what_goes_wrong_with_one_of_many_is_its_own_affair(
    caplog: pytest.LogCaptureFixture,
) -> None:
    mailboxes = Mailboxes(ada=7)  # of grace there is not even a row to look at
    asked, unlucky = mailboxes.begin("ada", 7), mailboxes.begin("grace", 1)
    assert asked.get().seq == 7
    with pytest.raises(KeyError):
        unlucky.get()
    assert "where 2 mailboxes stand" in caplog.text


def test_a_question_that_hangs_holds_up_only_who_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups_module, "PATIENCE_SECONDS", 0.01)
    mailboxes = Mailboxes(ada=7, grace=3)
    hanging = Event()
    mailboxes.during = [hanging.wait, hanging.wait]
    stuck = mailboxes.begin("ada", 7)
    turn()
    stuck_too = mailboxes.begin("ada", 7)
    gevent.sleep(0.02)
    assert mailboxes.begin("grace", 3).get().seq == 3
    assert not stuck.lookup.ready()
    assert not stuck_too.lookup.ready()
    hanging.set()
    assert (stuck.get().seq, stuck_too.get().seq) == (7, 7)


def test_nobody_is_asked_about_who_has_left_and_nobody_else_is_the_worse_for_it() -> None:
    mailboxes = Mailboxes(ada=7, grace=3, mary=9)
    left, left_in_the_middle, stays = (
        mailboxes.begin("mary", 1),
        mailboxes.begin("ada", 1),
        mailboxes.begin("grace", 3),
    )
    left.lookup.drop()
    mailboxes.during = [left_in_the_middle.lookup.drop]
    assert stays.get().seq == 3
    turn()
    assert mailboxes.questions == [{"ada", "grace"}]
    assert mailboxes.reads == []
    assert not left_in_the_middle.woken.is_set()


def test_a_read_for_who_has_left_is_given_up() -> None:
    ended = Event()

    def hang(_user: str, _after: int | None) -> Answer:
        try:
            Event().wait()
        finally:
            ended.set()
        raise AssertionError

    asked = Asked(Lookups(lambda _users: {}, hang), "ada", 1)
    turn()
    asked.lookup.drop()
    assert ended.wait(5)


@pytest.fixture
def hub(channels: Channels) -> Hub:
    """A hub for many."""
    channels.there.update(f"user-notifications:user{number}".encode() for number in range(20))
    return new_hub(channels, max_streams=100, max_streams_per_user=10)


def test_streams_in_a_question_that_hangs_show_life_and_go_on_when_it_is_answered(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "SILENCE_SECONDS", 0.01)
    names = [f"user{number}" for number in range(20)]
    mailboxes = Mailboxes(**dict.fromkeys(names, 4))
    hanging = Event()
    mailboxes.during = [hanging.wait]
    readings = [opened(hub, mailboxes.lookups, 4, user_id=name) for name in names]
    first = [gevent.spawn(reading.next) for reading in readings]
    assert [greenlet.get(timeout=5) for greenlet in first] == [[]] * 20
    assert {reading.parser.retry_ms for reading in readings} == {stream_module.RETRY_MS}
    assert len(mailboxes.questions) == 1
    hanging.set()
    turn()
    for reading in readings:
        [connected] = reading.next()
        assert (connected.event, connected.id) == ("connected", "4")


def test_a_stream_that_is_killed_while_many_wait_harms_none_of_them(hub: Hub) -> None:
    names = [f"user{number}" for number in range(20)]
    mailboxes = Mailboxes(**dict.fromkeys(names, 4))
    hanging = Event()
    mailboxes.during = [hanging.wait]
    opening = [gevent.spawn(opened(hub, mailboxes.lookups, 4, user_id=name).next) for name in names]
    turn()
    gevent.killall(opening[::2])
    assert hub.streams == 10
    hanging.set()
    for greenlet in opening[1::2]:
        [connected] = greenlet.get(timeout=5)
        assert connected.event == "connected"


def test_after_a_lost_link_all_streams_are_caught_up_by_one_question(hub: Hub) -> None:
    names = [f"user{number}" for number in range(20)]
    mailboxes = Mailboxes(**dict.fromkeys(names, 4))
    readings = [opened(hub, mailboxes.lookups, user_id=name) for name in names]
    for reading in readings:
        reading.until_idle()
    mailboxes.questions.clear()
    mailboxes.seqs["user7"] = 5
    for name in names:
        hub.confirmed(f"user-notifications:{name}".encode())
    following = [gevent.spawn(reading.until_idle) for reading in readings]
    found = [[frame.id for frame in greenlet.get(timeout=5)] for greenlet in following]
    assert found == [["5"] if name == "user7" else [] for name in names]
    assert mailboxes.questions == [set(names)]
    assert mailboxes.reads == [("user7", 4)]
