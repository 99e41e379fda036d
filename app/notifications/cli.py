"""`flask prune`: retention."""

from datetime import UTC, datetime, timedelta

import click
from flask import Flask
from flask.cli import with_appcontext

from app import bus
from app.audit import audit, operator
from app.auth.revocations import forget_expired
from app.errors import DatabaseUnavailable
from app.extensions import settings, tidings
from app.notifications.retention import prune


@click.command("prune")
@click.option(
    "--older-than",
    "days",
    type=click.IntRange(min=0),
    help="Days that a notification is kept. Default: RETENTION_DAYS.",
)
@with_appcontext
def prune_command(days: int | None) -> None:
    """Delete old notifications, in small transactions, and revocations of expired tokens."""
    kept = settings().retention_days if days is None else days
    before = datetime.now(UTC) - timedelta(days=kept)
    total = 0
    try:
        for count in prune(before, lambda pushes: bus.publish_or_log(tidings().redis, pushes)):
            total += count
            click.echo(f"{total} deleted", err=True)
        forget_expired()
    except DatabaseUnavailable as error:
        raise click.ClickException(f"{error} ({total} were deleted before)") from None
    finally:  # also of one that was stopped half-way
        audit(
            "notifications.pruned",
            operator=operator(),
            before=before.isoformat(timespec="seconds"),
            count=total,
        )
    click.echo(f"deleted {total} notifications from before {before:%Y-%m-%d %H:%M} UTC")


def init_app(app: Flask) -> None:
    """Add the command to `app`."""
    app.cli.add_command(prune_command)
