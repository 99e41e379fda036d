"""One fault, once: a world, the load, the blow, the wait, the count."""

import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import redis

from tests.chaos.faults.fault import Fault
from tests.chaos.rest import heal_seconds, reconnect_seconds, settle, verdict
from tests.chaos.scale import Scale
from tests.chaos.verdict import Verdict
from tests.chaos.world import World

# What the kit's own hands may meet; the other runs go on.
BROKEN = (AssertionError, OSError, redis.RedisError, psycopg.Error, httpx.HTTPError)


@dataclass(frozen=True, slots=True)
class Result:
    """What one run found. Times in seconds; `reconnects` are those of every cut stream."""

    fault: str
    database: str
    seed: int
    verdict: Verdict
    events: int
    rows: int
    heal_seconds: float | None
    reconnects: list[float]
    seconds: float
    notes: list[str]

    @property
    def reconnect_p99(self) -> float | None:
        """The 99th percentile of how long a cut stream was away."""
        return self.reconnects[int(len(self.reconnects) * 0.99)] if self.reconnects else None


def run_fault(fault: Fault, database_url: str, folder: Path, scale: Scale, seed: int) -> Result:
    """Run `fault` in a fresh world on an empty, migrated database."""
    began = time.monotonic()
    with World(
        folder,
        database_url,
        fault.scaled(scale),
        seed,
        dict(fault.settings),
        fault.redis_options,
        fault.append_only,
    ) as world:
        try:
            fault.run(world)
        except BROKEN as error:
            world.complain(f"the fault itself failed: {type(error).__name__}: {error}")
        if not settle(world):
            world.complain(f"not at rest after {scale.settle_seconds:g} s")
        return Result(
            fault=fault.name,
            database="sqlite" if world.store.is_sqlite else "postgresql",
            seed=seed,
            verdict=verdict(world),
            events=len(world.ledger),
            rows=world.store.count(),
            heal_seconds=heal_seconds(world),
            reconnects=reconnect_seconds(world),
            seconds=time.monotonic() - began,
            notes=world.notes,
        )
