"""Whatever is sent, the API answers as its description says it does.

schemathesis makes the requests of the description: valid ones, and such as are wrong in one place.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import ignored_auth
from schemathesis.schemas import BaseSchema

from tests.conftest import JWT_SECRET_KEY
from tests.openapi.conftest import API, CSRF
from tests.support.tokens import sign_token

Case = schemathesis.Case[Any]

# Beside them, what schemathesis derives from the description: each bound, each thing left out.
FEW = settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def sent(case: Case) -> Case:
    """The case with whole numbers as JavaScript writes them: 719.0 is 719.

    A schema can't tell them apart. The API can, and does.
    """
    written = _written(case.body)
    if repr(written) != repr(case.body):
        case.body = written
    return case


def _written(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _written(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_written(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


SOME = settings(FEW, max_examples=10)

# Thousands of requests: on a machine that is busy, they take their time.
pytestmark = pytest.mark.timeout(300)

# Cases of each operation that are asked again without a token: what else they say is all one.
PROBES = 10

LOG_OUT = f"DELETE {API}/session"

strangers = schemathesis.pytest.from_fixture("api")
# For a session itself a cookie is not enough.
at_home = schemathesis.pytest.from_fixture("lived_in").exclude(operation_id="start_session")


@strangers.parametrize()
@FEW
def test_every_answer_is_one_of_those_described(
    case: Case, session: requests.Session, token: str, probed: Counter[str]
) -> None:
    checks = without_probes(case, probed)
    sent(case).call_and_validate(session=session, headers=bearer(case, token), **checks)


def without_probes(case: Case, probed: Counter[str]) -> dict[str, Any]:
    """Leaves out the check that nobody gets an answer without a token, once it was made often.

    It asks everything once more without one, and is half of the work.
    """
    probed[case.operation.label] += 1
    enough = probed[case.operation.label] > PROBES
    return {"excluded_checks": [ignored_auth]} if enough else {}


def bearer(case: Case, token: str) -> dict[str, str]:
    """Grace's token, or one of its own for who logs out: nobody could use hers any more."""
    if case.operation.label == LOG_OUT:
        token = sign_token(JWT_SECRET_KEY, "grace")
    return {"Authorization": f"Bearer {token}"}


def who(case: Case, cookie: str) -> dict[str, Any]:
    """Grace's cookie; a bearer token of its own for who logs out."""
    if case.operation.label == LOG_OUT:
        return {"headers": bearer(case, "")}
    return {"cookies": {"access_token_cookie": cookie}, "headers": {"X-CSRF-TOKEN": CSRF}}


@pytest.fixture
def reached(lived_in: BaseSchema) -> Iterator[dict[str, set[int]]]:
    """The statuses of the answers, by operation; each must have succeeded at least once."""
    found: dict[str, set[int]] = defaultdict(set)
    yield found
    never = {label for label, statuses in found.items() if min(statuses) >= 300}
    assert not never, f"never succeeded: {never}"


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
@at_home.parametrize()
@SOME
def test_a_session_cookie_is_as_good_and_what_exists_is_found(
    case: Case,
    session: requests.Session,
    cookie: str,
    reached: dict[str, set[int]],
    probed: Counter[str],
) -> None:
    # What it makes up for the other ways to say who one is would come first, and is worth nothing.
    case.headers.pop("Authorization", None)
    case.query.pop("ticket", None)
    checks = without_probes(case, probed)
    answer = sent(case).call_and_validate(session=session, **who(case, cookie), **checks)
    reached[case.operation.label].add(answer.status_code)
    assert answer.status_code not in (401, 403)
    if "notification_id" in case.operation.path:
        assert answer.status_code != 404
