"""The bench's table and picture say what was measured, and which goals were met."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import picture, report
from bench.report import Goal, Line, quantile

LINES = [
    Line(
        "deliveries",
        "deliveries, 1,000 streams",
        "1/s",
        ours=50_000,
        others={"naive": 10_000, "flask-sse": 5_000},
        goal=Goal(times=5),
        warnings=("it was <busy> & noisy",),
    ),
    Line("latency", "PUBLISH to receipt, p99", "ms", ours=7, better="less", goal=Goal(at_most=5)),
]


def test_a_quantile_is_one_of_the_values() -> None:
    values = [float(number) for number in range(1, 101)]
    assert (quantile(values, 0.5), quantile(values, 0.99), quantile(values, 1)) == (50, 99, 100)
    assert quantile([3.0], 0.99) == 3.0


def test_a_ratio_above_one_is_better_whichever_way_is_better() -> None:
    assert Line("row", "rate", "1/s", ours=30, others={"naive": 20}).ratio == 1.5
    assert Line("row", "time", "ms", ours=20, others={"naive": 30}, better="less").ratio == 1.5
    assert Line("row", "alone", "ms", ours=20).ratio is None


@pytest.mark.parametrize(
    ("goal", "met", "missed"),
    [
        (Goal(at_least=10), 10, 9.9),
        (Goal(at_most=10), 10, 10.1),
        (Goal(times=5), 50, 49),
    ],
)
def test_a_goal_is_met_from_its_limit_on(goal: Goal, met: float, missed: float) -> None:
    for value, expected in ((met, True), (missed, False)):
        assert Line("row", "x", "1", value, {"naive": 10}, goal=goal).is_met is expected
    assert Line("row", "x", "1", met).is_met is None


def test_the_table_names_who_was_compared_and_each_goal_that_was_missed() -> None:
    head, _, first, second, warning = report.table(LINES).splitlines()
    assert [cell.strip() for cell in head.split("|")[2:5]] == ["ours", "naive", "flask-sse"]
    assert "5.00" in first
    assert "≥ 5 × naive: met" in first
    assert "≤ 5: missed" in second
    assert "noisy" in warning


def test_the_picture_has_every_figure_and_is_read_out(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    report.write(results, "tiny", "pinned", {"redis-server": "7"}, LINES)
    drawn = ElementTree.fromstring(picture.of_results(results))
    names = {"svg": "http://www.w3.org/2000/svg"}
    texts = [text.text or "" for text in drawn.findall("svg:text", names)]
    for figure in ("50,000", "10,000", "5,000"):
        assert figure in texts
        assert figure in drawn.findtext("svg:title", "", names)
    bars = [bar for bar in drawn.findall("svg:rect", names) if "bar" in bar.get("class", "")]
    widths = [float(bar.get("width", 0)) for bar in bars]
    assert widths == sorted(widths, reverse=True)
    assert json.loads(results.read_text())["lines"][1]["met"] is False


def test_some_rows_measured_anew_leave_the_others_as_they_were(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    report.write(results, "full", "pinned", {}, LINES)
    again = Line("latency", "PUBLISH to receipt, p99", "ms", ours=3, better="less")
    report.write(results, "full", "pinned", {}, [again], keeping=True)
    lines = json.loads(results.read_text())["lines"]
    assert [(line["row"], line["ours"]) for line in lines] == [
        ("deliveries", 50_000),
        ("latency", 3),
    ]
    # What another plan measured can't be compared, and is not kept.
    report.write(results, "quick", "pinned", {}, [again], keeping=True)
    assert len(json.loads(results.read_text())["lines"]) == 1
