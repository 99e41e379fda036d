"""100,000 open streams: several workers on all cores, PostgreSQL, heartbeats on.

A command of its own: opening them takes minutes. The load client shares the cores, so that the
time to open them says little; CPU time and memory are the server's own.
"""

import time
from pathlib import Path

from bench import usage
from bench.cores import unpinned
from bench.crowd import CrowdError
from bench.herds import Herds, herds
from bench.report import Goal, Line
from bench.samples import user_ids
from bench.servers import Server
from bench.stage import Stage

AT_ONCE = 50


def measure(stage: Stage) -> list[Line]:
    """Open them all, watch them do nothing but receive pings."""
    return _measure(stage, "hundred-thousand", None)


def by_unix_socket(stage: Stage) -> list[Line]:
    """The same over a Unix socket, as from nginx on the same machine."""
    path = stage.folder / "crowd.sock"
    return _measure(stage, "hundred-thousand-unix-socket", path)


def _measure(stage: Stage, row: str, path: Path | None) -> list[Line]:
    plan = stage.plan
    users = user_ids("crowded", plan.crowded_streams)
    # One worker may get more of them than another.
    settings = {"WEB_CONCURRENCY": str(plan.crowded_workers), "MAX_STREAMS": "19000"}
    with unpinned(), stage.postgres() as database:
        tokens = stage.tokens(users)
        options = ["-b", f"unix:{path}"] if path else []
        with stage.tidings(database, settings, *options, on_all_cores=True) as by_tcp:
            server = by_tcp.by(path) if path else by_tcp
            time.sleep(plan.settle_seconds)
            empty = _kib(server)
            with herds(server, tokens, plan.crowded_clients, AT_ONCE, None) as clients:
                opened = sum(account.opened for account in clients.opened())
                stage.say(f"{opened:,} streams are open")
                if opened != len(users):
                    raise CrowdError(f"only {opened} of {len(users)} opened: {clients.now()}")
                busy, details = _watch(stage, server, clients)
                each = (_kib(server) - empty) / opened
    what = f"{plan.crowded_streams:,} idle streams, {plan.crowded_workers} workers"
    if path:
        what += ", Unix socket"
    return [
        Line(
            row=row,
            what=f"{what}: workers and Redis, of one core",
            unit="%",
            ours=busy,
            better="less",
            goal=Goal(at_most=10),
            details=details,
        ),
        Line(
            row=row,
            what=f"{what}: memory for each",
            unit="KiB",
            ours=each,
            better="less",
            goal=Goal(at_most=20),
        ),
    ]


def _watch(stage: Stage, server: Server, clients: Herds) -> tuple[float, dict[str, float]]:
    """Percent of one core that the server's side takes; what it is made of, and who got a sign."""
    seconds = stage.plan.crowded_seconds
    clients.now()
    before, redis, started = _parts(server), usage.cpu_seconds(stage.redis_pid), time.monotonic()
    time.sleep(seconds)
    user, system = (now - then for now, then in zip(_parts(server), before, strict=True))
    redis = usage.cpu_seconds(stage.redis_pid) - redis
    per_cent = 100 / (time.monotonic() - started)
    accounts = clients.now()
    if ended := sum(account.ended for account in accounts):
        raise CrowdError(f"{ended} streams ended: {accounts}")
    alive = sum(account.alive for account in accounts)
    busy = per_cent * (user + system + redis)
    stage.say(
        f"{alive:,} streams got a sign of life in {seconds:.0f} s; {busy:.1f} % of a core, "
        f"{per_cent * system:.1f} of them in the kernel, {per_cent * redis:.1f} Redis"
    )
    details = {"alive": alive, "seconds": seconds}
    details |= {"kernel": per_cent * system, "redis": per_cent * redis}
    return busy, details


def _parts(server: Server) -> tuple[float, float]:
    """The workers' CPU seconds so far, in their own code and in the kernel."""
    parts = [usage.cpu_parts(pid) for pid in server.pids]
    return sum(user for user, _ in parts), sum(system for _, system in parts)


def _kib(server: Server) -> int:
    return sum(usage.memory(pid).kib for pid in server.pids)
