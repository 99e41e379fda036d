"""A whole Tidings under load: Redis, web workers, consumers, a producer, and those who read."""

import os
import random
import secrets
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import redis

from app.ops.embedded import EmbeddedRedis
from tests.chaos.background import Background
from tests.chaos.checker import MayLose, check
from tests.chaos.ledger import Key, Ledger
from tests.chaos.letters import dead_keys
from tests.chaos.producer import Producer
from tests.chaos.proxy import Filter, Proxy
from tests.chaos.reader import Address, Reader
from tests.chaos.scale import Scale
from tests.chaos.store import Store
from tests.chaos.verdict import Verdict
from tests.support.processes import ConsumerProcess, WebServer, free_port
from tests.support.tokens import sign_token
from tests.support.waiting import wait_for

STREAM = "events"
GROUP = "tidings"
DEAD_LETTERS = "events:dead"

JWT_SECRET_KEY = secrets.token_urlsafe(48)
LOOK_SECONDS = 0.1


class World:
    """Made for one fault. `start` and the rest are called by the fault, in this order or another.

    `rng` is the source of every random choice. Processes are started by the thread that enters.
    """

    def __init__(
        self,
        folder: Path,
        database_url: str,
        scale: Scale,
        seed: int,
        settings: dict[str, str],
        redis_options: tuple[str, ...] = (),
        append_only: bool = True,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.scale = scale
        self.rng = random.Random(seed)
        self.store = Store(database_url)
        self.ledger = Ledger()
        self.may_lose: MayLose = lambda _: False
        self.healed_at = 0.0
        self.users = [f"user-{number}" for number in range(scale.users)]
        self.readers: list[Reader] = []
        self.consumers: list[ConsumerProcess] = []
        self.background = Background()
        self.redis_server = EmbeddedRedis(
            folder / "redis", port=free_port(), append_only=append_only, extra=redis_options
        )
        self.redis_url = f"redis://127.0.0.1:{self.redis_server.port}/0"
        self.redis = redis.Redis.from_url(self.redis_url, socket_timeout=5)
        self.settings = {
            "APP_ENV": "development",
            "DATABASE_URL": database_url,
            "REDIS_URL": self.redis_url,
            "JWT_SECRET_KEY": JWT_SECRET_KEY,
            "INSTANCE_PATH": str(folder / "instance"),
            "MAX_STREAMS_PER_USER": "100",
            "SWEEP_SECONDS": "2",
            **settings,
        }
        self.web = WebServer(self.settings, folder, workers=scale.web_workers)
        self.web_address = Address(self.web.port)
        self.producer = self.new_producer()
        self._running = ExitStack()

    def new_producer(self, name: str = "load", repeated: float = 0.05) -> Producer:
        """A producer that writes into this world's ledger."""
        return Producer(
            self.redis_url, STREAM, self.ledger, self.users,
            random.Random(self.rng.random()), repeated=repeated, name=name,
        )  # fmt: skip

    def __enter__(self) -> Self:
        self._running.enter_context(self.background)
        self._running.enter_context(self.redis_server)
        self._running.callback(self.redis.close)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.producer.stop()
        self._running.close()

    # What there is

    def start(self, *, consumers: int | None = None) -> None:
        """Start consumers, web workers and all readers, and wait until each reader has a stream."""
        for _ in range(self.scale.consumers if consumers is None else consumers):
            self.add_consumer()
        self.start_web()
        for user in self.users:
            for _ in range(self.scale.streams_per_user):
                self.add_reader(user)
        self.wait_for_readers()

    def start_web(self) -> None:
        """Start the web server."""
        self._running.enter_context(self.web)

    def add_consumer(self, *arguments: str, **settings: str) -> ConsumerProcess:
        """Start one more consumer."""
        process = ConsumerProcess({**self.settings, **settings}, self.folder, *arguments)
        self.consumers.append(self._running.enter_context(process))
        return process

    def add_proxy(
        self, target_port: int, new_filter: Callable[[], Filter] | None = None
    ) -> Proxy:
        """A proxy before a port of this machine."""
        proxy = Proxy(target_port, random.Random(self.rng.random()), new_filter)
        self.background.call(proxy.start())
        return proxy

    def proxied_redis(self, new_filter: Callable[[], Filter] | None = None) -> tuple[Proxy, str]:
        """A proxy before Redis, and its URL."""
        proxy = self.add_proxy(self.redis_server.port, new_filter)
        return proxy, f"redis://127.0.0.1:{proxy.port}/0"

    def token(self, user: str) -> str:
        """A token for `user`."""
        return sign_token(JWT_SECRET_KEY, user)

    def add_reader(
        self,
        user: str,
        *,
        silence_seconds: float = 40.0,
        last_event_id: int | None = None,
        paused: bool = False,
    ) -> Reader:
        """Open one more stream, for the rest of this world's life."""
        reader = Reader(
            user,
            self.token(user),
            self.web_address,
            random.Random(self.rng.random()),
            haste=self.scale.haste,
            silence_seconds=silence_seconds,
        )
        reader.last_event_id = last_event_id
        if paused:
            reader.gate.clear()
        self.readers.append(reader)
        self.background.spawn(reader.run())
        return reader

    def wait_for_readers(self) -> None:
        """Wait until every reader has an open stream."""
        wait_for(lambda: all(one.live for one in self.readers), 60, "an open stream for everybody")

    def web_workers(self) -> list[int]:
        """The process ids of the web server's workers."""
        found = subprocess.run(
            ["pgrep", "-P", str(self.web.pid)], capture_output=True, text=True, check=False
        )
        return [int(line) for line in found.stdout.split()]

    # What is done to it

    def load(self) -> None:
        """Begin to produce."""
        self.producer.start(self.scale.events, self.scale.seconds)

    def pause(self, seconds: float) -> None:
        """Let the fault, or what comes between two, last: the time is the fault itself."""
        time.sleep(seconds * self.rng.uniform(0.8, 1.2))

    def kill_redis(self) -> None:
        """SIGKILL Redis."""
        process = self.redis_server.process
        assert process is not None
        process.kill()
        process.wait()

    def signal_redis(self, signum: signal.Signals) -> None:
        """Send Redis a signal."""
        process = self.redis_server.process
        assert process is not None
        process.send_signal(signum)

    def kill_worker(self) -> None:
        """SIGKILL one web worker; gunicorn starts another."""
        wait_for(lambda: len(self.web_workers()) == self.scale.web_workers, 20, "all web workers")
        os.kill(self.rng.choice(self.web_workers()), signal.SIGKILL)

    def in_loop(self, do: Callable[[], object]) -> None:
        """Call `do` in the loop of readers and proxies."""

        async def run() -> None:
            do()

        self.background.call(run())

    def age_pending(self) -> None:
        """Make what dead consumers left look as old as it has to be to be taken over."""
        alive = {f"{os.uname().nodename}-{one.pid}" for one in self.consumers if one.alive}
        for entry in self.redis.xpending_range(STREAM, GROUP, "-", "+", 10_000):
            name = entry["consumer"].decode()
            if name not in alive:
                self.redis.xclaim(
                    STREAM, GROUP, name, 0, [entry["message_id"]], idle=3_600_000, justid=True
                )

    def healed(self) -> None:
        """Everything works again from now on."""
        self.healed_at = time.monotonic()

    def settle(self) -> bool:
        """Wait until nothing moves that should; False if that took longer than it may."""
        self.producer.join()
        deadline = time.monotonic() + self.scale.settle_seconds
        while not self._is_settled():
            if time.monotonic() > deadline:
                return False
            time.sleep(LOOK_SECONDS)
        return True

    def _is_settled(self) -> bool:
        last = self.store.last_seqs()
        if any((one.last_event_id or 0) != last.get(one.user, 0) for one in self.readers):
            return False
        return all(reader.live for reader in self.readers) and self._all_stored()

    def _all_stored(self) -> bool:
        held = {(row.source, row.event_id, row.user_id) for row in self.store.rows()}
        dead = self.dead()
        for entry in self.ledger.acked_entries():
            if entry.poison:
                if entry.key not in dead:
                    return False
            elif not self.may_lose(entry) and any(
                (*entry.key, user) not in held for user in entry.recipients
            ):
                return False
        return True

    def dead(self) -> set[Key]:
        """The events among the dead letters."""
        return dead_keys(self.redis, DEAD_LETTERS)

    def verdict(self) -> Verdict:
        """What the checker says, now."""

        async def look() -> Verdict:
            return check(self.ledger, self.store, dead, self.readers, self.may_lose)

        dead = self.dead()
        return self.background.call(look())

    # What was measured

    def heal_seconds(self) -> float | None:
        """From the end of the fault to the arrival of the last event that was written before."""
        before = {e.id for e in self.ledger.acked_entries() if (e.acked_at or 0) < self.healed_at}
        arrivals = [
            line.at for reader in self.readers for line in reader.log if line.event in before
        ]
        return max(0.0, max(arrivals) - self.healed_at) if arrivals and self.healed_at else None

    def reconnect_seconds(self) -> list[float]:
        """How long each stream was away, each time."""
        found = []
        for reader in self.readers:
            cut: float | None = None
            for line in list(reader.log):
                if line.kind == "cut" and cut is None:
                    cut = line.at
                elif line.kind == "connected" and cut is not None:
                    found.append(line.at - cut)
                    cut = None
        return sorted(found)

