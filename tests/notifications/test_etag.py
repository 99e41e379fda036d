"""The list's ETag: 304 while nothing changed, 200 as soon as anything did."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.notifications import bulk
from tests.notifications.test_retention import prune, tell_later
from tests.notifications.world import Caller, World

LIST = "/notifications"


def asked_again(grace: Caller, tag: str, method: str = "GET", **query: Any) -> TestResponse:
    """The list, if it is another one than that of `tag`."""
    return grace.request(method, LIST, query_string=query, headers={"If-None-Match": tag})


def tag_of(grace: Caller, **query: Any) -> str:
    tag = grace.get(LIST, **query).headers["ETag"]
    assert tag.startswith('W/"')
    return tag


def test_nothing_is_sent_again_while_nothing_changed(world: World, grace: Caller) -> None:
    world.tell("grace", 2)
    tag = tag_of(grace)
    world.tell("ada")
    for if_none_match in (tag, tag.removeprefix("W/"), f'"other", {tag}', f"{tag}, *"):
        answer = asked_again(grace, if_none_match)
        assert (answer.status_code, answer.get_data()) == (304, b""), if_none_match
        assert answer.headers["ETag"] == tag
        assert answer.headers["Cache-Control"] == "no-store"
    for if_none_match in ('"other"', 'W/"other"', "", "%"):
        assert asked_again(grace, if_none_match).status_code == 200, if_none_match


def test_of_nothing_too(grace: Caller) -> None:
    assert asked_again(grace, tag_of(grace)).status_code == 304


Do = Callable[[World, Caller, str], object]


@pytest.mark.parametrize(
    "do",
    [
        lambda world, grace, one: world.tell("grace"),
        lambda world, grace, one: world.tell("grace", group_key="g"),
        lambda world, grace, one: grace.patch(one, read=True),
        lambda world, grace, one: grace.patch(one, archived=True),
        lambda world, grace, one: grace.patch(one, snoozed_until="2099-01-01T00:00:00Z"),
        lambda world, grace, one: grace.see(2),
        lambda world, grace, one: grace.bulk("read", filter={}),
    ],
    ids=["new", "grouped", "read", "archived", "snoozed", "seen", "all read"],
)
def test_any_change_makes_it_another_list(world: World, grace: Caller, do: Do) -> None:
    world.tell("grace", group_key="g")
    [one] = world.tell("grace")
    tag = tag_of(grace)
    do(world, grace, one)
    answer = asked_again(grace, tag)
    assert answer.status_code == 200
    assert answer.headers["ETag"] != tag
    assert asked_again(grace, answer.headers["ETag"]).status_code == 304


def test_a_change_of_many_and_what_comes_back_make_it_another_list(
    world: World, grace: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MOST_SINGLY", 1)
    ids = world.tell("grace", 3)
    tag = tag_of(grace)
    grace.bulk("unread", ids=ids)  # changes nothing
    assert asked_again(grace, tag).status_code == 304
    grace.bulk("archive", ids=ids)
    assert asked_again(grace, tag).status_code == 200
    grace.patch(ids[0], snoozed_until=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    tag = tag_of(grace)
    world.wake(datetime.now(UTC) + timedelta(hours=2))
    assert asked_again(grace, tag).status_code == 200


def test_a_pruned_list_is_another_one_although_no_count_changed(
    world: World, grace: Caller
) -> None:
    for each in world.tell("grace", 3):
        grace.patch(each, read=True)
    grace.see(6)
    before_first = tell_later(world, "ada", 1)
    world.tell("grace", title="stays")
    tag = tag_of(grace)
    assert prune(world, before_first)[0] == [3]
    assert grace.titles() == ["stays"]
    assert asked_again(grace, tag).status_code == 200


def test_pruned_bit_by_bit_it_is_another_list_each_time(world: World, grace: Caller) -> None:
    [oldest] = world.tell("grace", title="oldest")
    cut = tell_later(world, "ada", 1)
    [older] = world.tell("grace", title="older")
    second_cut = tell_later(world, "linus", 1)
    grace.patch(older, read=True)
    grace.patch(oldest, read=True)  # the latest change of all, and the first to be deleted
    grace.see(2)
    tag = tag_of(grace)
    assert prune(world, cut)[0] == [1]
    assert asked_again(grace, tag).status_code == 200
    tag = tag_of(grace)
    assert prune(world, second_cut)[0] == [2]  # Ada's with it
    assert grace.titles() == []
    assert asked_again(grace, tag).status_code == 200
    world.mailbox("grace")


def test_another_list_and_another_person_have_another_tag(world: World, grace: Caller) -> None:
    world.tell("grace")
    world.tell("ada")
    queries: list[dict[str, Any]] = [
        {},
        {"status": "unread"},
        {"kind": "x"},
        {"limit": 1},
        {"cursor": 1},
        {"subject": "story/1"},
    ]
    tags = [tag_of(grace, **query) for query in queries]
    assert len(set(tags)) == len(tags)
    for query in queries[1:]:
        assert asked_again(grace, tags[0], **query).status_code == 200
    # One browser, one address, two people after each other.
    assert asked_again(world.caller("ada"), tags[0]).status_code == 200


def test_head_answers_as_get_does_without_the_list(world: World, grace: Caller) -> None:
    world.tell("grace", 2)
    head = grace.request("HEAD", LIST, query_string={"limit": 1})
    get = grace.get(LIST, limit=1)
    assert (head.status_code, head.get_data()) == (200, b"")
    assert (head.headers["ETag"], head.headers["Link"]) == (
        get.headers["ETag"],
        get.headers["Link"],
    )
    assert asked_again(grace, head.headers["ETag"], "HEAD", limit=1).status_code == 304


def test_a_bad_query_is_refused_whatever_tag_comes_with_it(grace: Caller) -> None:
    assert asked_again(grace, "*", status="all").status_code == 422
    assert asked_again(grace, tag_of(grace), limit=0).status_code == 422
