"""The checker: ledger against database, database against mailboxes, streams against both."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from tests.chaos.ledger import Entry, Key, Ledger
from tests.chaos.reader import Reader
from tests.chaos.store import Box, Row, Store
from tests.chaos.verdict import Verdict

# Whether an event may be lost under the fault at hand, which is then counted.
MayLose = Callable[[Entry], bool]


def check(
    ledger: Ledger,
    store: Store,
    dead: Collection[Key],
    readers: Iterable[Reader],
    may_lose: MayLose = lambda _: False,
) -> Verdict:
    """Everything at once, when nothing moves any more. `dead` are the keys of the dead letters."""
    verdict = Verdict()
    rows, boxes = store.both()
    check_rows(verdict, ledger, rows, dead, may_lose)
    check_mailboxes(verdict, rows, boxes)
    by_user: dict[str, dict[int, Row]] = defaultdict(dict)
    for row in rows:
        by_user[row.user_id][row.seq] = row
    for number, reader in enumerate(readers):
        check_reader(verdict, f"stream {number} of {reader.user}", reader, by_user[reader.user])
    return verdict


def check_rows(
    verdict: Verdict,
    ledger: Ledger,
    rows: Sequence[Row],
    dead: Collection[Key],
    may_lose: MayLose,
) -> None:
    """Every acknowledged event is there once for each recipient, or a dead letter; nothing else."""
    held = Counter((row.source, row.event_id, row.user_id) for row in rows)
    for (source, event_id, user), count in held.items():
        entry = ledger.get((source, event_id))
        if entry is None or user not in entry.recipients:
            verdict.note_other(f"{user} was told of {event_id} in {source}, and nobody said so")
        if count > 1:
            verdict.note_duplicate(f"{user} has {event_id} {count} times", count - 1)
    for entry in ledger.acked_entries():
        missing = [user for user in entry.recipients if not held[(*entry.key, user)]]
        if entry.poison:
            if entry.key not in dead:
                verdict.note_lost(f"poison {entry.id} is no dead letter")
        elif entry.key in dead:
            verdict.note_other(f"{entry.id} is a dead letter, and nothing is wrong with it")
        elif missing and may_lose(entry):
            verdict.counted += len(missing)
        elif missing:
            verdict.note_lost(f"{entry.id} (entries {entry.entries}) for {missing}", len(missing))


def check_mailboxes(verdict: Verdict, rows: Sequence[Row], boxes: Mapping[str, Box]) -> None:
    """Each mailbox is 1, 2 … n, and its counts are those of its rows."""
    of_user: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        of_user[row.user_id].append(row)
    for user, box in boxes.items():
        mine = of_user[user]
        seqs = [row.seq for row in mine]
        if seqs != list(range(1, box.last_seq + 1)):
            verdict.note_other(f"the seqs of {user} are not 1 … {box.last_seq}: {seqs}")
        unread = sum(row.unread for row in mine)
        if (box.unread, box.unseen) != (unread, len(mine)):
            verdict.note_other(f"{box} does not count its {unread} unread, {len(mine)} unseen")


def check_reader(verdict: Verdict, name: str, reader: Reader, rows: Mapping[int, Row]) -> None:
    """It saw each change after its start once, in order; a list covers what a reset announced."""
    start: int | None = None
    position = -1
    named: int | None = None
    seen: set[int] = set()
    listed: set[int] = set()
    for line in reader.log:
        match line.kind:
            case "connect":
                named = line.seq
            case "connected":
                assert line.seq is not None
                if named is not None and line.seq != named:
                    verdict.note_other(f"{name} asked for {named} and was put at {line.seq}")
                start = line.seq if start is None else start
                position = max(position, line.seq)
            case "message":
                assert line.seq is not None
                row = rows.get(line.seq)
                if row is None or row.id != line.notification:
                    verdict.note_other(f"{name} got {line.notification} as {line.seq}: not its own")
                if line.seq in seen:
                    verdict.note_duplicate(f"{name} got {line.seq} again")
                elif line.seq <= position:
                    verdict.note_disorder(f"{name} got {line.seq} after {position}")
                seen.add(line.seq)
                position = max(position, line.seq)
            case "reset":
                assert line.seq is not None
                position = line.seq
            case "listed":
                assert line.seq is not None
                if line.seq <= position:
                    listed.add(line.seq)
            case "updated" | "mailbox" | "expired":
                verdict.note_other(f"{name} got {line}: nothing of that kind happened")
            case _:
                pass
    if start is None:
        if reader.closed:
            return
        verdict.note_lost(f"{name} never got a stream")
        return
    # Of a stream that was closed, the end is wherever it had got to.
    end = position if reader.closed else max(rows, default=0)
    missing = sorted(seq for seq in rows if start < seq <= end and seq not in seen | listed)
    if missing:
        verdict.note_lost(f"{name} never got {missing}", len(missing))
