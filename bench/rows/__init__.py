"""The rows of the bench, by name; each measures on a stage and returns lines of the table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.report import Line
from bench.rows import (
    connects,
    consumer,
    crowded,
    deliveries,
    fairness,
    growth,
    inbox,
    latency,
    memory,
    profile,
    reconnects,
    sizes,
)
from bench.stage import Stage


@dataclass(frozen=True, slots=True)
class Row:
    """How a row is measured, and about how many seconds that takes with the full plan."""

    measure: Callable[[Stage], list[Line]]
    seconds: float
    # Others are measured when they are asked for by name.
    is_usual: bool = True
    # For epoll, for 127.0.0.2 and so on, for /proc.
    needs_linux: bool = False


ROWS: Mapping[str, Row] = {
    "deliveries": Row(deliveries.measure, 75),
    "shapes": Row(deliveries.in_other_shapes, 60),
    "unix-socket": Row(deliveries.by_unix_socket, 60),
    "latency": Row(latency.publish_to_receipt, 35),
    "end-to-end": Row(latency.event_to_receipt, 16),
    "fairness": Row(fairness.measure, 22),
    "memory": Row(memory.measure, 30),
    "connects": Row(connects.measure, 26),
    "reconnects": Row(reconnects.measure, 40, needs_linux=True),
    "consumer-sqlite": Row(consumer.into_sqlite, 20),
    "consumer-postgres": Row(consumer.into_postgres, 27),
    "comments-sqlite": Row(consumer.comments_into_sqlite, 9),
    "comments-postgres": Row(consumer.comments_into_postgres, 13),
    "inbox-sqlite": Row(inbox.in_sqlite, 28),
    "inbox-postgres": Row(inbox.in_postgres, 55),
    "growth": Row(growth.measure, 50),
    "sizes": Row(sizes.measure, 18),
    "hundred-thousand": Row(crowded.measure, 300, is_usual=False, needs_linux=True),
    "hundred-thousand-unix-socket": Row(
        crowded.by_unix_socket, 300, is_usual=False, needs_linux=True
    ),
    "profile": Row(profile.measure, 20, is_usual=False, needs_linux=True),
}
