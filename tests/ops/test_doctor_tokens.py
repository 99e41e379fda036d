"""The doctor where tokens are another's to make: it looks at the keys, and opens its own stream."""

from collections.abc import Iterator

import pytest

from tests.auth.issuer import OLD, KeyServer, jwk
from tests.conftest import StartConsumer, StartWeb
from tests.support.processes import run_flask

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def issuer() -> Iterator[KeyServer]:
    """An issuer with one key for RS256 and one for something else."""
    with KeyServer().running() as server:
        server.keys = [jwk(OLD, "old", "RS256"), jwk(OLD, "enc", "RS256", use="enc")]
        yield server


@pytest.fixture
def environment(environment: dict[str, str], issuer: KeyServer) -> dict[str, str]:
    """Tokens of that issuer."""
    return {**environment, "JWT_SECRET_KEY": "", "JWT_JWKS_URL": issuer.url}


def test_an_event_reaches_a_stream_without_a_token_of_ours(
    environment: dict[str, str],
    start_web: StartWeb,
    start_consumer: StartConsumer,
    issuer: KeyServer,
) -> None:
    web = start_web()
    start_consumer().wait_for_output("consuming")
    done = run_flask(environment, "doctor", "--url", web.url)
    assert "good  tokens    RS256, by 1 of the 2 keys at JWT_JWKS_URL" in done.stdout
    assert "an event  reached a stream in" in done.stdout
    issuer.keys = issuer.keys[1:]
    assert "none is for RS256" in run_flask(environment, "doctor", "--url", web.url).stdout
    issuer.status = 404
    done = run_flask(environment, "doctor", "--url", web.url)
    assert done.returncode == 1
    assert "the answer is 404" in done.stdout
