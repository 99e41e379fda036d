"""While a worker checks a large batch, its open streams are served all the same."""

import json
import subprocess
import sys

from app.config import PROJECT
from tests.support.processes import child_environ

# As in a worker: one greenlet checks a batch, and two others meanwhile talk over a socket. How
# often did they?
CHECK = """
from gevent import monkey
monkey.patch_all()
import json, socket, sys
import gevent
from app.consumer.posting import take_batch

near, far = socket.socketpair()

def echo():
    while True:
        far.sendall(far.recv(1))

def ask():
    while True:
        near.sendall(b"?")
        near.recv(1)
        answers.append(1)
        gevent.sleep(0.001)

answers = []
streams = [gevent.spawn(echo), gevent.spawn(ask)]
gevent.sleep(0.02)
answers.clear()
take_batch(json.load(sys.stdin))
print(len(answers))
gevent.killall(streams)
"""


def test_streams_are_served_while_a_large_batch_is_checked() -> None:
    recipients = [str(number) for number in range(1_000)]
    batch = [
        {
            "specversion": "1.0",
            "id": str(number),
            "source": "/tests",
            "type": "notification.requested",
            "data": {"recipients": recipients, "title": "Hello!"},
        }
        for number in range(40)
    ]
    done = subprocess.run(
        [sys.executable, "-c", CHECK],
        cwd=PROJECT,
        env=child_environ({}),
        input=json.dumps(batch),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    # Once for each event, or nearly; by yielding without looking at sockets, once or twice at all.
    assert int(done.stdout) >= len(batch) // 4
