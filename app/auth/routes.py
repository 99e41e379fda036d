"""`POST /stream-tickets`."""

from typing import Annotated

from flask import Blueprint, Response, jsonify
from pydantic import Field

from app.auth.callers import authenticated, identity
from app.auth.tickets import TICKET_SECONDS, issue_ticket
from app.describe import Output, describe
from app.extensions import tidings
from app.limits import COSTLY, limited

blueprint = Blueprint("auth", __name__)


class Ticket(Output):
    """Opens one stream, once."""

    ticket: str
    expires_in: Annotated[int, Field(description="Seconds.")]


@blueprint.post("/stream-tickets")
@describe("stream", Ticket)
@limited(COSTLY)
@authenticated
def create_stream_ticket() -> Response:
    """A single-use ticket for `GET /notifications/subscribe?ticket=…`."""
    ticket = issue_ticket(tidings().redis, identity())
    return jsonify(ticket=ticket, expires_in=TICKET_SECONDS)
