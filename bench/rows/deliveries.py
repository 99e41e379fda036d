"""Deliveries a second: frames that arrive while the next ones are sent as fast as they return.

One frame for each stream is in flight on average, so that no server can join frames that have
piled up. All servers run all the time and take turns: what disturbs the machine for a while
disturbs each of them.
"""

import statistics
from collections.abc import Sequence
from contextlib import ExitStack

from bench.contender import Contender, Shape, contending, verify
from bench.plan import Plan
from bench.report import Goal, Line, spread
from bench.stage import NO_SWEEP, Stage
from bench.usage import LINUX


def measure(stage: Stage) -> list[Line]:
    """Closed loop over 1,000 streams of as many users; every contender in turn."""
    with stage.sqlite() as database, ExitStack() as stack:
        starting = [stage.tidings(database), stage.naive(), *stage.yardsticks()]
        if LINUX:
            starting.append(stage.floor())
        servers = [stack.enter_context(each) for each in starting]
        contenders = [stack.enter_context(contending(stage, server)) for server in servers]
        verified = {server.name: verify(stage, server) for server in servers}
        in_turn(stage, contenders, [server.name for server in servers])
    ours, others = contenders[0], contenders[1:]
    details = {
        each.server.name: {**each.details(), "frames_verified": verified[each.server.name]}
        for each in contenders
    }
    return [
        Line(
            row="deliveries",
            what=f"deliveries, {stage.plan.streams:,} streams",
            unit="1/s",
            ours=statistics.median(ours.rates),
            # The floor's rate is the load's limit rather than its own.
            others={
                each.server.name: statistics.median(each.rates)
                for each in others
                if each.server.name != "floor"
            },
            goal=Goal(times=5),
            warnings=tuple(text for each in contenders for text in each.warnings()),
            details=details,
        ),
        Line(
            row="deliveries",
            what="server CPU for a delivery",
            unit="µs",
            ours=statistics.median(ours.server_micros),
            others={each.server.name: statistics.median(each.server_micros) for each in others},
            better="less",
        ),
        Line(
            row="deliveries",
            what="deliveries that the load's side could take",
            unit="1/s",
            ours=max(each.could_take for each in contenders),
        ),
    ]


def in_other_shapes(stage: Stage) -> list[Line]:
    """Four streams of each user; so many that most are silent most of the time; bursts."""
    plan = stage.plan
    busy = Shape(plan.busy_streams, plan.busy_streams, in_flight=plan.streams)
    names = (
        f"{plan.streams:,} streams",
        f"{plan.streams:,} streams, four of each user",
        f"{plan.many_streams:,} streams",
        f"{plan.busy_streams:,} streams, {plan.streams // plan.busy_streams} in flight to each",
    )
    with (
        stage.sqlite() as database,
        stage.tidings(database) as server,
        # Apart: that many streams take some time for their pings.
        stage.tidings(database) as crowded,
        contending(stage, server) as one_each,
        contending(stage, server, _four_of_each_user(plan)) as four_each,
        contending(stage, crowded, _very_many(plan)) as very_many,
        contending(stage, server, busy) as many_each,
        stage.naive() as naive,
        contending(stage, naive, busy) as naively,
    ):
        in_turn(
            stage,
            (one_each, four_each, very_many, many_each, naively),
            (*names, f"{names[3]}, naive"),
        )
    return [
        *_beside("busy-streams", naively, "naive", many_each, names[3], None),
        *_beside("fan-out", one_each, names[0], four_each, names[1], Goal(times=1.5)),
        *_beside("many-streams", one_each, names[0], very_many, names[2], Goal(times=0.8)),
    ]


def by_unix_socket(stage: Stage) -> list[Line]:
    """The same where streams come by a Unix socket, as from nginx on the same machine.

    There is no TCP between the two, of which the server's core does both ends' work on loopback.
    Without a C compiler the load's side is at its limit first: then CPU time tells more than rates.
    """
    plan = stage.plan
    names = (
        f"{plan.streams:,} streams, Unix socket",
        f"{plan.streams:,} streams, four of each user, Unix socket",
        f"{plan.many_streams:,} streams, Unix socket",
    )
    paths = [stage.folder / f"{number}.sock" for number in range(4)]
    options = [("-b", f"unix:{path}") for path in paths]
    with stage.sqlite() as database, ExitStack() as stack:
        server = stack.enter_context(stage.tidings(database, NO_SWEEP, *options[0])).by(paths[0])
        crowded = stack.enter_context(stage.tidings(database, NO_SWEEP, *options[1])).by(paths[1])
        naive = stack.enter_context(stage.naive(*options[2])).by(paths[2])
        verified = verify(stage, server)
        starting = [
            contending(stage, server),
            contending(stage, server, _four_of_each_user(plan)),
            contending(stage, crowded, _very_many(plan)),
            contending(stage, naive),
        ]
        if LINUX:
            floor = stack.enter_context(stage.floor(paths[3])).by(paths[3])
            starting.append(contending(stage, floor))
        contenders = [stack.enter_context(each) for each in starting]
        in_turn(stage, contenders, (*names, "naive", "floor")[: len(contenders)])
    one_each, four_each, very_many, *others = contenders
    row = "unix-socket"
    return [
        Line(
            row=row,
            what=f"deliveries, {names[0]}",
            unit="1/s",
            ours=statistics.median(one_each.rates),
            others={"naive": statistics.median(others[0].rates)},
            goal=Goal(times=5),
            warnings=tuple(text for each in (one_each, others[0]) for text in each.warnings()),
            details={
                "frames_verified": verified,
                **{each.server.name: each.details() for each in (one_each, *others)},
            },
        ),
        Line(
            row=row,
            what=f"server CPU for a delivery, {names[0]}",
            unit="µs",
            ours=statistics.median(one_each.server_micros),
            others={each.server.name: statistics.median(each.server_micros) for each in others},
            better="less",
        ),
        *_beside(row, one_each, names[0], four_each, names[1], Goal(times=1.5)),
        *_beside(row, one_each, names[0], very_many, names[2], Goal(times=0.8)),
    ]


def _four_of_each_user(plan: Plan) -> Shape:
    return Shape(plan.streams, plan.streams // 4)


def _very_many(plan: Plan) -> Shape:
    # As many in flight as in the first row: what differs is who gets them.
    return Shape(plan.many_streams, plan.many_streams, in_flight=plan.streams)


def in_turn(stage: Stage, contenders: Sequence[Contender], names: Sequence[str]) -> None:
    """The plan's rounds, in each of which every contender has its turn."""
    for contender in contenders:
        contender.warm_up()
    for number in range(stage.plan.rounds):
        for contender in contenders:
            contender.round()
        rates = (
            f"{name} {each.rates[-1]:,.0f}/s" for name, each in zip(names, contenders, strict=True)
        )
        stage.say(f"round {number + 1} of {stage.plan.rounds}: {', '.join(rates)}")
    for name, each in zip(names, contenders, strict=True):
        stage.say(f"{name}: {spread(each.rates)}/s")


def _beside(
    row: str, one_each: Contender, base: str, other: Contender, what: str, goal: Goal | None
) -> list[Line]:
    """Another shape's rates and CPU time, compared with that of the first row."""
    return [
        Line(
            row=row,
            what=f"deliveries, {what}",
            unit="1/s",
            ours=statistics.median(other.rates),
            others={base: statistics.median(one_each.rates)},
            base=base,
            goal=goal,
            warnings=other.warnings(),
            details={**other.details(), "one_each": one_each.details()},
        ),
        Line(
            row=row,
            what=f"server CPU for a delivery, {what}",
            unit="µs",
            ours=statistics.median(other.server_micros),
            others={base: statistics.median(one_each.server_micros)},
            base=base,
            better="less",
        ),
    ]
