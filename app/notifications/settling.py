"""What a mailbox's mark says goes into the notifications, a few at a time, and nobody sees it.

Every consumer does this between its turns. Whatever is settled or not, everybody sees the same
(`marks`); but lists of unread notifications and groups are found faster without a mark.
"""

import time

from sqlalchemy import select, text

from app.database import reading, writing
from app.notifications import marks
from app.notifications.mailboxes import lock_mailboxes
from app.notifications.models import MARKED, Mailbox

# Each time, and that is once a second: who delivers has the rest.
SPEND_SECONDS = 0.1
# So many are written to while the mailbox is locked, for some milliseconds.
BATCH = 100


def settle_for(seconds: float = SPEND_SECONDS) -> int:
    """Settle for about so long; to how many notifications was written.

    In small transactions: who waits for a mailbox, or for SQLite's lock, gets it between them.
    Raises DatabaseUnavailable; what was written until then stays.
    """
    until = time.monotonic() + seconds
    count = 0
    while (user_id := _marked()) is not None:
        count += _settle(user_id)
        if time.monotonic() >= until:
            break
    return count


def _marked() -> str | None:
    """Somebody whose mailbox has a mark."""
    with reading() as session:
        return session.scalar(select(Mailbox.user_id).where(text(MARKED)).limit(1))


def _settle(user_id: str) -> int:
    with writing() as session:
        mailbox = lock_mailboxes(session, [user_id])[user_id]
        # Another one may have finished it before we had the lock.
        return marks.settle_some(session, mailbox, BATCH) if mailbox.marked_seq else 0
