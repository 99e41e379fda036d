"""gunicorn's settings as they are shipped, with a sampler of where the worker's CPU time goes."""

import os
import runpy
from pathlib import Path
from typing import Any

SHIPPED = runpy.run_path("gunicorn.conf.py")
globals().update({name: value for name, value in SHIPPED.items() if not name.startswith("__")})


def post_worker_init(worker: Any) -> None:
    """Sample from when the stream room has started."""
    from bench.sampler import Sampler

    SHIPPED["post_worker_init"](worker)
    Sampler(Path(os.environ["BENCH_PROFILE"])).start()
