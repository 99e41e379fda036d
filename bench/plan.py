"""How much each row measures: full, quick, or tiny."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """The sizes of one run. Times are in seconds."""

    name: str
    # Deliveries and latency: one stream for each user.
    streams: int
    round_seconds: float
    rounds: int
    # Latency, at a fixed rate.
    latency_seconds: float
    publish_rate: int
    event_rate: int
    # Memory: idle streams held open.
    idle_streams: int
    idle_streams_naive: int
    settle_seconds: float
    # Connects: made in each round, and how many are on their way at a time.
    connects: int
    connects_at_once: int
    connect_rounds: int
    # Consumer.
    events: int
    recipients: int
    event_rounds: int
    # Inbox: rows of one mailbox, pages and changes asked for, times that all are marked read.
    inbox_rows: int
    inbox_requests: int
    inbox_rounds: int


FULL = Plan(
    name="full",
    streams=1000,
    round_seconds=3.0,
    rounds=5,
    latency_seconds=8.0,
    publish_rate=1000,
    event_rate=200,
    idle_streams=5000,
    idle_streams_naive=1000,
    settle_seconds=2.0,
    connects=2000,
    connects_at_once=50,
    connect_rounds=3,
    events=20_000,
    recipients=5000,
    event_rounds=3,
    inbox_rows=100_000,
    inbox_requests=500,
    inbox_rounds=5,
)

QUICK = Plan(
    name="quick",
    streams=1000,
    round_seconds=1.0,
    rounds=3,
    latency_seconds=2.0,
    publish_rate=1000,
    event_rate=200,
    idle_streams=1500,
    idle_streams_naive=500,
    settle_seconds=0.5,
    connects=600,
    connects_at_once=50,
    connect_rounds=1,
    events=5000,
    recipients=2500,
    event_rounds=1,
    inbox_rows=10_000,
    inbox_requests=200,
    inbox_rounds=3,
)

# To see that the kit works; its numbers mean nothing.
TINY = Plan(
    name="tiny",
    streams=20,
    round_seconds=0.2,
    rounds=2,
    latency_seconds=0.4,
    publish_rate=200,
    event_rate=50,
    idle_streams=20,
    idle_streams_naive=20,
    settle_seconds=0.1,
    connects=20,
    connects_at_once=5,
    connect_rounds=1,
    events=100,
    recipients=20,
    event_rounds=1,
    inbox_rows=300,
    inbox_requests=10,
    inbox_rounds=1,
)
