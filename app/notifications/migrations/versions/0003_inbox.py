"""Indexes for each list, grouped events, follows and mutes."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

IN_INBOX = "archived_at IS NULL AND snoozed_until IS NULL"
UNREAD = f"read_at IS NULL AND {IN_INBOX}"
LISTS: dict[str, tuple[list[Any], str]] = {
    "ix_notifications_inbox": (["user_id", "surfaced_seq"], IN_INBOX),
    "ix_notifications_unread": (["user_id", "surfaced_seq"], UNREAD),
    "ix_notifications_archived": (["user_id", "surfaced_seq"], "archived_at IS NOT NULL"),
    "ix_notifications_snoozed": (["user_id", "surfaced_seq"], "snoozed_until IS NOT NULL"),
    "ix_notifications_kind": (["user_id", "kind", "surfaced_seq"], IN_INBOX),
    "ix_notifications_kept_kind": (
        ["user_id", "kind", "surfaced_seq"],
        "archived_at IS NOT NULL",
    ),
    "ix_notifications_subject": (
        ["user_id", "subject_type", "subject_id", "surfaced_seq"],
        "subject_id IS NOT NULL",
    ),
    "ix_notifications_due": (["snoozed_until"], "snoozed_until IS NOT NULL"),
    "ix_notifications_group": (
        [sa.literal_column("(user_id || ' ' || group_key)")],
        f"group_key IS NOT NULL AND {UNREAD}",
    ),
}

# The badge no longer counts what is archived, as the list that it announces does not show it.
COUNT_UNSEEN = """
UPDATE mailboxes SET unseen = (
    SELECT count(*) FROM notifications
    WHERE notifications.user_id = mailboxes.user_id
        AND surfaced_seq > mailboxes.seen_seq
        AND archived_at IS NULL AND snoozed_until IS NULL
)
"""


def upgrade() -> None:
    """Create the tables; an index for each list takes the place of the one for all."""
    op.create_table(
        "grouped_events",
        sa.Column("event_id", sa.String(256), primary_key=True),
        sa.Column("source", sa.String(256), primary_key=True),
        sa.Column("user_id", sa.String(128), primary_key=True),
        sa.Column(
            "notification_id",
            sa.Uuid,
            sa.ForeignKey("notifications.id", ondelete="CASCADE"),
            nullable=False,
        ),
    )
    op.create_index("ix_grouped_events_notification_id", "grouped_events", ["notification_id"])
    op.create_table(
        "follows",
        sa.Column("subject", sa.String(301), primary_key=True),
        sa.Column("user_id", sa.String(128), primary_key=True),
    )
    op.create_table(
        "mutes",
        sa.Column("user_id", sa.String(128), primary_key=True),
        sa.Column("what", sa.String(7), primary_key=True),
        sa.Column("value", sa.String(301), primary_key=True),
    )
    for name, (columns, where) in LISTS.items():
        op.create_index(
            name,
            "notifications",
            columns,
            postgresql_where=sa.text(where),
            sqlite_where=sa.text(where),
        )
    op.drop_index("ix_notifications_list", "notifications")
    op.execute(COUNT_UNSEEN)


def downgrade() -> None:
    """Drop what `upgrade` made. The counts stay as they are."""
    op.create_index("ix_notifications_list", "notifications", ["user_id", "surfaced_seq"])
    for name in LISTS:
        op.drop_index(name, "notifications")
    for table in ("mutes", "follows", "grouped_events"):
        op.drop_table(table)
