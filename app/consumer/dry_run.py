"""Who would be told what of events that are posted, and for everyone else why not."""

from collections import Counter
from collections.abc import Sequence
from typing import Final, Literal, TypeVar

from pydantic import ConfigDict

from app.consumer.envelope import Event
from app.consumer.handlers import UnknownType, audience_of
from app.consumer.posting import Breath
from app.describe import Output
from app.notifications.audience import Resolved, resolve
from app.notifications.delivery import told_before
from app.notifications.draft import Audience, Draft, Reason
from app.notifications.rows import Key

# People named in one report: one event to as many as it can name, and as many followers, whole. A
# batch could reach millions, which nobody reads; they are counted.
MAX_PEOPLE: Final = 2_000
# Events resolved at a time: with 10,000 followers each, what is held meanwhile is some 50 MB.
EVENTS_AT_A_TIME: Final = 20

T = TypeVar("T")


class _Answer(Output):
    model_config = ConfigDict(frozen=True)


class Told(_Answer):
    """Somebody who would be told, and what. If a notification with this `group_key` is unread in
    their inbox, the event would join it, and change its title to say of how many it tells."""

    user_id: str
    reason: Reason
    kind: str
    title: str
    body: str
    url: str | None
    group_key: str | None


class NotTold(_Answer):
    """Somebody who is meant and would not be told. `duplicate`: was told of this event before, or
    would be by the same event earlier in the batch."""

    user_id: str
    why: Literal["own-action", "muted", "duplicate"]


class Outcome(_Answer):
    """What would become of one event. The counts are whole; the lists end with MAX_PEOPLE names in
    the whole report. `unknown-type`: no handler takes it, and a real post would be refused."""

    id: str
    source: str
    type: str
    problem: Literal["unknown-type"] | None
    told_count: int
    told: list[Told]
    not_told_count: int
    not_told: list[NotTold]


class DryRun(_Answer):
    """What would become of each event, in the order they were posted."""

    events: list[Outcome]


def dry_run(events: Sequence[Event]) -> DryRun:
    """Ask everything that a consumer would, and write nothing. Raises DatabaseUnavailable."""
    reporter = _Reporter(events)
    return DryRun(
        events=[
            outcome
            for start in range(0, len(events), EVENTS_AT_A_TIME)
            for outcome in reporter.outcomes(events[start : start + EVENTS_AT_A_TIME])
        ]
    )


class _Reporter:
    """Goes through a batch in order; remembers whom it told of what, and how many it named."""

    def __init__(self, events: Sequence[Event]) -> None:
        times = Counter((event.id, event.source) for event in events)
        self._repeated = {event for event, count in times.items() if count > 1}
        self._told: set[Key] = set()
        self._room = MAX_PEOPLE
        self._breath = Breath()

    def outcomes(self, events: Sequence[Event]) -> list[Outcome]:
        """What would become of these, the next ones."""
        audiences = [self._audience(event) for event in events]
        resolved = resolve([audience or Audience([]) for audience in audiences])
        before = told_before(draft for one in resolved for draft in one.drafts)
        return [
            self._outcome(event, audience is not None, one, before)
            for event, audience, one in zip(events, audiences, resolved, strict=True)
        ]

    def _audience(self, event: Event) -> Audience | None:
        self._breath()
        try:
            return audience_of(event)
        except UnknownType:
            return None

    def _outcome(self, event: Event, is_known: bool, one: Resolved, before: set[Key]) -> Outcome:
        self._breath()
        known = before | self._told if self._told else before
        fresh = [draft for draft in one.drafts if _key(draft) not in known]
        told_users = {draft.user_id for draft in fresh}
        missed: list[tuple[str, Literal["own-action", "muted", "duplicate"]]] = [
            *((user_id, "own-action") for user_id in dict.fromkeys(one.own)),
            *((draft.user_id, "muted") for draft in one.muted),
            *((d.user_id, "duplicate") for d in one.drafts if d.user_id not in told_users),
        ]
        if (event.id, event.source) in self._repeated:
            self._told.update(map(_key, fresh))
        return Outcome(
            id=event.id,
            source=event.source,
            type=event.type,
            problem=None if is_known else "unknown-type",
            told_count=len(fresh),
            told=[_told(draft) for draft in self._shown(fresh)],
            not_told_count=len(missed),
            not_told=[NotTold(user_id=user, why=why) for user, why in self._shown(missed)],
        )

    def _shown(self, people: list[T]) -> list[T]:
        shown = people[: self._room]
        self._room -= len(shown)
        return shown


def _key(draft: Draft) -> Key:
    return draft.event_id, draft.source, draft.user_id


def _told(draft: Draft) -> Told:
    return Told(
        user_id=draft.user_id,
        reason=draft.reason,
        kind=draft.kind,
        title=draft.title,
        body=draft.body,
        url=draft.url,
        group_key=draft.group_key,
    )
