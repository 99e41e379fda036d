"""What is remembered of a token, and of how many."""

import pytest

from app.auth.identity import Identity
from app.auth.verified import Verified, VerifiedTokens


@pytest.mark.parametrize(
    ("not_before", "expires_at", "timely"),
    [
        (0, 2_000, True),
        (1_005, 2_000, True),
        (1_006, 2_000, False),
        (0, 996, True),
        (0, 995, False),
    ],
)
def test_its_times_count_to_the_second_as_they_did_at_first(
    not_before: int, expires_at: int, timely: bool
) -> None:
    caller = Identity("grace", frozenset(), None, expires_at, "t")
    assert Verified(caller, None, not_before, None, "key").is_timely(1_000, 5) is timely


def verified(name: str) -> Verified:
    """A token's content."""
    return Verified(Identity(name, frozenset(), None, 2**40, name), None, 0, None, "key")


def test_no_more_tokens_are_remembered_than_there_is_room_for() -> None:
    remembered = VerifiedTokens(most=10)
    for number in range(1_000):
        remembered.keep(f"token {number}", verified(f"user{number}"))
        assert remembered.find(f"token {number}") == verified(f"user{number}")
        assert remembered.find("token 0"), "one that is asked for again and again stays"
    kept = [number for number in range(1, 1_000) if remembered.find(f"token {number}")]
    assert kept[-9:] == list(range(991, 1_000))
    assert len(kept) <= 20
