"""When everything has stopped, a SQLite database is one file, and a copy of it a copy of all."""

from pathlib import Path

import pytest
import redis

from tests.conftest import StartConsumer
from tests.support.consuming import event, send
from tests.support.processes import WebServer


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_last_one_out_leaves_nothing_beside_it(
    web: WebServer,
    start_consumer: StartConsumer,
    redis_client: redis.Redis,
    database_url: str,
) -> None:
    consumer = start_consumer()
    send(redis_client, event())
    consumer.wait_for_output("consuming")
    consumer.terminate()
    file = Path(database_url.removeprefix("sqlite:///"))
    beside = [file.with_name(file.name + end) for end in ("-wal", "-shm")]
    with web.http() as client:
        assert client.get("/readyz").status_code == 200
    assert any(other.exists() for other in beside)
    web.terminate()
    assert file.exists()
    assert not any(other.exists() for other in beside)
