"""What has to hold while something is broken; a world is told what does not."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx

from tests.chaos.reader import Reader
from tests.chaos.world import World
from tests.support.waiting import wait_for


@contextmanager
def background_request(world: World, method: str, path: str, body: object) -> Iterator[None]:
    """A request that is on its way meanwhile, whatever becomes of it."""

    def send() -> None:
        with suppress(httpx.HTTPError), world.web.http(world.token(world.users[0])) as client:
            client.request(method, path, json=body, timeout=60)

    thread = threading.Thread(target=send)
    thread.start()
    yield
    thread.join()


def wait_until_cut(world: World, before: dict[Reader, int]) -> None:
    """Wait until each of these streams has ended since its log had that length."""
    wait_for(
        lambda: all(_ended(reader, length) for reader, length in before.items()),
        30,
        "the end of every stream",
    )


def expect_draining(world: World, reader: Reader, length: int) -> None:
    """The stream that was open then must have been told to come back before it was cut."""
    kinds = [line.kind for line in reader.log[length:]]
    if "cut" in kinds and "draining" not in kinds[: kinds.index("cut")]:
        world.complain(f"a stream of {reader.user} was cut without a word")


def expect_heartbeat(world: World, seconds: float) -> None:
    """For so long, every stream must stay open and hear something, most of the time."""
    began = time.monotonic()
    lengths = {reader: len(reader.log) for reader in world.readers}
    world.endure(seconds)
    for reader, length in lengths.items():
        lines = reader.log[length:]
        if any(line.kind in ("cut", "refused") for line in lines):
            world.complain(f"a stream of {reader.user} did not stay open")
        elif not any(line.at > began + seconds / 2 for line in lines):
            world.complain(f"a stream of {reader.user} had no heartbeat for {seconds / 2:g} s")


def _ended(reader: Reader, length: int) -> bool:
    return any(line.kind == "cut" for line in reader.log[length:])
