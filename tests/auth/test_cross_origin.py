"""CORS: the listed origins, exactly, and no other."""

import itertools
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app import MAX_BODY_BYTES, create_app
from tests.conftest import TokenFor

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

API = "/api/v1"
ORIGIN = "https://app.example.com"
EVIL = "https://evil.example"
MAILBOX = f"{API}/mailbox"
# What a page may read, as it allows to act in the person's name, or to find out about networks.
GRANTS = [
    "Access-Control-Allow-Origin",
    "Access-Control-Allow-Credentials",
    "Access-Control-Allow-Methods",
    "Access-Control-Allow-Headers",
    "Access-Control-Expose-Headers",
    "Access-Control-Allow-Private-Network",
]


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    """Three other origins may call."""
    return environment | {
        "CORS_ORIGINS": f"{ORIGIN}, http://localhost:3000, https://strasse.example"
    }


def asked(app: Flask, origin: str, path: str = MAILBOX, token: str = "") -> TestResponse:
    """What a page of that origin is answered."""
    headers = {"Origin": origin, "Authorization": f"Bearer {token}"}
    return app.test_client().get(path, headers=headers)


def allowed(answer: TestResponse) -> str | None:
    """The origin whose pages may read the answer."""
    return answer.headers.get("Access-Control-Allow-Origin")


def preflight(app: Flask, path: str, method: str, origin: str = ORIGIN) -> TestResponse:
    """What a browser is answered that asks whether a page may do so."""
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization, content-type, last-event-id, "
        "x-csrf-token",
        "Access-Control-Request-Private-Network": "true",
    }
    return app.test_client().options(path, headers=headers)


def shared_routes(app: Flask) -> Iterator[tuple[str, str]]:
    """(path, method) of all that is shared with other origins."""
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith((f"{API}/", "/static/<")):
            path = rule.rule.replace("path:", "").replace("<", "").replace(">", "")
            for method in (rule.methods or set()) - {"OPTIONS"}:
                yield path, method


@pytest.mark.parametrize("origin", [ORIGIN, "http://localhost:3000", "https://strasse.example"])
def test_a_listed_origin_may_read_answers_and_errors(
    app: Flask, token_for: TokenFor, origin: str
) -> None:
    for answer in (asked(app, origin, token=token_for("grace")), asked(app, origin)):
        assert allowed(answer) == origin
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"


@pytest.mark.parametrize(
    "origin",
    [
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://app.example.com:443",
        "https://app.example.com.evil.example",
        "https://evil-app.example.com",
        "https://appXexample.com",
        "https://app.example.co",
        "https://app.example.com/",
        "https://app.example.com.",
        "https://sub.app.example.com",
        "https://APP.example.com",
        "HTTPS://app.example.com",
        "https://user@app.example.com",
        "https://app.example.com@evil.example",
        "https://evil.example/https://app.example.com",
        "https://evil.example#https://app.example.com",
        "https://app.example.com https://evil.example",
        "https://evil.example, https://app.example.com",
        "https://app.example.com,https://app.example.com",
        # To Python's casefold() this is the same as strasse.
        "https://stra\xdfe.example",
        "https://\xe4pp.example.com",
        "http://localhost:30001",
        "http://localhost",
        "http://127.0.0.1:3000",
        "file://",
        "null",
        "Null",
        "*",
        ".*",
        "",
    ],
)
def test_no_other_origin_may_however_like_it_is(
    app: Flask, token_for: TokenFor, origin: str
) -> None:
    answer = asked(app, origin, token=token_for("grace"))
    assert answer.status_code == 200
    refused = preflight(app, MAILBOX, "GET", origin)
    for name in GRANTS:
        assert name not in answer.headers
        assert name not in refused.headers


def test_whatever_is_shared_says_that_it_differs_by_origin(app: Flask) -> None:
    """Else a cache would give one origin's answer to another, or nobody's to a page."""
    app.extensions["tidings.sse"].drain()
    for (path, method), origin in itertools.product(shared_routes(app), (ORIGIN, EVIL, None)):
        headers = {"Origin": origin} if origin else {}
        answer = app.test_client().open(path, method=method, headers=headers)
        assert answer.headers.getlist("Vary") == ["Origin"], (method, path, origin)
        assert allowed(answer) == (origin if origin == ORIGIN else None)


def test_a_preflight_allows_what_the_api_takes(app: Flask) -> None:
    routes = list(shared_routes(app))
    assert (f"{API}/notifications/subscribe", "GET") in routes
    for path, method in routes:
        answer = preflight(app, path, method)
        assert answer.status_code == 200
        assert allowed(answer) == ORIGIN
        assert method in answer.headers["Access-Control-Allow-Methods"].split(", ")
        said = set(answer.headers["Access-Control-Allow-Headers"].lower().split(", "))
        assert said == {"authorization", "content-type", "last-event-id", "x-csrf-token"}
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert 1 <= int(answer.headers["Access-Control-Max-Age"]) <= 7_200
        # A page on the internet is not to reach into a network at home by way of a browser.
        assert answer.headers.get("Access-Control-Allow-Private-Network") != "true"
        assert answer.headers.getlist("Vary") == ["Origin"]


def test_a_page_may_read_where_the_next_page_is(app: Flask, token_for: TokenFor) -> None:
    exposed = asked(app, ORIGIN, token=token_for("grace")).headers["Access-Control-Expose-Headers"]
    assert {"Link", "Retry-After"} <= set(exposed.split(", "))


def test_a_page_may_read_what_went_wrong(environment: dict[str, str], token_for: TokenFor) -> None:
    def defect() -> str:
        raise RuntimeError("as any view may")

    app = create_app(environment | {"RATE_LIMIT_FACTOR": "0.01"})
    app.add_url_rule(f"{API}/defect", "defect", defect)
    signed = {"Origin": ORIGIN, "Authorization": f"Bearer {token_for('grace')}"}
    guessed = {"Origin": ORIGIN, "Authorization": "Bearer guess"}
    large = {"data": b" " * (MAX_BODY_BYTES + 1), "content_type": "application/json"}
    client = app.test_client()
    answers = [
        client.get(f"{API}/nowhere", headers=signed),
        client.delete(MAILBOX, headers=signed),
        client.put(f"{MAILBOX}/seen", headers=signed, **large),
        client.put(f"{MAILBOX}/seen", headers=signed, data="x"),
        client.put(f"{MAILBOX}/seen", headers=signed, json={}),
        client.post(f"{API}/events", headers=signed, json={}),
        client.get(f"{API}/defect", headers=signed),
        *(client.get(MAILBOX, headers=guessed) for _ in range(4)),
    ]
    statuses = [404, 405, 413, 415, 422, 403, 500, 401, 401, 401, 429]
    assert [answer.status_code for answer in answers] == statuses
    for answer in answers:
        assert answer.headers.getlist("Access-Control-Allow-Origin") == [ORIGIN]
        assert answer.headers.getlist("Access-Control-Allow-Credentials") == ["true"]
        assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]


def test_only_the_api_and_the_client_are_shared(app: Flask) -> None:
    for path in ("/healthz", "/readyz", "/", "/board/api/people"):
        assert allowed(asked(app, ORIGIN, path)) is None


def test_without_the_setting_no_origin_is_allowed(environment: dict[str, str]) -> None:
    app = create_app(environment | {"CORS_ORIGINS": ""})
    assert allowed(asked(app, ORIGIN)) is None
