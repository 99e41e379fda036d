"""A whole Tidings under load: Redis, web workers, consumers, a producer, and those who read."""

import asyncio
import random
import secrets
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import redis

from app.ops.embedded import EmbeddedRedis
from tests.chaos.background import Background
from tests.chaos.checker import MayLose
from tests.chaos.ledger import Key, Ledger
from tests.chaos.letters import dead_keys
from tests.chaos.producer import Producer
from tests.chaos.proxy import Filter, Proxy
from tests.chaos.reader import Address, Reader
from tests.chaos.scale import Scale
from tests.chaos.store import Store
from tests.support.processes import ChildProcess, ConsumerProcess, WebServer, free_port
from tests.support.tokens import sign_token
from tests.support.waiting import wait_for

STREAM = "events"
GROUP = "tidings"
DEAD_LETTERS = "events:dead"

JWT_SECRET_KEY = secrets.token_urlsafe(48)

P = TypeVar("P", bound=ChildProcess)


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
        self.complaints: list[str] = []
        self.notes: list[str] = []
        self.silence_seconds = 40.0
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
        self._tasks: dict[Reader, asyncio.Task[None]] = {}
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

    def start(self, *, consumers: int | None = None, streams: int = 0) -> None:
        """Start consumers, web workers and all readers, and wait until each reader has a stream.

        In the long form there are at least so many streams.
        """
        for _ in range(self.scale.consumers if consumers is None else consumers):
            self.add_consumer()
        self.start_web()
        for user in self.users:
            for _ in range(self.scale.streams_per_user):
                self.add_reader(user)
        while not self.scale.short and len(self.readers) < streams:
            self.add_reader(self.rng.choice(self.users))
        self.wait_for_readers()

    def start_web(self) -> None:
        """Start the web server."""
        self._running.enter_context(self.web)

    def use_for_web(self, unix_socket: Path | None = None, /, **settings: str) -> None:
        """Give the web server, which has not been started yet, settings of its own."""
        self.web = WebServer(
            {**self.settings, **settings},
            self.folder,
            workers=self.scale.web_workers,
            unix_socket=unix_socket,
        )
        self.web_address = Address(self.web.port)

    def short_folder(self) -> Path:
        """A folder with a path short enough for a Unix socket in it."""
        return Path(self._running.enter_context(tempfile.TemporaryDirectory(prefix="tidings-")))

    def keep(self, process: P) -> P:
        """Start a process that ends with this world at the latest."""
        self._running.enter_context(process)
        return process

    def add_consumer(self, *arguments: str, **settings: str) -> ConsumerProcess:
        """Start one more consumer."""
        process = ConsumerProcess({**self.settings, **settings}, self.folder, *arguments)
        self.consumers.append(self._running.enter_context(process))
        return process

    def add_proxy(self, target_port: int, new_filter: Callable[[], Filter] | None = None) -> Proxy:
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
        last_event_id: int | None = None,
        receive_buffer: int | None = None,
    ) -> Reader:
        """Open one more stream, for the rest of this world's life."""
        reader = Reader(
            user,
            self.token(user),
            self.web_address,
            random.Random(self.rng.random()),
            haste=self.scale.haste,
            silence_seconds=self.silence_seconds,
            receive_buffer=receive_buffer,
        )
        reader.last_event_id = last_event_id
        self.readers.append(reader)
        self._tasks[reader] = self.background.spawn(reader.run())
        return reader

    def close_reader(self, reader: Reader) -> None:
        """Close a stream for good; what it has had until now is checked in the end."""
        self.background.cancel(self._tasks.pop(reader))
        reader.closed = True

    def list_seq(self, user: str) -> int:
        """The seq of the list that a page reads before it opens its stream."""
        with self.web.http(self.token(user)) as client:
            page = client.get("/api/v1/notifications").raise_for_status().json()
        seq: int = page["seq"]
        return seq

    def wait_for_readers(self) -> None:
        """Wait until every reader has an open stream."""
        wait_for(lambda: all(one.live for one in self.readers), 60, "an open stream for everybody")

    def web_workers(self) -> list[int]:
        """The process ids of the web server's workers."""
        found = subprocess.run(
            ["pgrep", "-P", str(self.web.pid)], capture_output=True, text=True, check=False
        )
        return [int(line) for line in found.stdout.split()]

    def load(self) -> None:
        """Begin to produce."""
        self.producer.start(self.scale.events, self.scale.seconds)

    def pause_between_blows(self) -> None:
        """Spread the repeated blows over the time of the load."""
        self.pause(self.scale.seconds / (self.scale.times + 1))

    def pause(self, seconds: float) -> None:
        """Let the fault, or what comes between two, last: the time is the fault itself."""
        time.sleep(seconds * self.rng.uniform(0.8, 1.2))

    def endure(self, seconds: float) -> None:
        """Let something last exactly so long, where somebody was promised the number."""
        time.sleep(seconds)

    def in_loop(self, do: Callable[[], object]) -> None:
        """Call `do` in the loop of readers and proxies."""

        async def run() -> None:
            do()

        self.background.call(run())

    def complain(self, what: str) -> None:
        """Something is wrong that the checker can't see in the end."""
        self.complaints.append(what)

    def note(self, what: str) -> None:
        """Something that whoever reads the result should know."""
        self.notes.append(what)

    def healed(self) -> None:
        """Everything works again from now on."""
        self.healed_at = time.monotonic()

    def dead(self) -> set[Key]:
        """The events among the dead letters."""
        return dead_keys(self.redis, DEAD_LETTERS)
