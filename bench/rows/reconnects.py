"""Everybody comes back at once, as after a network's failure, while others are being served.

20,000 connect at the same moment, without the pause that our client makes at random: the worst
that a restart can bring, and five times what the kernel keeps in a listening socket's queue.
Whoever finds no place there tries again after 1, 3, 7, 15… seconds, which is in the figure.
Two workers share the server's core, because one process may open no more files.
"""

from concurrent.futures import Future, ThreadPoolExecutor

from bench.contender import pipe, streams
from bench.crowd import CrowdError
from bench.herd import Account
from bench.herds import herds
from bench.load import Load
from bench.report import Goal, Line, quantile
from bench.samples import Publishes, user_ids
from bench.seeding import one_for_each
from bench.stage import NO_SWEEP, Stage

WORKERS = "2"
CALM_STREAMS = 100
CALM_RATE = 200
SLICE_SECONDS = 0.5
MOST_SLICES = 400


def measure(stage: Stage) -> list[Line]:
    """Seconds until the last one is back, and what those feel who were there."""
    plan = stage.plan
    calm = user_ids("calm", CALM_STREAMS)
    users = user_ids("back", plan.reconnects)
    with stage.sqlite() as database:
        one_for_each(stage, database, users)
        back = stage.tokens(users)
        # One worker may get more of them than the other.
        settings = {**NO_SWEEP, "WEB_CONCURRENCY": WORKERS, "MAX_STREAMS": "19000"}
        with (
            stage.tidings(database, settings) as server,
            streams(stage, server, calm) as crowd,
            pipe(stage) as connection,
        ):
            load = Load(crowd, connection, Publishes(calm), len(calm))
            load.paced(CALM_RATE, SLICE_SECONDS)
            before = load.paced(CALM_RATE, 2 * SLICE_SECONDS)
            with (
                ThreadPoolExecutor(1) as waiting,
                herds(server, back, plan.reconnect_clients, len(back), last_event_id=1) as clients,
            ):
                latencies, accounts = _meanwhile(load, waiting.submit(clients.opened))
    refused = sum(account.refused + account.ended for account in accounts)
    if refused or sum(account.opened for account in accounts) != len(back):
        raise CrowdError(f"{refused} of {len(back)} did not come back: {accounts}")
    seconds = max(account.seconds for account in accounts)
    stage.say(f"{len(back):,} were back after {seconds:.1f} s, p99 {quantile(latencies, 0.99):.1f}")
    details = {"streams": len(back), "p99_before": quantile(before, 0.99), "most": latencies[-1]}
    return [
        Line(
            row="reconnects",
            what=f"{len(back):,} reconnecting at once: until the last is back",
            unit="s",
            ours=seconds,
            better="less",
            details=details,
        ),
        Line(
            row="reconnects",
            what="meanwhile, to who was connected: PUBLISH to receipt, p99",
            unit="ms",
            ours=quantile(latencies, 0.99),
            better="less",
            goal=Goal(at_most=250),
            details={"p50": quantile(latencies, 0.5), "count": len(latencies)},
        ),
    ]


def _meanwhile(load: Load, opened: "Future[list[Account]]") -> tuple[list[float], list[Account]]:
    latencies: list[float] = []
    for _ in range(MOST_SLICES):
        latencies += load.paced(CALM_RATE, SLICE_SECONDS)
        if opened.done():
            break
    return sorted(latencies), opened.result()
