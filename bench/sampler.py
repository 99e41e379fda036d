"""Where a process's CPU time goes: its Python stack, once for each millisecond of it.

A signal handler sees whichever greenlet runs, which a tracing profiler does not follow. Time in C
is charged to the Python function that called it.
"""

import json
import os
import signal
from collections import Counter
from pathlib import Path
from types import FrameType

INTERVAL_SECONDS = 0.001
# Asks for the counts so far; gunicorn's workers have no use for it.
ASKED = signal.SIGUSR2
DEEPEST = 40

# A function's file, name and the line that ran.
Place = tuple[str, str]


class Sampler:
    """Counts, for this process, the functions that were on the stack."""

    def __init__(self, path: Path) -> None:
        """`path`: where the counts are written when asked for."""
        self._path = path
        self._own: Counter[Place] = Counter()
        self._with_callees: Counter[Place] = Counter()

    def start(self) -> None:
        """Begin to sample."""
        signal.signal(signal.SIGPROF, self._sample)
        signal.signal(ASKED, self._tell)
        signal.setitimer(signal.ITIMER_PROF, INTERVAL_SECONDS, INTERVAL_SECONDS)

    def _sample(self, _signal: int, frame: FrameType | None) -> None:
        seen: set[Place] = set()
        while frame is not None and len(seen) < DEEPEST:
            code = frame.f_code
            place = ("/".join(Path(code.co_filename).parts[-2:]), code.co_qualname)
            if not seen:
                self._own[place] += 1
            seen.add(place)
            frame = frame.f_back
        self._with_callees.update(seen)

    def _tell(self, _signal: int, _frame: FrameType | None) -> None:
        told = {
            "own": [[*place, count] for place, count in self._own.most_common()],
            "with_callees": [[*place, count] for place, count in self._with_callees.most_common()],
        }
        unfinished = self._path.with_suffix(".part")
        unfinished.write_text(json.dumps(told))
        os.replace(unfinished, self._path)
        self._own.clear()
        self._with_callees.clear()
