"""Security headers: on every answer of every route, whatever it says and whoever makes it."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app import create_app
from tests.conftest import TokenFor
from tests.test_promises import PUBLIC, PUBLIC_IN_DEVELOPMENT

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

# TRACE is no route's: 405. OPTIONS is what a preflight uses.
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
TEXT = {"data": "no JSON", "content_type": "text/plain"}
PAGES = {"web.home", "web.inbox", "openapi.page"}


def fail() -> str:
    """A view with a defect."""
    raise RuntimeError("as any view may")


@pytest.fixture(params=["development", "production"])
def app(request: pytest.FixtureRequest, environment: dict[str, str]) -> Flask:
    """The application, with a defect, and with streams that end at once."""
    environment |= {"APP_ENV": request.param, "CORS_ORIGINS": "https://app.example.com"}
    app = create_app(environment)
    app.extensions["tidings.sse"].drain()
    app.add_url_rule("/defect", "defect", fail)
    return app


def answers(app: Flask, token_for: TokenFor) -> Iterator[tuple[str, TestResponse]]:
    """(endpoint, answer): every route with every method, with and without a token and a body.

    A new person asks each time, as some of the routes sign in or out.
    """
    numbers = itertools.count()

    def ask(path: str, method: str, signed_in: bool, **body: Any) -> TestResponse:
        token = token_for(f"user-{next(numbers)}")
        headers = {"Authorization": f"Bearer {token}"} if signed_in else {}
        return app.test_client().open(path, method=method, headers=headers, **body)

    for rule in app.url_map.iter_rules():
        path = rule.rule
        for argument in rule.arguments:
            path = path.replace(f"<{argument}>", "1").replace(f"<path:{argument}>", "1")
        for method in METHODS:
            yield rule.endpoint, ask(path, method, signed_in=False)
            yield rule.endpoint, ask(path, method, signed_in=True)
        for method in {"POST", "PUT", "PATCH"} & (rule.methods or set()):
            yield rule.endpoint, ask(path, method, signed_in=True, **TEXT)
    for path in ("/nowhere", "/api/v1/nowhere", "/static/nowhere.js", "/api/v1/docs/nowhere.js"):
        yield "nowhere", ask(path, "GET", signed_in=False)


def test_every_answer_says_what_it_may_be_used_for(app: Flask, token_for: TokenFor) -> None:
    statuses = set()
    for endpoint, answer in answers(app, token_for):
        said, place = answer.headers, f"{answer.request.method} {answer.request.path} {answer}"
        statuses.add(answer.status_code)
        assert said["X-Content-Type-Options"] == "nosniff", place
        assert said["Referrer-Policy"] in ("no-referrer", "same-origin"), place
        assert said["Cross-Origin-Resource-Policy"] == "same-origin", place
        policy = said["Content-Security-Policy"]
        for part in ("default-src ", "base-uri 'none'", "frame-ancestors ", "form-action "):
            assert part in policy, place
        assert "unsafe" not in policy, place
        assert "*" not in policy, place
        if answer.mimetype != "text/html":
            # The demo's files have its pages' policy.
            assert "default-src 'none'" in policy or endpoint.startswith("web."), place
        if endpoint not in PUBLIC | PUBLIC_IN_DEVELOPMENT:
            assert "no-store" in said["Cache-Control"], place
        assert "Strict-Transport-Security" not in said, place
    assert statuses >= {200, 401, 404, 405, 415, 500}


def test_pages_are_alone_in_their_process(app: Flask) -> None:
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint in PAGES]
    assert rules
    for rule in rules:
        answer = app.test_client().get(rule.rule)
        assert answer.mimetype == "text/html"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "camera=()" in answer.headers["Permissions-Policy"]


def test_over_tls_a_browser_is_told_to_stay_there_and_over_nothing_else_it_is_not(
    app: Flask,
) -> None:
    for path in ("/healthz", "/nowhere", "/api/v1/mailbox", "/api/v1/docs", "/static/tidings.js"):
        secure = app.test_client().get(path, base_url="https://localhost")
        age = int(secure.headers["Strict-Transport-Security"].removeprefix("max-age="))
        assert age >= 31_536_000
        plain = app.test_client().get(path, headers={"X-Forwarded-Proto": "https"})
        assert "Strict-Transport-Security" not in plain.headers


def test_what_a_view_says_itself_stays(app: Flask) -> None:
    answer = app.test_client().get("/static/tidings.js")
    assert answer.headers["Cache-Control"] == "no-cache"
    page = app.test_client().get("/api/v1/docs")
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert page.headers["Referrer-Policy"] == "same-origin"
