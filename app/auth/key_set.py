"""The issuer's keys as this process knows them: kept, renewed, and never guessed.

Knows no network: it is handed what fetches the keys, and a clock.
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from jwt import InvalidTokenError

from app.auth.jwks import NotFetched
from app.errors import ServiceUnavailable
from app.public_keys import PublicKey, of_jwk

log = logging.getLogger(__name__)

# A key that the issuer takes away is refused so many seconds later at most, while it answers.
FRESH_SECONDS: Final = 300
# While the issuer can't be reached, what it said last holds so much longer. Then nobody gets in.
GRACE_SECONDS: Final = 3600
# A token of a key that nobody knows has the keys fetched anew, as issuers rotate them; but a
# stranger can make up such tokens, and shall not have us hammer the issuer.
COOLDOWN_SECONDS: Final = 10
# Between attempts that fail: doubled each time, up to the most.
FIRST_PAUSE_SECONDS: Final = 1
MOST_PAUSE_SECONDS: Final = 60
# Longer than a fetch takes.
LONGEST_WAIT_SECONDS: Final = 15


class KeySet:
    """The keys of one issuer for one algorithm; one object for each process, shared by requests.

    `host` is what a log line calls the issuer.
    """

    def __init__(
        self,
        fetch: Callable[[], list[Any]],
        algorithm: str,
        host: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch, self._algorithm, self._host, self._clock = fetch, algorithm, host, clock
        self._keys: dict[str | None, PublicKey] = {}
        self._fetched_at = -math.inf
        self._next_attempt = -math.inf
        self._failures = 0
        self._fetching = threading.Lock()

    def key(self, kid: str | None) -> PublicKey:
        """The key of that id; without one, the only key there is.

        Raises InvalidTokenError if the issuer has no such key, ServiceUnavailable if nobody knows.
        """
        known = self._find(kid)
        if known is not None and self._age < FRESH_SECONDS:
            return known
        # Who has a key that is still good does not wait for who fetches newer ones.
        wait_seconds = LONGEST_WAIT_SECONDS if known is None else 0
        if self._may_fetch() and self._fetching.acquire(timeout=wait_seconds):
            try:
                if self._may_fetch():  # else another request did, while this one waited
                    self._refresh()
            finally:
                self._fetching.release()
        return self._found(kid)

    @property
    def _age(self) -> float:
        return self._clock() - self._fetched_at

    def _may_fetch(self) -> bool:
        return self._clock() >= self._next_attempt

    def _find(self, kid: str | None) -> PublicKey | None:
        if self._age >= FRESH_SECONDS + GRACE_SECONDS:
            return None
        if kid is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(kid)

    def _found(self, kid: str | None) -> PublicKey:
        key = self._find(kid)
        if key is not None:
            return key
        if self._age < FRESH_SECONDS + GRACE_SECONDS:
            raise InvalidTokenError("its issuer has no such key")
        problem = ServiceUnavailable("The issuer's keys can't be fetched.")
        problem.retry_after_seconds = math.ceil(max(1, self._next_attempt - self._clock()))
        raise problem

    def _refresh(self) -> None:
        try:
            found = self._fetch()
        except NotFetched as error:
            pause = min(FIRST_PAUSE_SECONDS * 2**self._failures, MOST_PAUSE_SECONDS)
            self._failures = min(self._failures + 1, 10)
            self._next_attempt = self._clock() + pause
            log.warning(
                "the issuer's keys can't be fetched from %s (%s); next attempt in %d s at the "
                "earliest",
                self._host,
                error,
                pause,
            )
            return
        # What the issuer says now holds, also if that is less than before.
        self._keys = self._fitting(found)
        self._fetched_at, self._failures = self._clock(), 0
        self._next_attempt = self._fetched_at + COOLDOWN_SECONDS

    def _fitting(self, found: list[Any]) -> dict[str | None, PublicKey]:
        keys: dict[str | None, PublicKey] = {}
        reasons = []
        for each in found:
            try:
                key = of_jwk(each, self._algorithm)
            except ValueError as error:
                reasons.append(str(error))  # keys for other purposes are no fault
                continue
            kid = each.get("kid")
            if kid is None or (isinstance(kid, str) and kid):
                keys[kid] = key
        if not keys:
            log.warning(
                "no key from %s is fit for %s: %s",
                self._host,
                self._algorithm,
                "; ".join(sorted(set(reasons))) or "there is none",
            )
        return keys
