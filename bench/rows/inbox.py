"""What the owner of a very full mailbox waits for: its list, a change of one, all marked read."""

import http.client
import json
import random
import time
from collections.abc import Callable
from typing import Any

from bench.report import Goal, Line, quantile
from bench.seeding import many_for_one
from bench.servers import Server
from bench.stage import Stage

OWNER = "owner"
API = "/api/v1/notifications"

Json = dict[str, Any]


class Caller:
    """The owner of the mailbox, on one connection that is kept alive."""

    def __init__(self, server: Server, token: str) -> None:
        self._connection = http.client.HTTPConnection(*server.address, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def __call__(self, method: str, path: str, body: Json | None = None) -> Json:
        """The answer's JSON. Raises OSError for anything but 200."""
        text = None if body is None else json.dumps(body)
        self._connection.request(method, path, text, self._headers)
        answer = self._connection.getresponse()
        data = answer.read()
        if answer.status != http.client.OK:
            raise OSError(f"{method} {path} answered {answer.status}: {data[:300]!r}")
        value: Json = json.loads(data)
        return value


def in_sqlite(stage: Stage) -> list[Line]:
    """In SQLite."""
    with stage.sqlite() as database:
        return _measure(stage, "inbox-sqlite", "SQLite", database)


def in_postgres(stage: Stage) -> list[Line]:
    """In PostgreSQL, which runs on the load's core."""
    with stage.postgres() as database:
        return _measure(stage, "inbox-postgres", "PostgreSQL", database)


def _measure(stage: Stage, row: str, name: str, database_url: str) -> list[Line]:
    rows, requests = stage.plan.inbox_rows, stage.plan.inbox_requests
    many_for_one(stage, database_url, OWNER, rows)
    chance = random.Random(1)
    with stage.tidings(database_url, {}) as server:
        call = Caller(server, stage.tokens([OWNER])[0])
        ids = [each["id"] for each in call("GET", f"{API}?limit=100")["items"]]

        def some_page() -> None:
            call("GET", f"{API}?cursor={chance.randrange(rows // 2, rows)}")

        def change() -> None:
            path = f"{API}/{chance.choice(ids)}"
            call("PATCH", path, {"read": chance.random() < 0.5, "archived": chance.random() < 0.1})

        pages = sorted(_milliseconds(some_page) for _ in range(requests))
        changes = sorted(_milliseconds(change) for _ in range(requests))
        reads = []
        for _ in range(stage.plan.inbox_rounds):
            reads.append(_milliseconds(lambda: _mark_all(call, "read")))
            _mark_all(call, "unread")
    what = f"{rows:,} rows, {name}"
    return [
        _line(row, f"a page of {what}, p99", quantile(pages, 0.99), 10, pages),
        _line(row, f"a change of one of {what}, p99", quantile(changes, 0.99), 10, changes),
        _line(row, f"all of {what} marked read, the slowest time", max(reads), 100, reads),
    ]


def _mark_all(call: Caller, action: str) -> None:
    call("POST", f"{API}/bulk", {"action": action, "filter": {}})


def _milliseconds(request: Callable[[], None]) -> float:
    started = time.perf_counter()
    request()
    return 1e3 * (time.perf_counter() - started)


def _line(row: str, what: str, value: float, most: float, all_of_them: list[float]) -> Line:
    return Line(
        row=row,
        what=what,
        unit="ms",
        ours=value,
        better="less",
        goal=Goal(at_most=most),
        details={"p50": quantile(sorted(all_of_them), 0.5), "count": len(all_of_them)},
    )
