"""Headers that every answer has: of a view, of an error, of a file, of the stream.

What a view says itself goes first; nothing that is added later can forget the rest.
"""

from collections.abc import Mapping
from typing import Final

from flask import Flask, Response, request

EVERYWHERE: Final[Mapping[str, str]] = {
    # What is no page runs nothing, loads nothing and is in no frame. Pages have their own policy.
    "Content-Security-Policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # A stream's URL may hold a ticket.
    "Referrer-Policy": "no-referrer",
    # No <img> or <script> of another site gets an answer into its process. What is fetched with
    # CORS, as EventSource, fetch() and modules are, is not held by this but by the list of origins.
    "Cross-Origin-Resource-Policy": "same-origin",
    # Everything is somebody's own unless it says otherwise.
    "Cache-Control": "no-store",
}

PAGES: Final[Mapping[str, str]] = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

# A year, as browsers' own lists ask for. Not for subdomains: they are not ours.
HSTS: Final = "max-age=31536000"


def init_app(app: Flask) -> None:
    """Complete every answer of `app`. To be called first: what was registered first runs last."""
    app.after_request(_complete)


def _complete(response: Response) -> Response:
    for name, value in EVERYWHERE.items():
        response.headers.setdefault(name, value)
    if response.mimetype == "text/html":
        for name, value in PAGES.items():
            response.headers.setdefault(name, value)
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = HSTS
    return response
