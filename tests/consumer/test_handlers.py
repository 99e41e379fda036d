"""Who is told what of each type of event, and which data no handler takes."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.consumer import registry
from app.consumer.envelope import MAX_REASON_CHARS, BadEvent, Event
from app.consumer.handlers import UnknownType, audience_of, handles, known_types
from app.consumer.requested import NotificationRequested
from app.notifications.draft import MAX_BODY_CHARS, MAX_TITLE_CHARS, Draft

Json = dict[str, Any]

STORY: Json = {
    "story": {"id": "42", "title": "Fix login", "url": "/stories/42"},
    "actor": {"id": "ada", "name": "Ada"},
    "assignee_id": "grace",
    "watcher_ids": ["linus"],
    "mentioned_ids": ["mary"],
    "comment": "It works now.",
}
REQUEST: Json = {"recipients": ["grace", "linus"], "title": "Maintenance tonight"}


def event(type: str, data: Json) -> Event:
    """An event of that type with that data."""
    return Event(specversion="1.0", id="e-1", source="/board", type=type, data=data)


def story(what: str, **changes: Any) -> list[Draft]:
    """What `story.<what>` tells, with changed members of STORY; `...` leaves one out."""
    data = {name: value for name, value in (STORY | changes).items() if value is not ...}
    return audience_of(event(f"story.{what}", data)).drafts


def requested(**changes: Any) -> list[Draft]:
    """What `notification.requested` tells, with changed or further members of REQUEST."""
    return audience_of(event("notification.requested", REQUEST | changes)).drafts


def reason(told: Callable[..., list[Draft]], *args: Any, **changes: Any) -> str:
    """Why the event is parked."""
    with pytest.raises(BadEvent) as caught:
        told(*args, **changes)
    return str(caught.value)


@pytest.mark.parametrize(
    ("what", "told"),
    [
        (
            "assigned",
            {
                "grace": ("assigned", "Ada assigned you “Fix login”"),
                "linus": ("following", "Ada assigned “Fix login”"),
            },
        ),
        (
            "commented",
            {
                "grace": ("assigned", "Ada commented on “Fix login”"),
                "linus": ("following", "Ada commented on “Fix login”"),
                "mary": ("mentioned", "Ada mentioned you in a comment on “Fix login”"),
            },
        ),
        ("mentioned", {"mary": ("mentioned", "Ada mentioned you in “Fix login”")}),
        (
            "completed",
            {
                "grace": ("assigned", "Ada completed “Fix login”"),
                "linus": ("following", "Ada completed “Fix login”"),
            },
        ),
        (
            "updated",
            {
                "grace": ("assigned", "Ada updated “Fix login”"),
                "linus": ("following", "Ada updated “Fix login”"),
            },
        ),
    ],
)
def test_who_is_told_what_of_a_story(what: str, told: dict[str, tuple[str, str]]) -> None:
    drafts = story(what)
    assert {draft.user_id: (draft.reason, draft.title) for draft in drafts} == told


def test_a_draft_has_all_that_the_notification_shows() -> None:
    assert story("assigned")[0] == Draft(
        user_id="grace",
        kind="story.assigned",
        reason="assigned",
        title="Ada assigned you “Fix login”",
        body="It works now.",
        url="/stories/42",
        actor={"id": "ada", "name": "Ada"},
        subject={"type": "story", "id": "42", "title": "Fix login"},
        source="/board",
        event_id="e-1",
        follows=True,
    )


@pytest.mark.parametrize(
    ("what", "titles"),
    [
        ("assigned", ["You were assigned “Fix login”", "“Fix login” was assigned"]),
        (
            "commented",
            [*["New comment on “Fix login”"] * 2, "You were mentioned in a comment on “Fix login”"],
        ),
        ("mentioned", ["You were mentioned in “Fix login”"]),
        ("completed", ["“Fix login” was completed"] * 2),
        ("updated", ["“Fix login” was updated"] * 2),
    ],
)
def test_without_an_actor_titles_say_what_was_done(what: str, titles: list[str]) -> None:
    drafts = story(what, actor=None)
    assert [draft.title for draft in drafts] == titles
    assert all(draft.actor is None for draft in drafts)


def test_watchers_read_who_has_the_story_now_if_the_name_is_known() -> None:
    assert story("assigned", assignee_name="Grace")[1].title == "Ada assigned “Fix login” to Grace"
    assert story("assigned", assignee_id="ada")[0].title == "Ada took “Fix login”"


def test_a_story_without_a_title_is_called_by_its_id() -> None:
    drafts = story("completed", story={"id": 42, "title": " "}, actor=None)
    assert drafts[0].title == "Story 42 was completed"
    assert drafts[0].subject == {"type": "story", "id": "42", "title": "story 42"}


def test_an_actor_without_a_name_is_called_by_id() -> None:
    for actor in ({"id": "ada"}, {"id": "ada", "name": None}, {"id": "ada", "name": " "}):
        draft = story("completed", actor=actor)[0]
        assert draft.title == "ada completed “Fix login”"
        assert draft.actor == {"id": "ada", "name": "ada"}


@pytest.mark.parametrize("what", ["assigned", "commented", "mentioned", "completed", "updated"])
def test_nobody_is_told_of_what_they_did_themselves(what: str) -> None:
    everybody = {"assignee_id": "ada", "watcher_ids": ["ada", "bob"], "mentioned_ids": ["ada"]}
    assert {draft.user_id for draft in story(what, **everybody)} <= {"bob"}
    assert requested(recipients=["ada"], actor={"id": "ada"}) == []


def test_each_person_is_told_once_for_the_strongest_reason() -> None:
    people = {"watcher_ids": ["a", "b", "c", "c"], "assignee_id": "b", "mentioned_ids": ["a", "a"]}
    drafts = story("commented", **people)
    assert [(draft.user_id, draft.reason) for draft in drafts] == [
        ("a", "mentioned"),
        ("b", "assigned"),
        ("c", "following"),
    ]


def test_drafts_are_sorted_by_user_id_whatever_the_order_of_the_data() -> None:
    users = ["zoe", "ada2", "Mary", "bob"]
    forth, back = story("updated", watcher_ids=users), story("updated", watcher_ids=users[::-1])
    assert forth == back
    assert [draft.user_id for draft in forth] == ["Mary", "ada2", "bob", "grace", "zoe"]


def test_only_comments_carry_a_group_key_and_a_mention_stands_for_itself() -> None:
    told = {draft.reason: draft.group_key for draft in story("commented")}
    assert told == {
        "assigned": "story:42:comments",
        "following": "story:42:comments",
        "mentioned": None,
    }
    assert {draft.group_key for draft in story("updated")} == {None}


def test_what_is_composed_here_is_cut_to_its_bounds() -> None:
    long = {"id": "1", "title": "Fix\nthe  login " * 50}
    for assignee in ("", "G" * 100):
        for draft in story(
            "assigned",
            story=long,
            actor={"id": "ada", "name": "A" * 100},
            assignee_name=assignee,
            comment="x" * 5_000,
        ):
            assert len(draft.title) <= MAX_TITLE_CHARS
            assert "Fix the login Fix the login" in draft.title
            assert "…" in draft.title
            assert len(draft.body) == MAX_BODY_CHARS
            assert draft.body.endswith("x…")
            assert draft.subject is not None
            assert len(draft.subject["title"]) <= MAX_TITLE_CHARS
    assert story("completed", story=long)[0].title.endswith("…”")


@pytest.mark.parametrize(
    ("what", "changes", "where"),
    [
        ("assigned", {"story": ...}, "data.story: Field required"),
        ("assigned", {"story": {}}, "data.story.id: Field required"),
        ("assigned", {"story": []}, "data.story: Should be an object"),
        ("assigned", {"story": {"id": ""}}, "data.story.id: Should be"),
        ("assigned", {"story": {"id": True}}, "data.story.id: Should be"),
        ("assigned", {"story": {"id": "1", "title": 5}}, "data.story.title: Should be a text"),
        ("assigned", {"story": {"id": "1", "url": "//evil"}}, "data.story.url: Should be"),
        ("assigned", {"assignee_id": None}, "data.assignee_id: Field required"),
        ("assigned", {"assignee_id": "grace\n"}, "data.assignee_id: Not a user id"),
        ("assigned", {"assignee_id": 7}, "data.assignee_id: Not a user id"),
        ("assigned", {"actor": {"name": "Ada"}}, "data.actor.id: Field required"),
        ("assigned", {"actor": {"id": "a b"}}, "data.actor.id: Not a user id"),
        ("assigned", {"actor": "ada"}, "data.actor: Should be an object"),
        ("updated", {"watcher_ids": ["ok", "*"]}, "data.watcher_ids.1: Not a user id"),
        ("updated", {"watcher_ids": "linus"}, "data.watcher_ids: Should be an array"),
        ("commented", {"comment": None}, "data.comment: Field required"),
        ("commented", {"comment": " \n"}, "data.comment: "),
        ("commented", {"mentioned_ids": [""]}, "data.mentioned_ids.0: Not a user id"),
        ("mentioned", {"mentioned_ids": ...}, "data.mentioned_ids: Field required"),
        ("mentioned", {"mentioned_ids": []}, "data.mentioned_ids: "),
    ],
)
def test_bad_story_data_is_named(what: str, changes: Json, where: str) -> None:
    assert reason(story, what, **changes).startswith(where)


def test_people_are_optional_where_a_story_can_do_without_them() -> None:
    alone = {"assignee_id": None, "watcher_ids": None, "mentioned_ids": ..., "comment": None}
    assert story("completed", **alone) == []
    assert [draft.user_id for draft in story("assigned", watcher_ids=...)] == ["grace"]


def test_a_request_says_all_itself() -> None:
    said: Json = {
        "kind": "ops.maintenance",
        "body": "From 22:00 UTC.\nSave your work.",
        "url": "https://status.example.com/?id=1#now",
        "actor": {"id": "ops", "name": "Operations"},
        "subject": {"type": "site", "id": 7, "title": "Site"},
        "data": {"minutes": 30, "none": None},
        "group_key": "maintenance",
    }
    drafts = requested(**said, recipients=["linus", "grace", "linus"])
    assert [draft.user_id for draft in drafts] == ["grace", "linus"]
    for draft in drafts:
        assert (draft.reason, draft.title) == ("requested", "Maintenance tonight")
        assert (draft.source, draft.event_id) == ("/board", "e-1")
        assert draft.subject == {"type": "site", "id": "7", "title": "Site"}
        for name in said.keys() - {"subject"}:
            assert getattr(draft, name) == said[name]


def test_a_request_needs_only_recipients_and_a_title() -> None:
    nulls = dict.fromkeys(NotificationRequested.model_fields.keys() - REQUEST.keys())
    assert requested() == requested(**nulls)
    draft = requested()[0]
    assert (draft.kind, draft.body, draft.data) == ("notification.requested", "", {})
    assert (draft.url, draft.actor, draft.subject, draft.group_key) == (None, None, None, None)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"recipients": None}, "data.recipients: Field required"),
        ({"recipients": []}, "data.recipients: List should have at least 1"),
        ({"recipients": ["a"] * 1_001}, "data.recipients: List should have at most 1000"),
        ({"recipients": "grace"}, "data.recipients: Should be an array"),
        ({"recipients": ["grace", "a b"]}, "data.recipients.1: Not a user id"),
        ({"recipients": {"followers_of": "story"}}, 'data.recipients.0: Should be {"followers_o'),
        ({"recipients": ["ada", {"followers": "s/1"}]}, 'data.recipients.1: Should be {"followe'),
        ({"title": None}, "data.title: Field required"),
        ({"title": " "}, "data.title: "),
        ({"title": "x" * 201}, "data.title: String should have at most 200 characters"),
        ({"body": "x" * 2_001}, "data.body: String should have at most 2000 characters"),
        ({"kind": "x" * 101}, "data.kind: String should have at most 100 characters"),
        ({"kind": ""}, "data.kind: "),
        ({"kind": "a\n"}, "data.kind: "),
        ({"group_key": "x" * 201}, "data.group_key: String should have at most 200 characters"),
        ({"actor": {"id": "ops", "name": "x" * 101}}, "data.actor.name: "),
        ({"subject": {"type": "a/b", "id": "1"}}, "data.subject.type: Should be"),
        ({"subject": {"type": "a", "id": "x" * 129}}, "data.subject.id: Should be"),
        ({"subject": {"type": "a", "id": "1", "title": "x" * 201}}, "data.subject.title: "),
        ({"data": []}, "data.data: Should be an object"),
    ],
)
def test_a_bad_request_is_named(changes: Json, where: str) -> None:
    assert reason(requested, **changes).startswith(where)


@pytest.mark.parametrize("form", [{"followers_of": "story/1/a"}, [{"followers_of": "story/1/a"}]])
def test_a_request_can_be_for_whoever_follows_a_subject(form: Any) -> None:
    audience = audience_of(event("notification.requested", REQUEST | {"recipients": form}))
    assert audience.drafts == []
    told = audience.to_followers["story/1/a"]
    assert (told.title, told.reason, told.event_id) == ("Maintenance tonight", "following", "e-1")


def test_who_follows_a_story_is_told_what_its_watchers_are_told() -> None:
    for what in ("assigned", "commented", "completed", "updated"):
        audience = audience_of(event(f"story.{what}", STORY))
        watcher = next(draft for draft in audience.drafts if draft.user_id == "linus")
        told = audience.to_followers["story/42"]
        assert (told.title, told.reason, told.body) == (watcher.title, "following", watcher.body)


def test_a_group_of_comments_says_how_many_and_who_wrote_the_latest() -> None:
    watcher = next(draft for draft in story("commented") if draft.user_id == "linus")
    assert watcher.grouped_title is not None
    assert watcher.grouped_title(3) == "3 new comments on “Fix login”, the latest by Ada"
    nobody = next(draft for draft in story("commented", actor=None) if draft.user_id == "linus")
    assert nobody.grouped_title is not None
    assert nobody.grouped_title(1_200) == "1,200 new comments on “Fix login”"


def test_a_thousand_recipients_are_taken() -> None:
    assert len(requested(recipients=[f"user-{number}" for number in range(1_000)])) == 1_000


@pytest.mark.parametrize(
    "url", ["/", "/a", "/a//b?c=d#e", "http://x", "HTTPS://x.org:8/ä", "https://x/" + "a" * 1_990]
)
def test_urls_that_a_page_may_link_to(url: str) -> None:
    assert requested(url=url)[0].url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,x",
        "ftp://x",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        " /a",
        "/a\n",
        "/a\x85",
        "a/b",
        "http:",
        "http:///x",
        "http://\\x",
        "https://x/" + "a" * 1_991,
        7,
    ],
)
def test_urls_that_no_page_may_link_to(url: Any) -> None:
    assert reason(requested, url=url).startswith("data.url: Should be http://…")


def test_a_type_without_a_handler_is_named_with_those_that_have_one() -> None:
    with pytest.raises(UnknownType, match=r'^type: No handler for "story\.burnt"; there are .*'):
        story("burnt")
    assert known_types() == [
        "notification.requested",
        "story.assigned",
        "story.commented",
        "story.completed",
        "story.mentioned",
        "story.updated",
    ]


def test_a_type_has_one_handler() -> None:
    with pytest.raises(ValueError, match=r"story\.assigned has a handler already"):
        handles("story.assigned", NotificationRequested)(lambda event, data: [])


def test_the_worked_example_of_the_docs_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registrations", dict(registry._registrations))
    page = (Path(__file__).parents[2] / "docs" / "handlers.md").read_text(encoding="utf-8")
    code, check = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    (example,) = re.findall(r"^```json\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    namespace: Json = {"__name__": "docs_example"}
    exec(compile(code, "docs/handlers.md", "exec"), namespace)
    exec(compile(check, "docs/handlers.md", "exec"), namespace)
    namespace["test_the_author_is_told_of_a_failed_build"]()
    (draft,) = audience_of(Event.model_validate(json.loads(example))).drafts
    assert (draft.user_id, draft.title) == ("ada", "The build of main failed")


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
    | st.sampled_from(["ada", "grace", "/x"]),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["id", "name", "title"]), inner)
    ),
)
DATA = st.dictionaries(st.sampled_from([*STORY, *NotificationRequested.model_fields]) | TEXTS, JSON)


@settings(deadline=None, database=None)
@given(type=st.sampled_from([*known_types(), "unknown"]), base=st.booleans(), data=DATA)
def test_any_data_is_told_or_is_bad(type: str, base: bool, data: Json) -> None:
    try:
        drafts = audience_of(event(type, STORY | REQUEST | data if base else data)).drafts
    except BadEvent as error:
        bad = error
    else:
        users = [draft.user_id for draft in drafts]
        assert users == sorted(set(users))
        assert all(0 < len(draft.title) <= MAX_TITLE_CHARS for draft in drafts)
        return
    assert str(bad).isprintable()
    assert 0 < len(str(bad)) <= MAX_REASON_CHARS
