"""Who tries tokens or tickets is slowed down, by address; whoever has a good token is not."""

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from app.ops.attempts import Attempts
from tests.conftest import TokenFor

# 300 a minute become 3.
FEW = {"RATE_LIMIT_FACTOR": "0.01"}
STREAM = "/api/v1/notifications/subscribe"
MAILBOX = "/api/v1/mailbox"


@pytest.fixture
def client(environment: dict[str, str]) -> FlaskClient:
    """Somebody at one address, who may fail three times in a minute."""
    return create_app(environment | FEW).test_client()


def shows(token: str) -> dict[str, str]:
    """The header that shows a token."""
    return {"Authorization": f"Bearer {token}"}


def ticket(client: FlaskClient, token: str) -> str:
    """A ticket that is good."""
    answer: TestResponse = client.post("/api/v1/stream-tickets", headers=shows(token))
    made: str = answer.get_json()["ticket"]
    return made


def exhaust(client: FlaskClient) -> None:
    """Fail as often as one may."""
    for _ in range(3):
        assert client.get(MAILBOX, headers=shows("guess")).status_code == 401


class TestCounting:
    """The count itself."""

    def test_an_address_may_fail_so_often_in_a_minute(self) -> None:
        now = [0.0]
        attempts = Attempts(2, lambda: now[0])
        for _ in range(2):
            assert not attempts.exhausted("a")
            attempts.failed("a")
        assert attempts.exhausted("a")
        assert not attempts.exhausted("b")
        now[0] = 59.0
        assert attempts.exhausted("a")
        assert attempts.refusal().retry_after_seconds == 2
        now[0] = 60.0
        assert not attempts.exhausted("a")

    def test_a_flood_of_addresses_does_not_fill_the_memory(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.ops.attempts.MOST_ADDRESSES", 10)
        attempts = Attempts(1)
        for number in range(95):
            attempts.failed(f"address-{number}")
        assert sum(attempts.exhausted(f"address-{number}") for number in range(95)) <= 10


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestAnswers:
    """What who tries is answered."""

    @pytest.mark.parametrize("path", [MAILBOX, STREAM, "/api/v1/events"])
    def test_who_tries_tokens_is_told_to_wait(self, client: FlaskClient, path: str) -> None:
        method = "POST" if path.endswith("events") else "GET"
        tries = [client.open(path, method=method, headers=shows(f"guess-{n}")) for n in range(5)]
        assert [answer.status_code for answer in tries] == [401, 401, 401, 429, 429]
        assert tries[-1].get_json()["type"] == "urn:tidings:problem:too-many-attempts"
        assert 1 <= int(tries[-1].headers["Retry-After"]) <= 61
        assert "WWW-Authenticate" not in tries[-1].headers

    def test_failures_count_together_wherever_they_are(self, client: FlaskClient) -> None:
        client.set_cookie("access_token_cookie", "guess")
        tries = [
            client.get(MAILBOX),
            client.get("/api/v1/preferences", headers=shows("guess")),
            client.get(f"{STREAM}?ticket=guess"),
            client.get(MAILBOX),
        ]
        assert [answer.status_code for answer in tries] == [401, 401, 401, 429]

    def test_a_good_token_is_good_whatever_others_do_at_the_same_address(
        self, client: FlaskClient, token_for: TokenFor
    ) -> None:
        exhaust(client)
        assert client.get(MAILBOX, headers=shows(token_for("grace"))).status_code == 200
        assert client.head(STREAM, headers=shows(token_for("grace"))).status_code == 200
        assert client.get("/healthz").status_code == 200

    def test_who_tries_tickets_finds_none_not_even_a_good_one(
        self, client: FlaskClient, token_for: TokenFor, redis_client: redis.Redis
    ) -> None:
        good = ticket(client, token_for("grace"))
        for number in range(3):
            assert client.get(f"{STREAM}?ticket=guess-{number}").status_code == 401
        assert client.head(f"{STREAM}?ticket={good}").status_code == 429
        assert len(redis_client.keys("tidings:ticket:*")) == 1  # it was not even looked at
        elsewhere = {"REMOTE_ADDR": "203.0.113.7"}
        answer = client.head(f"{STREAM}?ticket={good}", environ_overrides=elsewhere)
        assert answer.status_code == 200

    def test_who_shows_nothing_tries_nothing(self, client: FlaskClient) -> None:
        assert {client.get(MAILBOX).status_code for _ in range(8)} == {401}

    def test_it_holds_without_redis_and_does_not_ask_it(
        self, environment: dict[str, str], token_for: TokenFor
    ) -> None:
        app = create_app({**environment, **FEW, "REDIS_URL": "redis://127.0.0.1:1/0"})
        client = app.test_client()
        tries = [client.get(STREAM, headers=shows("guess")).status_code for _ in range(4)]
        assert tries == [401, 401, 401, 429]
        assert client.head(STREAM, headers=shows(token_for("grace"))).status_code == 200

    def test_zero_lifts_it(self, environment: dict[str, str]) -> None:
        app: Flask = create_app({**environment, "RATE_LIMIT_FACTOR": "0"})
        client = app.test_client()
        assert {client.get(MAILBOX, headers=shows("x")).status_code for _ in range(301)} == {401}
