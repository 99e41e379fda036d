"""The rows of the bench, by name; each measures on a stage and returns lines of the table."""

from collections.abc import Callable, Mapping

from bench.report import Line
from bench.rows import connects, consumer, deliveries, inbox, latency, memory
from bench.stage import Stage

Row = Callable[[Stage], list[Line]]

ROWS: Mapping[str, Row] = {
    "deliveries": deliveries.measure,
    "latency": latency.publish_to_receipt,
    "end-to-end": latency.event_to_receipt,
    "memory": memory.measure,
    "connects": connects.measure,
    "consumer-sqlite": consumer.into_sqlite,
    "consumer-postgres": consumer.into_postgres,
    "comments-sqlite": consumer.comments_into_sqlite,
    "comments-postgres": consumer.comments_into_postgres,
    "inbox-sqlite": inbox.in_sqlite,
    "inbox-postgres": inbox.in_postgres,
}
