"""Rate limits: every view says its own, or why it has none; over it the answer is 429."""

from collections.abc import Callable

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from redis.backoff import NoBackoff
from redis.retry import Retry
from werkzeug.test import TestResponse

from app import create_app
from app.limits import UNLIMITED_BLUEPRINTS, rate_of, reason_of
from tests.conftest import StartRedis, TokenFor

# 6,000 and 600 a minute become 6 and 1.
ALMOST_NONE = {"RATE_LIMIT_FACTOR": "0.001"}

ONCE = Retry(NoBackoff(), 0)

Get = Callable[..., TestResponse]


@pytest.fixture
def strict(environment: dict[str, str], redis_client: redis.Redis) -> Flask:
    """The application with hardly any requests allowed."""
    return create_app({**environment, **ALMOST_NONE})


def get(client: FlaskClient, path: str, token: str | None = None) -> TestResponse:
    """GET below /api/v1."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return client.get(f"/api/v1{path}", headers=headers)


def test_every_view_says_how_often_it_may_be_used_or_why_that_does_not_matter(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        blueprint = rule.endpoint.partition(".")[0]
        said = [rate_of(view), reason_of(view), UNLIMITED_BLUEPRINTS.get(blueprint)]
        assert sum(each is not None for each in said) == 1, f"{rule} ({rule.endpoint}) says {said}"


def test_who_asks_too_often_is_told_when_to_come_back(strict: Flask, token_for: TokenFor) -> None:
    client, token = strict.test_client(), token_for("grace")
    answers = [get(client, "/mailbox", token) for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 6 + [429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == list("5432100")
    assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {"6"}
    assert "Retry-After" not in answers[0].headers
    refused = answers[-1]
    assert 1 <= int(refused.headers["Retry-After"]) <= 61
    assert refused.content_type == "application/problem+json"
    assert refused.get_json()["type"] == "urn:tidings:problem:too-many-requests"


def test_a_limit_counts_for_each_person_and_each_view(strict: Flask, token_for: TokenFor) -> None:
    client = strict.test_client()
    for _ in range(7):
        get(client, "/mailbox", token_for("grace"))
    assert get(client, "/mailbox", token_for("grace")).status_code == 429
    assert get(client, "/mailbox", token_for("ada")).status_code == 200
    assert get(client, "/notifications", token_for("grace")).status_code == 200


def test_a_limit_holds_across_processes(
    strict: Flask, environment: dict[str, str], token_for: TokenFor
) -> None:
    other = create_app({**environment, **ALMOST_NONE})
    for app in (strict, other, strict, other, strict, other):
        assert get(app.test_client(), "/mailbox", token_for("grace")).status_code == 200
    assert get(strict.test_client(), "/mailbox", token_for("grace")).status_code == 429
    assert get(other.test_client(), "/mailbox", token_for("grace")).status_code == 429


def test_who_is_nobody_is_counted_by_address(strict: Flask) -> None:
    client = strict.test_client()
    asked = [get(client, "/mailbox").status_code for _ in range(7)]
    assert asked == [401] * 6 + [429]
    elsewhere = {"REMOTE_ADDR": "203.0.113.7"}
    assert client.get("/api/v1/mailbox", environ_overrides=elsewhere).status_code == 401


def test_a_preflight_is_not_counted(strict: Flask) -> None:
    client = strict.test_client()
    assert {client.options("/api/v1/mailbox").status_code for _ in range(8)} == {200}


def test_zero_lifts_the_limits(environment: dict[str, str], token_for: TokenFor) -> None:
    client = create_app({**environment, "RATE_LIMIT_FACTOR": "0"}).test_client()
    answer = get(client, "/mailbox", token_for("grace"))
    assert answer.status_code == 200
    assert "X-RateLimit-Limit" not in answer.headers


def test_without_redis_the_inbox_is_readable_and_still_limited(
    environment: dict[str, str], token_for: TokenFor
) -> None:
    app = create_app({**environment, **ALMOST_NONE, "REDIS_URL": "redis://127.0.0.1:1/0"})
    client, token = app.test_client(), token_for("grace")
    assert [get(client, "/mailbox", token).status_code for _ in range(7)] == [200] * 6 + [429]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_redis_that_takes_nothing_holds_up_no_request(
    environment: dict[str, str], token_for: TokenFor, start_redis: StartRedis
) -> None:
    """It answers a PING, as one that fails over does."""
    server = start_redis()
    url = f"redis://127.0.0.1:{server.port}/0"
    client = create_app({**environment, "REDIS_URL": url}).test_client()
    token = token_for("grace")
    assert get(client, "/mailbox", token).status_code == 200
    with redis.Redis(port=server.port, socket_timeout=0.2, retry=ONCE) as outside:
        outside.execute_command("CLIENT", "PAUSE", "60000", "WRITE")
        assert [get(client, "/mailbox", token).status_code for _ in range(3)] == [200] * 3
        with pytest.raises(redis.TimeoutError):
            outside.set("it", "does not answer yet")
