"""The table at the end: one line for each fault and database, over all seeds."""

from collections.abc import Iterable, Sequence

from tests.chaos.run import Result

COLUMNS = (
    "fault", "database", "seeds", "events", "lost", "duplicated", "out of order", "other",
    "counted", "heal s", "reconnect p99 s",
)  # fmt: skip


def table(results: Iterable[Result]) -> str:
    """Numbers are sums over the seeds; heal and p99 are the worst of them."""
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        groups.setdefault((result.fault, result.database), []).append(result)
    lines = [COLUMNS, *(_line(key, group) for key, group in groups.items())]
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
    return "\n".join(_padded(line, widths) for line in lines)


def _padded(line: Sequence[str], widths: Sequence[int]) -> str:
    words = [word.ljust(width) for word, width in zip(line[:2], widths[:2], strict=True)]
    words += [word.rjust(width) for word, width in zip(line[2:], widths[2:], strict=True)]
    return "  ".join(words)


def _line(key: tuple[str, str], group: Sequence[Result]) -> tuple[str, ...]:
    verdicts = [result.verdict for result in group]
    return (
        *key,
        str(len(group)),
        str(sum(result.events for result in group)),
        str(sum(verdict.lost for verdict in verdicts)),
        str(sum(verdict.duplicated for verdict in verdicts)),
        str(sum(verdict.disordered for verdict in verdicts)),
        str(sum(verdict.other for verdict in verdicts)),
        str(sum(verdict.counted for verdict in verdicts)),
        _worst(result.heal_seconds for result in group),
        _worst(result.reconnect_p99 for result in group),
    )


def _worst(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{max(known):.1f}" if known else "-"
