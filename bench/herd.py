"""A process of streams that connect at once: `python -m bench.herd`.

One process may open 20,000 files, and one address reach a server from 28,000 ports: rows with more
streams than that start several of these. It reads one line of JSON from its standard input, and
writes one when all streams are open, and another when its input ends.
"""

import errno
import json
import os
import select
import socket
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any

# Nothing of the application: that would take each of these processes a second to start.
from bench.files import raise_file_limit
from bench.wire import CONNECTED, FRAME_END, Address, request

READ_BYTES = 65536
# After so long without one more that opened, the rest is given up.
PATIENCE_SECONDS = 90.0
# Connections that are begun between two looks at the others: whoever connects asks at once.
STARTED_IN_A_ROW = 20
IP_BIND_ADDRESS_NO_PORT = 24  # Linux; Python has no name for it before 3.12
# How often open streams are read.
LOOK_SECONDS = 0.2


@dataclass
class Account:
    """What a herd has to tell."""

    opened: int = 0
    refused: int = 0
    ended: int = 0
    seconds: float = 0.0
    # Streams that received something since the last account.
    alive: int = 0
    faults: list[str] = field(default_factory=list)


class Herd:
    """Opens streams without waiting for one another, and reads whatever they receive."""

    def __init__(self, address: Address, source: str) -> None:
        """`source` is the local address from which a host's port is reached."""
        self._address = address
        self._source = source
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._requests: dict[int, bytes] = {}
        self._heads: dict[int, bytes] = {}
        self._heard: set[int] = set()
        self.account = Account()

    def open(self, requests: list[bytes], at_once: int) -> None:
        """Open a stream for each request; returns when all have opened or failed."""
        started = settled_at = time.monotonic()
        settled = 0
        waiting = deque(requests)
        while settled < len(requests):
            room = min(STARTED_IN_A_ROW, at_once - len(self._heads))
            begun = 0
            # A Unix socket whose queue is full sends away whoever comes: that one tries again.
            while begun < room and waiting and self._connect(waiting[0]):
                waiting.popleft()
                begun += 1
            self.read(0.0 if begun else 0.5)
            if (now_settled := self.account.opened + self.account.refused) > settled:
                settled, settled_at = now_settled, time.monotonic()
            elif time.monotonic() - settled_at > PATIENCE_SECONDS:
                self._fault(f"{len(self._heads)} streams did not open in time")
                break
        self.account.seconds = time.monotonic() - started

    def read(self, seconds: float) -> None:
        """Wait so long at most for something to read, and read it."""
        for descriptor, event in self._epoll.poll(seconds, 4096):
            if event & select.EPOLLOUT:
                self._ask(descriptor)
            else:
                self._receive(descriptor)

    def tell(self) -> Account:
        """The account; `alive` counts anew from here."""
        self.account.alive = len(self._heard)
        self._heard.clear()
        return self.account

    def _connect(self, asking: bytes) -> bool:
        """Begin to connect, or count it as refused; False if it is to be tried again."""
        is_unix = isinstance(self._address, str)
        connection = socket.socket(socket.AF_UNIX if is_unix else socket.AF_INET)
        connection.setblocking(False)
        if not is_unix:
            # The port is chosen for this server by `connect`; `bind` would look for one that is
            # free for any, which takes milliseconds once half of them are used, or were a minute
            # ago.
            connection.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            connection.bind((self._source, 0))
        result = connection.connect_ex(self._address)
        if is_unix and result == errno.EAGAIN:
            connection.close()
            return False
        if result not in (0, errno.EINPROGRESS):
            self.account.refused += 1
            self._fault(os.strerror(result))
            return True
        descriptor = connection.fileno()
        self._sockets[descriptor] = connection
        self._requests[descriptor] = asking
        self._heads[descriptor] = b""
        self._epoll.register(descriptor, select.EPOLLOUT)
        return True

    def _ask(self, descriptor: int) -> None:
        error = self._sockets[descriptor].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self._lose(descriptor, os.strerror(error))
            return
        os.write(descriptor, self._requests.pop(descriptor))
        self._epoll.modify(descriptor, select.EPOLLIN)

    def _receive(self, descriptor: int) -> None:
        try:
            data = os.read(descriptor, READ_BYTES)
        except OSError as error:
            self._lose(descriptor, error.strerror or "lost")
            return
        if not data:
            head = self._heads.get(descriptor, b"")
            self._lose(descriptor, f"ended: {head[:80]!r}")
            return
        self._heard.add(descriptor)
        if descriptor in self._heads:
            head = self._heads[descriptor] = self._heads[descriptor] + data
            if FRAME_END in head.partition(CONNECTED)[2]:
                del self._heads[descriptor]
                self.account.opened += 1

    def _lose(self, descriptor: int, why: str) -> None:
        self._fault(why)
        if self._heads.pop(descriptor, None) is None:
            self.account.ended += 1
        else:
            self.account.refused += 1
        self._sockets.pop(descriptor).close()

    def _fault(self, text: str) -> None:
        if len(self.account.faults) < 5:
            self.account.faults.append(text)


def main() -> None:
    """Open what standard input asks for, tell; read on until it ends, tell again."""
    raise_file_limit()
    order: dict[str, Any] = json.loads(sys.stdin.readline())
    address = order["address"]
    herd = Herd(address if isinstance(address, str) else tuple(address), order["source"])
    requests = [
        request(order["host"], order["path"], token, order["last_event_id"])
        for token in order["tokens"]
    ]
    herd.open(requests, order["at_once"])
    _tell(herd)
    while True:
        # Not as each byte comes: on the machine of the workers, to be woken for each ping of theirs
        # costs them as much as the ping, which clients elsewhere do not.
        time.sleep(LOOK_SECONDS)
        herd.read(0)
        if select.select([sys.stdin], [], [], 0)[0]:
            if not sys.stdin.readline():
                break
            _tell(herd)


def _tell(herd: Herd) -> None:
    print(json.dumps(asdict(herd.tell())), flush=True)


if __name__ == "__main__":
    main()
