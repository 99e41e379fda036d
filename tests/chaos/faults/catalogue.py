"""All faults, by name."""

from tests.chaos.faults import (
    commits,
    consumers,
    databases,
    network,
    pubsub,
    redis_server,
    streams,
    web,
    writers,
)
from tests.chaos.faults.fault import Fault

MODULES = (web, consumers, redis_server, pubsub, network, databases, writers, streams, commits)

FAULTS: dict[str, Fault] = {
    fault.name: fault
    for module in MODULES
    for fault in vars(module).values()
    if isinstance(fault, Fault)
}
