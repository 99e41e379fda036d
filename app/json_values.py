"""JSON read by orjson, in half the time that json takes; but not what orjson would round."""

import json
from typing import Any

import orjson

# An integer of so many digits may not fit into 64 bits. To look for zeros where every digit is one
# takes a tenth of the time that a regular expression takes.
_DIGITS_AS_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * 19


def json_value(text: bytes | str) -> Any:
    """The value of JSON text. Raises ValueError."""
    data = text.encode() if isinstance(text, str) else text
    return json.loads(data) if may_have_long_number(data) else orjson.loads(data)


def may_have_long_number(text: bytes) -> bool:
    """Whether a number in JSON text may not fit into 64 bits: orjson would make it a float."""
    return _LONG_NUMBER in text.translate(_DIGITS_AS_ZEROS)
