"""Tidings: events from a Redis Stream become notifications, and reach every open tab."""

import os
from collections.abc import Mapping

from flask import Flask

from app import bus, database, errors
from app.auth import cli as auth_cli
from app.auth import routes as auth_routes
from app.auth import session_routes, tokens
from app.board import routes as board_routes
from app.config import Settings
from app.consumer import cli as consumer_cli
from app.consumer import routes as events_routes
from app.extensions import Tidings, db
from app.notifications import cli as notifications_cli
from app.notifications import preference_routes
from app.notifications import routes as notifications_routes
from app.openapi import routes as openapi_routes
from app.ops import (
    attempts,
    cross_origin,
    doctor,
    headers,
    health,
    logs,
    proxies,
    rate_limits,
)
from app.sse import own_stack, presence_routes
from app.sse import routes as sse_routes
from app.sse.room import Room
from app.web import client_routes
from app.web import routes as web_routes

API = "/api/v1"

# Whoever marks something read does not wait longer than this for a Redis that hangs: the change is
# committed by then, and the sweep delivers it.
REQUEST_REDIS_TIMEOUT_SECONDS = 2.0

# Nothing that is sent here is larger than one event, but for a batch of them: see POST /events.
MAX_BODY_BYTES = 64 * 1024


def create_app(environ: Mapping[str, str] | None = None) -> Flask:
    """Build the application from the environment, or from `environ` in its place.

    Opens no connection and starts nothing: gunicorn's hooks start the stream room.
    Raises ConfigurationError, one line that names each wrong setting.
    """
    settings = Settings.load(environ)
    logs.configure(settings.log_format)
    app = Flask(__name__, instance_path=str(settings.instance_path), static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    # Merged, `/subjects/page//docs/follow` would redirect to the page `docs`, which is another one.
    app.url_map.merge_slashes = False
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES

    proxies.init_app(app, settings)
    headers.init_app(app)
    errors.init_app(app)
    rate_limits.init_app(app, settings)
    tokens.init_app(app, settings)
    database.init_app(app, settings)
    if os.environ.get("FLASK_RUN_FROM_CLI") == "true":
        # For `flask db`. Alembic is a quarter of all there is to import; no web worker needs it.
        from flask_migrate import Migrate

        Migrate(app, db, directory=app.root_path + "/notifications/migrations")
    client = bus.connect(settings.redis_url, socket_timeout=REQUEST_REDIS_TIMEOUT_SECONDS)
    app.extensions["tidings"] = Tidings(settings, client)
    app.extensions["tidings.sse"] = Room(app, settings)

    for blueprint in (
        auth_routes.blueprint,
        session_routes.blueprint,
        notifications_routes.blueprint,
        preference_routes.blueprint,
        events_routes.blueprint,
        sse_routes.blueprint,
        presence_routes.blueprint,
    ):
        app.register_blueprint(blueprint, url_prefix=API)
    app.register_blueprint(health.blueprint)
    openapi_routes.init_app(app, API)
    app.register_blueprint(client_routes.blueprint)
    if settings.app_env == "development":
        # The demo lets anybody be anybody.
        app.register_blueprint(board_routes.blueprint)
        app.register_blueprint(web_routes.blueprint)
    cross_origin.init_app(app, settings, API)
    attempts.init_app(app, settings)
    own_stack.init_app(app, f"{API}/notifications/subscribe")

    auth_cli.init_app(app)
    notifications_cli.init_app(app)
    consumer_cli.init_app(app)
    doctor.init_app(app)
    return app
