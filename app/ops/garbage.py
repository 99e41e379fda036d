"""How often Python looks for garbage that refers to itself, in a worker full of open streams.

Each look of the third kind goes through all that there is, some 60 objects for each stream, and
holds up everybody meanwhile: while 6,000 streams opened there were five of them, 11 % of the CPU
time, and the last took 245 ms of a busy core. A stream that ends leaves nothing for them to find;
what requests leave is found by the first two kinds.
"""

import gc
from typing import Final

# New objects before a look at these; looks before one at those that outlived one; and before one at
# everything: after some 300,000 streams that opened. Python's own are 700, 10 and 10.
THRESHOLDS: Final = (2_000, 10, 1_000)


def seldom_look() -> None:
    """To be called once a worker is ready: what there is by then is looked at never again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
