"""Tokens of every kind, signed by hand, and a call that needs one."""

import json
import time
from collections.abc import Iterator
from typing import Any, Protocol

import jwt
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.auth.issuer import OLD, KeyServer, jwk

CSRF = "double-submit"
COOKIE = "access_token_cookie"


class Sign(Protocol):
    """Signs a token: good, but for what is changed; `...` leaves a claim out."""

    def __call__(self, **changes: Any) -> str: ...


class Get(Protocol):
    """GET /mailbox with that Authorization header, and perhaps a cookie."""

    def __call__(self, header: str | None, cookie: str | None = None) -> TestResponse: ...


@pytest.fixture
def secret(app: Flask) -> str:
    """The key that the application checks tokens with."""
    key: str = app.config["JWT_SECRET_KEY"]
    return key


@pytest.fixture
def sign(secret: str) -> Sign:
    """Signs tokens with that key."""

    def sign(**changes: Any) -> str:
        good = {"sub": "grace", "exp": int(time.time()) + 3600, "csrf": CSRF}
        claims = {name: value for name, value in (good | changes).items() if value is not ...}
        # The low-level call: encode() itself refuses some of the claims that a test needs.
        return jwt.api_jws.encode(json.dumps(claims).encode(), secret, "HS256")

    return sign


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without anything."""
    return app.test_client()


@pytest.fixture
def get(client: FlaskClient) -> Get:
    """Calls the API."""

    def get(header: str | None, cookie: str | None = None) -> TestResponse:
        client.delete_cookie(COOKIE)
        if cookie is not None:
            client.set_cookie(COOKIE, cookie)
        headers = {} if header is None else {"Authorization": header}
        return client.get("/api/v1/mailbox", headers=headers)

    return get


@pytest.fixture
def issuer() -> Iterator[KeyServer]:
    """An issuer that publishes one key, named old."""
    with KeyServer().running() as server:
        server.keys = [jwk(OLD, "old", "RS256")]
        yield server
