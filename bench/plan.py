"""How much each row measures: full, quick, for a comparison of two commits, or tiny."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Plan:
    """The sizes of one run. Times are in seconds."""

    name: str
    # The time that a row takes, as a part of the full plan's.
    time: float
    # Deliveries: streams, rounds of each server.
    streams: int
    round_seconds: float
    rounds: int
    # Streams of the row with very many.
    many_streams: int
    # Streams of the row in which each has many frames in flight.
    busy_streams: int
    # Latency, at a fixed rate.
    latency_seconds: float
    event_rate: int
    # Fairness: others' rate, seconds of each part, and what disturbs them.
    calm_rate: int
    fairness_seconds: float
    burst: int
    replay: int
    # Memory: idle streams held open.
    idle_streams: int
    idle_streams_of_others: int
    settle_seconds: float
    # Connects: made in each round, and how many are on their way at a time.
    connects: int
    connects_at_once: int
    connect_rounds: int
    # Reconnecting: all at once, while those who are connected already get so many events a second.
    reconnects: int
    reconnect_clients: int
    # Consumer.
    events: int
    recipients: int
    event_rounds: int
    # Inbox: rows of one mailbox, pages and changes asked for, times that all are marked read.
    inbox_rows: int
    inbox_requests: int
    inbox_rounds: int
    # Growth: points of each kind; the largest number of streams among them.
    growth_points: int
    growth_streams: int
    # Very many streams on all cores: their number, processes on both ends, time watched.
    crowded_streams: int
    crowded_workers: int
    crowded_clients: int
    crowded_seconds: float


FULL = Plan(
    name="full",
    time=1.0,
    streams=1000,
    round_seconds=1.5,
    rounds=5,
    many_streams=15_000,
    busy_streams=20,
    latency_seconds=6.0,
    event_rate=1000,
    calm_rate=500,
    fairness_seconds=5.0,
    burst=1000,
    replay=450,
    idle_streams=5000,
    idle_streams_of_others=500,
    settle_seconds=1.0,
    connects=2000,
    connects_at_once=50,
    connect_rounds=3,
    reconnects=20_000,
    reconnect_clients=2,
    events=20_000,
    recipients=5000,
    event_rounds=3,
    inbox_rows=100_000,
    inbox_requests=400,
    inbox_rounds=3,
    growth_points=3,
    growth_streams=5000,
    crowded_streams=100_000,
    crowded_workers=7,
    crowded_clients=6,
    crowded_seconds=60.0,
)

QUICK = replace(
    FULL,
    name="quick",
    time=0.4,
    round_seconds=0.7,
    rounds=3,
    many_streams=5000,
    latency_seconds=2.0,
    fairness_seconds=1.5,
    idle_streams=1500,
    settle_seconds=0.5,
    connects=600,
    connect_rounds=1,
    reconnects=4000,
    events=5000,
    recipients=2500,
    event_rounds=1,
    inbox_rows=10_000,
    inbox_requests=200,
    growth_points=2,
    growth_streams=2000,
    crowded_streams=10_000,
    crowded_workers=2,
    crowded_clients=2,
    crowded_seconds=20.0,
)

# One of several runs of each of two commits, in turn.
CHECK = replace(QUICK, name="check", connects=1000, events=10_000)

# To see that the kit works; its numbers mean nothing.
TINY = Plan(
    name="tiny",
    time=0.05,
    streams=12,
    round_seconds=0.1,
    rounds=1,
    many_streams=24,
    busy_streams=2,
    latency_seconds=0.3,
    event_rate=50,
    calm_rate=100,
    fairness_seconds=0.3,
    burst=20,
    replay=20,
    idle_streams=20,
    idle_streams_of_others=10,
    settle_seconds=0.05,
    connects=20,
    connects_at_once=5,
    connect_rounds=1,
    reconnects=40,
    reconnect_clients=2,
    events=60,
    recipients=20,
    event_rounds=1,
    inbox_rows=200,
    inbox_requests=5,
    inbox_rounds=1,
    growth_points=1,
    growth_streams=30,
    crowded_streams=40,
    crowded_workers=1,
    crowded_clients=2,
    crowded_seconds=0.5,
)
