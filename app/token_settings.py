"""Which of the three ways to check tokens is set up: a secret, a public key, or a JWKS URL."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from jwt.algorithms import HMACAlgorithm
from jwt.exceptions import InvalidKeyError

from app.public_keys import ASYMMETRIC, of_pem
from app.unsafe_settings import is_loopback

# RFC 7518, section 3.2: HS256 wants a key of at least the hash's size.
MIN_SECRET_BYTES = 32

MAKE_A_SECRET = "python -c 'import secrets; print(secrets.token_urlsafe(48))'"  # noqa: S105
ALGORITHMS = ("HS256", *ASYMMETRIC)
DEFAULT_OF_A_URL = "RS256"


def algorithm_faults(algorithm: str, secret: str, public_key: str, url: str) -> Iterator[str]:
    """What is wrong with these settings together, each named with a remedy.

    `algorithm` is empty where it is not set, and so are the others.
    """
    given = {"JWT_SECRET_KEY": secret, "JWT_PUBLIC_KEY": public_key, "JWT_JWKS_URL": url}
    names = [name for name, value in given.items() if value]
    if len(names) > 1:
        yield f"{names[0]} must not be set beside {' and '.join(names[1:])}: leave one of them"
    elif secret or not names:
        if algorithm in ASYMMETRIC:
            yield (
                f"JWT_ALGORITHM is {algorithm}, which needs JWT_PUBLIC_KEY or JWT_JWKS_URL: "
                "set one of them, without JWT_SECRET_KEY, or leave JWT_ALGORITHM out"
            )
    elif algorithm == "HS256" or (public_key and not algorithm):
        yield (
            f"JWT_ALGORITHM must be one of {', '.join(ASYMMETRIC)} for {names[0]}: HS256 needs a "
            "secret that the issuer shares, JWT_SECRET_KEY"
        )
    elif public_key:
        yield from _key_faults(public_key, algorithm)


def _key_faults(public_key: str, algorithm: str) -> Iterator[str]:
    try:
        of_pem(public_key, algorithm)
    except ValueError as error:
        yield f"JWT_PUBLIC_KEY {error}"


def secret_faults(secret: str) -> Iterator[str]:
    """What makes the secret no key for HS256, wherever it is used."""
    if len(secret.encode()) < MIN_SECRET_BYTES:
        yield (
            f"JWT_SECRET_KEY must have at least {MIN_SECRET_BYTES} bytes; make one with: "
            f"{MAKE_A_SECRET}"
        )
        return
    try:
        HMACAlgorithm(HMACAlgorithm.SHA256).prepare_key(secret)
    except InvalidKeyError:
        yield (
            "JWT_SECRET_KEY is a key of another kind: set JWT_PUBLIC_KEY and JWT_ALGORITHM for a "
            f"public key, or make a secret with: {MAKE_A_SECRET}"
        )


def url_faults(url: str, production: bool) -> Iterator[str]:
    """What is wrong with the place that the issuer's keys are fetched from."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or not re.fullmatch(r"[!-~]+", url):
        yield "JWT_JWKS_URL must be an https:// URL with a host"
        return
    if parts.username is not None:
        yield "JWT_JWKS_URL must not hold a user or password: public keys need none"
    if production and parts.scheme != "https" and not is_loopback(host):
        yield (
            "JWT_JWKS_URL must begin with https:// in production: whoever is on the way could "
            "answer with keys of their own"
        )
