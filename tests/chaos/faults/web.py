"""Web workers that die, are stopped, are replaced."""

import signal
import time

from tests.chaos.blows import kill_worker
from tests.chaos.expectations import expect_draining, wait_until_cut
from tests.chaos.faults.fault import NO_SWEEP, fault
from tests.chaos.nginx import Nginx
from tests.chaos.reader import Address
from tests.chaos.world import World

CROWD = 500
# gunicorn's graceful time-out. Streams that are drained end long before, but for a machine that is
# too busy for anything; those that are not hold the worker until then, and are cut off.
MOST_DRAIN_SECONDS = 10.0


@fault("web-killed", short=("sqlite",), settings=NO_SWEEP, short_web_workers=2)
def web_killed(world: World) -> None:
    """kill -9 of a web worker, again and again."""
    world.start()
    world.load()
    for _ in range(world.scale.times):
        world.pause_between_blows()
        kill_worker(world)
    world.healed()


@fault("web-terminated", short=("postgresql",), settings=NO_SWEEP)
def web_terminated(world: World) -> None:
    """SIGTERM of the web server with 500 streams open, and a new one in its place."""
    world.start(streams=CROWD)
    world.load()
    world.pause(0.5)
    restart(world)
    world.healed()


@fault("web-reloaded", short=("sqlite",), settings=NO_SWEEP, short_web_workers=2)
def web_reloaded(world: World) -> None:
    """HUP: gunicorn replaces every worker, with 500 streams open."""
    world.start(streams=CROWD)
    world.load()
    world.pause(0.5)
    before = {reader: len(reader.log) for reader in world.readers}
    world.web.send(signal.SIGHUP)
    wait_until_cut(world, before)
    for reader, length in before.items():
        expect_draining(world, reader, length)
    world.healed()


@fault("through-nginx", short=("sqlite",), settings=NO_SWEEP)
def through_nginx(world: World) -> None:
    """Through nginx, with 502 for everybody while the web server is replaced."""
    proxy = world.keep(Nginx(world.folder / "nginx", world.web))
    world.web_address = Address(proxy.port)
    world.start()
    world.load()
    world.pause(0.5)
    world.web.terminate()
    world.pause(1.5)
    if not any(line.kind == "refused" for reader in world.readers for line in reader.log):
        world.complain("nobody got a 502")
    world.web.start()
    world.healed()


@fault("by-unix-socket", short=("postgresql",), settings=NO_SWEEP)
def by_unix_socket(world: World) -> None:
    """nginx reaches the web server by a Unix socket, which stays when that is killed."""
    path = world.short_folder() / "web.sock"
    world.use_for_web(path)
    proxy = world.keep(Nginx(world.folder / "nginx", world.web))
    world.web_address = Address(proxy.port)
    world.start()
    world.load()
    for _ in range(world.scale.times):
        world.pause_between_blows()
        world.web.kill()
        if not path.exists():
            world.complain("the socket is gone")
        world.web.start()
    world.healed()


def restart(world: World) -> None:
    """Replace the web server as a deploy does; complain of streams that were not drained."""
    before = {reader: len(reader.log) for reader in world.readers}
    began = time.monotonic()
    world.web.terminate()
    if (seconds := time.monotonic() - began) > MOST_DRAIN_SECONDS:
        world.complain(f"the web server took {seconds:.1f} s to end")
    world.web.start()
    for reader, length in before.items():
        expect_draining(world, reader, length)
