"""GET /notifications: newest first, page by page, filtered, with the seq to open a stream from."""

import re
from typing import Any

import pytest
from sqlalchemy import event

from app.extensions import db
from app.notifications.changes import changes_since
from tests.notifications.world import Caller, Json, World, draft

LINK = re.compile(r'<(?P<target>[^>]*)>; rel="next"')


def walk(grace: Caller, **query: Any) -> list[list[str]]:
    """The titles of each page, from link to link."""
    answer = grace.get("/notifications", **query)
    pages: list[list[str]] = []
    while True:
        page = answer.get_json()
        pages.append([item["title"] for item in page["items"]])
        assert len(pages) < 20, pages
        if page["next_cursor"] is None:
            assert "Link" not in answer.headers
            return pages
        match = LINK.fullmatch(answer.headers["Link"])
        assert match
        answer = grace.request("GET", match["target"].removeprefix("/api/v1"))
        assert answer.status_code == 200


def numbered(world: World, user: str, count: int, **changes: Any) -> None:
    """Tell somebody `1`, `2`, … in one batch."""
    world.deliver(*(draft(user, f"n-{n}", title=str(n), **changes) for n in range(1, count + 1)))


def test_nobody_has_an_empty_inbox_without_being_told_so(grace: Caller) -> None:
    assert grace.json("/notifications") == {
        "items": [],
        "next_cursor": None,
        "seq": 0,
        "unread": 0,
        "unseen": 0,
    }


def test_the_newest_come_first_and_only_ones_own(world: World, grace: Caller) -> None:
    numbered(world, "grace", 25)
    numbered(world, "ada", 3)

    page = grace.json("/notifications")
    assert [item["title"] for item in page["items"]] == [str(n) for n in range(25, 5, -1)]
    assert (page["seq"], page["unread"], page["unseen"]) == (25, 25, 25)
    assert world.caller("ada").titles() == ["3", "2", "1"]
    assert world.caller("linus").titles() == []


@pytest.mark.parametrize("limit", [1, 3, 6, 7, 100])
def test_links_lead_through_all_pages_to_the_end(world: World, grace: Caller, limit: int) -> None:
    numbered(world, "grace", 6)

    pages = walk(grace, limit=limit)
    assert [title for page in pages for title in page] == ["6", "5", "4", "3", "2", "1"]
    assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert all(pages)


def test_the_cursor_of_the_body_leads_there_too(world: World, grace: Caller) -> None:
    numbered(world, "grace", 3)
    first = grace.json("/notifications", limit=2)
    assert isinstance(first["next_cursor"], str)
    assert grace.titles(limit=2, cursor=first["next_cursor"]) == ["1"]


def test_pages_neither_skip_nor_repeat_while_rows_arrive_and_change(
    world: World, grace: Caller
) -> None:
    ids = world.tell("grace", 12)
    seen: list[str] = []
    query: Json = {"limit": 3}
    for number in range(4):
        page = grace.json("/notifications", **query)
        seen += [item["id"] for item in page["items"]]
        query["cursor"] = page["next_cursor"]
        world.tell("grace", 2)
        # One that was on a page already, and one that is still to come.
        grace.patch(seen[-1], read=True)
        grace.patch(ids[0], read=number % 2 == 0)

    assert seen == ids[::-1]
    assert query["cursor"] is None


def test_status_says_which_part_of_the_mailbox(world: World, grace: Caller) -> None:
    numbered(world, "grace", 5)
    by_title = {item["title"]: item["id"] for item in grace.json("/notifications")["items"]}
    grace.patch(by_title["1"], read=True)
    grace.patch(by_title["2"], archived=True)
    grace.patch(by_title["3"], read=True, archived=True)

    assert grace.titles() == grace.titles(status="inbox") == ["5", "4", "1"]
    assert grace.titles(status="unread") == ["5", "4"]
    assert grace.titles(status="archived") == ["3", "2"]
    page = grace.json("/notifications", status="archived")
    assert (page["seq"], page["unread"]) == (8, 2)  # the mailbox's, whatever is shown


def test_kind_and_subject_and_status_narrow_each_other(world: World, grace: Caller) -> None:
    def about(id: str, type: str = "story") -> Json:
        return {"type": type, "id": id, "title": "T"}

    world.deliver(
        draft("grace", "1", title="a", kind="x", subject=about("42")),
        draft("grace", "2", title="b", kind="y", subject=about("42")),
        draft("grace", "3", title="c", kind="x", subject=about("4")),
        draft("grace", "4", title="d", kind="x", subject=about("42", "page")),
        draft("grace", "5", title="e", kind="x"),
        draft("grace", "6", title="f", kind="x", subject=about("a/b c?é")),
    )
    assert grace.titles(kind="x") == ["f", "e", "d", "c", "a"]
    assert grace.titles(kind="X") == grace.titles(kind="%") == []
    assert grace.titles(subject="story/42") == ["b", "a"]
    assert grace.titles(subject="story/a/b c?é") == ["f"]
    assert grace.titles(subject="story/42", kind="x") == ["a"]
    grace.patch(grace.json("/notifications", subject="story/42", kind="x")["items"][0]["id"],
                archived=True)  # fmt: skip
    assert grace.titles(subject="story/42", kind="x") == []
    assert grace.titles(subject="story/42", kind="x", status="archived") == ["a"]


def test_a_link_keeps_what_was_asked_for(world: World, grace: Caller) -> None:
    odd = "a b&c=d/é+%"
    world.tell("grace", 1, kind=odd, title="old")
    world.tell("grace", 1, kind="other", title="not asked for")
    world.tell("grace", 1, kind=odd, title="new")
    assert walk(grace, kind=odd, limit=1, status="unread") == [["new"], ["old"]]


def test_a_stream_from_the_lists_seq_continues_without_a_hole(world: World, grace: Caller) -> None:
    """Whatever arrives while the list is read is on the page, or after the page's seq."""
    world.tell("grace", 2)
    late: list[str] = []

    def arrive(*_: object) -> None:
        if not late:
            late.append("")  # what is delivered now comes here too
            [late[0]] = world.tell("grace", title="late")

    with world.app.app_context():
        event.listen(db.engine, "after_cursor_execute", arrive)
    page = grace.json("/notifications")

    with world.app.app_context():
        changes = changes_since("grace", page["seq"], 100)
    after = b"".join(changes.payloads).decode()
    assert late[0] in {item["id"] for item in page["items"]} or late[0] in after


def test_the_list_is_never_kept_by_a_cache(grace: Caller) -> None:
    assert grace.get("/notifications").headers["Cache-Control"] == "no-store"
