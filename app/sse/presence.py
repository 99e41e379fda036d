"""Who has how many streams open, across all workers and machines: what of it is in Redis.

`tidings:streams:<user id>` is a hash, from worker to its number of the user's streams.
`tidings:workers` is a sorted set, from worker to when it last said that it lives, in Redis' time.
A worker that is silent is dead for good: one that wakes up begins anew, under another name. So a
list of the dead that is a few seconds old is still true.

Each script touches one key, as a cluster wants it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import redis
from redis.exceptions import NoScriptError, ResponseError

WORKERS = "tidings:workers"
STREAMS_PREFIX = "tidings:streams:"

# Of a worker that did not take itself out: it is not counted after so long a silence.
SILENT_SECONDS = 15
# Every worker writes each of its numbers anew within KEEP_SECONDS / 3; what nobody writes goes.
KEEP_SECONDS = 900
# The dead are named for longer than what they left behind may stay.
FORGET_SECONDS = 2 * KEEP_SECONDS

BEAT = """
local key, me, mode = KEYS[1], ARGV[1], ARGV[2]
local silent, forget = tonumber(ARGV[3]), tonumber(ARGV[4])
local now = tonumber(redis.call('TIME')[1])
local last = tonumber(redis.call('ZSCORE', key, me) or 0)
local known = last > now - silent
if mode == 'end' then
  redis.call('ZADD', key, now - silent, me)
elseif known or mode == 'begin' then
  redis.call('ZADD', key, now, me)
end
redis.call('ZREMRANGEBYSCORE', key, '-inf', now - forget)
redis.call('EXPIRE', key, forget)
return {known and 1 or 0, redis.call('ZRANGEBYSCORE', key, '-inf', now - silent)}
"""

# Numbers are absolute, so that it may be repeated. How many of those that wait are let in is
# decided here, where all workers' numbers are, one worker after the other.
COUNT = """
local key, me = KEYS[1], ARGV[1]
local admitted, waiting, limit = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
if #ARGV > 5 then redis.call('HDEL', key, unpack(ARGV, 6)) end
local others = 0
local found = redis.call('HGETALL', key)
for i = 1, #found, 2 do
  if found[i] ~= me then others = others + tonumber(found[i + 1]) end
end
local granted = math.max(0, math.min(waiting, limit - others - admitted))
if admitted + granted > 0 then
  redis.call('HSET', key, me, admitted + granted)
  redis.call('EXPIRE', key, ARGV[5])
else
  redis.call('HDEL', key, me)
end
return granted
"""


class Count(NamedTuple):
    """One user's streams on this worker: those that are open, and those that wait to be."""

    user_id: str
    admitted: int
    waiting: int


class Presence:
    """The numbers in Redis. Every method raises redis.RedisError."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._count = client.register_script(COUNT)

    def beat(
        self, worker: str, mode: Literal["begin", "beat", "end"]
    ) -> tuple[bool, Sequence[bytes]]:
        """Say that `worker` lives; whether it was known to, and who is dead.

        One that was not known stays so until it begins.
        """
        reply: Any = self._redis.eval(
            BEAT, 1, WORKERS, worker, mode, str(SILENT_SECONDS), str(FORGET_SECONDS)
        )
        return bool(reply[0]), reply[1]

    def count(
        self, worker: str, counts: Sequence[Count], limit: int, dead: Sequence[bytes]
    ) -> list[int | ResponseError]:
        """Write the numbers of `worker`; of each user's waiting streams, how many may open.

        Those that came first are meant. What can't be written is an error in place of a number.
        """
        replies = self._written(worker, counts, limit, dead)
        if any(isinstance(reply, NoScriptError) for reply in replies):
            # The first time, and when Redis was restarted since. What was written may be, again.
            self._redis.script_load(COUNT)
            replies = self._written(worker, counts, limit, dead)
        return replies

    def _written(
        self, worker: str, counts: Sequence[Count], limit: int, dead: Sequence[bytes]
    ) -> list[int | ResponseError]:
        pipeline = self._redis.pipeline(transaction=False)
        for user_id, admitted, waiting in counts:
            arguments: list[Any] = [worker, admitted, waiting, limit, KEEP_SECONDS, *dead]
            pipeline.evalsha(self._count.sha, 1, STREAMS_PREFIX + user_id, *arguments)
        replies: list[int | ResponseError] = pipeline.execute(raise_on_error=False)
        return replies

    def streams_of(self, user_ids: Sequence[str]) -> dict[str, int]:
        """How many streams each of these users has open, in the order asked."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.time()
        pipeline.zrange(WORKERS, 0, -1, withscores=True)
        for user_id in user_ids:
            pipeline.hgetall(STREAMS_PREFIX + user_id)
        (now, _), beats, *found = pipeline.execute()
        living = {worker for worker, beat in beats if beat > now - SILENT_SECONDS}
        return {
            user_id: _total(numbers, living)
            for user_id, numbers in zip(user_ids, found, strict=True)
        }


def _total(numbers: Mapping[bytes, bytes], living: set[bytes]) -> int:
    return sum(int(number) for worker, number in numbers.items() if worker in living)
