"""Who comes back names the last seq it has, and gets what it missed, or word that it can't."""

from typing import Any

import pytest

from app import bus
from tests.sse.conftest import SETTINGS
from tests.sse.place import Place, events, news

one_database = pytest.mark.parametrize("place", ["sqlite"], indirect=True)

LIMIT = int(SETTINGS["REPLAY_LIMIT"])
MAX_SEQ = 2**63 - 1


def patch_oldest(place: Place, user: str, **change: Any) -> None:
    """Change the notification that `user` got first."""
    with place.web.http(place.token(user)) as api:
        oldest = api.get("/api/v1/notifications?limit=100").json()["items"][-1]
        api.patch(f"/api/v1/notifications/{oldest['id']}", json=change).raise_for_status()


def test_who_was_away_gets_exactly_what_it_missed(place: Place, user: str) -> None:
    with place.live(user) as stream:
        place.tell(user, 2)
        last = stream.wait_for_frames(3)[-1].last_event_id
    place.tell(user, 3)
    with place.stream(user, last) as stream:
        stream.wait_for_frames(4)
        place.tell(user)
        frames = stream.wait_for_frames(5)
        assert events(frames) == [("connected", "2"), *news(3, 6)]
        assert frames[0].json() == {**frames[0].json(), "seq": 2, "unread": 5, "unseen": 5}


def test_who_missed_nothing_gets_nothing(place: Place, user: str) -> None:
    place.tell(user, 2)
    with place.stream(user, 2) as stream:
        stream.wait_for_frames(1)
        place.tell(user)
        assert events(stream.wait_for_frames(2)) == [("connected", "2"), *news(3, 3)]


def test_a_first_visit_starts_from_now(place: Place, user: str) -> None:
    place.tell(user, 2)
    with place.live(user) as stream:
        assert events(stream.frames) == [("connected", "2")]


def test_from_0_everything_is_replayed(place: Place, user: str) -> None:
    place.tell(user, LIMIT)
    with place.stream(user, 0) as stream:
        assert events(stream.wait_for_frames(1 + LIMIT)) == [("connected", "0"), *news(1, LIMIT)]


def test_what_changed_comes_once_as_it_is_now_new_if_it_is_new_to_this_client(
    place: Place, user: str
) -> None:
    place.tell(user, 2)
    patch_oldest(place, user, read=True)  # 3
    place.tell(user)  # 4
    patch_oldest(place, user, archived=True)  # 5
    with place.stream(user, 0) as stream:
        frames = stream.wait_for_frames(4)
        assert events(frames)[1:] == [("message", "2"), ("message", "4"), ("message", "5")]
    with place.stream(user, 1) as stream:
        frames = stream.wait_for_frames(4)
        assert events(frames)[1:] == [("message", "2"), ("message", "4"), ("updated", "5")]
        oldest = frames[-1].json()
        assert oldest["read_at"]
        assert oldest["archived_at"]
        assert {(f.json()["unread"], f.json()["unseen"]) for f in frames} == {(2, 2)}


def test_a_change_of_the_whole_mailbox_is_replayed_too(place: Place, user: str) -> None:
    place.tell(user, 2)
    with place.web.http(place.token(user)) as api:
        api.put("/api/v1/mailbox/seen", json={"up_to": 2}).raise_for_status()
    for last, missed in ((2, []), (1, news(2, 2))):
        with place.stream(user, last) as stream:
            frames = stream.wait_for_frames(2 + len(missed))
            assert events(frames)[1:] == [*missed, ("mailbox", "3")]
            assert frames[-1].json()["unseen"] == 0
            assert frames[-1].json()["seen_through"] == 2


def test_too_far_behind_is_told_to_refetch_and_goes_on_from_now(place: Place, user: str) -> None:
    place.tell(user, LIMIT + 2)
    with place.stream(user, 1) as stream:
        connected, reset = stream.wait_for_frames(2)
        assert (connected.event, connected.id) == ("connected", "1")
        assert (reset.event, reset.id) == ("reset", str(LIMIT + 2))
        assert reset.json() == {
            "seq": LIMIT + 2,
            "unread": LIMIT + 2,
            "unseen": LIMIT + 2,
            "reason": "too-far-behind",
        }
        place.tell(user)
        assert events(stream.wait_for_frames(3))[2:] == news(LIMIT + 3, LIMIT + 3)
    with place.stream(user, 3) as stream:
        assert events(stream.wait_for_frames(LIMIT + 1))[1:] == news(4, LIMIT + 3)


@pytest.mark.parametrize("ahead", [3, 2**31, MAX_SEQ])
def test_a_position_from_the_future_is_told_to_refetch(place: Place, user: str, ahead: int) -> None:
    place.tell(user, 2)
    with place.stream(user, ahead) as stream:
        connected, reset = stream.wait_for_frames(2)
        assert (connected.event, connected.id) == ("connected", str(ahead))
        assert (reset.event, reset.id) == ("reset", "2")
        assert reset.json()["reason"] == "from-the-future"
        place.tell(user)
        assert events(stream.wait_for_frames(3))[2:] == news(3, 3)


@one_database
def test_a_position_in_a_mailbox_that_does_not_exist_is_from_the_future(
    place: Place, user: str
) -> None:
    with place.stream(user, 5) as stream:
        assert events(stream.wait_for_frames(2)) == [("connected", "5"), ("reset", "0")]


@one_database
def test_the_header_goes_before_the_query_because_the_browser_keeps_it_up_to_date(
    place: Place, user: str
) -> None:
    place.tell(user, 3)
    with place.stream(user, 2, "?last_event_id=1") as stream:
        assert events(stream.wait_for_frames(2)) == [("connected", "2"), *news(3, 3)]
    with place.stream(user, query="?last_event_id=1") as stream:
        assert events(stream.wait_for_frames(3)) == [("connected", "1"), *news(2, 3)]
    with place.stream(user, "", "?last_event_id=1") as stream:
        assert events(stream.wait_for_frames(3)) == [("connected", "1"), *news(2, 3)]


@one_database
def test_an_empty_position_is_none(place: Place, user: str) -> None:
    place.tell(user)
    for last, query in (("", ""), (None, "?last_event_id="), ("", "?last_event_id=")):
        with place.stream(user, last, query) as stream:
            assert events(stream.wait_for_frames(1)) == [("connected", "1")]


@one_database
def test_a_position_that_is_none_is_refused_and_said_to_be(place: Place, user: str) -> None:
    in_a_header = ["-1", "+1", "1.0", "1e3", "0x1", "abc", "1 2", "1,2", str(MAX_SEQ + 1), "²",
                   "9" * 4_000, "null", "*"]  # fmt: skip
    in_a_query = ["-1", "%201", "1%0a", "%00", "%D9%A1", "%FF", str(MAX_SEQ + 1), "9" * 3_000, "a"]
    requests: list[tuple[str | None, str]] = [(last, "") for last in in_a_header]
    requests += [(None, f"?last_event_id={last}") for last in in_a_query]
    requests.append(("-1", "?last_event_id=1"))  # a good one does not make up for it
    requests.append(("1", "?last_event_id=a"))
    requests.append((None, "?last_event_id=1&last_event_id=2"))
    for last, query in requests:
        refused = place.stream(user, last, query)
        assert refused.status == 400, (last, query)
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert b"Last-Event-ID" in refused.body
    assert place.subscribers(user) == 0


@one_database
def test_a_position_longer_than_a_header_may_be_is_refused_by_gunicorn(
    place: Place, user: str
) -> None:
    assert 400 <= place.stream(user, "9" * 10_000).status < 500
    assert 400 <= place.stream(user, query="?last_event_id=" + "9" * 10_000).status < 500


@one_database
def test_a_list_and_a_stream_from_its_seq_leave_nothing_out(place: Place, user: str) -> None:
    place.tell(user, 3)
    with place.web.http(place.token(user)) as api:
        listed = api.get("/api/v1/notifications").json()
    place.tell(user, 2)
    with place.stream(user, query=f"?last_event_id={listed['seq']}") as stream:
        frames = stream.wait_for_frames(3)
    assert events(frames) == [("connected", "3"), *news(4, 5)]
    seen = [item["seq"] for item in listed["items"]] + [f.json()["seq"] for f in frames[1:]]
    assert sorted(seen) == [1, 2, 3, 4, 5]


@one_database
def test_a_push_that_comes_twice_or_late_is_told_once(place: Place, user: str) -> None:
    with place.live(user) as stream:
        one, two, three = place.commit(user, 3)
        for push in (one, one, three, two, three, one):
            bus.publish(place.redis, [push])
        stream.wait_for_frames(4)
        place.tell(user)
        assert events(stream.wait_for_frames(5)) == [("connected", "0"), *news(1, 4)]


@one_database
def test_a_push_that_was_lost_is_noticed_at_the_next_one(place: Place, user: str) -> None:
    with place.live(user) as stream:
        place.commit(user, 2)
        place.tell(user)
        assert events(stream.wait_for_frames(4)) == [("connected", "0"), *news(1, 3)]
