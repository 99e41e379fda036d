"""The two cookies of a session: the token, which no script can read, and its CSRF token."""

import time
from dataclasses import dataclass
from typing import Any, Final

from flask import Response
from werkzeug.http import dump_cookie

from app.errors import InvalidInput

NAME: Final = "access_token_cookie"
CSRF_NAME: Final = "csrf_access_token"
# A browser ignores a cookie with this prefix unless it is Secure, for all paths and of this very
# host: no other host of the domain, and nobody on the way, can plant one.
HOST_PREFIX: Final = "__Host-"
# RFC 6265, section 6.1: what every browser keeps, of name, value and attributes.
MAX_COOKIE_BYTES: Final = 4096
# Browsers make it so much of anything longer (RFC 6265bis, section 5.5).
MAX_AGE_SECONDS: Final = 400 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Cookies:
    """What the cookies are called and how they are kept: `secure` where there is HTTPS."""

    secure: bool

    @property
    def token_name(self) -> str:
        """The name of the cookie with the token."""
        return self._prefix + NAME

    @property
    def csrf_name(self) -> str:
        """The name of the cookie with the CSRF token."""
        return self._prefix + CSRF_NAME

    @property
    def _prefix(self) -> str:
        return HOST_PREFIX if self.secure else ""

    def put(self, response: Response, token: str, csrf_token: str, expires_at: int) -> None:
        """Set both, until the token expires. Raises InvalidInput for a token that is too large."""
        seconds = min(max(0, expires_at - int(time.time())), MAX_AGE_SECONDS)
        for name, value, kept in self._both(token, csrf_token):
            cookie = dump_cookie(name, value, max_age=seconds, max_size=0, **kept)
            if len(cookie.encode()) > MAX_COOKIE_BYTES:
                raise InvalidInput(
                    f"The token is too large for a cookie: {len(cookie.encode()):,} bytes, of "
                    f"which browsers keep {MAX_COOKIE_BYTES:,}."
                )
            response.headers.add("Set-Cookie", cookie)

    def clear(self, response: Response) -> None:
        """Have the browser forget both."""
        for name, _, kept in self._both("", ""):
            response.delete_cookie(name, **kept)

    def _both(self, token: str, csrf_token: str) -> list[tuple[str, str, dict[str, Any]]]:
        # Lax: a link to the product's page opens it with the session; nothing that another site
        # posts is sent with it.
        kept: dict[str, Any] = {"path": "/", "secure": self.secure, "samesite": "Lax"}
        return [
            (self.token_name, token, {**kept, "httponly": True}),
            (self.csrf_name, csrf_token, kept),
        ]
