"""What each web worker holds: clients, greenlets and file descriptors, by kind."""

import json
import os
import socket
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.world import World

WATCHED_APP = "tests.chaos.watched:app"
PORT_FILE = "watched-{pid}.port"
ANSWER_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Holding:
    """Of one worker. `descriptors` is empty where there is no /proc to count them in."""

    clients: int
    greenlets: dict[str, int]
    descriptors: dict[str, int]


def watch(world: World) -> None:
    """Let the web server, which has not been started yet, tell what its workers hold."""
    world.use_for_web(CHAOS_FOLDER=str(world.folder))
    world.web.command[-1] = WATCHED_APP
    if sys.platform != "linux":
        world.note("file descriptors were not counted: that takes Linux's /proc")


def holdings(world: World) -> dict[int, Holding]:
    """Count now, for each worker by its process id."""
    return {pid: _holding(world.folder, pid) for pid in world.web_workers()}


def difference(before: dict[int, Holding], after: dict[int, Holding]) -> str:
    """What is not as before, for people; empty if everything is."""
    found = []
    for pid in before.keys() | after.keys():
        old, new = before.get(pid), after.get(pid)
        if old is None or new is None:
            found.append(f"worker {pid} was there only {'before' if old else 'afterwards'}")
        elif old != new:
            found.append(f"worker {pid} held {_flat(old, new)} and holds {_flat(new, old)}")
    return "; ".join(found)


def _flat(one: Holding, other: Holding) -> dict[str, int]:
    """The counts of `one` that `other` does not share."""
    mine, theirs = (
        {"clients": each.clients, **each.greenlets, **each.descriptors} for each in (one, other)
    )
    return {
        name: mine.get(name, 0)
        for name in sorted(mine.keys() | theirs.keys())
        if mine.get(name, 0) != theirs.get(name, 0)
    }


def _holding(folder: Path, pid: int) -> Holding:
    port = int((folder / PORT_FILE.format(pid=pid)).read_text())
    text = b""
    with socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS) as connection:
        while chunk := connection.recv(65536):
            text += chunk
    said = json.loads(text)
    return Holding(said["clients"], said["greenlets"], _descriptors(pid))


def _descriptors(pid: int) -> dict[str, int]:
    """How many of each kind; of a file, its name is the kind."""
    kinds: Counter[str] = Counter()
    if sys.platform == "linux":
        for name in os.listdir(f"/proc/{pid}/fd"):
            with suppress(FileNotFoundError):  # closed between the list and the look
                kinds[os.readlink(f"/proc/{pid}/fd/{name}").partition(":[")[0]] += 1
    return dict(kinds)
