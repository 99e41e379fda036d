"""Revocations are stored, so that they outlast every process, and told to every worker at once."""

import logging
import time

import redis
from sqlalchemy import ColumnElement, delete, or_, select

from app.auth.identity import Identity
from app.auth.models import StoredRevocation
from app.auth.revocation import CONTROL_CHANNEL, Revocation
from app.database import reading, writing
from app.extensions import tidings

log = logging.getLogger(__name__)


def revoke(it: Revocation) -> None:
    """Store a revocation, then tell all workers. Raises DatabaseUnavailable.

    Once it returns, every request with such a token is refused, on all machines. Open streams end
    when a worker hears of it, which takes until its next look at the table if Redis is away.
    """
    _store(it)
    try:
        tidings().redis.publish(CONTROL_CHANNEL, it.encode())
    except redis.RedisError as error:
        # Stored it is: to answer with an error would tell the caller otherwise.
        log.warning("workers will find a revocation late, as Redis did not take it: %s", error)


def _store(it: Revocation) -> None:
    same = _of(it.user_id, StoredRevocation.token_id == it.token_id)
    with writing() as session:
        # Two at once may make two rows, which say the same.
        kept = session.scalars(select(StoredRevocation).where(*same).with_for_update()).first()
        if kept is None:
            session.add(
                StoredRevocation(
                    user_id=it.user_id,
                    token_id=it.token_id,
                    revoked_at=it.revoked_at,
                    expires_at=it.expires_at,
                )
            )
        else:
            kept.revoked_at = max(kept.revoked_at, it.revoked_at)
            kept.expires_at = max(kept.expires_at, it.expires_at)


def is_revoked(caller: Identity) -> bool:
    """Whether the caller's token is refused by now. Raises DatabaseUnavailable."""
    concerned = _of(
        caller.user_id,
        or_(StoredRevocation.token_id.is_(None), StoredRevocation.token_id == caller.token_id),
    )
    with reading() as session:
        rows = session.scalars(select(StoredRevocation).where(*concerned)).all()
    return any(_read(row).covers(caller.token_id, caller.issued_at) for row in rows)


def revoked_since(moment: int) -> list[Revocation]:
    """Those made at `moment` (Unix time) or later that still refuse anything; 0: all of them.

    Raises DatabaseUnavailable.
    """
    made_since = (
        StoredRevocation.revoked_at >= moment,
        StoredRevocation.expires_at >= int(time.time()),
    )
    with reading() as session:
        return [_read(row) for row in session.scalars(select(StoredRevocation).where(*made_since))]


def forget_expired() -> int:
    """Delete those that have nothing left to refuse; how many. Raises DatabaseUnavailable."""
    expired = delete(StoredRevocation).where(StoredRevocation.expires_at < int(time.time()))
    with writing() as session:
        # Told by RETURNING, as a plain result of execute() does not say how many.
        return len(session.scalars(expired.returning(StoredRevocation.id)).all())


def _of(user_id: str, which: ColumnElement[bool]) -> tuple[ColumnElement[bool], ...]:
    return (StoredRevocation.user_id == user_id, which)


def _read(row: StoredRevocation) -> Revocation:
    return Revocation(row.user_id, row.token_id, row.revoked_at, row.expires_at)
