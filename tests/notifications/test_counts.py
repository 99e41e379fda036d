"""Whatever happens at once, the counts are those of the rows, and no number is given out twice."""

import random
from collections import defaultdict

from app.notifications.draft import Draft
from tests.notifications.world import World, draft
from tests.notifications.writers import (
    Writers,
    Written,
    deliver_and_number,
    live_with_it,
    wake_and_prune,
)

PEOPLE = ["ada", "grace", "linus"]


def published(written: list[Written]) -> dict[str, list[int]]:
    """The seqs of everything that was published to each person, sorted."""
    seqs: dict[str, list[int]] = defaultdict(list)
    for one in written:
        for user, seq in one:
            seqs[user].append(seq)
    return {user: sorted(numbers) for user, numbers in seqs.items()}


def test_consumers_people_snoozes_and_retention_at_once_leave_every_count_right(
    world: World, environment: dict[str, str]
) -> None:
    chance = random.Random(7)

    def batches(name: str, count: int) -> list[list[Draft]]:
        found: list[list[Draft]] = []
        for number in range(count):
            groups = [None, "g", "h"]
            found.append(
                [
                    draft(user, f"{name}-{number}-{n}", kind="k", group_key=chance.choice(groups))
                    for n, user in enumerate(chance.choices(PEOPLE, k=6))
                ]
            )
        return found

    for user in PEOPLE:
        world.tell(user)  # seq 1
    with Writers(
        environment,
        (deliver_and_number, batches("a", 25)),
        (deliver_and_number, batches("b", 25)),
        (live_with_it, (PEOPLE, 1, 80)),
        (live_with_it, (PEOPLE, 2, 80)),
        (wake_and_prune, 80),
    ) as writers:
        seqs = published(writers.answers())

    for user in PEOPLE:
        box = world.mailbox(user)  # compares the counts with the rows
        assert box["last_seq"] > 30
        # Nothing that a person can see went unpublished, and no number was given out twice.
        assert seqs[user] == list(range(2, box["last_seq"] + 1))
        surfaced = [row.surfaced_seq for row in world.rows(user)]
        assert len(set(surfaced)) == len(surfaced)  # the list has one order


def test_two_fan_outs_to_the_same_thousand_at_once_reach_everybody_once(
    world: World, environment: dict[str, str]
) -> None:
    people = [f"user-{number:04}" for number in range(1_000)]
    for user in people[::100]:
        world.tell(user, group_key="g")  # some have a mailbox, and an open group
    batches = {
        name: [[draft(user, f"{name}-{n}", group_key="g") for user in order] for n in range(2)]
        for name, order in (("a", people), ("b", people[::-1]))
    }
    with Writers(
        environment, *((deliver_and_number, batch) for batch in batches.values())
    ) as writers:
        seqs = published(writers.answers())
    for number, user in enumerate(people):
        had = 0 if number % 100 else 1
        assert seqs[user] == list(range(1 + had, 5 + had))
    for user in people[::50]:
        box = world.mailbox(user)
        assert (box["last_seq"], box["unread"]) == (seqs[user][-1], 1)
        [item] = world.caller(user).json("/notifications")["items"]
        assert item["count"] == box["last_seq"]
