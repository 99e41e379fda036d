"""What a person does not want to be told of."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from app.database import reading, writing
from app.extensions import Base
from app.notifications.mailboxes import lock_mailboxes
from app.notifications.models import Follow, Mute


@dataclass(frozen=True, slots=True)
class Preferences:
    """Muted kinds and muted subjects (`TYPE/ID`), each sorted."""

    muted_kinds: list[str]
    muted_subjects: list[str]


@dataclass(frozen=True, slots=True)
class Attitude:
    """Where a person stands to a subject."""

    following: bool
    muted: bool


def preferences_of(user_id: str) -> Preferences:
    """The preferences of `user_id`. Raises DatabaseUnavailable."""
    with reading() as session:
        return _read(session, user_id)


def _read(session: Session, user_id: str) -> Preferences:
    query = select(Mute.what, Mute.value).where(Mute.user_id == user_id).order_by(Mute.value)
    rows = session.execute(query).all()
    return Preferences(
        [value for what, value in rows if what == "kind"],
        [value for what, value in rows if what == "subject"],
    )


def set_preferences(
    user_id: str, kinds: Collection[str] | None, subjects: Collection[str] | None
) -> Preferences:
    """Replace what is muted; None leaves that part as it is. Raises DatabaseUnavailable."""
    with writing() as session:
        # So that of two requests at once one comes after the other, as a whole.
        lock_mailboxes(session, [user_id])
        for what, values in (("kind", kinds), ("subject", subjects)):
            if values is not None:
                session.execute(delete(Mute).where(Mute.user_id == user_id, Mute.what == what))
                rows = [{"user_id": user_id, "what": what, "value": v} for v in sorted(set(values))]
                if rows:
                    session.execute(insert(Base.metadata.tables["mutes"]), rows)
        return _read(session, user_id)


def attitude(user_id: str, subject: str) -> Attitude:
    """Whether `user_id` follows and has muted `subject` (`TYPE/ID`)."""
    with reading() as session:
        return Attitude(
            following=session.get(Follow, (subject, user_id)) is not None,
            muted=session.get(Mute, (user_id, "subject", subject)) is not None,
        )
