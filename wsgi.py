"""What gunicorn and the flask command load."""

import sys

from app import create_app
from app.errors import ConfigurationError

# gunicorn's Worker.WORKER_BOOT_ERROR: the whole server stops, instead of trying again for ever.
BOOT_ERROR = 3

try:
    app = create_app()
except ConfigurationError as error:
    print(f"tidings: {error}", file=sys.stderr)  # noqa: T201
    sys.exit(BOOT_ERROR)
