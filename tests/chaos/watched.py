"""The application as it is deployed, which also tells what its worker process holds open.

gunicorn loads this in place of `wsgi:app`. Who takes a connection to the server's own port is
chance, so each worker answers on a port of its own; a file in CHAOS_FOLDER names it.
"""

import gc
import json
import os
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from gevent.server import StreamServer
from gevent.socket import socket
from greenlet import getcurrent, greenlet

from app.database import POOL_SIZE
from app.extensions import db
from tests.chaos.holdings import PORT_FILE
from wsgi import app

__all__ = ["app"]


def answer(connection: socket, _address: object) -> None:
    """Say how many greenlets there are of each kind, and how many clients the hub has."""
    _fill_pool()
    # What is only waiting to be collected is not held.
    gc.collect()
    everything = [one for one in gc.get_objects() if isinstance(one, greenlet) and one]
    # gevent's helper threads, which resolve names, have greenlets too, and come and go.
    here = _thread(getcurrent())
    kinds = Counter(_kind(one) for one in everything if _thread(one) is here)
    said = {"clients": app.extensions["tidings.sse"].hub.streams, "greenlets": dict(kinds)}
    connection.sendall(json.dumps(said).encode())
    connection.close()


def _fill_pool() -> None:
    """Between two counts the pool must not have grown: let it have all that it may keep."""
    with app.app_context(), ExitStack() as connections:
        for _ in range(POOL_SIZE):
            connections.enter_context(db.engine.connect())


def _thread(one: greenlet) -> greenlet:
    """The main greenlet of its thread."""
    while one.parent is not None:
        one = one.parent
    return one


def _kind(one: greenlet) -> str:
    run = getattr(one, "_run", None)
    return str(getattr(run, "__qualname__", type(one).__name__))


server = StreamServer(("127.0.0.1", 0), answer)
server.start()
Path(os.environ["CHAOS_FOLDER"], PORT_FILE.format(pid=os.getpid())).write_text(
    str(server.server_port)
)
