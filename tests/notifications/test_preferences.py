"""What a person has muted makes no notification for that person."""

from typing import Any

import pytest
import redis

from tests.notifications.world import Caller, Json, World
from tests.notifications.writers import Writers, mute_again_and_again
from tests.support import consuming

PREFERENCES = "/preferences"


def mute(caller: Caller, **what: Any) -> Json:
    answer = caller.request("PUT", PREFERENCES, json=what)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    kept: Json = answer.get_json()
    assert caller.json(PREFERENCES) == kept
    return kept


def tell(world: World, client: redis.Redis, *events: Json) -> None:
    """Have a consumer take these events."""
    with world.app.app_context():
        consuming.send(client, *events)
        consuming.finish(consuming.consumer(client))


def story(type: str, story_id: str = "42", **data: Any) -> Json:
    return consuming.event(
        type=type,
        data={"story": {"id": story_id, "title": "T"}, "actor": {"id": "ada"}, **data},
    )


def test_nobody_has_muted_anything_at_first(grace: Caller) -> None:
    answer = grace.get(PREFERENCES)
    assert answer.get_json() == {"muted_kinds": [], "muted_subjects": []}
    assert answer.headers["Cache-Control"] == "no-store"


def test_what_is_put_takes_the_place_of_what_was(world: World, grace: Caller) -> None:
    kept = mute(grace, muted_kinds=["b", "a", "B", "é", "a", "Z"], muted_subjects=["s/2", "s/1"])
    # Sorted alike on every database, each once.
    assert kept == {"muted_kinds": ["B", "Z", "a", "b", "é"], "muted_subjects": ["s/1", "s/2"]}
    # What is left out stays.
    kept = mute(grace, muted_kinds=["c"])
    assert kept == {
        "muted_kinds": ["c"],
        "muted_subjects": ["s/1", "s/2"],
    }
    kept = mute(grace, muted_subjects=["s/3", "c/c"])
    assert kept == {"muted_kinds": ["c"], "muted_subjects": ["c/c", "s/3"]}
    assert world.caller("ada").json(PREFERENCES) == {"muted_kinds": [], "muted_subjects": []}
    assert mute(grace, muted_kinds=[], muted_subjects=[]) == {
        "muted_kinds": [],
        "muted_subjects": [],
    }


def test_a_muted_kind_is_not_told_and_others_are(
    world: World, grace: Caller, redis_client: redis.Redis
) -> None:
    mute(grace, muted_kinds=["story.completed", "story.mentioned"])
    both = ["grace", "linus"]
    tell(
        world,
        redis_client,
        story("story.completed", watcher_ids=both),
        story("story.updated", watcher_ids=both),
        story("story.mentioned", mentioned_ids=both),  # a mention is stopped as well
    )
    assert [item["kind"] for item in grace.json("/notifications")["items"]] == ["story.updated"]
    assert grace.json("/mailbox") == {"seq": 1, "unread": 1, "unseen": 1}
    assert world.caller("linus").json("/mailbox")["unread"] == 3
    mute(grace, muted_kinds=[])
    tell(world, redis_client, story("story.completed", watcher_ids=both))
    assert grace.json("/mailbox")["unread"] == 2


def test_a_muted_subject_is_not_told_by_any_kind_nor_by_a_mention(
    world: World, grace: Caller, redis_client: redis.Redis
) -> None:
    mute(grace, muted_subjects=["story/42"])
    assert grace.json("/subjects/story/42") == {"following": False, "muted": True}
    to_grace: dict[str, Json] = {
        "story.assigned": {"assignee_id": "grace"},
        "story.commented": {"mentioned_ids": ["grace"], "comment": "look"},
        "story.mentioned": {"mentioned_ids": ["grace"]},
        "story.updated": {"watcher_ids": ["grace"]},
    }
    tell(
        world,
        redis_client,
        *(story(type, **data) for type, data in to_grace.items()),
        consuming.event(
            data={"recipients": ["grace"], "title": "t", "subject": {"type": "story", "id": "42"}}
        ),
    )
    assert grace.json("/mailbox") == {"seq": 0, "unread": 0, "unseen": 0}
    # What was not told did not make Grace follow either.
    assert grace.json("/subjects/story/42")["following"] is False
    # Another story, one whose id only begins alike, and another type's 42 are told.
    tell(
        world,
        redis_client,
        story("story.updated", "4", watcher_ids=["grace"]),
        story("story.updated", "42/1", watcher_ids=["grace"]),
        consuming.event(
            data={"recipients": ["grace"], "title": "t", "subject": {"type": "page", "id": "42"}}
        ),
    )
    assert grace.json("/mailbox")["unread"] == 3


def test_a_kind_does_not_mute_a_subject_of_the_same_name(
    world: World, grace: Caller, redis_client: redis.Redis
) -> None:
    mute(grace, muted_kinds=["story/42"], muted_subjects=["story/updated"])
    tell(world, redis_client, story("story.updated", watcher_ids=["grace"]))
    assert grace.json("/mailbox")["unread"] == 1


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({}, ["body"]),
        ({"muted_kinds": None}, ["body", "muted_kinds"]),
        ({"muted_kinds": "story.updated"}, ["body", "muted_kinds"]),
        ({"muted_kinds": [""]}, ["body", "muted_kinds", 0]),
        ({"muted_kinds": ["ok", "k" * 101]}, ["body", "muted_kinds", 1]),
        ({"muted_kinds": ["a\nb"]}, ["body", "muted_kinds", 0]),
        ({"muted_kinds": [1]}, ["body", "muted_kinds", 0]),
        ({"muted_kinds": [str(n) for n in range(101)]}, ["body", "muted_kinds"]),
        ({"muted_subjects": ["story"]}, ["body", "muted_subjects", 0]),
        ({"muted_subjects": ["story/"]}, ["body", "muted_subjects", 0]),
        ({"muted_subjects": ["/42"]}, ["body", "muted_subjects", 0]),
        ({"muted_subjects": ["story/" + "4" * 129]}, ["body", "muted_subjects", 0]),
        ({"muted_subjects": ["story/\x00"]}, ["body", "muted_subjects", 0]),
        ({"muted_subjects": [f"s/{n}" for n in range(1_001)]}, ["body", "muted_subjects"]),
        ({"muted": []}, ["body", "muted"]),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_cannot_be_muted_is_refused_and_nothing_changes(
    grace: Caller, body: Json, loc: list[Any]
) -> None:
    mute(grace, muted_kinds=["kept"])
    answer = grace.request("PUT", PREFERENCES, json=body)
    assert answer.status_code == 422
    found = [error["loc"] for error in answer.get_json()["errors"]]
    assert loc in found, found
    assert grace.json(PREFERENCES) == {"muted_kinds": ["kept"], "muted_subjects": []}


def test_as_many_as_are_allowed_can_be_muted(grace: Caller) -> None:
    kinds = [f"{number:03}".ljust(30, "k") for number in range(100)]
    subjects = [f"story/{number:04}".ljust(44, "i") for number in range(1_000)]
    assert mute(grace, muted_kinds=kinds, muted_subjects=subjects) == {
        "muted_kinds": kinds,
        "muted_subjects": subjects,
    }


# SQLite has one writer at a time anyway.
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_of_two_at_once_one_stands_whole(
    world: World, grace: Caller, environment: dict[str, str]
) -> None:
    """Each mutes its own few, again and again; a mixture is what nobody asked for."""
    few = {name: [f"{name}-{number}" for number in range(5)] for name in ("a", "b")}
    pieces = [
        (mute_again_and_again, ("grace", kinds, list(few.values()))) for kinds in few.values()
    ]
    with Writers(environment, *pieces) as writers:
        writers.answers()
    assert grace.json(PREFERENCES)["muted_kinds"] in few.values()
