"""One Tidings as the tests of this room see it: drafts go in, the API and the tables come out."""

import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from app import bus
from app.bus import Push
from app.database import reading
from app.notifications.changes import changes_since
from app.notifications.delivery import Delivery, deliver
from app.notifications.draft import Draft
from app.notifications.snoozes import wake_due

if TYPE_CHECKING:
    # Only then: writers in other processes need no browser.
    from tests.conftest import TokenFor

Json = dict[str, Any]

NOW = datetime(2026, 3, 1, 12, 30, 15, 250_000, tzinfo=UTC)
SOURCE = "/board"

# What counts are, said once more, by counting.
COUNTED = text(
    """
    SELECT m.last_seq, m.unread, m.unseen, m.seen_seq,
        (SELECT count(*) FROM notifications n WHERE n.user_id = m.user_id
            AND n.archived_at IS NULL AND n.snoozed_until IS NULL
            AND n.read_at IS NULL AND n.seq > m.marked_seq) AS unread_rows,
        (SELECT count(*) FROM notifications n WHERE n.user_id = m.user_id
            AND n.archived_at IS NULL AND n.snoozed_until IS NULL
            AND n.surfaced_seq > m.seen_seq) AS unseen_rows
    FROM mailboxes m WHERE m.user_id = :user
    """
)
ROWS = text(
    "SELECT seq, created_seq, surfaced_seq, event_id, title FROM notifications "
    "WHERE user_id = :user ORDER BY created_seq"
)


def draft(user: str, event_id: str, **changes: Any) -> Draft:
    """What one person is to be told of the event `event_id`."""
    told: Json = {
        "kind": "story.assigned",
        "reason": "assigned",
        "title": f"Told of {event_id}",
        "source": SOURCE,
    }
    return Draft(user_id=user, event_id=event_id, **(told | changes))


def told(payloads: Iterable[bytes]) -> list[tuple[str | None, Json]]:
    """Pushes as a stream sends them: (name of the event, JSON). Each begins with its seq."""
    found: list[tuple[str | None, Json]] = []
    for payload in payloads:
        seq_and_event = bus.seq_and_event(payload)
        assert seq_and_event
        value: Json = json.loads(payload)
        assert value["seq"] == seq_and_event[0]
        found.append((seq_and_event[1], value))
    return found


class Caller:
    """Calls the API as one person: `grace.get("/mailbox")`."""

    def __init__(self, app: Flask, token: str) -> None:
        self.client: FlaskClient = app.test_client()
        self._bearer = {"Authorization": f"Bearer {token}"}

    def request(self, method: str, path: str, **options: Any) -> TestResponse:
        """One request; `path` is below /api/v1."""
        headers = {**self._bearer, **options.pop("headers", {})}
        return self.client.open(f"/api/v1{path}", method=method, headers=headers, **options)

    def get(self, path: str, **query: Any) -> TestResponse:
        """GET with a query string."""
        return self.request("GET", path, query_string=query)

    def json(self, path: str, **query: Any) -> Any:
        """What a GET that succeeds answers."""
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return answer.get_json()

    def patch(self, notification_id: str, **body: Any) -> TestResponse:
        """PATCH one notification."""
        return self.request("PATCH", f"/notifications/{notification_id}", json=body)

    def bulk(self, action: str, **body: Any) -> TestResponse:
        """POST /notifications/bulk."""
        return self.request("POST", "/notifications/bulk", json={"action": action, **body})

    def see(self, up_to: int) -> TestResponse:
        """PUT /mailbox/seen."""
        return self.request("PUT", "/mailbox/seen", json={"up_to": up_to})

    def titles(self, **query: Any) -> list[str]:
        """The titles of one page of the list."""
        return [item["title"] for item in self.json("/notifications", **query)["items"]]


@dataclass
class World:
    """The application, with short ways to tell somebody something and to look at the tables."""

    app: Flask
    token_for: "TokenFor"
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def caller(self, user: str) -> Caller:
        """That person, on the API."""
        return Caller(self.app, self.token_for(user))

    def deliver(self, *drafts: Draft) -> Delivery:
        """Deliver one batch."""
        with self.app.app_context():
            return deliver(drafts, NOW)

    def tell(self, user: str, count: int = 1, **changes: Any) -> list[str]:
        """Tell somebody of so many new events; the notifications' ids, oldest first."""
        drafts = [draft(user, f"e-{next(self._numbers)}", **changes) for _ in range(count)]
        return [json.loads(push.payload)["id"] for push in self.deliver(*drafts).pushes]

    def wake(self, now: datetime) -> list[Push]:
        """Bring back what was snoozed until then; what is to be published."""
        with self.app.app_context():
            return wake_due(now)

    def replay(self, user: str, after: int) -> list[tuple[str | None, Json]]:
        """What a stream of that person at seq `after` is sent: (name of the event, JSON)."""
        with self.app.app_context():
            changes = changes_since(user, after, 500)
        assert changes.reset is None
        return told(changes.payloads)

    def rows(self, user: str) -> list[Any]:
        """That person's rows, in the order of their creation."""
        with self.app.app_context(), reading() as session:
            return list(session.execute(ROWS, {"user": user}).all())

    def mailbox(self, user: str) -> Json:
        """That person's mailbox, whose counts must be those of the rows."""
        with self.app.app_context(), reading() as session:
            box = dict(session.execute(COUNTED, {"user": user}).one()._mapping)
        assert (box["unread"], box["unseen"]) == (box.pop("unread_rows"), box.pop("unseen_rows"))
        return box
