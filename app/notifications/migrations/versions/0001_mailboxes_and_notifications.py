"""Mailboxes and notifications."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create both tables, and an index for each query."""
    op.create_table(
        "mailboxes",
        sa.Column("user_id", sa.String(128), primary_key=True),
        sa.Column("last_seq", sa.BigInteger, nullable=False),
        sa.Column("unread", sa.Integer, nullable=False),
        sa.Column("unseen", sa.Integer, nullable=False),
        sa.Column("seen_seq", sa.BigInteger, nullable=False),
        sa.Column("read_seq", sa.BigInteger, nullable=False),
    )
    time = sa.DateTime(timezone=True)
    op.create_table(
        "notifications",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("user_id", sa.String(128), sa.ForeignKey("mailboxes.user_id"), nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("created_seq", sa.BigInteger, nullable=False),
        sa.Column("surfaced_seq", sa.BigInteger, nullable=False),
        sa.Column("source", sa.String(256), nullable=False),
        sa.Column("event_id", sa.String(256), nullable=False),
        sa.Column("kind", sa.String(100), nullable=False),
        sa.Column("reason", sa.String(20), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("url", sa.Text),
        sa.Column("actor", sa.JSON),
        sa.Column("subject_type", sa.String(100)),
        sa.Column("subject_id", sa.String(200)),
        sa.Column("subject_title", sa.Text),
        sa.Column("data", sa.JSON, nullable=False),
        sa.Column("group_key", sa.String(200)),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("created_at", time, nullable=False),
        sa.Column("read_at", time),
        sa.Column("archived_at", time),
        sa.Column("snoozed_until", time),
        sa.UniqueConstraint("event_id", "source", "user_id", name="uq_notifications_event"),
    )
    op.create_index("ix_notifications_changes", "notifications", ["user_id", "seq"])
    op.create_index("ix_notifications_list", "notifications", ["user_id", "surfaced_seq"])


def downgrade() -> None:
    """Drop both tables."""
    op.drop_table("notifications")
    op.drop_table("mailboxes")
