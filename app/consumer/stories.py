"""What people are told of stories: assigned, commented, mentioned, completed, updated."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Final, Protocol

from pydantic import Field, StringConstraints

from app.consumer.envelope import Event, shorten
from app.consumer.fields import MAX_NAME_CHARS, Actor, EventData, SubjectId, Url, one_line
from app.consumer.registry import handles
from app.identifiers import UserId, subject_key
from app.notifications.draft import (
    MAX_BODY_CHARS,
    MAX_TITLE_CHARS,
    Draft,
    Reason,
    ToFollowers,
)

# Leaves room in a title for two names and a verb around the story's own.
_MAX_QUOTED_CHARS: Final = 90


class Story(EventData):
    """The story of an event, as it was then."""

    id: SubjectId
    title: str = ""
    url: Url | None = None

    @property
    def name(self) -> str:
        """The story as a sentence calls it: “Fix login”, or, without a title, story 42."""
        title = one_line(self.title)
        return f"“{shorten(title, _MAX_QUOTED_CHARS)}”" if title else f"story {self.id}"

    @property
    def key(self) -> str:
        """The story as what people follow."""
        return subject_key("story", self.id)

    def snapshot(self) -> dict[str, str]:
        """The story as a notification's subject."""
        title = one_line(self.title) or self.name
        return {"type": "story", "id": self.id, "title": shorten(title, MAX_TITLE_CHARS)}


class StoryData(EventData):
    """The data of every story event. Without an actor, nobody in particular did it."""

    story: Story
    actor: Actor | None = None
    assignee_id: UserId | None = None
    assignee_name: Annotated[str, Field(max_length=MAX_NAME_CHARS)] = ""
    watcher_ids: list[UserId] = Field(default_factory=list)
    mentioned_ids: list[UserId] = Field(default_factory=list)
    comment: str = ""

    def says(self, active: str, passive: str) -> str:
        """A title: what the actor did, or, if no actor is known, what was done."""
        if self.actor is None:
            return shorten(passive[:1].upper() + passive[1:], MAX_TITLE_CHARS)
        return shorten(f"{self.actor.snapshot()['name']} {active}", MAX_TITLE_CHARS)


class StoryAssigned(StoryData):
    """The data of `story.assigned`."""

    assignee_id: UserId


class StoryCommented(StoryData):
    """The data of `story.commented`."""

    comment: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class StoryMentioned(StoryData):
    """The data of `story.mentioned`."""

    mentioned_ids: Annotated[list[UserId], Field(min_length=1)]


@handles("story.assigned", StoryAssigned)
def story_assigned(event: Event, data: StoryAssigned) -> Iterable[Draft | ToFollowers]:
    """Tell the new assignee, and who watches or follows."""
    story, tell = data.story.name, _teller(event, data)
    to = one_line(data.assignee_name)
    to = f" to {to}" if to else ""
    yield tell(
        data.assignee_id,
        "assigned",
        data.says(f"assigned you {story}", f"you were assigned {story}"),
        follows=True,
    )
    news = data.says(f"assigned {story}{to}", f"{story} was assigned{to}")
    if data.actor and data.actor.id == data.assignee_id:
        news = data.says(f"took {story}", "")
    yield from _watchers(data, tell, news)


@handles("story.commented", StoryCommented)
def story_commented(event: Event, data: StoryCommented) -> Iterable[Draft | ToFollowers]:
    """Tell who is mentioned in the comment, the assignee, and who watches or follows.

    A mention stands for itself. For the others, comments that they have not read make one
    notification.
    """
    story, tell = data.story.name, _teller(event, data)
    mention = data.says(
        f"mentioned you in a comment on {story}", f"you were mentioned in a comment on {story}"
    )
    for person in data.mentioned_ids:
        yield tell(person, "mentioned", mention, follows=True)
    latest = f", the latest by {data.actor.snapshot()['name']}" if data.actor else ""
    grouped = _Group(
        f"story:{data.story.id}:comments",
        lambda count: shorten(f"{count:,} new comments on {story}{latest}", MAX_TITLE_CHARS),
    )
    tell = _teller(event, data, grouped)
    yield from _followers(data, tell, f"commented on {story}", f"new comment on {story}")


@handles("story.mentioned", StoryMentioned)
def story_mentioned(event: Event, data: StoryMentioned) -> Iterable[Draft | ToFollowers]:
    """Tell who is mentioned."""
    story, tell = data.story.name, _teller(event, data)
    mention = data.says(f"mentioned you in {story}", f"you were mentioned in {story}")
    for person in data.mentioned_ids:
        yield tell(person, "mentioned", mention, follows=True)


@handles("story.completed", StoryData)
def story_completed(event: Event, data: StoryData) -> Iterable[Draft | ToFollowers]:
    """Tell the assignee, and who watches or follows."""
    story = data.story.name
    yield from _followers(
        data, _teller(event, data), f"completed {story}", f"{story} was completed"
    )


@handles("story.updated", StoryData)
def story_updated(event: Event, data: StoryData) -> Iterable[Draft | ToFollowers]:
    """Tell the assignee, and who watches or follows."""
    story = data.story.name
    yield from _followers(data, _teller(event, data), f"updated {story}", f"{story} was updated")


class _Tell(Protocol):
    """Drafts news for one person."""

    def __call__(
        self, user_id: str, reason: Reason, title: str, follows: bool = False
    ) -> Draft: ...


@dataclass(frozen=True, slots=True)
class _Group:
    """What notifications of one group have in common: its key, and a title for so many."""

    key: str
    title: Callable[[int], str]


def _followers(
    data: StoryData, tell: _Tell, active: str, passive: str
) -> Iterable[Draft | ToFollowers]:
    """The same news to the assignee, if there is one, and to who watches or follows."""
    news = data.says(active, passive)
    if data.assignee_id is not None:
        yield tell(data.assignee_id, "assigned", news)
    yield from _watchers(data, tell, news)


def _watchers(data: StoryData, tell: _Tell, news: str) -> Iterable[Draft | ToFollowers]:
    """News to who watches by the product's own account, and to who follows in Tidings."""
    for watcher in data.watcher_ids:
        yield tell(watcher, "following", news)
    yield ToFollowers(data.story.key, tell("", "following", news))


def _teller(event: Event, data: StoryData, group: _Group | None = None) -> _Tell:
    """What drafts news of this event for one person: user id, reason, title."""
    actor = data.actor.snapshot() if data.actor else None
    subject = data.story.snapshot()
    body = shorten(data.comment.strip(), MAX_BODY_CHARS)

    def tell(user_id: str, reason: Reason, title: str, follows: bool = False) -> Draft:
        return Draft(
            user_id=user_id,
            kind=event.type,
            reason=reason,
            title=title,
            body=body,
            url=data.story.url,
            actor=actor,
            subject=subject,
            group_key=group.key if group else None,
            grouped_title=group.title if group else None,
            follows=follows,
        )

    return tell
