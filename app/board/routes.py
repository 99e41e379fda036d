"""The board's JSON API. Who acts is the bearer of the token, never a field of the body."""

import unicodedata
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any

from flask import Blueprint, current_app
from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from app.auth import authenticated, identity, issue_token
from app.board.events import burst, story_event
from app.board.people import PEOPLE, mentioned_in, person
from app.board.store import Act, Event, StoryStore, connect
from app.board.story import Story
from app.errors import NotFound
from app.extensions import settings
from app.validation import Input, body

# A working day: nobody who tries the demo is signed out in the middle of it.
TOKEN_LIFE = timedelta(hours=8)
MAX_COMMENT_CHARACTERS = 2000
MAX_BURST = 50

blueprint = Blueprint("board", __name__, url_prefix="/board/api")


def _of_the_demo(person_id: str) -> str:
    if person_id not in PEOPLE:
        raise PydanticCustomError("unknown_person", f"Should be one of {', '.join(PEOPLE)}")
    return person_id


def _without_controls(text: str) -> str:
    if any(unicodedata.category(c) == "Cc" and c not in "\t\n\r" for c in text):
        raise PydanticCustomError("control_characters", "Should have no control characters")
    return text


PersonId = Annotated[str, AfterValidator(_of_the_demo)]
CommentText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_COMMENT_CHARACTERS),
    AfterValidator(_without_controls),
]


class Login(Input):
    """Who wants to be whom."""

    user: PersonId


class Assignment(Input):
    """Who is to do it."""

    assignee: PersonId


class NewComment(Input):
    """What somebody has to say."""

    text: CommentText


class Burst(Input):
    """Whom to tell of so many things at once."""

    to: PersonId
    count: Annotated[int, Field(strict=True, ge=1, le=MAX_BURST)] = MAX_BURST


@blueprint.get("/people")
def people() -> dict[str, Any]:
    """Everybody that one can be."""
    return {"people": [person(each) for each in PEOPLE]}


@blueprint.post("/login")
def login() -> dict[str, str]:
    """A token for one of the demo's people, without a password; never in production."""
    if settings().app_env != "development":
        raise NotFound
    return {"token": issue_token(body(Login).user, ttl=TOKEN_LIFE)}


@blueprint.get("/stories")
@authenticated
def stories() -> dict[str, Any]:
    """The whole board."""
    return {"stories": [story.shown() for story in _store().all()]}


@blueprint.post("/stories/<story_id>/assign")
@authenticated
def assign(story_id: str) -> dict[str, Any]:
    """Hand a story to somebody. Handing it to who has it already changes nothing."""
    actor, assignee = identity().user_id, body(Assignment).assignee

    def act(story: Story) -> tuple[Story, Event | None]:
        if story.assignee == assignee:
            return story, None
        return _told("assigned", story.assigned(actor, assignee), actor)

    return _changed(story_id, act)


@blueprint.post("/stories/<story_id>/comment")
@authenticated
def comment(story_id: str) -> dict[str, Any]:
    """Say something about a story; `@grace` tells Grace."""
    actor, text = identity().user_id, body(NewComment).text

    def act(story: Story) -> tuple[Story, Event | None]:
        left = story.commented(actor, text)
        return _told("commented", left, actor, mentioned_in(text), text)

    return _changed(story_id, act)


@blueprint.post("/stories/<story_id>/complete")
@authenticated
def complete(story_id: str) -> dict[str, Any]:
    """Call a story done. Once done it stays so."""
    actor = identity().user_id

    def act(story: Story) -> tuple[Story, Event | None]:
        return (story, None) if story.done else _told("completed", story.completed(actor), actor)

    return _changed(story_id, act)


@blueprint.post("/stories/<story_id>/reopen")
@authenticated
def reopen(story_id: str) -> dict[str, Any]:
    """Take a story up again."""
    actor = identity().user_id

    def act(story: Story) -> tuple[Story, Event | None]:
        return _told("updated", story.reopened(actor), actor) if story.done else (story, None)

    return _changed(story_id, act)


@blueprint.post("/burst")
@authenticated
def send_burst() -> dict[str, Any]:
    """Many events at once, for who wants to see that none is lost."""
    wanted, name = body(Burst), str(uuid.uuid4())
    _store().tell(burst(name, identity().user_id, wanted.to, wanted.count))
    return {"burst": name, "sent": wanted.count}


def _told(
    what: str, story: Story, actor: str, mentioned: Sequence[str] = (), comment: str = ""
) -> tuple[Story, Event]:
    return story, story_event(what, story, actor, mentioned, comment)


def _changed(story_id: str, act: Act) -> dict[str, Any]:
    return {"story": _store().change(story_id, act).shown()}


def _store() -> StoryStore:
    if "board" not in current_app.extensions:
        client = connect(settings().redis_url)
        current_app.extensions["board"] = StoryStore(client, settings().event_stream)
    store: StoryStore = current_app.extensions["board"]
    return store
