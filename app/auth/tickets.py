"""One-time tickets: how a page of another origin opens a stream, as EventSource sends no header.

A long-lived token in a URL would end up in logs and histories; a ticket is used up by its first
use and worth nothing after half a minute.
"""

import hashlib
import json
import secrets
from dataclasses import asdict

import redis

from app.auth.identity import Identity
from app.errors import ServiceUnavailable, Unauthorized

TICKET_BYTES = 32
TICKET_SECONDS = 30


def issue_ticket(client: redis.Redis, caller: Identity) -> str:
    """A ticket that opens one stream for `caller` within TICKET_SECONDS."""
    ticket = secrets.token_urlsafe(TICKET_BYTES)
    value = json.dumps({**asdict(caller), "scopes": sorted(caller.scopes)})
    try:
        client.set(_key(ticket), value, ex=TICKET_SECONDS)
    except redis.RedisError as error:
        raise ServiceUnavailable("Redis, which keeps the tickets, does not answer.") from error
    return ticket


def redeem_ticket(client: redis.Redis, ticket: str) -> Identity:
    """The identity a ticket stands for; the ticket is used up. Raises Unauthorized."""
    try:
        # GETDEL is one step: of two workers that are shown the same ticket, one gets it.
        value = client.getdel(_key(ticket))
    except redis.RedisError as error:
        raise ServiceUnavailable("Redis, which keeps the tickets, does not answer.") from error
    if not isinstance(value, bytes):
        raise Unauthorized("The ticket is unknown, used or expired.")
    kept = json.loads(value)
    return Identity(**{**kept, "scopes": frozenset(kept["scopes"])})


def _key(ticket: str) -> str:
    # Whoever can list Redis' keys still can't use a ticket.
    return "tidings:ticket:" + hashlib.sha256(ticket.encode()).hexdigest()
