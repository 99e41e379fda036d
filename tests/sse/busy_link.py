"""A Link that is never out of work: `python -m tests.sse.busy_link REDIS_URL`.

Prints how many events came in a row at most, without a look at the process's other sockets.
"""

from gevent import monkey

monkey.patch_all()

import sys  # noqa: E402

import gevent  # noqa: E402
import redis  # noqa: E402

from app.sse.link import Link  # noqa: E402

CHANNEL = b"tidings:test:busy"
MESSAGES = 20_000


def main(url: str) -> None:
    """Subscribe, publish more than is read at a time, and count."""
    rounds = 0

    def count() -> None:
        nonlocal rounds
        rounds += 1

    watcher = gevent.get_hub().loop.check()
    watcher.start(count)
    link = Link(url)
    link.open()
    link.subscribe([CHANNEL])
    events = link.events()
    next(events)
    client = redis.Redis.from_url(url)
    client.eval("for i = 1, ARGV[2] do redis.call('PUBLISH', ARGV[1], i) end", 0, CHANNEL, MESSAGES)
    most = in_a_row = received = last = 0
    for some in events:
        received += len(some)
        in_a_row = in_a_row + len(some) if rounds == last else len(some)
        last, most = rounds, max(most, in_a_row)
        if received == MESSAGES:
            break
    print(most)
    link.close()


if __name__ == "__main__":
    main(sys.argv[1])
