"""`flask prune`: retention."""

from datetime import UTC, datetime, timedelta

import click
from flask import Flask
from flask.cli import with_appcontext

from app import bus
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
    """Delete old notifications, in small transactions."""
    kept = settings().retention_days if days is None else days
    before = datetime.now(UTC) - timedelta(days=kept)
    total = 0
    try:
        for count in prune(before, lambda pushes: bus.publish_or_log(tidings().redis, pushes)):
            total += count
            click.echo(f"{total} deleted", err=True)
    except DatabaseUnavailable as error:
        raise click.ClickException(f"{error} ({total} were deleted before)") from None
    click.echo(f"deleted {total} notifications from before {before:%Y-%m-%d %H:%M} UTC")


def init_app(app: Flask) -> None:
    """Add the command to `app`."""
    app.cli.add_command(prune_command)
