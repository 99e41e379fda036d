"""What slow readers were not given, in the log: at once, and then in sums instead of a flood."""

import logging

import gevent

from app.sse.client import Client

log = logging.getLogger(__name__)

# Another service may publish thousands a second to somebody whose tab has stalled.
PERIOD_SECONDS = 60.0


class Drops:
    """Counts dropped pushes. Each is told of: one line for a client in a period, and at its end."""

    def __init__(self) -> None:
        self._untold: dict[Client, int] = {}

    def note(self, client: Client) -> None:
        """A push for `client` was dropped. The first one of a period is told of at once."""
        if client in self._untold:
            self._untold[client] += 1
            return
        log.warning("dropped an unnumbered push for a slow reader of %s", client.user_id)
        self._begin_period(client)

    def tell(self, client: Client) -> bool:
        """Say how many were dropped since the last line; False if none were."""
        count = self._untold.pop(client, 0)
        if count:
            log.warning(
                "dropped %d more unnumbered pushes for a slow reader of %s", count, client.user_id
            )
        return count > 0

    def _begin_period(self, client: Client) -> None:
        self._untold[client] = 0
        gevent.spawn_later(PERIOD_SECONDS, self._end_period, client)

    def _end_period(self, client: Client) -> None:
        if self.tell(client):
            self._begin_period(client)
