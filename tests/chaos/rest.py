"""When everything is over: the wait until nothing moves any more, and what is found then."""

import time

from app.consumer.info import info
from tests.chaos.checker import check
from tests.chaos.verdict import Verdict
from tests.chaos.world import World
from tests.support.consuming import NAMES

LOOK_SECONDS = 0.1


def settle(world: World) -> bool:
    """Wait until nothing moves that should; False if that took longer than it may."""
    world.producer.join()
    deadline = time.monotonic() + world.scale.settle_seconds
    while not _is_settled(world):
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_SECONDS)
    return True


def _is_settled(world: World) -> bool:
    # Looked at again: what was stored meanwhile has yet to reach its readers.
    return _are_up_to_date(world) and _all_stored(world) and _are_up_to_date(world)


def _are_up_to_date(world: World) -> bool:
    last = world.store.last_seqs()
    readers = [one for one in world.readers if not one.closed]
    if any((one.last_event_id or 0) != last.get(one.user, 0) for one in readers):
        return False
    if any(reader.refetching for reader in readers):
        return False
    return all(reader.live for reader in readers)


def _all_stored(world: World) -> bool:
    held = {(row.source, row.event_id, row.user_id) for row in world.store.rows()}
    dead = world.dead()
    for entry in world.ledger.acked_entries():
        if entry.poison:
            if entry.key not in dead:
                return False
        elif any((*entry.key, user) not in held for user in entry.recipients) and not (
            # It is lost, or still on its way.
            world.may_lose(entry) and _is_consumed(world)
        ):
            return False
    return True


def _is_consumed(world: World) -> bool:
    facts = info(world.redis, NAMES)
    return bool(facts["lag"] == facts["pending"] == 0)


def verdict(world: World) -> Verdict:
    """What the checker says, now."""

    async def look() -> Verdict:
        return check(world.ledger, world.store, dead, world.readers, world.may_lose)

    dead = world.dead()
    verdict = world.background.call(look())
    for complaint in world.complaints:
        verdict.note_other(complaint)
    return verdict


def heal_seconds(world: World) -> float | None:
    """From the end of the fault to the arrival of the last event that was written before."""
    before = {e.id for e in world.ledger.acked_entries() if (e.acked_at or 0) < world.healed_at}
    arrivals = [line.at for reader in world.readers for line in reader.log if line.event in before]
    return max(0.0, max(arrivals) - world.healed_at) if arrivals and world.healed_at else None


def reconnect_seconds(world: World) -> list[float]:
    """How long each stream was away, each time."""
    found = []
    for reader in world.readers:
        cut: float | None = None
        for line in list(reader.log):
            if line.kind == "cut" and cut is None:
                cut = line.at
            elif line.kind == "connected" and cut is not None:
                found.append(line.at - cut)
                cut = None
    return sorted(found)
