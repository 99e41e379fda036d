"""sse-starlette as its documentation shows it: EventSourceResponse over an async generator.

The generator is redis-py's documented asyncio Pub/Sub loop. Nobody is asked who they are, and
nothing is replayed; the library sends a ping every 15 s.
"""

import os
from collections.abc import AsyncIterator

import redis.asyncio
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

# redis-py's pool stops at 100 connections, and every stream keeps one.
store = redis.asyncio.Redis.from_url(
    os.environ["REDIS_URL"], max_connections=100_000, socket_timeout=None, decode_responses=True
)


async def messages(channel: str) -> AsyncIterator[dict[str, str]]:
    """What is published on `channel`, from now on."""
    async with store.pubsub() as pubsub:
        await pubsub.subscribe(channel)
        async for message in pubsub.listen():
            if message["type"] == "message":
                yield {"data": message["data"]}


async def stream(request: Request) -> Response:
    """The stream of the channel that the page names."""
    return EventSourceResponse(messages(request.query_params["channel"]))


async def healthz(_request: Request) -> Response:
    """Says that the server answers."""
    return PlainTextResponse("ok")


app = Starlette(routes=[Route("/stream", stream), Route("/healthz", healthz)])
