"""Streams that are opened while what they are to show is being committed."""

import time
from contextlib import suppress

from tests.chaos.faults.fault import BOTH, NO_SWEEP, fault
from tests.chaos.reader import Reader
from tests.chaos.timed import Span, TimedConsumer, under_way
from tests.chaos.world import World
from tests.support.waiting import wait_for

# So few that most transactions write something for each of them.
HOT_USERS = 4
EVENTS_IN_A_ROUND = 120
VISITS_IN_A_ROUND = 50
MOST_BEHIND = 20
ROUND_SECONDS = 15.0
PATIENCE_SECONDS = 600.0


@fault("connect-in-mid-commit", short=BOTH, settings=NO_SWEEP)
def connect_in_mid_commit(world: World) -> None:
    """Streams are opened while something for them is being committed, thousands of times."""
    consumers = [
        world.keep(TimedConsumer(world.settings, world.folder, number))
        for number in range(world.scale.consumers)
    ]
    world.start(consumers=0)
    for consumer in consumers:
        consumer.wait_for_output("consuming")
    producer = world.new_producer("hot")
    wanted = 60 if world.scale.short else 2_000
    asked: list[tuple[str, float]] = []
    met = 0
    deadline = time.monotonic() + PATIENCE_SECONDS
    while met < wanted and time.monotonic() < deadline:
        producer.write_many([producer.intend(_recipients(world)) for _ in range(EVENTS_IN_A_ROUND)])
        visitors = [_visit(world) for _ in range(VISITS_IN_A_ROUND)]
        _close_what_is_complete(world, visitors, consumers)
        asked += [(one.user, one.log[0].at) for one in visitors]
        met = _met(asked, [consumer.spans() for consumer in consumers])
    if met < wanted:
        world.complain(f"only {met} of {len(asked)} streams were asked for in mid-commit")
    world.note(f"{met} of {len(asked)} streams were asked for in mid-commit")
    world.healed()


def _hot(world: World) -> list[str]:
    return world.users[:HOT_USERS]


def _recipients(world: World) -> list[str]:
    """Most of those who are watched, and somebody else."""
    watched = world.rng.sample(_hot(world), world.rng.randint(2, HOT_USERS))
    return [*watched, world.rng.choice(world.users[HOT_USERS:])]


def _visit(world: World) -> Reader:
    """Open a stream: from nowhere, from the list's seq, as a page does, or from some way back."""
    user = world.rng.choice(_hot(world))
    chance = world.rng.random()
    position: int | None = None
    if chance < 0.1:
        position = world.list_seq(user)
    elif chance < 0.7:
        newest = max(one.last_event_id or 0 for one in world.readers if one.user == user)
        position = max(0, newest - world.rng.randint(0, MOST_BEHIND))
    world.pause(0.003)
    return world.add_reader(user, last_event_id=position)


def _close_what_is_complete(
    world: World, visitors: list[Reader], consumers: list[TimedConsumer]
) -> None:
    """Wait until nothing moves: no later change shows the gap that a lost one leaves.

    A stream that still lacks something then stays open, for the checker to find it so.
    """

    def is_complete(reader: Reader) -> bool:
        return reader.live and reader.last_event_id == last[reader.user]

    written = len(world.ledger)
    wait_for(lambda: sum(len(one.spans()) for one in consumers) >= written, 60, "all commits")
    last = world.store.last_seqs()
    with suppress(AssertionError):
        wait_for(lambda: all(map(is_complete, visitors)), ROUND_SECONDS, "everything to arrive")
    for reader in filter(is_complete, visitors):
        world.close_reader(reader)


def _met(asked: list[tuple[str, float]], spans: list[list[Span]]) -> int:
    """How many were asked for while a transaction for their user was under way."""
    return sum(
        any(under_way(of_consumer, user, moment) for of_consumer in spans) for user, moment in asked
    )
