"""Who of an audience is told: followers are added, and whoever muted it is left out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.database import among, reading, sql, wanted, wanted_rows
from app.notifications.draft import Audience, Draft
from app.notifications.following import followers_of
from app.notifications.models import Mute

# (user id, `kind` or `subject`, which)
Mutes = set[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Resolved:
    """Who is told of one event, sorted by user id, and who is not: muted, or did it themselves."""

    drafts: list[Draft]
    muted: list[Draft] = field(default_factory=list)
    own: list[str] = field(default_factory=list)


def resolve(audiences: Sequence[Audience]) -> list[Resolved]:
    """Who is told of each event, by a query or two, whatever the number of
    events. Raises DatabaseUnavailable."""
    with reading() as session:
        followed = [subject for audience in audiences for subject in audience.to_followers]
        followers = followers_of(session, followed)
        meant = [_with_followers(audience, followers) for audience in audiences]
        mutes = _mutes(session, [draft for one in meant for draft in one.drafts])
    return [_without_muted(one, mutes) for one in meant]


def _with_followers(audience: Audience, followers: dict[str, list[str]]) -> Resolved:
    if not audience.to_followers:
        return Resolved(audience.drafts, own=audience.own)
    # Whoever is named has a stronger reason.
    told = {draft.user_id: draft for draft in audience.drafts}
    own = list(audience.own)
    for subject, draft in audience.to_followers.items():
        for user_id in followers.get(subject, ()):
            if draft.actor and draft.actor["id"] == user_id:
                own.append(user_id)
            elif user_id not in told:
                told[user_id] = replace(draft, user_id=user_id)
    return Resolved([told[user_id] for user_id in sorted(told)], own=list(dict.fromkeys(own)))


def _mutes(session: Session, drafts: Sequence[Draft]) -> Mutes:
    """What the recipients have muted of what these drafts could be muted by."""
    muting = _who_mutes(session, {draft.user_id for draft in drafts})
    asked: Mutes = set()
    for draft in drafts:
        if draft.user_id in muting:
            asked.add((draft.user_id, "kind", draft.kind))
            if subject := draft.subject_key:
                asked.add((draft.user_id, "subject", subject))
    if not asked:
        return asked
    query = select(Mute.user_id, Mute.what, Mute.value).where(
        text(among(session, "user_id", "what", "value"))
    )
    found = session.execute(query, wanted(session, asked))
    return {(user, what, value) for user, what, value in found}


def _who_mutes(session: Session, user_ids: Collection[str]) -> set[str]:
    """Who of these has muted anything: few have, and to ask what takes three times as long."""
    if not user_ids:
        return set()
    query = (
        f"SELECT wanted_0 FROM ({wanted_rows(session, 1)}) AS asked "  # noqa: S608 - ours
        "WHERE EXISTS (SELECT 1 FROM mutes WHERE user_id = wanted_0)"
    )
    return set(session.scalars(sql(query), wanted(session, [(one,) for one in user_ids])))


def _without_muted(one: Resolved, mutes: Mutes) -> Resolved:
    if not mutes:
        return one
    told: list[Draft] = []
    muted: list[Draft] = []
    for draft in one.drafts:
        is_muted = (draft.user_id, "kind", draft.kind) in mutes or (
            draft.user_id,
            "subject",
            draft.subject_key,
        ) in mutes
        (muted if is_muted else told).append(draft)
    return Resolved(told, muted, one.own)
