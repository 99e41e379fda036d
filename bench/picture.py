"""The picture of the README: deliveries a second, ours beside what else there is.

`python -m bench.picture` draws it anew from results.json.
"""

import json
from html import escape
from pathlib import Path
from typing import Any

WIDTH = 780
LEFT = 270
BAR = 26
ROW = 44
TOP = 64
# Room for a number behind the longest bar.
RIGHT = 110

STYLE = """
  text { font: 15px system-ui, sans-serif; fill: #1f2328 }
  .head { font-weight: 600; font-size: 17px }
  .small { font-size: 12.5px; fill: #59636e }
  .bar { fill: #8c959f }
  .ours { fill: #0969da }
  .page { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .small { fill: #9198a1 }
    .bar { fill: #656c76 }
    .ours { fill: #4493f8 }
    .page { fill: #0d1117 }
  }
"""

CAPTIONS = {
    "naive": "one Redis subscription a stream",
    "flask-sse": "flask-sse on gunicorn, gevent",
    "sse-starlette": "sse-starlette on uvicorn",
    "better-sse": "Node: better-sse on Express",
}


def of_results(path: Path) -> str:
    """The SVG of what `path`, a results.json, has measured. Raises KeyError without deliveries."""
    result = json.loads(path.read_text())
    for line in result["lines"]:
        if line["row"] == "deliveries" and line["unit"] == "1/s":
            return _draw(result, line)
    raise KeyError("no deliveries were measured")


def _draw(result: dict[str, Any], line: dict[str, Any]) -> str:
    bars = [("Tidings, every feature on", line["ours"])]
    bars += [(CAPTIONS.get(name, name), value) for name, value in line["others"].items()]
    bars[1:] = sorted(bars[1:], key=lambda bar: -bar[1])
    most = max(value for _, value in bars)
    height = TOP + ROW * len(bars) + 34
    machine, date = result["machine"], line["measured_at"][:10]
    foot = f"{date}, {machine['cpu']}, one core for the server, one for the load; `make bench`"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" aria-labelledby="title">',
        f'<title id="title">{escape(_told(bars))}</title>',
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{height}" rx="8"/>',
        _text(
            20, 34, "head", f"Deliveries a second on one core: {line['what'].partition(', ')[2]}"
        ),
    ]
    for number, (name, value) in enumerate(bars):
        width = (WIDTH - LEFT - RIGHT) * value / most
        y = TOP + ROW * number
        kind = "bar" if number else "bar ours"
        parts += [
            _text(LEFT - 12, y + 18, "", name, 'text-anchor="end"'),
            f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{width:.0f}" height="{BAR}" rx="3"/>',
            _text(LEFT + round(width) + 10, y + 18, "", f"{value:,.0f}"),
        ]
    parts += [_text(20, height - 14, "small", foot), "</svg>"]
    return "\n".join(parts) + "\n"


def _told(bars: list[tuple[str, float]]) -> str:
    return "Deliveries a second: " + "; ".join(f"{name} {value:,.0f}" for name, value in bars)


def _text(x: int, y: int, kind: str, text: str, more: str = "") -> str:
    return f'<text class="{kind}" x="{x}" y="{y}" {more}>{escape(text)}</text>'


def main() -> None:
    """Draw the picture of the README from the results in this folder."""
    from bench.__main__ import PICTURE, RESULTS

    PICTURE.write_text(of_results(RESULTS))


if __name__ == "__main__":
    main()
