"""One story, and what people can do with it. Pure: each act answers with the story after it."""

from datetime import UTC, datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

from app.board.people import person

# A board is for looking at, not for keeping: older comments fall off.
MAX_COMMENTS = 20


class Comment(BaseModel):
    """What one person said about a story."""

    model_config = ConfigDict(frozen=True)

    author: str
    text: str
    at: AwareDatetime


class Story(BaseModel):
    """A piece of work. `watchers` is everybody who ever touched it or had it."""

    model_config = ConfigDict(frozen=True)

    id: str
    title: str
    assignee: str | None = None
    done: bool = False
    watchers: tuple[str, ...] = ()
    comments: tuple[Comment, ...] = ()

    @property
    def url(self) -> str:
        """Where a person sees this story."""
        return f"/inbox?story={self.id}"

    def assigned(self, actor: str, assignee: str) -> "Story":
        """This story in the hands of `assignee`."""
        return self._touched(actor, assignee, assignee=assignee)

    def commented(self, actor: str, text: str) -> "Story":
        """This story with one more comment."""
        comment = Comment(author=actor, text=text, at=datetime.now(UTC))
        return self._touched(actor, comments=(*self.comments, comment)[-MAX_COMMENTS:])

    def completed(self, actor: str) -> "Story":
        """This story, done."""
        return self._touched(actor, done=True)

    def reopened(self, actor: str) -> "Story":
        """This story, not done after all."""
        return self._touched(actor, done=False)

    def shown(self) -> dict[str, Any]:
        """This story as the board's API shows it."""
        return {
            "id": self.id,
            "title": self.title,
            "url": self.url,
            "done": self.done,
            "assignee": person(self.assignee) if self.assignee else None,
            "comments": [
                {"author": person(c.author), "text": c.text, "at": c.at.isoformat()}
                for c in self.comments
            ],
        }

    def _touched(self, *people: str, **changes: Any) -> "Story":
        watchers = tuple(dict.fromkeys((*self.watchers, *people)))
        return self.model_copy(update={**changes, "watchers": watchers})


FIRST_STORIES = (
    Story(id="41", title="Draft the welcome email"),
    Story(id="42", title="Sign in with a passkey"),
    Story(id="43", title="Dark mode for invoices", assignee="linus", watchers=("linus",)),
    Story(id="44", title="Search across projects", assignee="margaret", watchers=("margaret",)),
    Story(id="45", title="Export a report as CSV", assignee="ada", done=True, watchers=("ada",)),
)
