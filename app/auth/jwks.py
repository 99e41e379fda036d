"""The issuer's public keys, fetched from `JWT_JWKS_URL`."""

import http.client
import json
import time
import urllib.request
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlsplit

from app.errors import TidingsError
from app.unsafe_settings import is_loopback

# For each step: to connect, and to wait for more of the answer.
TIMEOUT_SECONDS: Final = 5.0
# For all of the answer: an issuer that sends a byte now and then is not waited for.
MOST_SECONDS: Final = 10.0
# Real key sets have some 2 to 20 KiB.
MAX_BYTES: Final = 256 * 1024
CHUNK_BYTES: Final = 16 * 1024


class NotFetched(TidingsError):
    """The issuer's keys can't be fetched."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """An answer that points elsewhere is none: the operator named the place."""

    def redirect_request(self, *_args: object, **_more: object) -> None:
        """Go nowhere; the redirect is then an error as any other status is."""


def fetch(url: str) -> list[Any]:
    """The keys of the set at `url`, as they are written there. Raises NotFetched."""
    try:
        # Settings allows http and https alone.
        with _opener(url).open(_request(url), timeout=TIMEOUT_SECONDS) as answer:
            text = _read(answer)
    except HTTPError as error:
        error.close()
        raise NotFetched(f"the answer is {error.code}") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise NotFetched(f"{type(reason).__name__}: {reason}") from None
    try:
        keys = json.loads(text)["keys"]
    except (ValueError, LookupError, TypeError, RecursionError):
        keys = None
    if not isinstance(keys, list):
        raise NotFetched("the answer is not a JWK set")
    return keys


def _opener(url: str) -> urllib.request.OpenerDirector:
    # A proxy of the environment is for what is elsewhere.
    proxies: dict[str, str] | None = {} if is_loopback(urlsplit(url).hostname) else None
    return urllib.request.build_opener(_NoRedirects(), urllib.request.ProxyHandler(proxies))


def _request(url: str) -> urllib.request.Request:
    headers = {"Accept": "application/jwk-set+json, application/json", "User-Agent": "tidings"}
    return urllib.request.Request(url, headers=headers)  # noqa: S310 (Settings looked at its scheme)


def _read(answer: http.client.HTTPResponse) -> bytes:
    text, deadline = b"", time.monotonic() + MOST_SECONDS
    while chunk := answer.read1(CHUNK_BYTES):
        text += chunk
        if len(text) > MAX_BYTES:
            raise NotFetched(f"the answer is longer than {MAX_BYTES // 1024} KiB")
        if time.monotonic() > deadline:
            raise NotFetched(f"the answer takes longer than {MOST_SECONDS:.0f} s")
    return text
