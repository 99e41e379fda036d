"""Which of two commits is slower, from runs in turn: medians of ratios, and noise. Pure.

Runs A B B A A B… of one machine drift together, so each pair is compared with itself. What a ratio
of two runs of the same commit shows is noise: the difference counts once it exceeds what that
noise leaves of a median of so many pairs.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

# Less than this nobody feels, and the layout of memory alone may cause it.
LEAST_PERCENT = 3.0
# Standard errors. One of a hundred comparisons of equal commits exceeds that by chance, and there
# are some twenty in a table: whoever acts on one should look twice.
SURE = 2.6
# From a median of absolute deviations, or of a median, to a normal distribution's deviation.
OF_MEDIAN_DEVIATION = 1.4826
OF_A_MEDIAN = 1.2533


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure of two commits. Percents are of `before`; above 0 is slower (or more memory)."""

    what: str
    unit: str
    before: float
    after: float
    percent: float
    noise_percent: float

    @property
    def is_slower(self) -> bool:
        """Whether it became worse by more than noise."""
        return self.percent > self.noise_percent

    @property
    def is_faster(self) -> bool:
        """Whether it became better by more than noise."""
        return self.percent < -self.noise_percent


def compare(
    what: str, unit: str, before: Sequence[float], after: Sequence[float], *, more_is_better: bool
) -> Comparison:
    """Compare what each pair of runs measured, in the order of the pairs.

    All values must be above 0; raises ValueError otherwise, and with fewer than three pairs.
    """
    if len(before) != len(after) or len(before) < 3 or min(*before, *after) <= 0:
        raise ValueError(f"{what}: three or more pairs of positive values are needed")
    sign = -1 if more_is_better else 1
    logs = [sign * math.log(b / a) for a, b in zip(before, after, strict=True)]
    noise = SURE * OF_A_MEDIAN * _deviation(before, after, logs) / math.sqrt(len(logs))
    return Comparison(
        what,
        unit,
        statistics.median(before),
        statistics.median(after),
        100 * math.expm1(statistics.median(logs)),
        max(LEAST_PERCENT, 100 * math.expm1(noise)),
    )


def _deviation(before: Sequence[float], after: Sequence[float], logs: Sequence[float]) -> float:
    """The deviation of one pair's ratio: the larger one of two estimates.

    Few pairs may agree by chance; so may the runs of one commit among themselves.
    """
    middle = statistics.median(logs)
    of_pairs = OF_MEDIAN_DEVIATION * statistics.median(abs(log - middle) for log in logs)
    steps = [
        abs(math.log(later / earlier))
        for runs in (before, after)
        for earlier, later in pairwise(runs)
    ]
    # A step is the difference of two runs, and so is a pair's ratio.
    of_runs = OF_MEDIAN_DEVIATION * statistics.median(steps)
    return max(of_pairs, of_runs)
