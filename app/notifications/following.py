"""Who follows what: followers of a subject are told of its events."""

from collections.abc import Iterable, Sequence

from sqlalchemy import delete, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.database import among, wanted, writing
from app.notifications.draft import Draft
from app.notifications.models import Follow


def follow(user_id: str, subject: str) -> None:
    """Have `user_id` follow `subject` (`TYPE/ID`). Raises DatabaseUnavailable."""
    with writing() as session:
        _insert(session, [{"subject": subject, "user_id": user_id}])


def unfollow(user_id: str, subject: str) -> None:
    """End that. Being assigned or mentioned again makes one follow again."""
    with writing() as session:
        session.execute(delete(Follow).where(Follow.subject == subject, Follow.user_id == user_id))


def followers_of(session: Session, subjects: Sequence[str]) -> dict[str, list[str]]:
    """Who follows each of `subjects`, sorted, by one query."""
    found: dict[str, list[str]] = {}
    if not subjects:
        return found
    query = select(Follow.subject, Follow.user_id).where(text(among(session, "subject")))
    asked = {(subject,) for subject in subjects}
    for subject, user_id in session.execute(query, wanted(session, asked)):
        found.setdefault(subject, []).append(user_id)
    return {subject: sorted(users) for subject, users in found.items()}


def follow_all(session: Session, drafts: Iterable[Draft]) -> None:
    """Have everybody follow the subject whose draft says so.

    The caller has locked their mailboxes: two batches can't wait for each other here.
    """
    wanted = {
        (draft.subject_key, draft.user_id) for draft in drafts if draft.follows and draft.subject
    }
    if wanted:
        _insert(session, [{"subject": key, "user_id": user} for key, user in sorted(wanted)])


def _insert(session: Session, rows: list[dict[str, str | None]]) -> None:
    if session.get_bind().dialect.name == "postgresql":
        session.execute(postgresql.insert(Follow).on_conflict_do_nothing(), rows)
    else:
        session.execute(sqlite.insert(Follow).on_conflict_do_nothing(), rows)
