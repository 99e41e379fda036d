"""What a person does on one device arrives on the open stream of another."""

import pytest

from tests.conftest import StartWeb, TokenFor
from tests.notifications.world import World

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_changes_made_on_one_device_reach_the_other(
    world: World, start_web: StartWeb, token_for: TokenFor
) -> None:
    [notification_id] = world.tell("grace", title="Look")
    web = start_web(workers=2)
    token = token_for("grace")
    with web.stream(token) as stream, web.http(token) as device:
        stream.wait_for_event(lambda frame: frame.event == "connected")
        answer = device.patch(f"/api/v1/notifications/{notification_id}", json={"read": True})
        seen = device.put("/api/v1/mailbox/seen", json={"up_to": 1})

        _, updated, mailbox = stream.wait_for_frames(3)
    assert (updated.event, updated.id) == ("updated", "2")
    assert updated.json() == answer.json()
    assert (updated.json()["unread"], updated.json()["unseen"]) == (0, 1)
    assert (mailbox.event, mailbox.id) == ("mailbox", "3")
    assert mailbox.json() == {**seen.json(), "read_through": 0, "seen_through": 1}


def test_the_lists_seq_is_where_a_stream_continues(
    world: World, start_web: StartWeb, token_for: TokenFor
) -> None:
    world.tell("grace", 2)
    web = start_web()
    token = token_for("grace")
    with web.http(token) as device:
        seq = device.get("/api/v1/notifications").json()["seq"]
    world.tell("grace", title="meanwhile")
    with web.stream(token, query=f"?last_event_id={seq}") as stream:
        _, missed = stream.wait_for_frames(2)
    assert (missed.event, missed.id, missed.json()["title"]) == ("message", "3", "meanwhile")
