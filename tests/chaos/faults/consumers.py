"""Consumers that die, repeated events, bad events, trimmed entries."""

import os
import re
import signal
from typing import Any

from tests.chaos.blows import age_pending
from tests.chaos.doomed import POINTS, DoomedConsumer
from tests.chaos.faults.fault import NO_SWEEP, fault
from tests.chaos.rest import settle
from tests.chaos.world import GROUP, STREAM, World
from tests.support.waiting import wait_for

DOOMED_BATCH = 5
LAST_BATCH = 1_000
KEPT = 8
TRIMMED = re.compile(r"entry (\d+-\d+) was trimmed")


# On both: `consumer-dies-everywhere`, and consumers killed while they are busy in tests/consumer.
@fault("consumer-killed", short=("postgresql",))
def consumer_killed(world: World) -> None:
    """kill -9 of a consumer, again and again, and another one in its place."""
    world.start()
    world.load()
    for _ in range(world.scale.times):
        world.pause_between_blows()
        victim = world.rng.choice([one for one in world.consumers if one.alive])
        victim.kill()
        world.add_consumer()
    world.consumers[-1].wait_for_output("consuming")
    if world.scale.short:
        age_pending(world)
    world.healed()


@fault("consumer-dies-everywhere", settings=NO_SWEEP)
def consumer_dies_everywhere(world: World) -> None:
    """Consumers that die after reading, inserting, committing, publishing, acknowledging."""
    doomed = [DoomedConsumer(world.settings, world.folder, point, DOOMED_BATCH) for point in POINTS]
    for one in doomed:
        world.keep(one)
    world.start(consumers=0)
    for one in doomed:
        one.wait_for_output("consuming")
    world.load()
    wait_for(lambda: not any(one.alive for one in doomed), 30, "the end of the doomed")
    for one in doomed:
        if one.wait() != -signal.SIGKILL:
            world.complain(f"{one.command} ended otherwise:\n{one.output()}")
    if world.scale.short:
        age_pending(world)
    for _ in range(world.scale.consumers):
        world.add_consumer()
    settle(world)
    _die_before_publishing(world)
    world.healed()


def _die_before_publishing(world: World) -> None:
    """With nothing after them that would show a gap, commit a last one for everybody."""
    for consumer in world.consumers:
        consumer.terminate()
    last = world.new_producer("last")
    last.write_many([last.intend([user]) for user in world.users])
    world.keep(DoomedConsumer(world.settings, world.folder, "committed", LAST_BATCH)).wait()
    age_pending(world)
    world.add_consumer()


@fault("repeated-events", short=("postgresql",), settings=NO_SWEEP)
def repeated_events(world: World) -> None:
    """Every event is written twice, and taken by either consumer, at the same time."""
    world.producer = world.new_producer(repeated=1.0)
    # Small batches, so that both consumers have the same event in hand.
    world.start(consumers=0)
    for _ in range(world.scale.consumers):
        world.add_consumer("--batch", "3")
    world.load()
    world.healed()


@fault("poison", short=("sqlite",), settings=NO_SWEEP)
def poison(world: World) -> None:
    """One bad event before a thousand good ones, in one batch."""
    world.start(consumers=0)
    producer = world.new_producer("poison")
    good = [producer.intend() for _ in range(100 if world.scale.short else 1_000)]
    producer.write_many([producer.intend(poison=True), *good])
    for _ in range(world.scale.consumers):
        world.add_consumer("--batch", str(1 + len(good)))
    world.load()
    world.healed()


@fault("trimmed", short=("sqlite",), settings=NO_SWEEP)
def trimmed(world: World) -> None:
    """MAXLEN trims entries that a dead consumer had and never acknowledged."""
    producer = world.new_producer("trimmed")
    producer.write_many([producer.intend() for _ in range(20)])
    world.keep(DoomedConsumer(world.settings, world.folder, "read", 20)).wait()
    # Before they are trimmed: XCLAIM would forget what is gone.
    age_pending(world)
    pending: Any = world.redis.xpending_range(STREAM, GROUP, "-", "+", 1_000)
    world.redis.xtrim(STREAM, maxlen=KEPT, approximate=False)
    left: Any = world.redis.xrange(STREAM)
    gone = {entry["message_id"].decode() for entry in pending}
    gone -= {entry_id.decode() for entry_id, _ in left}
    if not gone:
        world.complain("nothing was trimmed that somebody had")
    world.may_lose = lambda entry: set(entry.entries) <= gone
    world.start()
    world.load()
    wait_for(lambda: len(_reported(world)) >= len(gone), 30, "a report of each trimmed entry")
    if _reported(world) != sorted(gone):
        world.complain(f"reported {_reported(world)}, trimmed {sorted(gone)}")
    world.healed()


def _reported(world: World) -> list[str]:
    return sorted(
        name for consumer in world.consumers for name in TRIMMED.findall(consumer.output())
    )


def stop_consumers(world: World) -> None:
    """SIGSTOP every consumer: what is written now waits."""
    for consumer in world.consumers:
        os.kill(consumer.pid, signal.SIGSTOP)


def continue_consumers(world: World) -> None:
    """SIGCONT every consumer."""
    for consumer in world.consumers:
        os.kill(consumer.pid, signal.SIGCONT)
