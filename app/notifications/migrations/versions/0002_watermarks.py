"""How far a mailbox was pruned, and when it last changed as a whole."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both; nothing was pruned before, and earlier changes of a whole are not replayed."""
    for name in ("wide_seq", "pruned_seq"):
        op.add_column(
            "mailboxes", sa.Column(name, sa.BigInteger, nullable=False, server_default="0")
        )


def downgrade() -> None:
    """Drop both."""
    with op.batch_alter_table("mailboxes") as table:
        table.drop_column("pruned_seq")
        table.drop_column("wide_seq")
