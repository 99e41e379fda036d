"""The yardstick: what one writes first. Each stream opens a Redis subscription of its own.

A token is checked, and nothing else: no replay, no order, no limit, no heartbeat.
"""

import os
from collections.abc import Iterator

import redis
from flask import Flask, Response
from flask_jwt_extended import JWTManager, get_jwt_identity, verify_jwt_in_request

app = Flask(__name__)
app.config["JWT_SECRET_KEY"] = os.environ["JWT_SECRET_KEY"]
JWTManager(app)
# redis-py's pool stops at 100 connections, and every stream keeps one.
store = redis.Redis.from_url(os.environ["REDIS_URL"], max_connections=100_000, socket_timeout=None)


@app.get("/stream")
def stream() -> Response:
    """The caller's messages as Server-Sent Events, the first one once the subscription stands."""
    verify_jwt_in_request()
    pubsub = store.pubsub()  # type: ignore[no-untyped-call]
    pubsub.subscribe(f"user-notifications:{get_jwt_identity()}")

    def frames() -> Iterator[str]:
        try:
            for message in pubsub.listen():
                if message["type"] == "subscribe":
                    yield "event: connected\ndata: {}\n\n"
                else:
                    yield f"data: {message['data'].decode()}\n\n"
        finally:
            pubsub.close()

    return Response(frames(), mimetype="text/event-stream")


@app.get("/healthz")
def healthz() -> str:
    """Says that the server answers."""
    return "ok"
