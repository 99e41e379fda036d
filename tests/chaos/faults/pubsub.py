"""The way from consumer to web worker: connections that die, swallow, lose, reorder."""

import random
import threading

from tests.chaos.faults.fault import NO_SWEEP, fault
from tests.chaos.rest import settle
from tests.chaos.tampering import Tampering
from tests.chaos.world import World

KILL_EVERY_SECONDS = 0.15
LATE_SECONDS = 0.02
SUBSCRIBE = b"SUBSCRIBE"
# Twice the probe's interval, its time-out, and what a new connection takes.
DETECTION_SECONDS = 7.0


@fault("pubsub-killed", short=("sqlite",), settings=NO_SWEEP, short_web_workers=2)
def pubsub_killed(world: World) -> None:
    """CLIENT KILL TYPE pubsub every 150 ms, as long as there is load."""
    world.start()
    world.load()
    while world.producer.running:
        world.redis.client_kill_filter(_type="pubsub")
        world.pause(KILL_EVERY_SECONDS)
    world.healed()


@fault("pubsub-blackhole", short=("sqlite",), settings=NO_SWEEP)
def pubsub_blackhole(world: World) -> None:
    """A black hole of the Pub/Sub connections alone, and of the next ones before they confirm."""
    proxy, url = world.proxied_redis()
    world.use_for_web(REDIS_URL=url)
    world.start()
    world.load()
    world.pause(0.4)
    proxy.fatal_words = SUBSCRIBE
    world.in_loop(lambda: proxy.swallow(SUBSCRIBE))
    world.pause(DETECTION_SECONDS)
    proxy.fatal_words = None
    world.healed()


@fault("redis-partition", short=("postgresql",), settings=NO_SWEEP)
def redis_partition(world: World) -> None:
    """A black hole of all that a web server has with Redis; what was opened in it never works."""
    proxy, url = world.proxied_redis()
    world.use_for_web(REDIS_URL=url)
    world.start()
    world.load()
    world.pause(0.4)
    proxy.mode = "blackhole"
    world.pause(DETECTION_SECONDS)

    def heal() -> None:
        proxy.swallow(b"")
        proxy.mode = "pass"

    world.in_loop(heal)
    world.healed()


@fault("publish-tampered", short=("postgresql",), settings={"SWEEP_SECONDS": "1"})
def publish_tampered(world: World) -> None:
    """One PUBLISH in ten is lost, one in ten comes after the next one; then all are lost."""

    def late(channel: bytes, payload: bytes) -> None:
        timer = threading.Timer(LATE_SECONDS, world.redis.publish, (channel, payload))
        timer.start()

    tampering = Tampering(random.Random(world.rng.random()), late)
    _, url = world.proxied_redis(tampering.connection)
    world.start(consumers=0)
    for _ in range(world.scale.consumers):
        world.add_consumer(REDIS_URL=url)
    world.load()
    world.producer.join()
    settle(world)
    # Nothing comes after these that would show a gap.
    tampering.drop_all()
    last = world.new_producer("last")
    last.write_many([last.intend([user]) for user in world.users])
    world.healed()
    if not tampering.dropped or not tampering.swapped:
        world.complain("no PUBLISH was tampered with")
