"""The shipped nginx before a web server that knows of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import StartWeb
from tests.deploy.shipped import ShippedNginx, in_front_of
from tests.support.processes import WebServer


@pytest.fixture
def behind(start_web: StartWeb) -> WebServer:
    """A web server that believes one proxy, and whose workers hold few connections."""
    return start_web(TRUSTED_PROXIES="1", MAX_STREAMS="200", RATE_LIMIT_FACTOR="0")


@pytest.fixture
def nginx(behind: WebServer, tmp_path: Path) -> Iterator[ShippedNginx]:
    """nginx before it."""
    with in_front_of(behind, tmp_path) as server:
        yield server
