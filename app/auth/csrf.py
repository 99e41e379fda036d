"""That a change is meant: what a browser sends of itself is not enough to make one.

Cookies go along with requests that another site's page makes. So a change by cookie needs a header
with the CSRF token, which only a page that may read this origin's cookies knows; and a browser that
says where the request is from has to say the right thing.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from typing import Final
from urllib.parse import urlsplit

from flask import current_app, request

from app.errors import Forbidden
from app.extensions import settings

HEADER: Final = "X-CSRF-TOKEN"
DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def csrf_token(token: str, claim: str | None) -> str:
    """The CSRF token of a token: its claim `csrf`, or else what only its bearer can work out."""
    if claim:
        return claim
    digest = hashlib.sha256(b"tidings csrf\0" + token.encode()).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def check_token(claim: str | None) -> None:
    """Raise Forbidden unless the request has the CSRF token of its session cookie.

    `claim` is the cookie's claim `csrf`.
    """
    token = request.cookies.get(current_app.config["JWT_ACCESS_COOKIE_NAME"], "")
    expected, sent = csrf_token(token, claim), request.headers.get(HEADER)
    if sent is None:
        raise Forbidden(f"A change by session cookie needs the header {HEADER}.")
    if not hmac.compare_digest(_bytes(sent), _bytes(expected)):
        raise Forbidden(f"{HEADER} is not the CSRF token of the session cookie.")


def _bytes(text: str) -> bytes:
    # JSON may hold half a surrogate pair, which has no UTF-8.
    return text.encode("utf-8", "surrogatepass")


def check_origin() -> None:
    """Raise Forbidden if a browser says that a page of another origin makes this request.

    Fetch Metadata (Sec-Fetch-Site) is believed first, as no page and no proxy changes it. Origins
    of CORS_ORIGINS may. A client that says nothing, as curl does, is no browser.
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site in ("same-origin", "none") or (site is None and origin is None):
        return
    if origin is not None and (
        origin in settings().cors_origins or (site is None and _is_this_host(origin))
    ):
        return
    raise Forbidden(
        f"A page of another origin ({origin or site}) may not do this; CORS_ORIGINS lists who may."
    )


def _is_this_host(origin: str) -> bool:
    """Whether it is the host that was asked. Not the scheme: TLS may have ended at a proxy."""
    try:
        parts = urlsplit(origin)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return False
    host = request.headers.get("Host", "").lower()
    return bool(parts.hostname) and host in (parts.netloc.lower(), f"{parts.hostname}:{port}")
