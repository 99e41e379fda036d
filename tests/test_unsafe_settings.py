"""Production refuses what is unsafe: each fault by the setting's name, with what to do."""

import os
import re
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from app.config import PROJECT, Settings
from tests.support.processes import child_environ, free_port
from tests.test_config import PRODUCTION, SECRET, refusal


@pytest.fixture
def here(tmp_path: Path) -> dict[str, str]:
    """A sound production, in a folder of its own."""
    return {"INSTANCE_PATH": str(tmp_path / "instance"), **PRODUCTION}


@pytest.mark.parametrize(
    "secret",
    [
        "change-me-in-production-please!!",
        "changeme-changeme-0-changeme-changeme",
        "super-secret-key-change-me-in-production-please",
        "a-string-secret-at-least-256-bits-long",
        "your-256-bit-secret-your-256-bit-secret!",
        "my_super_secret_jwt_key_that_is_at_least_32_chars",
        "this-is-a-very-secret-key-for-jwt-tokens-2024",
        "PASSWORD1234567890PASSWORD1234567890",
        "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
        "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
        "django-insecure-5f!w)0q2z#k8v^m1x@r7t&c4y*u9h(b3n6",
        "0123456789abcdef0123456789abcdef",
        "abcdefghijklmnopqrstuvwxyz0123456789",
        "qwertyuiopasdfghjklzxcvbnm123456",
        "s8Zr1Lk3vYt6WmPds8Zr1Lk3vYt6WmPd",
        "x" * 64,
    ],
)
def test_a_secret_that_others_know_or_guess_is_refused_with_a_way_to_make_one(
    here: dict[str, str], secret: str
) -> None:
    line = refusal(here | {"JWT_SECRET_KEY": secret})
    assert line.startswith("JWT_SECRET_KEY ")
    assert "secrets.token_urlsafe(48)" in line
    assert secret not in line


def test_a_random_secret_is_never_taken_for_a_guessable_one(here: dict[str, str]) -> None:
    for number in range(600):
        made = secrets.token_urlsafe(24) if number % 2 else secrets.token_hex(16)
        assert Settings.load(here | {"JWT_SECRET_KEY": made}).jwt_secret_key == made
    # A name before it, or a word by chance, does it no harm.
    assert Settings.load(here | {"JWT_SECRET_KEY": f"tidings-secret-{SECRET}"})


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("FLASK_DEBUG", "1", "leave it out"),
        ("FLASK_DEBUG", "true", "leave it out"),
        ("FLASK_DEBUG", "yes", "leave it out"),
        ("FLASK_DEBUG", "off", "leave it out"),  # which Flask takes for on
        ("JWT_COOKIE_SECURE", "false", "unset it"),
        ("JWT_COOKIE_SECURE", "0", "unset it"),
        ("SESSION_COOKIE_SECURE", "False", "unset it"),
        ("SESSION_COOKIE_SECURE", "no", "unset it"),
        ("CORS_ORIGINS", "*", "such as https://app.example.com"),
        ("CORS_ORIGINS", "null", "such as https://app.example.com"),
        ("CORS_ORIGINS", "https://*.example.com", "such as https://app.example.com"),
        ("CORS_ORIGINS", ".example.com", "such as https://app.example.com"),
        ("CORS_ORIGINS", "https://.example.com", "such as https://app.example.com"),
        ("CORS_ORIGINS", "https://app.example.com.", "such as https://app.example.com"),
        ("CORS_ORIGINS", "https://app..example.com", "such as https://app.example.com"),
        ("CORS_ORIGINS", "https://-app.example.com", "such as https://app.example.com"),
        ("CORS_ORIGINS", "https://app.example.com:443", "such as https://app.example.com"),
        ("CORS_ORIGINS", "http://localhost:80", "such as https://app.example.com"),
        ("CORS_ORIGINS", "https://app.example.com:0443", "such as https://app.example.com"),
        ("CORS_ORIGINS", r"https://app\.example\.com", "such as https://app.example.com"),
        ("CORS_ORIGINS", "https://app.example.com$", "such as https://app.example.com"),
        ("CORS_ORIGINS", "^https://app.example.com", "such as https://app.example.com"),
        ("CORS_ORIGINS", "https://[a-z]+.example.com", "such as https://app.example.com"),
        ("CORS_ORIGINS", "https://(app|evil).example.com", "such as https://app.example.com"),
        ("CORS_ORIGINS", "https://me@app.example.com", "such as https://app.example.com"),
        ("CORS_ORIGINS", "http://app.example.com", "https://"),
        ("CORS_ORIGINS", "https://app.example.com,http://10.0.0.1:3000", "https://"),
        ("CORS_ORIGINS", "http://localhost.example.com", "https://"),
    ],
)
def test_an_unsafe_switch_is_named_with_the_remedy(
    here: dict[str, str], name: str, value: str, remedy: str
) -> None:
    line = refusal(here | {name: value})
    assert line.startswith(name)
    assert remedy in line


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FLASK_DEBUG", "0"),
        ("FLASK_DEBUG", "no"),
        ("JWT_COOKIE_SECURE", "true"),
        ("CORS_ORIGINS", "https://app.example.com,https://b.example.com:8443"),
        ("CORS_ORIGINS", "http://localhost:3000,http://127.0.0.1:3000"),
        ("CORS_ORIGINS", "https://xn--bcher-kva.example"),
        ("WEB_CONCURRENCY", "256"),
    ],
)
def test_what_is_safe_starts(here: dict[str, str], name: str, value: str) -> None:
    assert Settings.load(here | {name: value}).app_env == "production"


def test_development_may_be_debugged_and_have_pages_without_tls(here: dict[str, str]) -> None:
    loose = {"FLASK_DEBUG": "1", "CORS_ORIGINS": "http://10.0.0.1:3000", "APP_ENV": "development"}
    assert Settings.load(here | loose)


def test_sqlite_serves_one_machine(here: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    sqlite = here | {"DATABASE_URL": "sqlite:////var/lib/tidings/tidings.db"}
    assert Settings.load(sqlite | {"WEB_CONCURRENCY": "9"})
    line = refusal(sqlite | {"WEB_CONCURRENCY": "10"})
    assert line.startswith("WEB_CONCURRENCY is 10")
    assert "4 cores" in line
    assert "at most 9" in line
    assert "DATABASE_URL" in line
    assert Settings.load(sqlite | {"WEB_CONCURRENCY": "10", "APP_ENV": "development"})


def test_all_faults_are_told_in_one_line(here: dict[str, str]) -> None:
    line = refusal(
        here
        | {
            "JWT_SECRET_KEY": "secret" * 8,
            "CORS_ORIGINS": "http://app.example.com",
            "FLASK_DEBUG": "1",
            "SESSION_COOKIE_SECURE": "0",
            "REDIS_URL": "",
        }
    )
    named = {"JWT_SECRET_KEY", "CORS_ORIGINS", "FLASK_DEBUG", "SESSION_COOKIE_SECURE", "REDIS_URL"}
    assert named <= set(re.findall(r"[A-Z_]{4,}", line))


@pytest.mark.parametrize(
    ("arguments", "unsafe", "named"),
    [
        (("gunicorn", "wsgi:app"), {"JWT_SECRET_KEY": "change-me-" * 5}, "JWT_SECRET_KEY"),
        (("gunicorn", "wsgi:app"), {"FLASK_DEBUG": "1"}, "FLASK_DEBUG"),
        (
            ("gunicorn", "wsgi:app"),
            {"JWT_SECRET_KEY": "", "JWT_JWKS_URL": "http://id.example/keys"},
            "JWT_JWKS_URL",
        ),
        (("flask", "--debug", "token", "grace"), {}, "FLASK_DEBUG"),
    ],
    ids=["gunicorn, a guessable secret", "gunicorn, debug", "gunicorn, http", "flask --debug"],
)
def test_a_real_start_in_production_ends_at_once_with_that_line(
    here: dict[str, str], arguments: tuple[str, ...], unsafe: dict[str, str], named: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=PROJECT,
        # One worker: of two that fail in the same moment, the second makes gunicorn 27 fall over
        # its own stopping, with a traceback and 1.
        env=child_environ(here | {"PORT": str(free_port()), "WEB_CONCURRENCY": "1"} | unsafe),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 3
    lines = [line for line in done.stderr.splitlines() if line.startswith("tidings: ")]
    assert len(lines) == 1
    assert lines[0].startswith(f"tidings: {named} ")
    assert "Traceback" not in done.stderr + done.stdout
    assert done.stderr.count("Booting worker") <= 1  # and none is started again
