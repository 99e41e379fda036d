"""How many new connections a worker takes up at a time, when more come than it can answer.

After a failure everybody comes back at once. The kernel keeps a few thousand connections that wait
to be accepted (net.core.somaxconn); of those that find no place some are reset, the others try
again after 1, 3, 7… seconds. So a worker accepts them soon, and lets them wait at this door.
"""

from collections import deque
from collections.abc import Callable
from typing import ParamSpec

from gevent import get_hub
from gevent.hub import Waiter

from app.rounds import A_ROUND_SECONDS

# Connections that are accepted in one round of the loop, at most; each takes some 25 µs.
ACCEPTED_IN_A_ROUND = 64
# Of these, how many are taken up in one round. Whatever else there is to do comes after them: with
# 16, a notification came seconds late, and of 4,000 connections that came at once 769 were cut off
# as too slow, since their requests were not read for longer than gunicorn waits for one. With 4,
# none, and the median notification took 2 ms meanwhile.
ENTERING_IN_A_ROUND = 4

P = ParamSpec("P")


class Door:
    """`enter` returns in the order of the calls, for so many of them in each round of the loop."""

    def __init__(self, most: int = ENTERING_IN_A_ROUND) -> None:
        self._most = most
        self._entered = 0
        self._waiting: deque[Waiter[None]] = deque()
        self._timer = get_hub().loop.timer(A_ROUND_SECONDS)

    def enter(self) -> None:
        """Wait for this greenlet's turn."""
        if self._entered == self._most:  # as it is while anybody waits
            waiter: Waiter[None] = Waiter()
            self._waiting.append(waiter)
            waiter.get()
        else:
            self._count_in()

    def before(self, handle: Callable[P, None]) -> Callable[P, None]:
        """`handle`, entered by this door."""

        def handle_in_turn(*args: P.args, **kwargs: P.kwargs) -> None:
            self.enter()
            handle(*args, **kwargs)

        return handle_in_turn

    def _count_in(self) -> None:
        self._entered += 1
        if self._entered == 1:
            self._timer.start(self._begin_round)

    def _begin_round(self) -> None:
        self._entered = 0
        loop = get_hub().loop
        while self._waiting and self._entered < self._most:
            self._count_in()
            # One whose greenlet has been killed has nobody to switch to, and does nothing.
            loop.run_callback(self._waiting.popleft().switch, None)
