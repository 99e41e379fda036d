"""Signed tokens: how they are checked, and how one is made."""

from collections.abc import Iterable
from datetime import timedelta

from flask import Flask
from flask_jwt_extended import create_access_token

from app.config import Settings
from app.errors import BadRequest
from app.extensions import jwt
from app.identifiers import is_user_id

# Clocks of two machines that both run NTP differ by less.
CLOCK_LEEWAY_SECONDS = 5
DEFAULT_TOKEN_LIFE = timedelta(hours=12)


def init_app(app: Flask, settings: Settings) -> None:
    """Configure Flask-JWT-Extended: one algorithm, header or cookie, CSRF by double submit."""
    app.config.update(
        JWT_SECRET_KEY=settings.jwt_secret_key,
        JWT_ALGORITHM="HS256",
        JWT_DECODE_ALGORITHMS=["HS256"],
        JWT_DECODE_LEEWAY=CLOCK_LEEWAY_SECONDS,
        JWT_TOKEN_LOCATION=["headers", "cookies"],
        JWT_ENCODE_ISSUER=settings.jwt_issuer or None,
        JWT_DECODE_ISSUER=settings.jwt_issuer or None,
        JWT_ENCODE_AUDIENCE=settings.jwt_audience or None,
        JWT_DECODE_AUDIENCE=settings.jwt_audience or None,
        JWT_COOKIE_SECURE=settings.app_env == "production",
        JWT_COOKIE_SAMESITE="Lax",
        JWT_COOKIE_CSRF_PROTECT=True,
    )
    jwt.init_app(app)


def issue_token(
    user_id: str, scopes: Iterable[str] = (), ttl: timedelta = DEFAULT_TOKEN_LIFE
) -> str:
    """A signed token for `user_id` that ends after `ttl`. Raises BadRequest for a bad user id."""
    if not is_user_id(user_id):
        raise BadRequest(f"{user_id!r} is not a user id: 1 to 128 of A-Z a-z 0-9 . _ ~ @ : -")
    token: str = create_access_token(
        user_id, expires_delta=ttl, additional_claims={"scope": " ".join(scopes)}
    )
    return token
