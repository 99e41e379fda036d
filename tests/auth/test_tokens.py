"""Which tokens are good: a valid signature of the one algorithm, a user, an end."""

import base64
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from flask import Flask

from app import create_app
from app.auth import issue_token
from tests.auth.conftest import Get, Sign
from tests.conftest import TokenFor

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def assert_refused(get: Get, token: str, saying: str = "") -> None:
    """401, as a problem, in the header and in the cookie alike."""
    for answer in (get(f"Bearer {token}"), get(None, cookie=token)):
        problem = answer.get_json()
        assert answer.status_code == 401, problem
        assert problem["type"] == "urn:tidings:problem:unauthorized"
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert saying in problem["detail"]


def test_a_good_token_is_the_user_it_names(get: Get, sign: Sign) -> None:
    assert get(f"Bearer {sign()}").status_code == 200


def test_without_a_token_nobody_gets_in(get: Get) -> None:
    answer = get(None)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "bearer token" in answer.get_json()["detail"]


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer a.b.c",
        "Bearer é.é.é",
        "Bearer {good} {good}",
        "Bearer {good}, Bearer {good}",
        "Bearer {good}x.",
        "Basic Z3JhY2U6cHc=",
        "Token {good}",
        "{good}",
        "garbage",
        ",",
        ", ,x",
        "Bearer ,{good}",
    ],
)
def test_a_bad_header_is_an_error_whatever_the_cookie_says(
    get: Get, sign: Sign, header: str
) -> None:
    good = sign()
    header = header.replace("{good}", good)
    assert get(header).status_code == 401
    assert get(header, cookie=good).status_code == 401


def test_a_good_header_counts_whatever_the_cookie_says(get: Get, sign: Sign) -> None:
    assert get(f"Bearer {sign()}", cookie="garbage").status_code == 200
    assert get("", cookie=sign()).status_code == 200  # an empty header is none


@pytest.mark.parametrize(
    ("changes", "saying"),
    [
        ({"exp": ...}, "no exp"),
        ({"exp": None}, ""),
        ({"exp": "never"}, ""),
        ({"exp": "9999999999"}, "no exp"),
        ({"exp": True}, ""),
        ({"exp": float("inf")}, ""),
        ({"exp": float("nan")}, ""),
        ({"exp": 0}, "expired"),
        ({"nbf": 9_999_999_999}, "not yet valid"),
        ({"iat": 9_999_999_999}, "not yet valid"),
        ({"sub": ...}, ""),
        ({"sub": None}, ""),
        ({"sub": ""}, ""),
        ({"sub": 42}, ""),
        ({"sub": ["grace"]}, ""),
        ({"sub": "g" * 129}, "user id"),
        ({"sub": "grace\n"}, "user id"),
        ({"sub": "\ngrace"}, "user id"),
        ({"sub": "gra ce"}, "user id"),
        ({"sub": "grace\0"}, "user id"),
        ({"sub": "grâce"}, "user id"),
        ({"sub": "grace/../ada"}, "user id"),
        ({"sub": "٣"}, "user id"),
        ({"scope": ["admin"]}, "scope"),
        ({"scope": 5}, "scope"),
        ({"scope": None}, "scope"),
        ({"type": "refresh"}, ""),
    ],
)
def test_a_token_with_a_bad_claim_is_refused(
    get: Get, sign: Sign, changes: dict[str, Any], saying: str
) -> None:
    assert_refused(get, sign(**changes), saying)


@pytest.mark.parametrize("user", ["g", "g" * 128, "a.B_9~c@d.example:e-f", "-", "~"])
def test_every_user_id_of_the_contract_is_one(get: Get, sign: Sign, user: str) -> None:
    assert get(f"Bearer {sign(sub=user)}").status_code == 200


def test_a_token_ends_when_it_says_with_leeway_for_clocks_that_differ(get: Get, sign: Sign) -> None:
    assert_refused(get, sign(exp=int(time.time()) - 60), "expired")
    assert get(f"Bearer {sign(exp=int(time.time()) - 1)}").status_code == 200


@pytest.mark.parametrize("payload", [b"", b"[]", b"null", b'"grace"', b"{", b"\xff", b"[" * 3_000])
def test_what_is_signed_but_no_set_of_claims_is_refused(
    get: Get, secret: str, payload: bytes
) -> None:
    assert get(f"Bearer {jwt.api_jws.encode(payload, secret, 'HS256')}").status_code == 401


def encoded(raw: bytes) -> str:
    """Base64 as tokens have it."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forged(header: dict[str, Any], sign: Sign, key: bytes = b"") -> str:
    """A good token's claims under another header, signed with HMAC-SHA256 if there is a key."""
    told = f"{encoded(json.dumps(header).encode())}.{sign().split('.')[1]}"
    signature = hmac.digest(key, told.encode(), "sha256") if key else b""
    return f"{told}.{encoded(signature)}"


@pytest.mark.parametrize("name", ["none", "None", "NONE", "", "HS256", None])
def test_a_token_without_a_signature_is_refused(get: Get, sign: Sign, name: str | None) -> None:
    assert_refused(get, forged({"alg": name, "typ": "JWT"}, sign))
    assert_refused(get, forged({"typ": "JWT"}, sign))


@pytest.mark.parametrize("name", ["none", "RS256", "ES256", "EdDSA", "HS384", "HS512", "hs256"])
def test_the_token_does_not_choose_the_algorithm(
    get: Get, sign: Sign, secret: str, name: str
) -> None:
    assert_refused(get, forged({"alg": name}, sign, secret.encode()))
    assert get(f"Bearer {forged({'alg': 'HS256'}, sign, secret.encode())}").status_code == 200


def test_a_signature_by_another_key_is_refused(get: Get, sign: Sign, secret: str) -> None:
    for key in (secret[::-1], secret[:-1], secret + "x"):
        assert_refused(get, forged({"alg": "HS256"}, sign, key.encode()))


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_the_right_key_by_a_longer_hash_is_refused(
    get: Get, sign: Sign, secret: str, algorithm: str
) -> None:
    claims = jwt.decode(sign(), options={"verify_signature": False})
    assert_refused(get, jwt.encode(claims, secret, algorithm))


def test_a_token_with_one_byte_changed_is_refused(get: Get, sign: Sign) -> None:
    token = sign()
    header, claims, signature = token.split(".")
    other = sign(sub="ada").split(".")[1]
    assert_refused(get, f"{header}.{other}.{signature}")
    assert_refused(get, f"{header}.{claims}.{signature[1:]}")
    assert_refused(get, f"{header}.{claims}.")


GOOD: dict[str, Any] = {"iss": "https://id.example", "aud": "tidings"}


class TestIssuerAndAudience:
    """`iss` and `aud` are checked when they are set."""

    @pytest.fixture
    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        """Tokens of one issuer, for one audience."""
        return environment | {"JWT_ISSUER": "https://id.example", "JWT_AUDIENCE": "tidings"}

    def test_a_token_of_that_issuer_for_that_audience_is_good(self, get: Get, sign: Sign) -> None:
        assert get(f"Bearer {sign(**GOOD)}").status_code == 200
        several = GOOD | {"aud": ["board", "tidings"]}
        assert get(f"Bearer {sign(**several)}").status_code == 200

    @pytest.mark.parametrize(
        "changes",
        [
            {"iss": ...},
            {"iss": "https://id.example/"},
            {"iss": "https://evil.example"},
            {"iss": ["https://id.example"]},
            {"iss": 5},
            {"aud": ...},
            {"aud": "board"},
            {"aud": ["board"]},
            {"aud": []},
            {"aud": "tidings2"},
            {"aud": {"tidings": 1}},
        ],
    )
    def test_any_other_is_refused(self, get: Get, sign: Sign, changes: dict[str, Any]) -> None:
        assert_refused(get, sign(**GOOD | changes))

    def test_a_token_that_tidings_makes_itself_is_good_here(self, app: Flask, get: Get) -> None:
        with app.app_context():
            token = issue_token("grace")
        assert get(f"Bearer {token}").status_code == 200


def test_issuer_and_audience_dont_matter_when_they_are_not_set(get: Get, sign: Sign) -> None:
    assert get(f"Bearer {sign(iss='https://any.example')}").status_code == 200


def test_tokens_of_one_installation_are_worth_nothing_in_another(
    environment: dict[str, str], token_for: TokenFor
) -> None:
    other = create_app(environment | {"JWT_SECRET_KEY": "another-" + environment["JWT_SECRET_KEY"]})
    answer = other.test_client().get(
        "/api/v1/mailbox", headers={"Authorization": f"Bearer {token_for('grace')}"}
    )
    assert answer.status_code == 401
