"""Waiting for something to become true, instead of for time to pass."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(
    condition: Callable[[], T], deadline_seconds: float = 20.0, what: str = "the condition"
) -> T:
    """Call `condition` until it returns something true, and return that.

    Raises AssertionError when that takes longer than `deadline_seconds`.
    """
    deadline = time.monotonic() + deadline_seconds
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"Waited {deadline_seconds:g} s for {what}; last: {result!r}")
        time.sleep(0.01)
    return result
