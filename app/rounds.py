"""Rounds of gevent's loop: in each it looks once at its sockets and timers.

`gevent.sleep(0)` lets those run who are ready already, and looks at sockets and timers after 50
such pauses only. A listener that was never out of work paused so after each half millisecond: all
that needs a socket waited for 25 ms and more (a request: 52 ms, p99; it is 6 with this).
"""

import time

# Any time will do: a timer is due in the next round.
A_ROUND_SECONDS = 1e-6


def next_round() -> None:
    """Go on in the next round of the loop: to be called now and then by what takes long.

    In a process without gevent it takes less than 0.1 ms.
    """
    # gevent's own in a web worker. Asked for anew: whoever imports this before gevent patches would
    # keep the other one.
    time.sleep(A_ROUND_SECONDS)
