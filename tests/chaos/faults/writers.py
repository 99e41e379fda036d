"""Many writers to the same mailboxes at once, in opposite orders, some of which roll back."""

import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

from flask import Flask
from sqlalchemy.exc import StatementError

from app import bus, create_app
from app.errors import DatabaseUnavailable
from app.extensions import db
from app.notifications.delivery import deliver
from app.notifications.draft import Draft
from tests.chaos.faults.fault import BOTH, NO_SWEEP, fault
from tests.chaos.ledger import Entry
from tests.chaos.world import World

WRITERS = 8
# Of all batches so many hold a draft that can't be stored: the transaction rolls back.
ROLLED_BACK = 0.2
# A wait for a lock is far shorter; PostgreSQL finds a deadlock after a second and fails one side.
PATIENCE_SECONDS = 60.0


@fault("eight-writers", short=BOTH, settings=NO_SWEEP)
def eight_writers(world: World) -> None:
    """Eight writers to one mailbox, batches with crossed recipients, one in five rolled back."""
    world.start(consumers=0)
    batches = 6 if world.scale.short else 60
    failures: list[str] = []
    with _application(world) as app:
        threads = [
            threading.Thread(
                target=_write, args=(world, app, number, batches, world.rng.random(), failures)
            )
            for number in range(WRITERS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for failure in failures:
        world.complain(failure)
    world.healed()


@contextmanager
def _application(world: World) -> Iterator[Flask]:
    app = create_app(world.settings)
    with ExitStack() as cleaning:
        cleaning.enter_context(app.app_context())
        cleaning.callback(lambda: db.engine.dispose())
        yield app


def _write(
    world: World, app: Flask, number: int, batches: int, seed: float, failures: list[str]
) -> None:
    rng = random.Random(seed)
    users = world.users[:4]
    for batch in range(batches):
        # Half of the writers go through the same people in the opposite order.
        entries = [
            world.ledger.intend(f"writer-{number}", f"{batch}-{position}", (user,))
            for position, user in enumerate(users if number % 2 else reversed(users))
        ]
        drafts = [_draft(entry) for entry in entries]
        with app.app_context():
            if rng.random() < ROLLED_BACK:
                _fail(drafts, failures)
            _deliver(world, entries, drafts, failures)


def _fail(drafts: Sequence[Draft], failures: list[str]) -> None:
    """Deliver them with one that can't be stored, so that none is."""
    spoiled = Draft(
        user_id=drafts[-1].user_id, kind="chaos", reason="requested", title="Spoiled",
        data={"not": object()}, source="chaos/spoiled", event_id="spoiled",
    )  # fmt: skip
    try:
        deliver([*drafts, spoiled], datetime.now(UTC))
    except (StatementError, TypeError):
        return
    failures.append("a batch was stored that can't be")


def _deliver(
    world: World, entries: Sequence[Entry], drafts: Sequence[Draft], failures: list[str]
) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            delivery = deliver(drafts, datetime.now(UTC))
            break
        except DatabaseUnavailable as error:
            if "deadlock" in str(error):
                failures.append(f"a deadlock: {error}")
            if time.monotonic() > deadline:
                failures.append(f"never stored: {error}")
                return
    bus.publish(world.redis, delivery.pushes)
    for entry in entries:
        world.ledger.acked(entry, "written directly", time.monotonic())


def _draft(entry: Entry) -> Draft:
    return Draft(
        user_id=entry.recipients[0],
        kind="chaos",
        reason="requested",
        title=entry.id,
        data={"event": entry.id},
        source=entry.source,
        event_id=entry.id,
    )
