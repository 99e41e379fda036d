"""A token that was verified once is not verified again; whatever may have changed since is."""

import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.auth.jwks import fetch
from app.auth.key_set import FRESH_SECONDS, GRACE_SECONDS, KeySet
from app.auth.verified import VerifiedTokens
from tests.auth.conftest import CSRF, Get, Sign
from tests.auth.issuer import NEW, OLD, Clock, KeyServer, jwk, signed
from tests.support.waiting import wait_for

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def verifications(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tokens of which a signature was verified."""
    seen: list[str] = []
    decode: Callable[..., dict[str, Any]] = jwt.decode

    def noted(token: str, *args: Any, **options: Any) -> dict[str, Any]:
        seen.append(token)
        return decode(token, *args, **options)

    monkeypatch.setattr(jwt, "decode", noted)
    return seen


def test_the_same_token_is_verified_once(get: Get, sign: Sign, verifications: list[str]) -> None:
    token, other = sign(), sign(sub="ada")
    for _ in range(3):
        assert get(f"Bearer {token}").status_code == 200
        assert get(None, cookie=token).status_code == 200
        assert get(f"Bearer {other}").status_code == 200
    assert verifications == [token, other]


def test_a_token_that_is_remembered_ends_when_it_says(
    get: Get, sign: Sign, verifications: list[str]
) -> None:
    token = sign(exp=int(time.time()) - 4)  # for a second or less, with the leeway
    assert get(f"Bearer {token}").status_code == 200
    wait_for(lambda: get(f"Bearer {token}").status_code == 401, 10, "the token's end")
    assert "expired" in get(f"Bearer {token}").get_json()["detail"]
    assert len(verifications) > 1


@pytest.mark.parametrize("name", ["nbf", "iat"])
def test_a_token_that_is_remembered_is_not_good_before_its_time(
    app: Flask, get: Get, sign: Sign, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A clock that was put right may go back."""
    token = sign(**{name: int(time.time()) + 4})
    assert get(f"Bearer {token}").status_code == 200
    monkeypatch.setitem(app.config, "JWT_DECODE_LEEWAY", -60)
    refused = get(f"Bearer {token}")
    assert (refused.status_code, "not yet valid" in refused.get_json()["detail"]) == (401, True)


def test_a_token_that_is_remembered_can_be_revoked(
    client: FlaskClient, sign: Sign, verifications: list[str]
) -> None:
    bearer = {"Authorization": f"Bearer {sign()}"}
    assert client.get("/api/v1/mailbox", headers=bearer).status_code == 200
    assert client.delete("/api/v1/session", headers=bearer).status_code == 204
    refused = client.get("/api/v1/mailbox", headers=bearer)
    assert (refused.status_code, refused.get_json()["detail"]) == (
        401,
        "The token has been revoked.",
    )
    assert len(verifications) == 1


def test_the_csrf_token_of_a_session_is_remembered_with_it(
    client: FlaskClient, sign: Sign, verifications: list[str]
) -> None:
    said, unsaid = sign(), sign(csrf=...)
    for token, sent, status in (
        (said, CSRF, 200),
        (said, "another", 403),
        (unsaid, CSRF, 403),
        (said, None, 403),
    ):
        client.set_cookie("access_token_cookie", token)
        headers = {"X-CSRF-TOKEN": sent} if sent else {}
        answer = client.put("/api/v1/mailbox/seen", json={"up_to": 0}, headers=headers)
        assert answer.status_code == status
    assert verifications == [said, unsaid]


def test_what_was_refused_is_refused_again_and_not_remembered(
    app: Flask, get: Get, sign: Sign
) -> None:
    token = sign()
    head, _, signature = token.rpartition(".")
    # The last letter of 43 has two bits that say nothing: another spelling of the same signature.
    respelled = f"{head}.{signature[:-1]}{chr(ord(signature[-1]) + 1)}"
    bad = [
        f"{head}.{signature[::-1]}",
        respelled,
        sign(exp=0),
        sign(sub="grâce"),
        sign(type="refresh"),
        f"{head}.",
    ]
    assert get(f"Bearer {token}").status_code == 200
    remembered: VerifiedTokens = app.extensions["tidings.verified"]
    for each in bad * 2:
        assert get(f"Bearer {each}").status_code == 401
        assert remembered.find(each) is None
    assert remembered.find(token) is not None


class TestKeysOfAnIssuer:
    """A signature is as good as its key is now."""

    @pytest.fixture
    def environment(self, environment: dict[str, str], issuer: KeyServer) -> dict[str, str]:
        """Tokens of that issuer."""
        return {**environment, "JWT_SECRET_KEY": "", "JWT_JWKS_URL": issuer.url}

    @pytest.fixture
    def clock(self, app: Flask, issuer: KeyServer) -> Clock:
        """The clock that the application's keys go by."""
        clock = Clock()
        keys = KeySet(lambda: fetch(issuer.url), "RS256", "id.example", clock)
        app.extensions["tidings.keys"] = keys.key
        return clock

    @pytest.fixture
    def call(self, client: FlaskClient) -> Callable[[], TestResponse]:
        """GET /mailbox, always with the same token."""
        token = signed(OLD, "RS256", {"kid": "old"})
        bearer = {"Authorization": f"Bearer {token}"}
        return lambda: client.get("/api/v1/mailbox", headers=bearer)

    @pytest.mark.parametrize("keys", [[], [jwk(NEW, "new", "RS256")], [jwk(NEW, "old", "RS256")]])
    def test_a_key_that_was_taken_out_or_replaced_takes_its_tokens_along(
        self,
        call: Callable[[], TestResponse],
        issuer: KeyServer,
        clock: Clock,
        keys: list[Any],
        verifications: list[str],
    ) -> None:
        assert [call().status_code for _ in range(3)] == [200] * 3
        assert len(verifications) == 1
        issuer.keys = keys
        clock.now += FRESH_SECONDS
        assert [call().status_code for _ in range(3)] == [401] * 3

    def test_keys_that_were_fetched_anew_verify_anew(
        self,
        call: Callable[[], TestResponse],
        clock: Clock,
        verifications: list[str],
    ) -> None:
        for number in range(1, 4):
            assert [call().status_code for _ in range(3)] == [200] * 3
            assert len(verifications) == number
            clock.now += FRESH_SECONDS

    def test_when_nobody_has_known_the_keys_for_too_long_nobody_gets_in(
        self, call: Callable[[], TestResponse], issuer: KeyServer, clock: Clock
    ) -> None:
        assert call().status_code == 200
        issuer.status = 500
        clock.now += FRESH_SECONDS + GRACE_SECONDS - 1
        assert call().status_code == 200
        clock.now += 1
        assert call().status_code == 503
