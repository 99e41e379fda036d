"""Every setting: read from the environment once, checked as a whole, named when wrong."""

import fcntl
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Self

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from app.errors import ConfigurationError
from app.guessable import why_guessable
from app.ops.embedded import socket_url
from app.service_urls import database_url, redis_url
from app.token_settings import (
    ALGORITHMS,
    DEFAULT_OF_A_URL,
    MAKE_A_SECRET,
    algorithm_faults,
    secret_faults,
    url_faults,
)
from app.unsafe_settings import environment_faults, machine_faults, origin_faults

PROJECT = Path(__file__).resolve().parent.parent

# A browser sends an origin without path, in lower case, and leaves the scheme's own port out;
# anything with a wildcard or a pattern's characters would match more than one.
LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
ORIGIN = re.compile(
    rf"(?:http(?!\S*:80$)|https(?!\S*:443$))://{LABEL}(?:\.{LABEL})*(?::[1-9][0-9]{{0,4}})?"
)


class Settings(BaseModel):
    """The settings of `docs/settings.md`, by their names there in lower case."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)

    app_env: Literal["development", "production"] = Field(
        "development",
        description="`production` refuses to start with anything unsafe, and has no demo.",
    )
    instance_path: Path = Field(
        PROJECT / "instance",
        description="Folder of the SQLite file, the embedded Redis and generated secrets.",
    )
    database_url: str = Field(
        "",
        repr=False,
        description="`postgresql://user:password@host/name` or `sqlite:////path`. "
        "Default: SQLite's `tidings.db` in the instance folder.",
    )
    redis_url: str = Field(
        "",
        repr=False,
        description="`redis://`, `rediss://` or `unix://`. Default in development: the embedded "
        "server that `make run` starts.",
    )
    event_stream: str = Field("events", description="Redis Stream that producers write to.")
    consumer_group: str = Field("tidings", description="Consumer group on that stream.")
    dead_letter_stream: str = Field(
        "events:dead", description="Redis Stream of events that could not be processed."
    )
    jwt_secret_key: str = Field(
        "",
        repr=False,
        description="HS256 secret, at least 32 bytes. In development one is generated once into "
        "the instance folder.",
    )
    jwt_public_key: str = Field(
        "",
        repr=False,
        description="PEM text of the issuer's public key, in place of a secret.",
    )
    jwt_algorithm: str = Field(
        "",
        description="HS256, RS256, ES256 or EdDSA. Default: HS256 with a secret, RS256 with "
        "`JWT_JWKS_URL`.",
    )
    jwt_jwks_url: str = Field(
        "",
        repr=False,
        description="Where the issuer publishes its keys, in place of a secret.",
    )
    jwt_issuer: str = Field("", description="When set, a token's `iss` must equal it.")
    jwt_audience: str = Field("", description="When set, a token's `aud` must contain it.")
    cors_origins: tuple[str, ...] = Field(
        (), description="Exact origins, comma-separated. Empty: same origin only."
    )
    port: int = Field(8000, ge=1, le=65535, description="TCP port of the web process.")
    web_concurrency: int = Field(
        1, ge=1, le=256, description="Web worker processes; one for each core."
    )
    max_streams: int = Field(
        10_000,
        ge=1,
        le=1_000_000,
        description="Open streams for each worker. Keep it below the limit of open files.",
    )
    max_streams_per_user: int = Field(
        32,
        ge=1,
        description="Open streams of one user on all workers together (on each, while Redis is "
        "away): tabs times devices.",
    )
    keepalive_seconds: float = Field(
        15,
        gt=0,
        le=50,
        description="Seconds between `ping` frames. Heroku's router closes a connection that was "
        "silent for 55 s, nginx one that was silent for 60 s.",
    )
    stream_max_seconds: float = Field(
        3600,
        gt=0,
        description="Longest life of a stream in seconds, less up to a tenth at random. The "
        "client then reconnects, which spreads streams over the workers again after a deploy.",
    )
    sweep_seconds: float = Field(
        30,
        gt=0,
        description="Seconds between checks for changes that Pub/Sub lost: the longest that such "
        "a change is late.",
    )
    replay_limit: int = Field(
        500,
        ge=1,
        le=10_000,
        description="Most changes that are replayed; a client further behind gets `reset`.",
    )
    retention_days: int = Field(
        90, ge=1, le=36_500, description="Days that `flask prune` keeps a notification."
    )
    trusted_proxies: int = Field(
        0,
        ge=0,
        le=16,
        description="Proxies in front, each of which adds to X-Forwarded-For. 0: what a request "
        "says of itself in X-Forwarded-* means nothing.",
    )
    rate_limit_factor: float = Field(
        1,
        ge=0,
        le=1_000,
        description="Multiplies every rate limit of the API (docs/api.md has them). 0 lifts them "
        "all: for load tests, or behind a gateway that has its own.",
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="Log lines for people or for machines."
    )

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read and check the environment; in development `.env` fills in what it leaves out.

        Raises ConfigurationError, one line that names each wrong setting.
        """
        given: dict[str, str | None] = dict(os.environ if environ is None else environ)
        if environ is None and given.get("APP_ENV", "development") == "development":
            given = {**dotenv_values(PROJECT / ".env"), **given}
        values = {name: given[name.upper()] for name in cls.model_fields if given.get(name.upper())}
        production = values.get("app_env") == "production"
        faults = list(environment_faults(given)) if production else []
        try:
            settings = cls.model_validate(values)
        except ValidationError as error:
            faults = [*map(_describe, error.errors()), *faults]
        except OSError as error:
            raise ConfigurationError(
                f"INSTANCE_PATH: {error.strerror} ({error.filename!r})"
            ) from None
        if faults:
            raise ConfigurationError("; ".join(faults))
        return settings

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _exact_origins(cls, value: Any) -> Any:
        origins = [o.strip() for o in value.split(",")] if isinstance(value, str) else list(value)
        for origin in origins:
            if not ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"{origin!r} is not an exact origin such as https://app.example.com"
                )
        return tuple(origins)

    @field_validator("jwt_algorithm")
    @classmethod
    def _known_algorithm(cls, value: str) -> str:
        if value and value not in ALGORITHMS:
            raise ValueError(f"must be one of {', '.join(ALGORITHMS)}")
        return value

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        return database_url(value) if value else value

    @field_validator("redis_url")
    @classmethod
    def _known_redis(cls, value: str) -> str:
        return redis_url(value) if value else value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if faults := list(self._faults()):
            raise ValueError("; ".join(faults))
        instance = self.instance_path.resolve()
        instance.mkdir(parents=True, exist_ok=True)
        self._fill("instance_path", instance)
        if not self.database_url:
            self._fill("database_url", f"sqlite:///{instance / 'tidings.db'}")
        if not self.redis_url:
            self._fill("redis_url", socket_url(instance))
        if not self.jwt_algorithm:
            self._fill("jwt_algorithm", DEFAULT_OF_A_URL if self.jwt_jwks_url else "HS256")
        if self.jwt_algorithm == "HS256" and not self.jwt_secret_key:
            self._fill("jwt_secret_key", _generated_secret(instance))
            for fault in secret_faults(self.jwt_secret_key):
                raise ValueError(fault)
        return self

    def _faults(self) -> Iterator[str]:
        """What is wrong although each setting for itself is right."""
        yield from algorithm_faults(
            self.jwt_algorithm, self.jwt_secret_key, self.jwt_public_key, self.jwt_jwks_url
        )
        production = self.app_env == "production"
        if self.jwt_secret_key:
            yield from secret_faults(self.jwt_secret_key)
        if self.jwt_jwks_url:
            yield from url_faults(self.jwt_jwks_url, production)
        if production:
            yield from self._unsafe()
        if self.event_stream == self.dead_letter_stream:
            # What is parked would be read, fail and be parked again, for ever.
            yield "DEAD_LETTER_STREAM must not be EVENT_STREAM"

    def _unsafe(self) -> Iterator[str]:
        """What only production has to refuse."""
        if self.jwt_secret_key:
            if why := why_guessable(self.jwt_secret_key):
                yield f"JWT_SECRET_KEY {why}; make another with: {MAKE_A_SECRET}"
        elif not self.jwt_public_key and not self.jwt_jwks_url:
            yield (
                "JWT_SECRET_KEY must be set in production, or else JWT_PUBLIC_KEY or JWT_JWKS_URL; "
                f"make a secret with: {MAKE_A_SECRET}"
            )
        for name in ("database_url", "redis_url"):
            if not getattr(self, name):
                yield f"{name.upper()} must be set in production"
        yield from origin_faults(self.cors_origins)
        yield from machine_faults(self.is_sqlite, self.web_concurrency, os.cpu_count() or 1)

    def _fill(self, name: str, value: object) -> None:
        # The model is frozen for everybody else; a default that depends on another setting is
        # part of building it.
        self.__dict__[name] = value

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is SQLite, which has one writer and no row locks."""
        return self.database_url.startswith("sqlite")


def _describe(fault: ErrorDetails) -> str:
    message = fault["msg"].removeprefix("Value error, ")
    if not fault["loc"]:
        return message
    name = str(fault["loc"][0])
    # A URL may hold a password, and a private key be taken for a public one; this line is logged.
    hidden = not Settings.model_fields[name].repr
    given = "" if hidden else f" (it is {str(fault['input'])[:80]!r})"
    return f"{name.upper()}: {message}{given}"


def _generated_secret(instance: Path) -> str:
    """The development secret, made at first use, readable by its owner alone."""
    descriptor = os.open(instance / "jwt-secret", os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+") as file:
        # Two processes may both be the first; the second one waits, and reads what the first wrote.
        fcntl.flock(file, fcntl.LOCK_EX)
        secret = file.read().strip()
        if not secret:
            secret = secrets.token_urlsafe(48)
            file.write(secret)
    return secret
