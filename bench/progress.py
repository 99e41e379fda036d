"""What the bench does, and for how long still: a line that is drawn anew, or many in a log."""

import sys
import time
from collections.abc import Mapping
from typing import TextIO

BAR_CELLS = 20


class Progress:
    """Tells of rows that begin and of what is said in them. Times are in seconds."""

    def __init__(self, expected: Mapping[str, float], out: TextIO = sys.stdout) -> None:
        """`expected` are the rows in their order, each with the time that it should take."""
        self._expected = dict(expected)
        self._out = out
        self._drawn = out.isatty()
        self._started = time.monotonic()
        self._done: list[str] = []
        self._row = ""

    def begin(self, row: str) -> None:
        """A row begins."""
        self._row = row
        if self._drawn:
            self._draw("")
        else:
            print(self._head(), file=self._out, flush=True)

    def say(self, text: str) -> None:
        """Something is told about the row that runs."""
        if self._drawn:
            self._out.write(f"\r\x1b[K  {self._row}: {text}\n")
            self._draw(text)
        else:
            print(f"  {text}", file=self._out, flush=True)

    def end(self) -> None:
        """The row has ended."""
        self._done.append(self._row)
        if self._drawn:
            self._out.write("\r\x1b[K")
            self._out.flush()

    def _draw(self, text: str) -> None:
        self._out.write(f"\r\x1b[K{self._head()} {text}"[:118])
        self._out.flush()

    def _head(self) -> str:
        """As "[3/14] ####------ 1:20, about 4:10 left: latency"."""
        left = sum(seconds for row, seconds in self._expected.items() if row not in self._done)
        total = sum(self._expected.values()) or 1.0
        full = round(BAR_CELLS * (1 - left / total))
        bar = "#" * full + "-" * (BAR_CELLS - full)
        place = f"[{len(self._done) + 1}/{len(self._expected)}]"
        passed = _clock(time.monotonic() - self._started)
        return f"{place} {bar} {passed}, about {_clock(left)} left: {self._row}"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
