"""Mailboxes as they are found by who connects: filled by the app's own delivery."""

from collections.abc import Sequence
from datetime import UTC, datetime

from app.bus import Push
from app.notifications.delivery import deliver
from app.notifications.draft import Draft
from bench.samples import ACTOR, KIND, SUBJECT, TITLE
from bench.stage import Stage

BATCH = 2_000


def one_for_each(stage: Stage, database_url: str, users: Sequence[str]) -> None:
    """One notification for each user."""
    _deliver(stage, database_url, [_draft(user, 0) for user in users])


def many_for_one(
    stage: Stage, database_url: str, user: str, count: int, first: int = 0
) -> list[Push]:
    """So many notifications for one user, about a thousand stories; what is to be published.

    `first` is the number of the first one, for one call after another.
    """
    numbers = range(first, first + count)
    return _deliver(stage, database_url, [_draft(user, number) for number in numbers])


def _draft(user: str, number: int) -> Draft:
    return Draft(
        user_id=user,
        kind=KIND,
        reason="assigned",
        title=TITLE,
        body="x" * 60,
        url="/stories/42",
        actor=ACTOR,
        subject=SUBJECT | {"id": str(number % 1_000)},
        source="/bench",
        event_id=f"seed-{user}-{number}",
    )


def _deliver(stage: Stage, database_url: str, drafts: Sequence[Draft]) -> list[Push]:
    now = datetime.now(UTC)
    pushes: list[Push] = []
    with stage.app(database_url):
        for start in range(0, len(drafts), BATCH):
            pushes += deliver(drafts[start : start + BATCH], now).pushes
    return pushes
