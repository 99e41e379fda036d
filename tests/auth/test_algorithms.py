"""RFC 8725, point by point: a token chooses nothing, and is one plain token of one kind."""

import base64
import hmac
import json
import time
import zlib
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask

from app import create_app
from app.auth import issue_token
from app.auth.tokens import NotTheIssuer
from tests.auth.conftest import Get
from tests.auth.issuer import jwk, new_key, public_pem, signed
from tests.auth.test_tokens import assert_refused
from tests.support.processes import run_flask

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ASYMMETRIC = ["RS256", "ES256", "EdDSA"]


def by_public_key(environment: dict[str, str], algorithm: str, pem: str) -> dict[str, str]:
    """Settings with that key, and no secret."""
    return {
        **environment,
        "JWT_SECRET_KEY": "",
        "JWT_ALGORITHM": algorithm,
        "JWT_PUBLIC_KEY": pem,
    }


class Issued:
    """Tokens by public key, once for each algorithm."""

    @pytest.fixture(params=ASYMMETRIC)
    def algorithm(self, request: pytest.FixtureRequest) -> str:
        """The algorithm that is set."""
        name: str = request.param
        return name

    @pytest.fixture
    def key(self, algorithm: str) -> Any:
        """The issuer's private key."""
        return new_key(algorithm)

    @pytest.fixture
    def environment(self, environment: dict[str, str], algorithm: str, key: Any) -> dict[str, str]:
        """Its public half in one line, as environments hold it."""
        pem = public_pem(key).replace("\n", "\\n")
        return by_public_key(environment, algorithm, pem)


class TestEveryAlgorithm(Issued):
    """What holds for each of them."""

    def test_the_issuers_token_is_good_and_no_other(
        self, get: Get, key: Any, algorithm: str
    ) -> None:
        good = signed(key, algorithm)
        assert get(f"Bearer {good}").status_code == 200
        assert get(None, cookie=good).status_code == 200
        other = new_key(algorithm, 1)
        assert_refused(get, signed(other, algorithm), "Signature")
        # A key that the token brings along is nobody's.
        brought = {"jwk": jwk(other, "mine", algorithm), "kid": "mine"}
        assert_refused(get, signed(other, algorithm, brought), "Signature")
        header, _, signature = good.split(".")
        changed = signed(key, algorithm, sub="ada").split(".")[1]
        assert_refused(get, f"{header}.{changed}.{signature}", "Signature")

    def test_the_public_key_is_no_secret(self, get: Get, key: Any, algorithm: str) -> None:
        claims = signed(key, algorithm).split(".")[1]
        for text in (
            public_pem(key),
            public_pem(key).strip(),
            public_pem(key).replace("\n", "\\n"),
        ):
            for name in ("HS256", "HS384", "HS512"):
                assert_refused(get, forged({"alg": name}, claims, text.encode()))
            # ... nor when the token claims the right algorithm.
            assert_refused(get, forged({"alg": algorithm}, claims, text.encode()))

    def test_nothing_is_no_signature(self, get: Get, key: Any, algorithm: str) -> None:
        header, claims, _ = signed(key, algorithm).split(".")
        for name in ("none", "None", "NONE", "nOnE", "", None, algorithm, algorithm.lower()):
            assert_refused(get, forged({"alg": name, "typ": "JWT"}, claims))
        assert_refused(get, forged({"typ": "JWT"}, claims))
        assert get(f"Bearer {header}.{claims}").status_code == 401

    def test_tokens_are_the_issuers_to_make(
        self, app: Flask, environment: dict[str, str], algorithm: str
    ) -> None:
        with app.app_context(), pytest.raises(NotTheIssuer):
            issue_token("grace")
        answer = app.test_client().post("/board/api/login", json={"user": "grace"})
        assert answer.status_code == 501
        assert "issuer's to make" in answer.get_json()["detail"]
        if algorithm == "EdDSA":  # once is enough: it starts a process
            done = run_flask(environment, "token", "grace")
            assert (done.returncode, done.stdout) == (1, "")
            assert "Traceback" not in done.stderr
            assert done.stderr.startswith("Error: Tokens are the issuer's to make")


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256"])
def test_the_right_key_by_another_algorithm_is_refused(
    environment: dict[str, str], algorithm: str
) -> None:
    key = new_key("RS256")
    client = create_app(by_public_key(environment, "RS256", public_pem(key))).test_client()
    for name, status in ((algorithm, 401), ("RS256", 200)):
        bearer = {"Authorization": f"Bearer {signed(key, name)}"}
        assert client.get("/api/v1/mailbox", headers=bearer).status_code == status


@pytest.mark.parametrize(
    ("curve", "algorithm"),
    [(ec.SECP384R1, "ES384"), (ec.SECP521R1, "ES512"), (ec.SECP256K1, "ES256K")],
)
def test_es256_means_its_own_curve(
    environment: dict[str, str], curve: type[ec.EllipticCurve], algorithm: str
) -> None:
    key = new_key("ES256")
    client = create_app(by_public_key(environment, "ES256", public_pem(key))).test_client()
    token = signed(ec.generate_private_key(curve()), algorithm)
    claims, signature = token.split(".")[1:]
    renamed = f"{encoded(json.dumps({'alg': 'ES256'}).encode())}.{claims}.{signature}"
    for each in (token, renamed):
        bearer = {"Authorization": f"Bearer {each}"}
        assert client.get("/api/v1/mailbox", headers=bearer).status_code == 401


def encoded(raw: bytes) -> str:
    """Base64 as tokens have it."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forged(header: dict[str, Any], claims: str, key: bytes = b"") -> str:
    """Those claims under another header, signed with HMAC-SHA256 if there is a key."""
    told = f"{encoded(json.dumps(header).encode())}.{claims}"
    return f"{told}.{encoded(hmac.digest(key, told.encode(), 'sha256') if key else b'')}"


def with_header(secret: str, payload: bytes | None = None, **header: Any) -> str:
    """A token that is right in everything, but for its header."""
    claims = payload or json.dumps({"sub": "grace", "exp": int(time.time()) + 3600}).encode()
    return forged({"alg": "HS256", **header}, encoded(claims), secret.encode())


def test_a_plain_header_is_good_however_it_is_written(get: Get, secret: str) -> None:
    for typ in ("JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "application/jwt"):
        assert get(f"Bearer {with_header(secret, typ=typ)}").status_code == 200, typ
    assert get(f"Bearer {with_header(secret)}").status_code == 200
    # One key is set, so it does not matter what the token calls it, or where it says to look.
    elsewhere: dict[str, Any] = {
        "kid": "../../dev/null",
        "jku": "http://evil.example",
        "x5c": ["MII"],
    }
    assert get(f"Bearer {with_header(secret, **elsewhere)}").status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "secevent+jwt"},
        {"typ": "dpop+jwt"},
        {"typ": "id_token"},
        {"typ": ""},
        {"typ": None},
        {"typ": ["JWT"]},
        {"crit": ["exp"], "exp": 1},
        {"crit": ["b64"], "b64": True},
        {"crit": ["b64"], "b64": False},
        {"crit": []},
        {"crit": None},
        {"b64": False},
        {"zip": "DEF"},
        {"zip": None},
        {"cty": "JWT"},
        {"cty": "application/json"},
        {"enc": "A256GCM"},
        {"kid": ""},
        {"kid": 5},
        {"kid": None},
        {"kid": ["a"]},
    ],
    ids=json.dumps,
)
def test_a_header_that_is_not_plain_is_refused(
    get: Get, secret: str, header: dict[str, Any]
) -> None:
    assert_refused(get, with_header(secret, **header))


def test_a_token_within_a_token_is_refused(get: Get, secret: str) -> None:
    inner = with_header(secret)
    assert_refused(get, with_header(secret, inner.encode(), cty="JWT"))
    assert_refused(get, with_header(secret, json.dumps(inner).encode()))
    packed = zlib.compress(json.dumps({"sub": "grace", "exp": 9_999_999_999}).encode())
    assert_refused(get, with_header(secret, packed, zip="DEF"))


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 10**400},
        {"exp": 1e300},
        {"exp": 1.5e308},
        {"exp": -1},
        {"exp": -(10**400)},
        {"exp": "1e400"},
        {"exp": [9_999_999_999]},
        {"exp": {}},
        {"exp": False},
        {"iat": "5"},
        {"iat": True},
        {"iat": None},
        {"iat": float("nan")},
        {"iat": 10**400},
        {"nbf": "5"},
        {"nbf": False},
        {"nbf": float("-inf")},
        {"nbf": None},
        {"type": "refresh"},
        {"type": "id"},
        {"type": None},
        {"type": ["access"]},
        {"jti": 5},
    ],
    ids=str,
)
def test_times_are_numbers_and_the_type_is_access(
    get: Get, secret: str, changes: dict[str, Any]
) -> None:
    token = signed(secret, "HS256", **changes)
    good_for_long = changes.get("exp") in (10**400, 1e300, 1.5e308)
    answer = get(f"Bearer {token}")
    assert answer.status_code == (200 if good_for_long else 401)


def test_clocks_may_differ_by_seconds_and_no_more(get: Get, secret: str) -> None:
    now = int(time.time())
    for token in (signed(secret, "HS256", iat=now + 2), signed(secret, "HS256", nbf=now + 2)):
        assert get(f"Bearer {token}").status_code == 200
    for token in (signed(secret, "HS256", iat=now + 60), signed(secret, "HS256", nbf=now + 60)):
        assert_refused(get, token, "not yet valid")
    assert get(f"Bearer {signed(secret, 'HS256', type='access')}").status_code == 200


def test_a_token_that_is_too_long_is_refused_before_anything_is_done_with_it(
    app: Flask, get: Get, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = signed(secret, "HS256", filler="x" * 5_900)
    assert 7_900 < len(long) <= 8_192
    assert get(f"Bearer {long}").status_code == 200
    longer = signed(secret, "HS256", filler="x" * 6_200)
    assert len(longer) > 8_192

    def touched(*_args: object, **_more: object) -> None:
        raise AssertionError("it was looked into")

    monkeypatch.setattr(jwt.api_jws._jws_global_obj, "_load", touched)
    cookie = {"Cookie": f"{app.config['JWT_ACCESS_COOKIE_NAME']}={longer}"}
    for answer in (
        get(f"Bearer {longer}"),
        get("Bearer " + "x" * 100_000),
        app.test_client(use_cookies=False).get("/api/v1/mailbox", headers=cookie),
    ):
        assert answer.status_code == 401
        assert "longer than 8,192 bytes" in answer.get_json()["detail"]


@pytest.mark.parametrize(
    "header",
    [
        "Bearer {good},",
        "Basic Z3JhY2U6cHc=, Bearer {good}",
        "Bearer {good}, Basic Z3JhY2U6cHc=",
        "garbage,Bearer {good}",
        "Bearer\t{good}",
        "Bearer  {good} ",
        "Bearer={good}",
    ],
)
def test_a_header_with_anything_beside_the_token_is_refused(
    get: Get, secret: str, header: str
) -> None:
    good = signed(secret, "HS256")
    answer = get(header.replace("{good}", good), cookie=good)
    # A space at the end is no part of a header's value (RFC 9110, section 5.5).
    assert answer.status_code == 401 or header.endswith(" ")
    assert get(f"bearer {good}").status_code == 200


def test_two_headers_or_two_cookies_are_one_too_many(app: Flask, secret: str) -> None:
    good, client = signed(secret, "HS256"), app.test_client(use_cookies=False)
    twice = [("Authorization", f"Bearer {good}"), ("Authorization", f"Bearer {good}")]
    assert client.get("/api/v1/mailbox", headers=twice).status_code == 401
    name = app.config["JWT_ACCESS_COOKIE_NAME"]
    once = client.get("/api/v1/mailbox", headers={"Cookie": f"{name}={good}"})
    assert once.status_code == 200
    for other in (good, "garbage", ""):
        for pair in ((good, other), (other, good)):
            cookie = "; ".join(f"{name}={each}" for each in pair)
            answer = client.get("/api/v1/mailbox", headers={"Cookie": cookie})
            assert answer.status_code == 401
