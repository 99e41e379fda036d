"""Exactly one way to check tokens: what contradicts it, or does not fit, is named with a remedy."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa

from app.config import Settings
from tests.auth.issuer import new_key, private_pem, public_pem
from tests.test_config import PRODUCTION, SECRET, refusal

ED, EC, RSA = (new_key(name) for name in ("EdDSA", "ES256", "RS256"))
URL = "https://id.example.com/.well-known/jwks.json"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


@pytest.fixture
def here(tmp_path: Any) -> dict[str, str]:
    """A folder of its own, and nothing else."""
    return {"INSTANCE_PATH": str(tmp_path / "instance")}


RIGHT = [
    ({"JWT_SECRET_KEY": SECRET}, "HS256"),
    ({"JWT_SECRET_KEY": SECRET, "JWT_ALGORITHM": "HS256"}, "HS256"),
    ({"JWT_PUBLIC_KEY": public_pem(ED), "JWT_ALGORITHM": "EdDSA"}, "EdDSA"),
    ({"JWT_PUBLIC_KEY": public_pem(EC), "JWT_ALGORITHM": "ES256"}, "ES256"),
    ({"JWT_PUBLIC_KEY": public_pem(RSA).replace("\n", "\\n"), "JWT_ALGORITHM": "RS256"}, "RS256"),
    ({"JWT_PUBLIC_KEY": public_pem(RSA).replace("\n", "\r\n"), "JWT_ALGORITHM": "RS256"}, "RS256"),
    ({"JWT_JWKS_URL": URL}, "RS256"),
    ({"JWT_JWKS_URL": URL, "JWT_ALGORITHM": "ES256"}, "ES256"),
    ({"JWT_JWKS_URL": "http://localhost:8080/keys"}, "RS256"),
    ({"JWT_JWKS_URL": "http://[::1]:8080/keys"}, "RS256"),
]


@pytest.mark.parametrize(("given", "algorithm"), RIGHT)
def test_each_way_by_itself_is_enough_also_in_production(
    here: dict[str, str], given: dict[str, str], algorithm: str
) -> None:
    production = {**PRODUCTION, "JWT_SECRET_KEY": "", **given}
    for environ in (here | given, here | production):
        settings = Settings.load(environ)
        assert settings.jwt_algorithm == algorithm
        # Where there is another way, no secret is made that nobody asked for.
        assert bool(settings.jwt_secret_key) == (algorithm == "HS256")


WRONG: list[tuple[dict[str, str], str, str]] = [
    (
        {"JWT_SECRET_KEY": SECRET, "JWT_PUBLIC_KEY": public_pem(ED), "JWT_ALGORITHM": "EdDSA"},
        "JWT_SECRET_KEY",
        "leave one of them",
    ),
    ({"JWT_SECRET_KEY": SECRET, "JWT_JWKS_URL": URL}, "JWT_SECRET_KEY", "leave one of them"),
    (
        {"JWT_PUBLIC_KEY": public_pem(RSA), "JWT_JWKS_URL": URL, "JWT_ALGORITHM": "RS256"},
        "JWT_PUBLIC_KEY",
        "leave one of them",
    ),
    ({"JWT_PUBLIC_KEY": public_pem(ED)}, "JWT_ALGORITHM", "RS256, ES256, EdDSA"),
    (
        {"JWT_PUBLIC_KEY": public_pem(RSA), "JWT_ALGORITHM": "HS256"},
        "JWT_ALGORITHM",
        "JWT_SECRET_KEY",
    ),
    ({"JWT_JWKS_URL": URL, "JWT_ALGORITHM": "HS256"}, "JWT_ALGORITHM", "JWT_SECRET_KEY"),
    ({"JWT_SECRET_KEY": SECRET, "JWT_ALGORITHM": "RS256"}, "JWT_ALGORITHM", "JWT_PUBLIC_KEY"),
    ({"JWT_ALGORITHM": "EdDSA"}, "JWT_ALGORITHM", "JWT_PUBLIC_KEY"),
    ({"JWT_ALGORITHM": "none"}, "JWT_ALGORITHM", "HS256, RS256"),
    ({"JWT_ALGORITHM": "HS512"}, "JWT_ALGORITHM", "HS256, RS256"),
    ({"JWT_ALGORITHM": "rs256"}, "JWT_ALGORITHM", "HS256, RS256"),
    (
        {"JWT_PUBLIC_KEY": public_pem(RSA), "JWT_ALGORITHM": "ES256"},
        "JWT_PUBLIC_KEY",
        "is a key for RS256, not for ES256",
    ),
    (
        {"JWT_PUBLIC_KEY": public_pem(EC), "JWT_ALGORITHM": "RS256"},
        "JWT_PUBLIC_KEY",
        "is a key for ES256",
    ),
    (
        {"JWT_PUBLIC_KEY": public_pem(ec.generate_private_key(ec.SECP384R1()))}
        | {"JWT_ALGORITHM": "ES256"},
        "JWT_PUBLIC_KEY",
        "another algorithm",
    ),
    (
        {"JWT_PUBLIC_KEY": public_pem(ed448.Ed448PrivateKey.generate())}  # type: ignore[arg-type]
        | {"JWT_ALGORITHM": "EdDSA"},
        "JWT_PUBLIC_KEY",
        "another algorithm",
    ),
    (
        {"JWT_PUBLIC_KEY": public_pem(rsa.generate_private_key(65537, 1024))}
        | {"JWT_ALGORITHM": "RS256"},
        "JWT_PUBLIC_KEY",
        "has 1024 bits; RSA needs at least 2048",
    ),
    ({"JWT_PUBLIC_KEY": "hunter2", "JWT_ALGORITHM": "RS256"}, "JWT_PUBLIC_KEY", "BEGIN PUBLIC"),
    (
        {"JWT_PUBLIC_KEY": public_pem(RSA)[:-80], "JWT_ALGORITHM": "RS256"},
        "JWT_PUBLIC_KEY",
        "BEGIN PUBLIC",
    ),
    (
        {"JWT_PUBLIC_KEY": private_pem(RSA), "JWT_ALGORITHM": "RS256"},
        "JWT_PUBLIC_KEY",
        "openssl pkey -pubout",
    ),
    ({"JWT_PUBLIC_KEY": CERTIFICATE, "JWT_ALGORITHM": "RS256"}, "JWT_PUBLIC_KEY", "openssl x509"),
    ({"JWT_SECRET_KEY": public_pem(RSA)}, "JWT_SECRET_KEY", "set JWT_PUBLIC_KEY"),
    ({"JWT_SECRET_KEY": private_pem(ED)}, "JWT_SECRET_KEY", "set JWT_PUBLIC_KEY"),
    ({"JWT_JWKS_URL": "id.example.com/keys"}, "JWT_JWKS_URL", "https://"),
    ({"JWT_JWKS_URL": "file:///etc/passwd"}, "JWT_JWKS_URL", "https://"),
    ({"JWT_JWKS_URL": "https://"}, "JWT_JWKS_URL", "https://"),
    ({"JWT_JWKS_URL": "https://h:port/keys"}, "JWT_JWKS_URL", "https://"),
    ({"JWT_JWKS_URL": "https://h/a b"}, "JWT_JWKS_URL", "https://"),
    ({"JWT_JWKS_URL": "https://h/a\nb"}, "JWT_JWKS_URL", "https://"),
    ({"JWT_JWKS_URL": "https://me:hunter2@h/keys"}, "JWT_JWKS_URL", "user or password"),
]


@pytest.mark.parametrize(("given", "named", "remedy"), WRONG)
def test_what_contradicts_or_does_not_fit_is_named_with_the_remedy(
    here: dict[str, str], given: dict[str, str], named: str, remedy: str
) -> None:
    for environ in (here | given, here | {**PRODUCTION, "JWT_SECRET_KEY": "", **given}):
        line = refusal(environ)
        assert line.startswith(named)
        assert remedy in line
        for secret in (SECRET, "hunter2", "MC4CAQ", "MII", public_pem(RSA)[30:60]):
            assert secret not in line


def test_in_production_keys_come_over_https_or_from_this_machine(here: dict[str, str]) -> None:
    for url in ("http://id.example.com/keys", "http://127.0.0.1.example.com/k", "http://10.0.0.1/"):
        given = {"JWT_SECRET_KEY": "", "JWT_JWKS_URL": url}
        line = refusal(here | PRODUCTION | given)
        assert line.startswith("JWT_JWKS_URL must begin with https:// in production")
        assert Settings.load(here | given).jwt_jwks_url == url  # a development network may


def test_settings_can_be_logged_without_what_a_url_may_hold(here: dict[str, str]) -> None:
    shown = repr(Settings.load(here | PRODUCTION))
    assert "s3cret" not in shown
    assert SECRET not in shown
