"""The API as a stranger calls it who has read its description alone."""

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
import requests
import schemathesis
from flask import Flask
from schemathesis.config import SchemathesisConfig
from schemathesis.schemas import BaseSchema

from app.ops.embedded import EmbeddedRedis
from tests.conftest import JWT_SECRET_KEY, StartWeb, TokenFor
from tests.notifications.world import World
from tests.support.databases import SqliteDatabases
from tests.support.processes import WebServer, free_port

API = "/api/v1"
CSRF = "double-submit"

# What no schema says: a time to come, a type of event that is known, and data that fits it.
MAY_BE_INVALID = {"positive_data_acceptance": {"expected-statuses": ["2xx", "404", "422"]}}
# A position of 19 digits may be past 2^63 - 1, and no ticket is one by chance.
MAY_BE_PAST_ALL = {"positive_data_acceptance": {"expected-statuses": ["2xx", "400", "401"]}}
# At these paths another operation, which has an argument there, answers other methods; and `Allow`
# names them rightly.
SHARED = {
    "allow_header_conformance": {"enabled": False},
    "unsupported_method": {"enabled": False},
}

CONFIG: dict[str, Any] = {
    # A stream does not end: so many frames are read of each.
    "max-stream-events": 2,
    "request-timeout": 10.0,
    "checks": {
        # What is too large is refused before anybody looks what it is.
        "negative_data_rejection": {"expected-statuses": [400, 401, 403, 404, 405, 413, 415, 422]}
    },
    "operations": [
        {
            "include-path": f"{API}/notifications/subscribe",
            "checks": {**SHARED, **MAY_BE_PAST_ALL},
        },
        {"include-path": f"{API}/notifications/bulk", "checks": SHARED},
        {"include-path-regex": "/follow$", "checks": SHARED},
        # All that can be wrong with it is the token, in whose place the tests put a good one.
        {
            "include-operation-id": "start_session",
            "checks": {"negative_data_rejection": {"enabled": False}},
        },
        {"include-operation-id": "patch_notification", "checks": MAY_BE_INVALID},
        {"include-operation-id": "post_events", "checks": MAY_BE_INVALID},
    ],
}


# Of the servers that are asked.
ASKED = {"RATE_LIMIT_FACTOR": "1000", "KEEPALIVE_SECONDS": "0.2"}


@pytest.fixture(autouse=True)
def _node_id(request: pytest.FixtureRequest) -> None:
    # schemathesis (4.32) renames the node while it tests an operation, by an attribute that
    # pytest (9.2) no longer has. The names of the operations are those of the subtests, too.
    vars(request.node).setdefault("_nodeid", request.node.nodeid)


@pytest.fixture
def world(app: Flask, token_for: TokenFor) -> World:
    """The Tidings that the servers serve, from within."""
    return World(app, token_for)


@pytest.fixture(scope="package")
def served(
    sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WebServer]:
    """A web server where nobody is ever told anything: there is no consumer."""
    folder = tmp_path_factory.mktemp("served")
    with (
        EmbeddedRedis(folder / "redis", port=free_port(), append_only=False) as server,
        sqlite_databases.fresh(folder) as database_url,
    ):
        settings = {
            "APP_ENV": "development",
            "DATABASE_URL": database_url,
            "REDIS_URL": f"redis://127.0.0.1:{server.port}/0",
            "JWT_SECRET_KEY": JWT_SECRET_KEY,
            "INSTANCE_PATH": str(folder / "instance"),
        }
        with WebServer(settings | ASKED, folder) as web:
            yield web


def load(web: WebServer, **more: Any) -> BaseSchema:
    """Read the description of a server; what is given is configuration."""
    config = SchemathesisConfig.from_dict({**CONFIG, **more})
    return schemathesis.openapi.from_url(f"{web.url}{API}/openapi.json", config=config)


@pytest.fixture
def api(served: WebServer) -> BaseSchema:
    """The API, where nobody has been told anything."""
    return load(served)


@pytest.fixture
def lived_in(start_web: StartWeb, world: World) -> BaseSchema:
    """The API where Grace has been told of something; the path of a notification is that one's."""
    [notification_id] = world.tell(
        "grace",
        url="/stories/42",
        actor={"id": "ada", "name": "Ada"},
        subject={"type": "story", "id": "42", "title": "Cut the cake"},
        data={"priority": 1},
    )
    return load(
        start_web(1, **ASKED),
        parameters={"path.notification_id": notification_id},
        # What is on the edge is the same for everybody.
        phases={"coverage": {"enabled": False}},
    )


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """Connections that are kept, and that no proxy sees."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture
def probed() -> Counter[str]:
    """How many cases of each operation there were so far."""
    return Counter()


@pytest.fixture
def cookie() -> str:
    """Grace's session cookie; it takes CSRF as the header."""
    claims = {
        "sub": "grace",
        "exp": int(time.time()) + 3600,
        "csrf": CSRF,
        "scope": "events:write admin",
    }
    return jwt.encode(claims, JWT_SECRET_KEY)


@pytest.fixture
def token(token_for: TokenFor) -> str:
    """Grace's token."""
    return token_for("grace", "events:write", "admin")
