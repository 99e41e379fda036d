"""What a consumer's connection to Redis says, with one push in ten lost and some swapped."""

import random
from collections.abc import Callable, Sequence

from app.bus import USER_CHANNEL_PREFIX

# What is published on this channel reaches nobody; a reply to it is one all the same.
NOWHERE = b"chaos:nowhere"

Command = list[bytes]


class Commands:
    """Cuts a client's bytes into RESP commands (arrays of bulk strings)."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[Command]:
        """The commands that `chunk` completes."""
        self._rest += chunk
        commands = []
        while (found := _parse(self._rest)) is not None:
            command, size = found
            commands.append(command)
            self._rest = self._rest[size:]
        return commands


def _parse(data: bytes) -> tuple[Command, int] | None:
    line_end = data.find(b"\r\n")
    if line_end < 0:
        return None
    words: Command = []
    at = line_end + 2
    for _ in range(int(data[1:line_end])):
        line_end = data.find(b"\r\n", at)
        if line_end < 0:
            return None
        size = int(data[at + 1 : line_end])
        at = line_end + 2
        if len(data) < at + size + 2:
            return None
        words.append(data[at : at + size])
        at += size + 2
    return words, at


def encoded(command: Sequence[bytes]) -> bytes:
    """The command as a client sends it."""
    parts = [b"*%d\r\n" % len(command)]
    parts += [b"$%d\r\n%s\r\n" % (len(word), word) for word in command]
    return b"".join(parts)


class Tampering:
    """A proxy's filter. Of the pushes to users, `drop` are lost; `swap` change places with the
    next one to the same user, or go out after it if that one is in a later batch.

    `late` publishes what was held back.
    """

    def __init__(
        self,
        rng: random.Random,
        late: Callable[[bytes, bytes], None],
        *,
        drop: float = 0.1,
        swap: float = 0.1,
    ) -> None:
        self.dropped = 0
        self.swapped = 0
        self._rng = rng
        self._late = late
        self._drop = drop
        self._swap = swap
        self._held: dict[bytes, bytes] = {}

    def drop_all(self) -> None:
        """From now on every push is lost."""
        self._drop, self._swap = 1.0, 0.0

    def connection(self) -> Callable[[bytes], bytes]:
        """The filter of one connection."""
        commands = Commands()
        return lambda chunk: b"".join(map(encoded, map(self._change, commands.feed(chunk))))

    def _change(self, command: Command) -> Command:
        name, *words = command
        if name.upper() == b"PUBLISH":
            return [name, *self._push(*words)]
        if name.upper() == b"EVAL" and b"'PUBLISH'" in words[0]:
            script, number_of_keys, *pushes = words
            pairs = zip(pushes[::2], pushes[1::2], strict=True)
            changed = [word for pair in pairs for word in self._push(*pair)]
            return [name, script, number_of_keys, *changed]
        return command

    def _push(self, channel: bytes, payload: bytes) -> tuple[bytes, bytes]:
        if not channel.startswith(USER_CHANNEL_PREFIX.encode()):
            return channel, payload
        if (held := self._held.pop(channel, None)) is not None:
            self._late(channel, held)
            return channel, payload
        chance = self._rng.random()
        if chance < self._drop:
            self.dropped += 1
            return NOWHERE, b""
        if chance < self._drop + self._swap:
            self.swapped += 1
            self._held[channel] = payload
            return NOWHERE, b""
        return channel, payload
