"""`flask token`: a signed token for scripts and tests."""

from datetime import timedelta

import click
from flask import Flask
from flask.cli import with_appcontext

from app.auth.tokens import DEFAULT_TOKEN_LIFE, NotTheIssuer, issue_token
from app.errors import BadRequest


@click.command("token")
@click.argument("user")
@click.option("--scope", "scopes", multiple=True, help="A scope to grant; may be repeated.")
@click.option(
    "--ttl",
    type=click.IntRange(min=1),
    default=int(DEFAULT_TOKEN_LIFE.total_seconds()),
    show_default=True,
    help="Seconds until the token expires.",
)
@with_appcontext
def token(user: str, scopes: tuple[str, ...], ttl: int) -> None:
    """Print a signed token for USER."""
    try:
        click.echo(issue_token(user, scopes, timedelta(seconds=ttl)))
    except BadRequest as error:
        raise click.BadParameter(str(error), param_hint="USER") from None
    except NotTheIssuer as error:
        raise click.ClickException(str(error)) from None


def init_app(app: Flask) -> None:
    """Add the command to `app`."""
    app.cli.add_command(token)
