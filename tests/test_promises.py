"""Promises about the whole application, each held by walking over all of it."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.routing import Rule

from app import create_app
from app.auth import issue_token
from app.config import PROJECT
from tests.support.processes import child_environ

# Whoever may be called without a token, and why.
PUBLIC = {
    "health.healthz": "a load balancer has no token; it says only that the process answers",
    "health.readyz": "the same; it names which part is away, and no address or secret",
    "session.end_session": "logging out is no error for whoever has no session any more; it ends "
    "the caller's own alone",
    "openapi.openapi": "the description of the API; it has no data",
    "openapi.page": "the page that shows it",
    "openapi.asset": "scripts and styles of that page",
    "client.file": "the browser client: scripts, the same for everybody",
}
PUBLIC_IN_DEVELOPMENT = {
    "board.people": "the demo's login page: names of two made-up people",
    "board.login": "the demo lets anybody be anybody",
    "web.home": "the demo's page holds nothing; it logs in by itself",
    "web.inbox": "the same",
    "web.static": "scripts and styles",
}


def without_implied(rule: Rule) -> set[str]:
    """The methods that a route says itself."""
    return (rule.methods or set()) - {"HEAD", "OPTIONS"}


def statuses(app: Flask) -> Iterator[tuple[str, int]]:
    """(endpoint, status) of every method of every route, called without a token."""
    client = app.test_client()
    for rule in app.url_map.iter_rules():
        path = rule.rule
        for argument in rule.arguments:
            path = path.replace(f"<{argument}>", "1").replace(f"<path:{argument}>", "1")
        assert "<" not in path
        for method in without_implied(rule):
            yield rule.endpoint, client.open(path, method=method).status_code


@pytest.fixture
def production(environment: dict[str, str]) -> Flask:
    """The application as it is deployed."""
    return create_app(environment | {"APP_ENV": "production"})


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestRoutes:
    """Who may call what."""

    def test_every_route_needs_a_token_or_is_listed_as_public(self, app: Flask) -> None:
        open_to_all = {endpoint for endpoint, status in statuses(app) if status != 401}
        assert open_to_all == set(PUBLIC | PUBLIC_IN_DEVELOPMENT)

    def test_the_demo_is_absent_in_production(self, production: Flask) -> None:
        open_to_all = {endpoint for endpoint, status in statuses(production) if status != 401}
        assert open_to_all == set(PUBLIC)
        assert not {"board", "web"} & set(production.blueprints)
        for path in ("/", "/inbox", "/board/api/people", "/static/demo/home.js"):
            assert production.test_client().get(path).status_code == 404
        login = production.test_client().post("/board/api/login", json={"user": "ada"})
        assert login.status_code == 404

    def test_no_route_differs_between_development_and_production_but_the_demos(
        self, app: Flask, production: Flask
    ) -> None:
        def rules(app: Flask) -> set[str]:
            return {
                f"{rule} {sorted(rule.methods or ())}"
                for rule in app.url_map.iter_rules()
                if rule.endpoint.partition(".")[0] not in ("board", "web")
            }

        assert rules(app) == rules(production)

    def test_no_token_in_the_url_is_taken_for_one(self, app: Flask) -> None:
        with app.app_context():
            token = issue_token("grace")
        for name in ("jwt", "token", "access_token", "access_token_cookie", "ticket"):
            for path in ("/api/v1/mailbox", "/api/v1/notifications/subscribe"):
                answer = app.test_client().head(path, query_string={name: token})
                assert answer.status_code == 401


def test_imports_go_the_allowed_way() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


# Loads the application, and says what is alive then that was not before.
LOAD = """
import gc, json, threading
import gevent
import wsgi
for thread in threading.enumerate():  # limits' memory has a timer that fires once, at once
    if thread is not threading.main_thread():
        thread.join(5)
greenlets = [o for o in gc.get_objects() if isinstance(o, gevent.Greenlet)]
print(json.dumps({"threads": threading.active_count(), "greenlets": len(greenlets)}))
"""


@pytest.mark.parametrize("app_env", ["development", "production"])
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_loading_the_application_connects_to_nothing_and_starts_nothing(
    tmp_path: Path, app_env: str, database: str
) -> None:
    """gunicorn loads it in the master's stead and before the worker is ready to serve."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        file = tmp_path / "tidings.db"
        settings = {
            "APP_ENV": app_env,
            "INSTANCE_PATH": str(tmp_path / "instance"),
            "DATABASE_URL": f"sqlite:///{file}"
            if database == "sqlite"
            else f"postgresql://127.0.0.1:{port}/tidings",
            "REDIS_URL": f"redis://127.0.0.1:{port}/0",
            "JWT_SECRET_KEY": "q8Zr1-Lk3_vYt6WmPd0sXcBnHj5uGfEa",
        }
        # Nobody answers on that port: a connection would be waited for until the time is up.
        done = subprocess.run(
            [sys.executable, "-c", LOAD],
            cwd=PROJECT,
            env=child_environ(settings),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()  # nobody came
    assert json.loads(done.stdout) == {"threads": 1, "greenlets": 0}
    assert not file.exists()
