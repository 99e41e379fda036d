"""A ticket opens one stream, once, for the one who asked for it, within half a minute."""

import time

import pytest
import redis
from flask import Flask

from app import create_app
from app.auth.identity import Identity
from app.auth.tickets import TICKET_SECONDS, redeem_ticket
from app.errors import Unauthorized
from tests.auth.conftest import Sign
from tests.conftest import TokenFor
from tests.notifications.world import Caller
from tests.support.processes import free_port

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

STREAM = "/api/v1/notifications/subscribe"


@pytest.fixture
def grace(app: Flask, token_for: TokenFor) -> Caller:
    """Grace, on the API."""
    return Caller(app, token_for("grace"))


def ticket_of(caller: Caller) -> str:
    """A new ticket."""
    answer = caller.request("POST", "/stream-tickets")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    ticket: str = answer.get_json()["ticket"]
    return ticket


def opened(app: Flask, ticket: str) -> int:
    """The status with which a stream by that ticket begins. HEAD never starts the stream."""
    return app.test_client().head(STREAM, query_string={"ticket": ticket}).status_code


def test_a_ticket_stands_for_the_whole_identity(
    app: Flask, redis_client: redis.Redis, sign: Sign
) -> None:
    expires_at = int(time.time()) + 1_234
    token = sign(sub="ada@x.example", exp=expires_at, scope="admin events:write", jti="token-1")
    ticket = ticket_of(Caller(app, token))
    assert redeem_ticket(redis_client, ticket) == Identity(
        "ada@x.example", frozenset({"admin", "events:write"}), None, expires_at, "token-1"
    )


def test_a_ticket_opens_one_stream_also_when_two_workers_are_shown_it(
    app: Flask, environment: dict[str, str], grace: Caller
) -> None:
    other = create_app(environment)
    ticket = ticket_of(grace)
    assert opened(other, ticket) == 200
    assert opened(app, ticket) == 401
    assert opened(other, ticket) == 401


def test_a_ticket_ends_within_half_a_minute(
    app: Flask, redis_client: redis.Redis, grace: Caller
) -> None:
    ticket = ticket_of(grace)
    [key] = redis_client.keys("tidings:ticket:*")
    left = redis_client.pttl(key)
    assert isinstance(left, int)
    assert 0 < left <= TICKET_SECONDS * 1000 == 30_000
    redis_client.pexpire(key, 0)
    assert opened(app, ticket) == 401


def test_who_can_look_into_redis_finds_no_ticket(redis_client: redis.Redis, grace: Caller) -> None:
    ticket = ticket_of(grace)
    for key in redis_client.scan_iter():
        assert ticket.encode() not in key
        assert ticket.encode() not in (redis_client.get(key) or b"")


def test_no_two_tickets_are_alike_and_none_can_be_guessed(grace: Caller) -> None:
    tickets = {ticket_of(grace) for _ in range(20)}
    assert len(tickets) == 20
    assert min(map(len, tickets)) >= 43  # 32 random bytes


@pytest.mark.parametrize("ticket", ["unknown", "\0", "é", "x" * 5_000, "*", "tidings:ticket:x"])
def test_an_unknown_ticket_is_refused_whatever_token_is_there(
    app: Flask, grace: Caller, ticket: str, token_for: TokenFor
) -> None:
    assert opened(app, ticket) == 401
    with_token = grace.get("/notifications/subscribe", ticket=ticket)
    assert with_token.status_code == 401
    assert with_token.get_json()["detail"] == "The ticket is unknown, used or expired."


def test_a_ticket_is_for_a_stream_and_nothing_else(app: Flask, grace: Caller) -> None:
    ticket = ticket_of(grace)
    answer = app.test_client().get("/api/v1/mailbox", query_string={"ticket": ticket})
    assert answer.status_code == 401
    bearer = app.test_client().get("/api/v1/mailbox", headers={"Authorization": f"Bearer {ticket}"})
    assert bearer.status_code == 401


def test_a_ticket_needs_a_token(app: Flask) -> None:
    assert app.test_client().post("/api/v1/stream-tickets").status_code == 401


def test_without_redis_there_are_no_tickets_and_the_answer_says_so(
    environment: dict[str, str], token_for: TokenFor
) -> None:
    away = create_app(environment | {"REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"})
    made = Caller(away, token_for("grace")).request("POST", "/stream-tickets")
    assert made.status_code == made.get_json()["status"] == 503
    assert "Retry-After" in made.headers
    assert opened(away, "any") == 503


def test_a_redeemed_ticket_is_gone(redis_client: redis.Redis, grace: Caller) -> None:
    ticket = ticket_of(grace)
    redeem_ticket(redis_client, ticket)
    assert redis_client.keys("tidings:ticket:*") == []
    with pytest.raises(Unauthorized):
        redeem_ticket(redis_client, ticket)
