"""docs/api.md, command by command: what it shows is what one gets."""

import shutil
from pathlib import Path

import pytest
import redis

from tests.conftest import StartConsumer, StartWeb
from tests.support.require import require
from tests.support.waiting import wait_for
from tests.support.walkthrough import Shell, differs, steps

PROJECT = Path(__file__).parents[2]


# The page is about HTTP; that both databases answer the same is tested answer by answer.
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.timeout(300)  # some 40 processes, one after the other
def test_every_command_of_the_page_answers_what_the_page_shows(
    start_web: StartWeb,
    start_consumer: StartConsumer,
    environment: dict[str, str],
    redis_client: redis.Redis,
) -> None:
    require(shutil.which("curl"), "curl is not installed")
    web = start_web()
    start_consumer()
    page = (PROJECT / "docs" / "api.md").read_text(encoding="utf-8")
    shown = list(steps(page.replace("http://localhost:8000", web.url)))
    assert len(shown) > 10
    with Shell(environment, PROJECT) as shell:
        for step in shown:
            printed = shell.run(step.commands)
            fault = differs(step, printed)
            assert fault is None, f"{step.commands}\n{fault}"
            wait_for(lambda: _everything_is_told(redis_client), what="the consumer")


def _everything_is_told(client: redis.Redis) -> bool:
    if not client.exists("events"):
        return True
    groups = client.xinfo_groups("events")
    return any(group["name"] == b"tidings" for group in groups) and all(
        group["pending"] == 0
        and group["last-delivered-id"] == client.xinfo_stream("events")["last-generated-id"]
        for group in groups
    )
