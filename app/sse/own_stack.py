"""A stream's request is answered on a stack of its own, so that the stream keeps none of it.

CPython gives each greenlet 16 KiB for its frames, of which those pages stay resident that were ever
touched. A view within Flask, its hooks and what they call touch all of them; the loop in which the
stream then sleeps needs one. With both on one stack an idle stream took 22 KiB, now it takes 14.
"""

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask
from greenlet import greenlet

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def init_app(app: Flask, path: str) -> None:
    """Answer what is asked for at `path` in greenlets of their own, which end with the view.

    To be called last, as everything that is wrapped before runs there.
    """
    inner: WsgiApp = app.wsgi_app

    def outer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != path:
            return inner(environ, start_response)
        return _on_own_stack(inner, environ, start_response)

    app.wsgi_app = outer  # type: ignore[method-assign]


def _on_own_stack(
    inner: WsgiApp, environ: dict[str, Any], start_response: Callable[..., Any]
) -> Iterable[bytes]:
    answering = greenlet(inner)  # a child of this one: what it returns or raises comes here
    try:
        response: Iterable[bytes] = answering.switch(environ, start_response)
    finally:
        # Killed here while the view waits, for Redis or for the issuer's keys: it is killed, too.
        if not answering.dead:
            answering.throw()
    return response
