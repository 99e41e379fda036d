"""The URLs of the database and of Redis, checked without opening a connection."""

import redis
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

DATABASE_SCHEMES = {
    "sqlite": "sqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}


def database_url(value: str) -> str:
    """The URL as SQLAlchemy takes it. Raises ValueError that says what is wrong with it."""
    scheme, separator, rest = value.partition("://")
    if not separator or scheme not in DATABASE_SCHEMES:
        raise ValueError("is not a postgresql:// or sqlite:/// URL")
    url = f"{DATABASE_SCHEMES[scheme]}://{rest}"
    try:
        database = make_url(url).database
    except (ArgumentError, ValueError):
        raise ValueError("can't be read as a URL") from None
    if scheme == "sqlite" and database in (None, "", ":memory:"):
        # In memory every connection would have a database of its own.
        raise ValueError("must name a file, as sqlite:////path does")
    return url


def redis_url(value: str) -> str:
    """The same URL. Raises ValueError that says what is wrong with it."""
    if not value.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("is not a redis://, rediss:// or unix:// URL")
    redis.Redis.from_url(value)  # opens nothing; raises ValueError
    return value
