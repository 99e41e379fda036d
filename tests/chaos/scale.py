"""How much of everything: the short form, for every run of the tests, and the long one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """`seconds` is how long the load lasts, and `times` how often a repeated blow falls."""

    name: str
    users: int
    streams_per_user: int
    events: int
    seconds: float
    web_workers: int
    consumers: int
    times: int
    stopped_seconds: float
    settle_seconds: float
    haste: float

    @property
    def short(self) -> bool:
        """Whether this is the form that has to be over in seconds."""
        return self.name == "short"


SHORT = Scale(
    name="short",
    users=10,
    streams_per_user=2,
    events=200,
    seconds=1.5,
    web_workers=2,
    consumers=2,
    times=2,
    stopped_seconds=2.0,
    settle_seconds=25.0,
    haste=5.0,
)
LONG = Scale(
    name="long",
    users=100,
    streams_per_user=2,
    events=3000,
    seconds=15.0,
    web_workers=2,
    consumers=2,
    times=8,
    stopped_seconds=30.0,
    settle_seconds=180.0,
    haste=1.0,
)
