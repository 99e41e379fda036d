"""The doctor finds what is wrong, says what to do, and is content only if all is well."""

import redis

from tests.conftest import StartConsumer, StartWeb
from tests.support.processes import free_port, run_flask


def test_all_is_well_when_an_event_reaches_a_stream(
    environment: dict[str, str], start_web: StartWeb, start_consumer: StartConsumer
) -> None:
    web = start_web()
    consumer = start_consumer()
    consumer.wait_for_output("consuming")
    result = run_flask(environment, "doctor", "--url", web.url)
    assert "bad" not in result.stdout, result.stdout + result.stderr
    assert "an event  reached a stream in" in result.stdout
    assert result.returncode == 0


def test_each_thing_that_is_wrong_is_named_with_what_to_do(
    environment: dict[str, str], redis_client: redis.Redis
) -> None:
    port = str(free_port())
    result = run_flask({**environment, "PORT": port}, "doctor")
    assert result.returncode == 1
    bad = {line.split()[1]: line for line in result.stdout.splitlines() if line.startswith("bad")}
    assert set(bad) == {"consumer", "web", "an"}
    assert "flask consumer run" in bad["consumer"]
    assert f"127.0.0.1:{port}" in bad["web"]


def test_services_that_are_away_are_named_too(environment: dict[str, str]) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    away = {"REDIS_URL": f"redis://{nobody}/0", "PORT": str(free_port())}
    result = run_flask({**environment, **away}, "doctor")
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    bad = {line.split()[1]: line for line in result.stdout.splitlines() if line.startswith("bad")}
    assert {"redis", "clock", "consumer"} <= set(bad)
    assert nobody.partition(":")[2] in bad["redis"]
