"""What the checker found: how much was lost, came twice, came in the wrong order."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Verdict:
    """`counted` is what may be lost under this fault, and was; `problems` explains the numbers."""

    lost: int = 0
    duplicated: int = 0
    disordered: int = 0
    other: int = 0
    counted: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether the promise was kept."""
        return not (self.lost or self.duplicated or self.disordered or self.other)

    def note_lost(self, what: str, count: int = 1) -> None:
        """`count` are not there."""
        self.lost += count
        self.problems.append(f"lost: {what}")

    def note_duplicate(self, what: str, count: int = 1) -> None:
        """`count` came more than once."""
        self.duplicated += count
        self.problems.append(f"duplicated: {what}")

    def note_disorder(self, what: str) -> None:
        """One came after a later one."""
        self.disordered += 1
        self.problems.append(f"out of order: {what}")

    def note_other(self, what: str) -> None:
        """Something that must not be, and is none of the others."""
        self.other += 1
        self.problems.append(f"wrong: {what}")

    def add(self, other: "Verdict") -> None:
        """Take over what another one says."""
        self.lost += other.lost
        self.duplicated += other.duplicated
        self.disordered += other.disordered
        self.other += other.other
        self.counted += other.counted
        self.problems += other.problems
