"""Rate limits on Redis, so that they hold across all workers and machines."""

import logging
import time

import redis
from flask import Flask, Response, current_app, request
from flask_limiter import Limiter
from limits.storage import RedisStorage
from redis.backoff import NoBackoff
from redis.retry import Retry

from app import bus
from app.auth import authenticate
from app.config import Settings
from app.errors import Problem
from app.limits import ORDINARY, rate_of
from app.ops.proxies import client_address

log = logging.getLogger(__name__)

# No request waits longer than this for a Redis that hangs. From then on each worker counts by
# itself, and looks from time to time whether Redis is back.
TIMEOUT_SECONDS = 1.0


def init_app(app: Flask, settings: Settings) -> None:
    """Hold callers to what the views declare, times RATE_LIMIT_FACTOR; 0 lifts all limits.

    Opens no connection. Over a limit the answer is 429 with `Retry-After`.
    """
    factor = settings.rate_limit_factor
    if not factor:
        return
    client = bus.connect(
        settings.redis_url,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    limiter = Limiter(
        _caller,
        default_limits=[lambda: _scaled(_rate() or ORDINARY, factor)],
        storage_uri=f"{_Writable.STORAGE_SCHEME[0]}://",
        storage_options={"connection_pool": client.connection_pool},  # type: ignore[dict-item]
        key_prefix="tidings",
        in_memory_fallback_enabled=True,
        headers_enabled=False,
    )
    # Not `default_limits_exempt_when`, which is asked once the limits are worked out: that took
    # 100 µs of each stream that opened, which has none.
    limiter.request_filter(lambda: request.method == "OPTIONS" or _rate() is None)
    limiter.init_app(app)

    @app.after_request
    def say(response: Response) -> Response:
        return _with_headers(response, limiter)


class _Writable(RedisStorage):
    """Redis that is well if it takes what is written.

    One that fails over answers a PING and no more. Taken for well, it would be asked again and
    again within one request.
    """

    STORAGE_SCHEME = ["tidings+redis"]  # noqa: RUF012 - the library looks it up by it

    def check(self) -> bool:
        """Whether it can be used."""
        try:
            return bool(self.storage.set(f"{self.PREFIX}:check", 1, ex=60))
        except redis.RedisError:
            return False


def _rate() -> str | None:
    return rate_of(current_app.view_functions.get(request.endpoint or ""))


def _scaled(rate: str, factor: float) -> str:
    count, _, period = rate.partition("/")
    return f"{max(1, round(int(count) * factor))}/{period}"


def _caller() -> str:
    try:
        return f"user:{authenticate().user_id}"
    except Problem:
        # The view says what is wrong with the token; whoever guesses tokens is counted.
        return f"address:{client_address()}"


def _with_headers(response: Response, limiter: Limiter) -> Response:
    limit = limiter.current_limit
    if limit is None:
        return response
    try:
        remaining, reset_at = limit.remaining, limit.reset_at
    except redis.RedisError as error:
        log.info("no word on the rate limit: %s", error)
        return response
    response.headers["X-RateLimit-Limit"] = str(limit.limit.amount)
    response.headers["X-RateLimit-Remaining"] = str(max(0, remaining))
    response.headers["X-RateLimit-Reset"] = str(reset_at)
    if limit.breached:
        response.headers["Retry-After"] = str(max(1, int(reset_at - time.time()) + 1))
    return response
