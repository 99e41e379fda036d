"""How Alembic reaches the application's database: through Flask-Migrate's `flask db`."""

from alembic import context
from flask import current_app

from app.extensions import Base, db


def include_name(name: str | None, kind: str, _parents: object) -> bool:
    """Leave alone what other software keeps in the same database."""
    return kind != "table" or name in Base.metadata.tables


def migrate() -> None:
    """Run the migrations; SQLite, which can't alter a table, gets a changed copy of it."""
    options = current_app.extensions["migrate"].configure_args
    with db.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            include_name=include_name,
            **options,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


migrate()
