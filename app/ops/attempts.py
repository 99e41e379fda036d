"""Whoever tries tokens or tickets is slowed down: failed attempts are counted by address.

In each worker's memory, not in Redis: it is asked before a stream opens, which must cost no round
trip and go on without Redis. So a guesser gets the limit once from each worker.
"""

import time
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from flask import Flask, Response, current_app, request

from app.config import Settings
from app.errors import Problem
from app.limits import FAILED_ATTEMPTS_PER_MINUTE
from app.ops.proxies import client_address

WINDOW_SECONDS: Final = 60.0
# Whoever has more addresses than this is held by none of them, and shall not fill the memory.
MOST_ADDRESSES: Final = 100_000


class TooManyAttempts(Problem):
    """Too many tokens or tickets from this address were not valid; try again later."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "too-many-attempts"


class Attempts:
    """Failures of each address in the minute at hand: `most` of them. `clock` gives seconds."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._began_at = clock()
        self._failures: Counter[str] = Counter()

    def failed(self, address: str) -> None:
        """Count a failure."""
        self._begin_anew_if_over()
        if len(self._failures) >= MOST_ADDRESSES:
            self._failures.clear()
        self._failures[address] += 1

    def exhausted(self, address: str) -> bool:
        """Whether the address has had all the failures it may have in this minute."""
        self._begin_anew_if_over()
        return self._failures[address] >= self._most

    def refusal(self) -> TooManyAttempts:
        """What an exhausted address is told."""
        problem = TooManyAttempts()
        left = self._began_at + WINDOW_SECONDS - self._clock()
        problem.retry_after_seconds = max(1, int(left) + 1)
        return problem

    def _begin_anew_if_over(self) -> None:
        if self._clock() - self._began_at >= WINDOW_SECONDS:
            self._began_at = self._clock()
            self._failures.clear()


def init_app(app: Flask, settings: Settings) -> None:
    """Count what is answered with 401, times RATE_LIMIT_FACTOR; 0 lifts the limit.

    Over it, the answer is 429. A ticket is then not even looked up, be it good or not. A token
    that is valid always passes: checking it costs little, and many people may share an address.
    To be called last, so that what it puts in an answer's place gets the other parts' headers too.
    """
    factor = settings.rate_limit_factor
    if not factor:
        return
    attempts = Attempts(max(1, round(FAILED_ATTEMPTS_PER_MINUTE * factor)))

    @app.before_request
    def refuse_tickets() -> None:
        if "ticket" in request.args and attempts.exhausted(client_address()):
            raise attempts.refusal()

    @app.after_request
    def count(response: Response) -> Response:
        if response.status_code != HTTPStatus.UNAUTHORIZED or not _presented_anything():
            return response
        address = client_address()
        if attempts.exhausted(address):
            return attempts.refusal().response()
        attempts.failed(address)
        return response


def _presented_anything() -> bool:
    """Whether the request tries something. A page that nobody has signed in to does not."""
    cookie = current_app.config["JWT_ACCESS_COOKIE_NAME"]
    return (
        "Authorization" in request.headers or "ticket" in request.args or cookie in request.cookies
    )
