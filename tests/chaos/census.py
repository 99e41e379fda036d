"""What a web server holds open, counted from outside: connections and subscriptions."""

from dataclasses import dataclass

from app.bus import USER_CHANNEL_PREFIX
from tests.chaos.sockets import served_connections
from tests.chaos.world import World


@dataclass(frozen=True, slots=True)
class Census:
    """Connections to all web workers (0 where /proc does not tell); subscriptions in Redis."""

    connections: int
    subscriptions: int


def census(world: World) -> Census:
    """Count now."""
    channels = world.redis.pubsub_channels(f"{USER_CHANNEL_PREFIX}*")
    counts = world.redis.pubsub_numsub(*channels)
    return Census(
        sum(served_connections(pid, world.web.port) for pid in world.web_workers()),
        sum(count for _, count in counts),
    )
