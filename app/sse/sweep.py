"""The sweep: whatever Pub/Sub lost, or a dead consumer never published, arrives all the same."""

import logging
import random
from collections.abc import Callable, Mapping, Sequence

import gevent

from app.errors import DatabaseUnavailable
from app.rounds import next_round
from app.sse.client import Client
from app.sse.hub import Hub
from app.sse.tended import Tended

log = logging.getLogger(__name__)

# One query each. All of 14,000 at once held up everybody else for some 20 ms.
CLIENTS_IN_A_ROW = 1_000

# (user ids) -> the latest seq of each that has a mailbox; raises DatabaseUnavailable.
LastSeqs = Callable[[Sequence[str]], Mapping[str, int]]


def sweep(hub: Hub, last_seqs: LastSeqs) -> int:
    """Compare what was sent with what is stored; mark who is behind. How many were."""
    clients = list(hub.clients())
    behind = 0
    for start in range(0, len(clients), CLIENTS_IN_A_ROW):
        behind += _sweep(clients[start : start + CLIENTS_IN_A_ROW], last_seqs)
        next_round()
    return behind


def _sweep(clients: Sequence[Client], last_seqs: LastSeqs) -> int:
    sent = [(client, client.position) for client in clients]
    stored = last_seqs(list({client.user_id for client in clients}))
    behind = 0
    for client, position in sent:
        seq = stored.get(client.user_id, 0)
        # Lower than what was sent before the query: the database was put back to an older state.
        put_back = position is not None and seq < position
        if client.behind and not put_back:
            # It reads anyway, but its read may be as old as the push that was lost.
            client.hear_of(seq)
        elif put_back or seq > (client.position or 0):
            client.fall_behind()
            behind += 1
    return behind


class Sweeper:
    """Sweeps every `seconds`, jittered, in a greenlet of its own."""

    def __init__(self, hub: Hub, last_seqs: LastSeqs, seconds: float) -> None:
        self._hub = hub
        self._last_seqs = last_seqs
        self._seconds = seconds
        self._greenlet = Tended("the sweep", self._sweep_forever)

    def start(self) -> None:
        """Begin to sweep. Idempotent."""
        self._greenlet.start()

    def stop(self) -> None:
        """Stop. Idempotent."""
        self._greenlet.stop()

    def _sweep_forever(self) -> None:
        while True:
            gevent.sleep(self._seconds * random.uniform(0.75, 1))  # noqa: S311
            try:
                behind = sweep(self._hub, self._last_seqs)
            except DatabaseUnavailable as error:
                log.warning("could not sweep: %s", error)
                continue
            if behind:
                log.info("the sweep found %d streams behind", behind)
