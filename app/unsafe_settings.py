"""What production refuses to start with, each with the setting's name and the remedy."""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

# As Flask reads FLASK_DEBUG.
OFF = ("", "0", "false", "no")


def is_loopback(host: str | None) -> bool:
    """Whether it names this machine itself, so that what is sent there crosses no network."""
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def environment_faults(environ: Mapping[str, str | None]) -> Iterator[str]:
    """Unsafe switches of Flask and its extensions, which are no settings of Tidings."""
    if (environ.get("FLASK_DEBUG") or "").lower() not in OFF:
        yield "FLASK_DEBUG must not be on in production, nor flask's --debug: leave it out"
    for name in ("JWT_COOKIE_SECURE", "SESSION_COOKIE_SECURE"):
        value = environ.get(name)
        if value and value.lower() in (*OFF, "off", "n", "f", "none"):
            yield f"{name} must not be off in production, where cookies are always Secure: unset it"


def origin_faults(origins: Iterable[str]) -> Iterator[str]:
    """Origins whose pages anybody on the way could have written."""
    for origin in origins:
        parts = urlsplit(origin)
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            yield (
                f"CORS_ORIGINS must not have {origin} in production: its pages come without TLS, "
                "and would hold users' tokens; serve it with https:// and say so"
            )


def machine_faults(is_sqlite: bool, workers: int, cores: int) -> Iterator[str]:
    """SQLite under more workers than one machine has a use for."""
    most = 2 * cores + 1
    if is_sqlite and workers > most:
        yield (
            f"WEB_CONCURRENCY is {workers}, but SQLite serves one machine, and this one has "
            f"{cores} cores: set at most {most}, or a postgresql:// DATABASE_URL"
        )
