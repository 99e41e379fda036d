"""How far a mailbox was pruned."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the watermark; nothing was pruned before it existed."""
    op.add_column(
        "mailboxes", sa.Column("pruned_seq", sa.BigInteger, nullable=False, server_default="0")
    )


def downgrade() -> None:
    """Drop the watermark."""
    with op.batch_alter_table("mailboxes") as table:
        table.drop_column("pruned_seq")
