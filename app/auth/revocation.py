"""A revocation: which tokens of a user are refused although they have not expired."""

import json
from dataclasses import asdict, dataclass
from typing import Self

# Every worker listens here, on all machines.
CONTROL_CHANNEL = b"tidings:control"


@dataclass(frozen=True, slots=True)
class Revocation:
    """One token of a user or, without `token_id`, all that were issued until `revoked_at`.

    Times are Unix times in seconds. After `expires_at` there is nothing left to refuse.
    """

    user_id: str
    token_id: str | None
    revoked_at: int
    expires_at: int

    def covers(self, token_id: str, issued_at: int | None) -> bool:
        """Whether it refuses this token of its user.

        A token of the very second of the revocation may be from before it, and one that does not
        say when it was issued may be, too.
        """
        if self.token_id is not None:
            return token_id == self.token_id
        return issued_at is None or issued_at <= self.revoked_at

    def encode(self) -> bytes:
        """As it travels over the control channel."""
        return json.dumps({"revoked": asdict(self)}).encode()

    @classmethod
    def decode(cls, payload: bytes) -> Self | None:
        """The same, read back; None for anything else that somebody published there."""
        try:
            said = json.loads(payload)["revoked"]
            it = cls(said["user_id"], said["token_id"], said["revoked_at"], said["expires_at"])
        except (ValueError, LookupError, TypeError, RecursionError):
            return None
        well_formed = (
            isinstance(it.user_id, str)
            and isinstance(it.token_id, str | None)
            and type(it.revoked_at) is int
            and type(it.expires_at) is int
        )
        return it if well_formed else None
