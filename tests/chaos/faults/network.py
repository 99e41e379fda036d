"""The network between browser and server, and between consumer and Redis."""

from tests.chaos.faults.fault import NO_SWEEP, fault
from tests.chaos.proxy import Mode
from tests.chaos.reader import Address
from tests.chaos.world import World

MODES: tuple[Mode, ...] = ("delay", "trickle", "blackhole", "refuse")
SILENCE_SECONDS = 3.0


@fault("flaky-network", short=("sqlite",), settings={**NO_SWEEP, "KEEPALIVE_SECONDS": "1"})
def flaky_network(world: World) -> None:
    """Readers' connections are slow, cut, swallowed, refused, or pass one byte at a time."""
    proxy = world.add_proxy(world.web.port)
    world.web_address = Address(proxy.port)
    world.silence_seconds = SILENCE_SECONDS
    world.start()
    world.load()
    for _ in range(world.scale.times):
        for mode in world.rng.sample(MODES, len(MODES)):
            proxy.mode = mode
            world.in_loop(lambda: proxy.reset(0.3))
            world.pause(0.3)
            if mode == "blackhole":
                # What was sent into it can't come back; the connections can't either.
                world.in_loop(lambda: proxy.swallow(b""))
            proxy.mode = "pass"
            world.pause(0.3)
    world.healed()


@fault("consumer-link", short=("postgresql",), settings=NO_SWEEP)
def consumer_link(world: World) -> None:
    """The consumers' connections to Redis are reset, and replies are lost on them."""
    proxy, url = world.proxied_redis()
    world.start(consumers=0)
    for _ in range(world.scale.consumers):
        world.add_consumer(REDIS_URL=url)
    world.load()
    proxy.drop_replies = 0.3
    for _ in range(world.scale.times * 3):
        world.pause(0.3)
        world.in_loop(lambda: proxy.reset(0.5))
    proxy.drop_replies = 0.0
    world.healed()
