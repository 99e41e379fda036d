"""Where the key comes from that a token is checked with: the settings say, the token does not."""

from collections.abc import Callable
from urllib.parse import urlsplit

from flask import Flask, current_app

from app.auth.jwks import fetch
from app.auth.key_set import KeySet
from app.config import Settings
from app.public_keys import PublicKey, of_pem

# Finds the key for a token whose header names this key id, if any.
KeyFinder = Callable[[str | None], str | PublicKey]


def init_app(app: Flask, settings: Settings) -> None:
    """Give `app` its one way to find a key. Fetches nothing yet."""
    app.extensions["tidings.keys"] = _finder(settings)


def _finder(settings: Settings) -> KeyFinder:
    algorithm = settings.jwt_algorithm
    if settings.jwt_jwks_url:
        url = settings.jwt_jwks_url
        return KeySet(lambda: fetch(url), algorithm, urlsplit(url).netloc).key
    key: str | PublicKey = settings.jwt_secret_key
    if settings.jwt_public_key:
        key = of_pem(settings.jwt_public_key, algorithm)
    return lambda _: key


def find(kid: str | None) -> str | PublicKey:
    """The key for a token whose header names this key id, if any; the same object while it holds.

    Raises InvalidTokenError if the issuer has no such key, ServiceUnavailable if nobody knows.
    """
    finder: KeyFinder = current_app.extensions["tidings.keys"]
    return finder(kid)
