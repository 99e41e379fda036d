"""gunicorn: one gevent worker for each core, drained when it stops.

Nothing of the application may be imported here: this file runs before gevent has patched the
standard library, and what is imported before that blocks.
"""

import logging
import os
import signal
import sys

from dotenv import load_dotenv

production = os.environ.get("APP_ENV") == "production"
if not production:
    load_dotenv()


# gevent notes down for each greenlet where it was spawned, for whoever debugs it: 0.6 KiB of each
# open stream.
os.environ.setdefault("GEVENT_TRACK_GREENLET_TREE", "false")


def whole_number(name, default, most):
    text = os.environ.get(name) or str(default)
    if not text.isdecimal() or not 1 <= int(text) <= most:
        sys.exit(f"tidings: {name}: must be a whole number from 1 to {most} (it is {text!r})")
    return int(text)


# In development the demo lets anybody be anybody: it is for this machine alone.
host = "0.0.0.0" if production else "127.0.0.1"  # noqa: S104
bind = f"{host}:{whole_number('PORT', 8000, 65_535)}"
workers = whole_number("WEB_CONCURRENCY", 1, 256)
worker_class = "gevent"
control_socket_disable = True  # one more way in, and all servers of a user would share it
preload_app = False  # a worker patches first and imports then

# Streams are refused at MAX_STREAMS; a full pool would make health checks hang instead.
REQUESTS_BESIDE_STREAMS = 500
worker_connections = whole_number("MAX_STREAMS", 10_000, 1_000_000) + REQUESTS_BESIDE_STREAMS
# When a proxy restarts, thousands come back at once. They wait here until a worker accepts them;
# the system may allow fewer (net.core.somaxconn).
backlog = 16_384

# A worker would be killed with all of its streams after so many of them were opened.
max_requests = 0
# Seconds a worker may be silent before it is taken for dead.
timeout = 60
# Draining ends the streams within a second or two; what is left then has stopped reading.
graceful_timeout = 10
# This is gunicorn's time-out for slow headers too; 0 would mean none.
keepalive = 2

# The longest URL of the API is a list's, narrowed by a kind and a subject of emoji: 4 KiB. That of
# /presence, which names many users, may have the most that gunicorn and nginx take: 8 KiB.
limit_request_line = 8190
# A session's cookie and other cookies of the same host, as large as nginx lets them through.
limit_request_field_size = 8190
# Browsers send some 20, and proxies add a few.
limit_request_fields = 64

# Who calls, and how, is for the application to find out, by TRUSTED_PROXIES. By default gunicorn
# would believe these headers of every process of this machine, and of every Unix socket.
forwarded_allow_ips = ""
secure_scheme_headers = {}
forwarder_headers = ""

accesslog = None  # query strings hold tickets
errorlog = "-"
loglevel = "warning" if not production else "info"


def post_worker_init(worker):
    """Start the stream room, and drain it when gunicorn tells this worker to stop."""
    import gunicorn.util
    from gevent.server import StreamServer

    from app.ops import door, garbage
    from app.ops.refusals import write_refusal
    from app.sse.room import drain_when

    # Also what the application never sees is answered with problem details. There is no hook for
    # it: workers look this function up when they need it.
    gunicorn.util.write_error = write_refusal
    # With more workers than one, gunicorn would have each accept one connection in a round.
    StreamServer.max_accept = property(
        lambda _: door.ACCEPTED_IN_A_ROUND, lambda _server, _most: None
    )
    worker.handle = door.Door().before(worker.handle)
    worker.log.error_log.addFilter(SlowReaders())
    worker.log.error_log.addFilter(QueryStrings())
    room = worker.wsgi.extensions["tidings.sse"]
    room.start()
    garbage.seldom_look()
    look = drain_when(room, stopping=lambda: not worker.alive)
    exiting = signal.getsignal(signal.SIGTERM)

    def handle_exit(number, frame):
        exiting(number, frame)
        look()

    signal.signal(signal.SIGTERM, handle_exit)


class SlowReaders(logging.Filter):
    """gunicorn logs a traceback when a write times out: here that is a reader that stopped."""

    def filter(self, record):
        if record.exc_info and isinstance(record.exc_info[1], TimeoutError):
            record.msg, record.args = "closed the connection of a reader that stopped reading", ()
            record.levelno, record.levelname = logging.INFO, "INFO"
            record.exc_info = None
        return True


class QueryStrings(logging.Filter):
    """gunicorn logs a request line that it can't read, and a ticket may stand there."""

    def filter(self, record):
        text = record.getMessage()
        if text.startswith("Invalid request") and "?" in text:
            record.msg, record.args = text.partition("?")[0] + "?…", ()
        return True


def worker_exit(_server, worker):
    """Close what the room holds open."""
    from app import database

    app = getattr(worker, "wsgi", None)
    if app is not None:
        app.extensions["tidings.sse"].stop()
        with app.app_context():
            database.close()
