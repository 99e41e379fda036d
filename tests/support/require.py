"""When a test lacks something of its surroundings."""

import os

import pytest


def require(condition: object, reason: str) -> None:
    """Skip the test unless `condition` holds; in CI, where nothing may be missing, fail it."""
    if condition:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
