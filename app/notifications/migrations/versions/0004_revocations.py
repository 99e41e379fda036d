"""Tokens that are refused although they have not expired."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INDEXED = ("user_id", "revoked_at", "expires_at")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "revocations",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        sa.Column("user_id", sa.String(128), nullable=False),
        sa.Column("token_id", sa.String(128)),
        sa.Column("revoked_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    for column in INDEXED:
        op.create_index(f"ix_revocations_{column}", "revocations", [column])


def downgrade() -> None:
    """Drop the table: tokens that were revoked are good again until they expire."""
    op.drop_table("revocations")
