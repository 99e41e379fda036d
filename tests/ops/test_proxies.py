"""Behind proxies: whose address counts, and who is believed that a request came over TLS."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import redis
from flask import Flask, request
from werkzeug.test import TestResponse

from app import create_app
from app.ops.proxies import client_address
from tests.conftest import StartWeb

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

Behind = Callable[..., Flask]


@pytest.fixture
def behind(environment: dict[str, str]) -> Behind:
    """The application behind so many proxies, with a page that says what it found out."""

    def build(hops: int, **settings: str) -> Flask:
        app = create_app({**environment, "TRUSTED_PROXIES": str(hops), **settings})
        app.add_url_rule(
            "/found", "found", lambda: {"address": client_address(), "secure": request.is_secure}
        )
        return app

    return build


def found(app: Flask, peer: str = "192.0.2.1", **headers: str) -> Any:
    """What the application takes a request from `peer` for."""
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = app.test_client().get("/found", headers=said, environ_overrides={"REMOTE_ADDR": peer})
    return answer.get_json()


def test_without_proxies_nobody_can_pass_for_somebody_else(behind: Behind) -> None:
    forged = found(
        behind(0),
        X_Forwarded_For="203.0.113.7",
        X_Forwarded_Proto="https",
        X_Real_IP="203.0.113.7",
        Forwarded="for=203.0.113.7;proto=https",
    )
    assert forged == {"address": "192.0.2.1", "secure": False}


@pytest.mark.parametrize(
    ("hops", "said", "address"),
    [
        (1, "203.0.113.7", "203.0.113.7"),
        (1, "198.51.100.66, 203.0.113.7", "203.0.113.7"),
        (2, "198.51.100.66, 203.0.113.7, 10.0.0.9", "203.0.113.7"),
        # Fewer than there must be: it did not come through all of them.
        (2, "203.0.113.7", "192.0.2.1"),
    ],
)
def test_only_what_the_proxies_added_counts(
    behind: Behind, hops: int, said: str, address: str
) -> None:
    answer = found(behind(hops), X_Forwarded_For=said, X_Forwarded_Proto="https")
    assert answer == {"address": address, "secure": True}


def test_a_proxy_that_says_nothing_is_the_caller_itself(behind: Behind) -> None:
    assert found(behind(1)) == {"address": "192.0.2.1", "secure": False}


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:40123", "203.0.113.7"),
        ("[2001:db8::1]:40123", "2001:db8::/64"),
        ("unknown", "unknown"),
        ("", "unknown"),
    ],
)
def test_who_has_a_network_of_addresses_is_still_one_caller(
    behind: Behind, said: str, address: str
) -> None:
    assert found(behind(0), peer=said)["address"] == address


def test_limits_count_by_the_address_that_a_proxy_saw_and_by_no_other(
    behind: Behind, redis_client: redis.Redis
) -> None:
    def ask(app: Flask, forwarded_for: str) -> int:
        headers = {"X-Forwarded-For": forwarded_for, "Authorization": "Bearer guess"}
        answer: TestResponse = app.test_client().get("/api/v1/mailbox", headers=headers)
        return answer.status_code

    limits = {"RATE_LIMIT_FACTOR": "0.01"}  # three failures a minute
    exposed = behind(0, **limits)
    assert [ask(exposed, f"203.0.113.{n}") for n in range(4)] == [401, 401, 401, 429]
    proxied = behind(1, **limits)
    assert [ask(proxied, f"198.51.100.{n}, 203.0.113.7") for n in range(4)] == [401, 401, 401, 429]
    assert ask(proxied, "203.0.113.7, 203.0.113.8") == 401


def test_gunicorn_itself_believes_nobody(start_web: StartWeb) -> None:
    """Its default is to believe every process of the same machine, which the tests are."""
    lies = {"X-Forwarded-Proto": "https", "X-Forwarded-Ssl": "off", "SCRIPT_NAME": "/healthz"}
    web = start_web()
    answer = httpx.get(f"{web.url}/healthz", headers=lies, trust_env=False)
    assert answer.status_code == 200
    assert "Strict-Transport-Security" not in answer.headers
