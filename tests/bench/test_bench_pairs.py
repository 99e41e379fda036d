"""Two commits are told apart by more than noise, and only then."""

import random
from dataclasses import replace

import pytest

from bench.check import comparisons, confirmed, in_turn, table
from bench.pairs import Comparison, compare

PAIRS = 5


def compared(slowdown: float, noise: float, chance: random.Random) -> Comparison:
    """One comparison of rates, on a machine that also drifts."""
    runs: list[list[float]] = [[], []]
    for _ in range(PAIRS):
        drift = chance.gauss(1, noise)
        runs[0].append(1000 * drift * chance.gauss(1, noise))
        runs[1].append(1000 * drift * chance.gauss(1, noise) / slowdown)
    return compare("deliveries", "1/s", *runs, more_is_better=True)


def test_equal_commits_are_hardly_ever_told_apart() -> None:
    chance = random.Random(7)
    alarms = sum(compared(1.0, 0.04, chance).is_slower for _ in range(1_000))
    assert alarms <= 20


def test_a_third_more_time_is_found_under_noise() -> None:
    chance = random.Random(8)
    found = sum(compared(1.33, 0.04, chance).is_slower for _ in range(1_000))
    assert found >= 950


def looked_at_twice(slowdown: float, chance: random.Random) -> bool:
    """Whether a table of twenty figures of a noisy machine tells of one that is slower."""
    first, again = ([compared(slowdown, 0.04, chance) for _ in range(20)] for _ in range(2))
    first, again = (
        [replace(each, what=str(number)) for number, each in enumerate(look)]
        for look in (first, again)
    )
    return any(each.is_slower for each in confirmed(first, again))


def test_a_whole_table_of_equal_commits_hardly_ever_gives_an_alarm() -> None:
    chance = random.Random(9)
    assert sum(looked_at_twice(1.0, chance) for _ in range(300)) <= 5
    assert sum(looked_at_twice(1.2, chance) for _ in range(30)) == 30


def test_a_second_look_is_for_what_the_first_one_called_slower() -> None:
    def look(*slowdowns: float) -> list[Comparison]:
        return [
            compare(f"row {number}", "µs", [100] * 3, [100 * each] * 3, more_is_better=False)
            for number, each in enumerate(slowdowns)
        ]

    found = confirmed(look(1.5, 1.5, 1.0, 1.0), look(1.4, 1.0, 1.4, 1.0))
    assert [each.is_slower for each in found] == [True, False, False, False]


def test_what_is_slower_is_told_by_how_much() -> None:
    rates = compare("rate", "1/s", [100, 101, 99], [80, 80, 80], more_is_better=True)
    assert rates.is_slower
    assert rates.percent == pytest.approx(25, abs=1.5)
    times = compare("time", "µs", [100, 101, 99], [80, 80, 80], more_is_better=False)
    assert times.is_faster
    assert times.percent == pytest.approx(-20, abs=1.5)


def test_a_difference_that_nobody_feels_is_none() -> None:
    assert not compare("time", "µs", [100] * 5, [102] * 5, more_is_better=False).is_slower


def test_one_run_that_was_disturbed_does_not_count() -> None:
    disturbed = compare("time", "µs", [100] * 5, [100, 100, 900, 100, 100], more_is_better=False)
    assert not disturbed.is_slower


@pytest.mark.parametrize("values", [[1.0, 2.0], [1.0, 2.0, 0.0]])
def test_too_little_to_compare_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="three or more pairs of positive values"):
        compare("x", "µs", values, values, more_is_better=True)


@pytest.mark.parametrize("yardstick", ["floor", "naive"])
def test_how_fast_the_machine_is_does_not_matter_where_a_yardstick_ran_beside(
    yardstick: str,
) -> None:
    def runs(micros: float, speeds: list[float]) -> list[dict[tuple[str, str], dict[str, object]]]:
        return [
            {
                ("deliveries", "CPU"): {
                    "ours": micros * speed,
                    "others": {yardstick: 5 * speed},
                    "better": "less",
                    "unit": "µs",
                }
            }
            for speed in speeds
        ]

    fast, slow = [1.0, 1.3, 0.8, 1.1, 0.9], [1.5, 0.9, 1.4, 1.0, 1.2]
    [equal] = comparisons(runs(7, fast), runs(7, slow))
    assert not equal.is_slower
    assert equal.percent == pytest.approx(0)
    [slower] = comparisons(runs(7, slow), runs(7.7, fast))
    assert slower.is_slower
    assert slower.percent == pytest.approx(10)


def test_neither_commit_is_always_the_first_of_a_pair() -> None:
    assert list(in_turn(3)) == [0, 1, 1, 0, 0, 1]


def test_the_table_names_what_is_slower() -> None:
    slower = compare("memory", "KiB", [20] * 3, [30] * 3, more_is_better=False)
    same = compare("connects", "1/s", [500] * 3, [500] * 3, more_is_better=True)
    *_, first, second = table([slower, same]).splitlines()
    assert "SLOWER" in first
    assert "SLOWER" not in second
