"""A response that is written through its generator and past it, for gunicorn to serve."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from app.sse.outlet import chunk, outlet_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """`before`, then ` direct` or ` none`, then ` after`."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    outlet = outlet_of(environ, start_response)

    def body() -> Iterator[bytes]:
        yield b"before"
        if outlet is None:
            yield b" none"
        else:
            direct = chunk(b" direct")
            assert outlet.socket.send(direct[:4]) == 4
            outlet.finish(direct[4:])
        yield b" after"

    return body()
