"""A Tidings with somebody's secrets in it, and somebody who wants to have them."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis

from app.consumer.producer import emit
from tests.conftest import JWT_SECRET_KEY
from tests.hostile.raw import Wire
from tests.support.databases import SqliteDatabases
from tests.support.processes import ConsumerProcess, WebServer
from tests.support.shared import running
from tests.support.tokens import sign_token
from tests.support.waiting import wait_for

VICTIM, ATTACKER = "grace", "mallory"
# In everything that is the victim's, and nowhere else.
CANARY = "kanarienvogel"

_ids = itertools.count(1)


class Fort:
    """Two web workers and a consumer. The victim has two notifications, one of them read."""

    def __init__(self, web: WebServer, consumer: ConsumerProcess, redis_url: str) -> None:
        self.web = web
        self.consumer = consumer
        self.redis = redis.Redis.from_url(redis_url)
        for _ in range(2):
            self.tell(VICTIM, CANARY)
        with web.http(self.token(VICTIM)) as api:
            wait_for(lambda: self.mailbox(api)["seq"] == 2, 60, "the victim's notifications")
            rows = api.get("/api/v1/notifications").json()["items"]
            self.ids: list[str] = [row["id"] for row in rows]
            api.patch(f"/api/v1/notifications/{self.ids[0]}", json={"read": True})
            self.victims_mailbox = self.mailbox(api)
        self.workers = self.web.worker_pids()
        self.files = self.open_files()

    @staticmethod
    def token(user: str, *scopes: str, ttl_seconds: float = 3600) -> str:
        """A token of its own for each call: what ends one ends no other."""
        return sign_token(JWT_SECRET_KEY, user, *scopes, ttl_seconds=ttl_seconds)

    def tell(self, user: str, what: str) -> None:
        """Have `user` told."""
        data = {
            "recipients": [user],
            **dict.fromkeys(("title", "body"), what),
            "subject": {"type": "story", "id": CANARY, "title": what} if what == CANARY else None,
            "data": {"secret": what},
        }
        event = {
            "specversion": "1.0",
            "id": f"e-{next(_ids)}",
            "source": "/hostile",
            "type": "notification.requested",
            "data": data,
        }
        emit(self.redis, "events", event)

    @staticmethod
    def mailbox(api: httpx.Client) -> dict[str, int]:
        """Whose token it is, theirs."""
        answer: dict[str, int] = api.get("/api/v1/mailbox").raise_for_status().json()
        return answer

    def open_files(self) -> int:
        """File descriptors of the web workers, where /proc tells."""
        folders = [Path(f"/proc/{pid}/fd") for pid in self.web.worker_pids()]
        return sum(len(os.listdir(folder)) for folder in folders if folder.exists())

    def assert_unharmed(self) -> None:
        """The same workers, none with a traceback, with no more open than before; all as it was."""
        assert self.web.worker_pids() == self.workers
        assert "Traceback" not in self.web.output()
        assert self.consumer.alive
        # Connections to Redis and the database are kept in pools; those of clients are not.
        wait_for(lambda: self.open_files() <= self.files + 20, 60, "connections to be closed")
        with self.web.http(self.token(VICTIM)) as api:
            assert api.get("/readyz").status_code == 200
            assert self.mailbox(api) == self.victims_mailbox


@pytest.fixture(scope="package")
def fort(
    sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fort]:
    """One for all tests of this folder."""
    folder = tmp_path_factory.mktemp("fort")
    settings = {
        "CORS_ORIGINS": "https://app.example.com",
        "RATE_LIMIT_FACTOR": "0",
        "MAX_STREAMS_PER_USER": "1000",
    }
    with running(sqlite_databases, folder, JWT_SECRET_KEY, **settings) as place:
        yield Fort(place.web, place.consumer, place.redis_url)


@pytest.fixture
def wire(fort: Fort) -> Iterator[Wire]:
    """A connection to it."""
    with Wire(fort.web.port) as wire:
        yield wire
