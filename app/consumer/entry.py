"""One entry of the Redis Stream."""

from collections.abc import Mapping
from dataclasses import dataclass

Fields = Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry's id and fields; no fields if it was trimmed before it was processed."""

    id: bytes
    fields: Fields
