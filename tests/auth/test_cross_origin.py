"""CORS: the listed origins, exactly, and no other."""

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app import create_app
from tests.conftest import TokenFor

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ORIGIN = "https://app.example.com"


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    """Two other origins may call."""
    return environment | {"CORS_ORIGINS": f"{ORIGIN}, http://localhost:3000"}


def asked(app: Flask, origin: str, path: str = "/api/v1/mailbox", token: str = "") -> TestResponse:
    """What a page of that origin is answered."""
    headers = {"Origin": origin, "Authorization": f"Bearer {token}"}
    return app.test_client().get(path, headers=headers)


def allowed(answer: TestResponse) -> str | None:
    """The origin whose pages may read the answer."""
    return answer.headers.get("Access-Control-Allow-Origin")


@pytest.mark.parametrize("origin", [ORIGIN, "http://localhost:3000"])
def test_a_listed_origin_may_read_answers_and_errors(
    app: Flask, token_for: TokenFor, origin: str
) -> None:
    for answer in (asked(app, origin, token=token_for("grace")), asked(app, origin)):
        assert allowed(answer) == origin
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        # A cache must not give one origin's answer to another.
        assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize(
    "origin",
    [
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://app.example.com.evil.example",
        "https://evil-app.example.com",
        "https://appXexample.com",
        "https://app.example.co",
        "https://app.example.com/",
        "https://sub.app.example.com",
        "http://localhost:30001",
        "http://localhost",
        "null",
        "*",
        ".*",
    ],
)
def test_no_other_origin_may_however_like_it_is(
    app: Flask, token_for: TokenFor, origin: str
) -> None:
    answer = asked(app, origin, token=token_for("grace"))
    assert answer.status_code == 200
    assert allowed(answer) is None
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path"),
    [("PATCH", "/notifications/1"), ("PUT", "/mailbox/seen"), ("POST", "/stream-tickets")],
)
def test_a_preflight_allows_what_the_api_takes(app: Flask, method: str, path: str) -> None:
    wanted = "authorization, content-type, x-csrf-token"
    answer = app.test_client().options(
        f"/api/v1{path}",
        headers={
            "Origin": ORIGIN,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": wanted,
        },
    )
    assert answer.status_code == 200
    assert allowed(answer) == ORIGIN
    assert method in answer.headers["Access-Control-Allow-Methods"]
    assert answer.headers["Access-Control-Allow-Headers"].lower() == wanted


def test_a_page_may_read_where_the_next_page_is(app: Flask, token_for: TokenFor) -> None:
    exposed = asked(app, ORIGIN, token=token_for("grace")).headers["Access-Control-Expose-Headers"]
    assert {"Link", "Retry-After"} <= set(exposed.split(", "))


def test_only_the_api_is_shared(app: Flask) -> None:
    for path in ("/healthz", "/readyz", "/", "/board/api/people"):
        assert allowed(asked(app, ORIGIN, path)) is None


def test_without_the_setting_no_origin_is_allowed(environment: dict[str, str]) -> None:
    app = create_app(environment | {"CORS_ORIGINS": ""})
    assert allowed(asked(app, ORIGIN)) is None
