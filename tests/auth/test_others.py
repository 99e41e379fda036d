"""Nobody reads, counts, changes or detects what is somebody else's.

An id of another person's and an id of nothing get the same answer by the same work: the bytes are
compared, and so are the statements that the database is asked, as time on a busy machine tells
nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import event
from werkzeug.test import TestResponse

from app.extensions import db
from tests.conftest import TokenFor
from tests.notifications.world import Caller, World

# What a path may name, and why it can or can't be somebody else's.
ARGUMENTS = {
    "notification_id": "tested here",
    "subject_type": "subjects are everybody's; what is answered is the caller's own attitude",
    "subject_id": "the same",
    "user_id": "with the scope `admin` alone, and the same for who does not exist",
}
PATCHES = [
    {"read": True},
    {"archived": True},
    {"snoozed_until": "2040-01-01T00:00:00Z"},
    {"read": True, "archived": False},
    {"read": "maybe"},
]
# Of every answer; they count what the caller did.
COUNTING = ("X-RateLimit-Remaining", "X-RateLimit-Reset")


@pytest.fixture
def world(app: Flask, token_for: TokenFor) -> World:
    """Tidings, in which Ada has been told of things."""
    return World(app, token_for)


@pytest.fixture
def adas(world: World) -> list[str]:
    """The ids of what Ada was told: unread, read, archived."""
    ids = world.tell("ada", 3)
    ada = world.caller("ada")
    assert ada.patch(ids[1], read=True).status_code == 200
    assert ada.patch(ids[2], archived=True).status_code == 200
    return ids


@pytest.fixture(params=["without a mailbox", "with one"])
def grace(request: pytest.FixtureRequest, world: World) -> Caller:
    """Who is curious."""
    if request.param == "with one":
        world.tell("grace", 2)
    return world.caller("grace")


@contextmanager
def statements(app: Flask) -> Iterator[list[str]]:
    """What the database is asked within."""
    asked: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", note)
        try:
            yield asked
        finally:
            event.remove(db.engine, "before_cursor_execute", note)


def seen(answer: TestResponse) -> tuple[int, list[tuple[str, str]], bytes]:
    """All that a caller can see of an answer."""
    headers = [pair for pair in answer.headers.items() if pair[0] not in COUNTING]
    return answer.status_code, sorted(headers), answer.get_data()


def test_no_path_names_anything_that_is_not_accounted_for(app: Flask) -> None:
    named = {
        argument
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1") and not rule.endpoint.startswith("openapi.")
        for argument in rule.arguments
    }
    assert named == set(ARGUMENTS)


def assert_alike(
    app: Flask, call: Callable[[str], TestResponse], others: list[str], unknown: list[str]
) -> None:
    """Whatever `call` is asked for, it answers and works the same."""
    call(unknown[-1])  # what is made at the first call, such as a mailbox, is there
    answers, work = [], []
    for each in (*others, *unknown):
        with statements(app) as asked:
            answers.append(seen(call(each)))
        work.append(asked)
    assert all(one == answers[0] for one in answers), answers
    assert all(one == work[0] for one in work), work


def test_reading_anothers_is_answered_like_reading_nothing(
    app: Flask, grace: Caller, adas: list[str]
) -> None:
    unknown = [str(uuid4()) for _ in range(3)]
    assert_alike(app, lambda each: grace.get(f"/notifications/{each}"), adas, unknown)
    assert grace.get(f"/notifications/{adas[0]}").status_code == 404


@pytest.mark.parametrize("body", PATCHES, ids=repr)
def test_changing_anothers_is_answered_like_changing_nothing(
    app: Flask, world: World, grace: Caller, adas: list[str], body: dict[str, object]
) -> None:
    before = world.caller("ada").json("/notifications", status="inbox")
    unknown = [str(uuid4()) for _ in range(3)]
    assert_alike(app, lambda each: grace.patch(each, **body), adas, unknown)
    assert world.caller("ada").json("/notifications", status="inbox") == before


@pytest.mark.parametrize("action", ["read", "unread", "archive", "unarchive"])
def test_changing_many_of_anothers_is_answered_like_changing_nothing(
    app: Flask, world: World, grace: Caller, adas: list[str], action: str
) -> None:
    before = world.caller("ada").json("/mailbox")
    unknown = [str(uuid4()) for _ in range(3)]
    assert_alike(app, lambda each: grace.bulk(action, ids=[each]), adas, unknown)
    assert grace.bulk(action, ids=adas).get_json()["updated"] == 0
    assert grace.bulk(action, filter={}).status_code == 200
    assert world.caller("ada").json("/mailbox") == before
    assert len(world.caller("ada").titles()) == 2


def test_lists_and_counts_are_the_callers_own(grace: Caller, adas: list[str]) -> None:
    before = grace.json("/mailbox")
    assert before["unread"] in (0, 2)
    for status in ("inbox", "unread", "archived", "snoozed"):
        page = grace.json("/notifications", status=status, limit=100)
        assert not {item["id"] for item in page["items"]} & set(adas)
        assert page["unread"] == before["unread"]


def test_an_unchanged_list_of_anothers_is_not_the_callers(
    world: World, grace: Caller, adas: list[str]
) -> None:
    etag = world.caller("ada").get("/notifications").headers["ETag"]
    answer = grace.request("GET", "/notifications", headers={"If-None-Match": etag})
    assert answer.status_code == 200


def test_revoking_who_exists_is_answered_like_revoking_nobody(
    app: Flask, token_for: TokenFor, adas: list[str]
) -> None:
    admin = Caller(app, token_for("root", "admin"))
    first = seen(admin.request("POST", "/users/ada/revoke"))
    assert first == seen(admin.request("POST", "/users/nobody/revoke"))
