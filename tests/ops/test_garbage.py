"""How often a worker looks for garbage."""

import gc
from collections.abc import Iterator

import pytest

from app.ops import garbage


@pytest.fixture
def as_it_was() -> Iterator[None]:
    """Whatever a test does to the collector is undone."""
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


class Cycle:
    """Garbage, once nobody knows it."""

    ended = 0

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        type(self).ended += 1


@pytest.mark.usefixtures("as_it_was")
def test_what_requests_leave_behind_is_still_found() -> None:
    garbage.seldom_look()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0
    Cycle.ended = 0
    for _ in range(100_000):
        Cycle()
    assert 100_000 - Cycle.ended <= garbage.THRESHOLDS[0]
