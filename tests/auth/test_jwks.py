"""The issuer's key set, from a real server: fetched, kept, rotated, and failing closed."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from app.auth.jwks import MAX_BYTES, fetch
from app.auth.key_set import COOLDOWN_SECONDS, FRESH_SECONDS, GRACE_SECONDS, KeySet
from tests.auth.issuer import NEW, OLD, Clock, KeyServer, jwk, new_key, public_pem, signed
from tests.conftest import StartWeb
from tests.support.waiting import wait_for

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

Call = Callable[[str], TestResponse]


@pytest.fixture
def environment(environment: dict[str, str], issuer: KeyServer) -> dict[str, str]:
    """Tokens of that issuer."""
    return {**environment, "JWT_SECRET_KEY": "", "JWT_JWKS_URL": issuer.url}


@pytest.fixture
def clock(app: Flask, issuer: KeyServer) -> Clock:
    """The clock that the application's keys go by."""
    clock = Clock()
    keys = KeySet(lambda: fetch(issuer.url), "RS256", "id.example", clock)
    app.extensions["tidings.keys"] = keys.key
    return clock


@pytest.fixture
def call(client: FlaskClient) -> Call:
    """GET /mailbox with that token."""
    return lambda token: client.get("/api/v1/mailbox", headers={"Authorization": f"Bearer {token}"})


def of(key: Any, kid: str | None, **changes: Any) -> str:
    """A token of that key."""
    return signed(key, "RS256", None if kid is None else {"kid": kid}, **changes)


def test_keys_are_fetched_when_the_first_token_comes_and_kept(
    call: Call, issuer: KeyServer
) -> None:
    assert issuer.asked == []
    for _ in range(3):
        assert call(of(OLD, "old")).status_code == 200
    assert call(of(NEW, "old")).status_code == 401  # the name alone makes no key
    assert issuer.asked == ["/keys"]


def test_a_token_that_is_refused_anyway_fetches_nothing(call: Call, issuer: KeyServer) -> None:
    for token in (
        "a.b.c",
        signed("s" * 32, "HS256", {"kid": "old"}),
        of(OLD, ""),
        signed(OLD, "RS256", {"kid": "old", "typ": "logout+jwt"}),
        signed(OLD, "RS256", {"kid": "old", "crit": ["x"], "x": 1}),
    ):
        assert call(token).status_code == 401
    assert issuer.asked == []


def test_a_rotated_key_is_known_at_once_and_the_one_taken_away_within_minutes(
    call: Call, issuer: KeyServer, clock: Clock
) -> None:
    assert call(of(OLD, "old")).status_code == 200
    clock.now += COOLDOWN_SECONDS
    issuer.keys.append(jwk(NEW, "new", "RS256"))
    assert call(of(NEW, "new")).status_code == 200
    assert call(of(OLD, "old")).status_code == 200
    assert len(issuer.asked) == 2
    issuer.keys = issuer.keys[1:]
    clock.now += FRESH_SECONDS
    assert call(of(OLD, "old")).status_code == 401
    assert call(of(NEW, "new")).status_code == 200
    assert len(issuer.asked) == 3


def test_an_issuer_that_takes_all_keys_away_is_believed(
    call: Call, issuer: KeyServer, clock: Clock
) -> None:
    assert call(of(OLD, "old")).status_code == 200
    issuer.keys = []
    clock.now += FRESH_SECONDS
    assert call(of(OLD, "old")).status_code == 401


def test_strangers_cant_make_us_hammer_the_issuer(
    call: Call, issuer: KeyServer, clock: Clock
) -> None:
    hostile = ["../../etc/passwd", "' OR 1=1 --", "x" * 3000, "http://evil.example/k", "\0", "é"]
    for round in range(1, 4):
        for kid in hostile:
            assert call(of(NEW, kid)).status_code == 401
            assert call(of(OLD, "old")).status_code == 200
        assert len(issuer.asked) == round
        clock.now += COOLDOWN_SECONDS


def test_where_a_token_says_its_key_is_nobody_looks(call: Call, issuer: KeyServer) -> None:
    with KeyServer().running() as evil:
        evil.keys = [jwk(NEW, "old", "RS256")]
        for kid in ("old", "other"):
            brought: dict[str, Any] = {
                "kid": kid,
                "jku": evil.url,
                "x5u": evil.url,
                "jwk": jwk(NEW, kid, "RS256"),
                "x5c": [public_pem(NEW)],
            }
            assert call(signed(NEW, "RS256", brought)).status_code == 401
        assert evil.asked == []


def test_a_token_that_names_no_key_is_good_while_there_is_only_one(
    call: Call, issuer: KeyServer, clock: Clock
) -> None:
    assert call(of(OLD, None)).status_code == 200
    assert call(of(NEW, None)).status_code == 401
    issuer.keys.append(jwk(NEW, "new", "RS256"))
    clock.now += FRESH_SECONDS
    assert call(of(OLD, None)).status_code == 401
    assert call(of(OLD, "old")).status_code == 200


UNFIT: list[Any] = [
    jwk(OLD, "old", "RS256", use="enc"),
    jwk(OLD, "old", "RS256", alg="RS512"),
    jwk(OLD, "old", "RS256", alg="PS256"),
    jwk(OLD, "old", "RS256", alg="HS256"),
    jwk(OLD, "old", "RS256", key_ops=["encrypt"]),
    jwk(OLD, "old", "RS256", key_ops="verify"),
    jwk(OLD, "old", "RS256", kty="EC"),
    jwk(OLD, "old", "RS256", kty="oct", k="c2VjcmV0"),
    jwk(OLD, "old", "RS256", kty=...),
    jwk(OLD, "old", "RS256", n="AQAB"),
    jwk(OLD, "old", "RS256", n=5),
    jwk(OLD, "old", "RS256", n=...),
    jwk(OLD, "old", "RS256", e="AQ"),
    jwk(OLD, "old", "RS256", d="AQAB"),
    {**jwk(OLD, None, "RS256"), "kid": ["old"]},
    {"kty": "oct", "kid": "old", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"},
    {},
    None,
    "old",
    [[]],
]


def test_a_key_that_is_not_for_this_is_passed_over(
    call: Call, issuer: KeyServer, clock: Clock
) -> None:
    for unfit in UNFIT:
        issuer.keys = [unfit, jwk(NEW, "new", "RS256")]
        assert call(of(NEW, "new")).status_code == 200, unfit
        assert call(of(OLD, "old")).status_code == 401, unfit
        clock.now += FRESH_SECONDS
    issuer.keys = [jwk(OLD, "old", "RS256", use=..., alg=..., key_ops=["verify"])]
    assert call(of(OLD, "old")).status_code == 200


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
def test_the_other_algorithms_work_as_well(
    environment: dict[str, str], issuer: KeyServer, algorithm: str
) -> None:
    key = new_key(algorithm)
    issuer.keys.append(jwk(key, "mine", algorithm))
    client = create_app(environment | {"JWT_ALGORITHM": algorithm}).test_client()
    for token, status in ((signed(key, algorithm, {"kid": "mine"}), 200), (of(OLD, "old"), 401)):
        bearer = {"Authorization": f"Bearer {token}"}
        assert client.get("/api/v1/mailbox", headers=bearer).status_code == status


def break_by(issuer: KeyServer, how: str) -> None:
    """Make the issuer's answer none."""
    match how:
        case "an error":
            issuer.status = 500
        case "no keys":
            issuer.body = b"{}"
        case "keys of a kind":
            issuer.body = b'{"keys": {}}'
        case "no JSON":
            issuer.body = b"<html>"
        case "deep":
            issuer.body = b"[" * 100_000
        case "too long":
            issuer.body = b'{"keys": []}' + b" " * MAX_BYTES
        case "redirect":
            issuer.status, issuer.headers = 302, {"Location": f"{issuer.url}/elsewhere"}
            issuer.keys = []


@pytest.mark.parametrize(
    "how", ["an error", "no keys", "keys of a kind", "no JSON", "deep", "too long", "redirect"]
)
def test_without_keys_nobody_gets_in_and_the_log_says_why(
    call: Call,
    issuer: KeyServer,
    clock: Clock,
    how: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    break_by(issuer, how)
    with caplog.at_level(logging.WARNING, "app.auth"):
        answers = [call(of(OLD, "old")) for _ in range(3)]
    for answer in answers:
        assert answer.status_code == 503
        assert answer.get_json()["detail"] == "The issuer's keys can't be fetched."
        assert int(answer.headers["Retry-After"]) >= 1
    assert issuer.asked == ["/keys"]  # not three times, and nowhere else
    [record] = caplog.records
    assert "id.example" in record.getMessage()
    issuer.status, issuer.headers, issuer.body = 200, {}, None
    issuer.keys = [jwk(OLD, "old", "RS256")]
    clock.now += int(answers[-1].headers["Retry-After"])
    assert call(of(OLD, "old")).status_code == 200


def test_attempts_that_fail_come_further_and_further_apart(
    call: Call, issuer: KeyServer, clock: Clock
) -> None:
    issuer.status = 503
    pauses = []
    for _ in range(9):
        pauses.append(int(call(of(OLD, "old")).headers["Retry-After"]))
        clock.now += pauses[-1]
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert len(issuer.asked) == 9


def test_while_the_issuer_is_away_its_last_word_holds_for_an_hour_and_no_longer(
    call: Call, issuer: KeyServer, clock: Clock
) -> None:
    assert call(of(OLD, "old")).status_code == 200
    issuer.status = 500
    for passed in (FRESH_SECONDS, GRACE_SECONDS - 1):
        clock.now += passed
        assert call(of(OLD, "old")).status_code == 200
        assert call(of(NEW, "new")).status_code == 401
    clock.now += 1
    for token in (of(OLD, "old"), of(NEW, "new"), of(OLD, None)):
        assert call(token).status_code == 503
    issuer.status = 200
    clock.now += 60
    assert call(of(OLD, "old")).status_code == 200


def test_gunicorns_workers_fetch_the_keys_and_follow_a_rotation(
    start_web: StartWeb, issuer: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A proxy of the environment is no way to this machine itself.
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    issuer.status = 503
    # While it waits for the rotation, it fails more often than it otherwise might.
    web = start_web(RATE_LIMIT_FACTOR="0", JWT_ISSUER="https://id.example", JWT_AUDIENCE="tidings")
    claims = {"iss": "https://id.example", "aud": "tidings"}
    with web.http() as http:

        def status(token: str) -> int:
            headers = {"Authorization": f"Bearer {token}"}
            return http.get("/api/v1/mailbox", headers=headers).status_code

        assert status(of(OLD, "old", **claims)) == 503
        issuer.status = 200
        wait_for(lambda: status(of(OLD, "old", **claims)) == 200, 30, "the key set")
        assert status(of(OLD, "old", **claims | {"aud": "board"})) == 401
        assert status(of(OLD, "old")) == 401
        assert status(of(NEW, "new", **claims)) == 401
        issuer.keys = [jwk(NEW, "new", "RS256")]
        wait_for(lambda: status(of(NEW, "new", **claims)) == 200, 60, "the new key")
        assert status(of(OLD, "old", **claims)) == 401
        twice = [("Authorization", f"Bearer {of(NEW, 'new', **claims)}")] * 2
        assert http.get("/api/v1/mailbox", headers=twice).status_code in (400, 401)
    with web.stream(of(NEW, "new", **claims)) as stream:
        stream.wait_for_event(lambda frame: frame.event == "connected")
    assert "can't be fetched from 127.0.0.1" in web.output()
    assert "Traceback" not in web.output()
