"""CORS: pages of the listed origins, and of no other, may call the API with credentials."""

import re
from typing import Final

from flask import Flask, Response, request
from flask_cors import CORS

from app.config import Settings

ALLOWED_HEADERS: Final = [
    "Authorization",
    "Content-Type",
    "If-None-Match",
    "Last-Event-ID",
    "X-CSRF-TOKEN",
]

# What a page of another origin may read of an answer, beside its body.
EXPOSED_HEADERS: Final = [
    "ETag",
    "Link",
    "Retry-After",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
]

# How long a browser may go on without asking again after an origin was taken off the list.
PREFLIGHT_SECONDS: Final = 600


def init_app(app: Flask, settings: Settings, api: str) -> None:
    """Share what is under the path `api`, and the browser client, with CORS_ORIGINS."""
    if not settings.cors_origins:
        return
    # A module script of another origin is fetched with CORS.
    shared = (f"{api}/", "/static/")
    CORS(
        app,
        resources=[re.compile(re.escape(path)) for path in shared],
        # As patterns: text would be compared by casefold(), to which `ß` is `ss`.
        origins=[re.compile(rf"{re.escape(origin)}\Z") for origin in settings.cors_origins],
        supports_credentials=True,
        always_send=False,
        vary_header=False,
        allow_headers=ALLOWED_HEADERS,
        expose_headers=EXPOSED_HEADERS,
        max_age=PREFLIGHT_SECONDS,
    )

    @app.after_request
    def vary(response: Response) -> Response:
        # Of every shared answer, also without an Origin and for a foreign one: a cache must not
        # give one origin's answer, or nobody's, to another.
        if request.path.startswith(shared):
            response.vary.add("Origin")
        return response
