"""Signed tokens: how they are checked, and how one is made."""

from collections.abc import Iterable
from datetime import timedelta
from http import HTTPStatus

from flask import Flask
from flask_jwt_extended import create_access_token

from app.auth import claims, keys
from app.auth.cookies import Cookies
from app.config import Settings
from app.errors import BadRequest, Problem
from app.extensions import jwt, settings
from app.identifiers import is_user_id

# Clocks of two machines that both run NTP differ by less.
CLOCK_LEEWAY_SECONDS = 5
DEFAULT_TOKEN_LIFE = timedelta(hours=12)


class NotTheIssuer(Problem):
    """Tokens are the issuer's to make: no JWT_SECRET_KEY is set here, only what checks them."""

    status = HTTPStatus.NOT_IMPLEMENTED
    code = "not-the-issuer"


def init_app(app: Flask, kept: Settings) -> None:
    """Configure Flask-JWT-Extended: one algorithm, header or cookie."""
    app.config.update(
        JWT_SECRET_KEY=kept.jwt_secret_key,
        JWT_ALGORITHM=kept.jwt_algorithm,
        JWT_DECODE_ALGORITHMS=[kept.jwt_algorithm],
        JWT_DECODE_LEEWAY=CLOCK_LEEWAY_SECONDS,
        JWT_TOKEN_LOCATION=["headers", "cookies"],
        JWT_ENCODE_ISSUER=kept.jwt_issuer or None,
        JWT_DECODE_ISSUER=kept.jwt_issuer or None,
        JWT_ENCODE_AUDIENCE=kept.jwt_audience or None,
        JWT_DECODE_AUDIENCE=kept.jwt_audience or None,
        JWT_ACCESS_COOKIE_NAME=Cookies(secure=kept.app_env == "production").token_name,
        JWT_COOKIE_CSRF_PROTECT=False,  # see app.auth.csrf, which needs no claim in the token
    )
    jwt.init_app(app)
    keys.init_app(app, kept)
    claims.init_app(app)


def issue_token(
    user_id: str, scopes: Iterable[str] = (), ttl: timedelta = DEFAULT_TOKEN_LIFE
) -> str:
    """A signed token for `user_id` that ends after `ttl`.

    Raises BadRequest for a bad user id, NotTheIssuer where there is no secret to sign with.
    """
    if not settings().jwt_secret_key:
        raise NotTheIssuer
    if not is_user_id(user_id):
        raise BadRequest(f"{user_id!r} is not a user id: 1 to 128 of A-Z a-z 0-9 . _ ~ @ : -")
    token: str = create_access_token(
        user_id, expires_delta=ttl, additional_claims={"scope": " ".join(scopes)}
    )
    return token
