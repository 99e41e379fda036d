"""A mailbox's mark: all up to there was read, and is not yet written to each notification."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MARKED = "marked_seq > 0"

# What only the mark says of a notification, in the notification.
SETTLE = """
UPDATE notifications SET read_at = (
    SELECT marked_at FROM mailboxes WHERE mailboxes.user_id = notifications.user_id
)
WHERE read_at IS NULL AND archived_at IS NULL AND snoozed_until IS NULL AND seq <= (
    SELECT marked_seq FROM mailboxes WHERE mailboxes.user_id = notifications.user_id
)
"""


def upgrade() -> None:
    """Add the columns; no mailbox has a mark, and no notification is touched."""
    op.add_column(
        "mailboxes", sa.Column("marked_seq", sa.BigInteger, nullable=False, server_default="0")
    )
    op.add_column("mailboxes", sa.Column("marked_at", sa.DateTime(timezone=True)))
    op.create_index(
        "ix_mailboxes_marked",
        "mailboxes",
        ["user_id"],
        postgresql_where=sa.text(MARKED),
        sqlite_where=sa.text(MARKED),
    )
    if op.get_context().dialect.name == "postgresql":
        # It knows nothing of a new column; and supposes that every third mailbox has a mark.
        op.execute("ANALYZE mailboxes")


def downgrade() -> None:
    """Write to each notification what its mailbox's mark says, and drop the columns."""
    op.execute(SETTLE)
    op.drop_index("ix_mailboxes_marked", "mailboxes")
    # Not as a batch: on SQLite that makes the table anew, which notifications refer to.
    op.drop_column("mailboxes", "marked_at")
    op.drop_column("mailboxes", "marked_seq")
