"""What gunicorn and the flask command load."""

import gc
import sys

# Thousands of classes and functions are made in what follows, and none of them is garbage. Looking
# for it takes a fifth of the time to start.
gc.disable()

from app import create_app  # noqa: E402
from app.errors import ConfigurationError  # noqa: E402

# gunicorn's Worker.WORKER_BOOT_ERROR: the whole server stops, instead of trying again for ever.
BOOT_ERROR = 3

try:
    app = create_app()
except ConfigurationError as error:
    print(f"tidings: {error}", file=sys.stderr)  # noqa: T201
    sys.exit(BOOT_ERROR)

gc.enable()
