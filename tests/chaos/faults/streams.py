"""Readers that come and go, stop reading, come back all at once."""

import time

from tests.chaos.census import Census, census
from tests.chaos.faults.fault import NO_SWEEP, fault
from tests.chaos.holdings import Holding, difference, holdings, watch
from tests.chaos.leaving import leave
from tests.chaos.rest import settle
from tests.chaos.world import World
from tests.support.waiting import wait_for

# Enough to fill every buffer between a stream and a reader that does not read, and then its queue.
PADDED_EVENTS = 700
PADDING = 10_000
SMALL_BUFFER = 4_096
# Longer, even when jittered, than the server's write time-out, which is two keep-alives.
STALL_SECONDS = 7.0
BEHIND = 400
CENSUS_SECONDS = 30.0
# A hang-up is noticed at the second write after it: two keep-alives. The listener gives up
# subscriptions with its next probe.
REST_SECONDS = 4.0


@fault("connect-and-leave", short=("sqlite",), settings={**NO_SWEEP, "KEEPALIVE_SECONDS": "1"})
def connect_and_leave(world: World) -> None:
    """Connect and leave: HEADs, aborts before the first byte, after the head, after a frame."""
    watch(world)
    world.start()
    world.load()
    # Whatever is made at first use is there afterwards.
    _come_and_go(world, 50)
    settle(world)
    world.pause(REST_SECONDS)
    before, held = _at_rest(world)
    _come_and_go(world, 120 if world.scale.short else 1_000)
    deadline = time.monotonic() + CENSUS_SECONDS
    # What a worker does by itself holds something for a moment: one look at which all is as it was
    # shows that nothing was left.
    while (now := (census(world), holdings(world))) != (before, held):
        if time.monotonic() > deadline:
            world.complain(f"left behind: {now[0]} instead of {before}")
            world.complain(f"left behind: {difference(held, now[1])}")
            break
        world.pause(0.2)
    world.healed()


def _at_rest(world: World) -> tuple[Census, dict[int, Holding]]:
    """What is held while no worker does anything by itself: a moment's look is not seen twice."""
    found = census(world), holdings(world)
    while True:
        world.pause(0.2)
        last, found = found, (census(world), holdings(world))
        if found == last:
            return found


def _come_and_go(world: World, count: int) -> None:
    for number in range(count):
        user = world.rng.choice([*world.users, f"stranger-{number}"])
        leave(world.web.port, world.token(user), world.rng)


# With two consumers a stream may fall behind early. A reset in place of what it lacks would leave
# room in its buffers, and there would be no write to time out.
@fault(
    "stalled-readers",
    short=("sqlite",),
    settings={**NO_SWEEP, "KEEPALIVE_SECONDS": "2", "REPLAY_LIMIT": str(2 * PADDED_EVENTS)},
)
def stalled_readers(world: World) -> None:
    """Readers stop reading, for a moment or for good; all others are unharmed meanwhile."""
    world.start(consumers=0)
    stalled = [
        world.add_reader(world.users[0], receive_buffer=SMALL_BUFFER)
        for _ in range(6 if world.scale.short else 50)
    ]
    patient = stalled[::2]
    world.wait_for_readers()
    full = census(world).connections
    for reader in stalled:
        world.in_loop(reader.gate.clear)
    for _ in range(world.scale.consumers):
        world.add_consumer()
    producer = world.new_producer("padded")
    others = [one for one in world.readers if one.user == world.users[0] and one not in stalled]
    count = PADDED_EVENTS
    for _ in range(count // 10):
        entries = [producer.intend([world.users[0]]) for _ in range(10)]
        producer.write_many(entries, padding=PADDING)
    wait_for(
        lambda: all((one.last_event_id or 0) >= count for one in others),
        30,
        "the readers that do read",
    )
    if any((one.last_event_id or 0) >= count for one in stalled):
        world.complain("nobody was stalled")
    for reader in stalled:
        if reader not in patient:
            world.in_loop(reader.gate.set)
    world.load()
    world.pause(STALL_SECONDS)
    if (left := census(world).connections) > full - len(patient):
        world.complain(f"{left} of {full} connections are open after the write time-out")
    for reader in patient:
        world.in_loop(reader.gate.set)
    world.healed()


# It is about many who read: in PostgreSQL they wait for each other's connections too.
@fault("all-come-back", short=("postgresql",), settings={**NO_SWEEP, "REPLAY_LIMIT": str(BEHIND)})
def all_come_back(world: World) -> None:
    """Hundreds reconnect at once, each 400 changes behind, some more than may be replayed."""
    behind = BEHIND
    extra = 20
    world.start(consumers=0)
    producer = world.new_producer("missed")
    entries = [producer.intend(world.users) for _ in range(behind + extra)]
    producer.write_many(entries)
    for _ in range(world.scale.consumers):
        world.add_consumer()
    total = len(entries) * len(world.users)
    wait_for(lambda: world.store.count() == total, 120, "all that they missed")
    crowd = 40 if world.scale.short else 500
    for number in range(crowd):
        # One in five is further behind than the limit of a replay, and is told so.
        position = 0 if number % 5 == 0 else extra
        world.add_reader(world.users[number % len(world.users)], last_event_id=position)
    world.load()
    world.healed()
