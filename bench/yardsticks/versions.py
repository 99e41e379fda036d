"""The versions of the yardsticks, as they are pinned."""

import json
import re

from bench.yardsticks import PINS_OF_NODE, PINS_OF_PYTHON

OF_PYTHON = ("flask-sse", "sse-starlette", "uvicorn")
OF_NODE = ("better-sse", "express", "redis")


def pinned_versions() -> dict[str, str]:
    """Name and version of each."""
    text = PINS_OF_PYTHON.read_text()
    found = {}
    for name in OF_PYTHON:
        if match := re.search(rf"^{name}(?:\[\w+\])?==(\S+)", text, re.MULTILINE):
            found[name] = match[1]
    packages = json.loads(PINS_OF_NODE.read_text())["packages"]
    for name in OF_NODE:
        key = "node-redis" if name == "redis" else name
        found[key] = packages[f"node_modules/{name}"]["version"]
    return found
