"""What the answers mean: a state for each thing, what is, and a sentence of what to do.

The limits are those of the alert rules in `deploy/monitoring/alerts.yml`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from dashplate.metrics.places import Broker, Room
from dashplate.signs_of_life import MAX_AGE_S, SENDER, WORKERS
from dashplate.web.health.asked import Answers, Database, Machine, Silent
from dashplate.web.shown import duration, file_name, number, size
from dashplate.web.texts import t
from db import migrate
from db.states import IN_FLIGHT, SegmentState
from db.web.operating.health import MOST
from store.store import RESERVE_BYTES
from workers.celery_app.app import ROLES

#: Nobody has swept for so long: lost work is not found. There is a sweep every two seconds.
_SWEEP_LATE_S, _NO_SWEEP_S = 15.0, 60.0
#: A segment in one stage, a video out of reach, a delivery that is due.
_HANGS_S, _AWAY_S, _OVERDUE_S = 900.0, 600.0, 300.0
#: Shares of connections, and of Redis's memory.
_CONNECTIONS, _MEMORY = 0.9, 0.8
#: An hour of video leaves some 100 MB of pictures: below this a fleet fills the disk within a day.
_LITTLE_ROOM_BYTES = 5_000_000_000
#: Workers that are named.
_MOST_WORKERS = 20
_DOING = {"detect": SegmentState.DETECTING, "read": SegmentState.READING}


class State(StrEnum):
    """How something is."""

    GOOD = "good"
    LOOK = "look"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Look:
    """One thing that was looked at."""

    key: str
    state: State
    #: What is.
    said: str
    #: What to do; empty where nothing is to be done.
    do: str = ""
    #: Names and figures.
    facts: tuple[tuple[str, str], ...] = ()
    #: Sentences of the work's own, such as why something failed.
    details: tuple[str, ...] = ()


def looks(answers: Answers, store: str, photographs: tuple[int, int]) -> list[Look]:
    """Everything, in the order of the page. `photographs`: how many wait, and how many may."""
    told, machine, broker = answers.database, answers.machine, answers.redis
    found = [database(told), redis(broker)]
    if isinstance(told, Database):
        signs = machine.signs if isinstance(machine, Machine) else {}
        lengths = broker.lengths if isinstance(broker, Broker) else {}
        found += [workers(told, signs, lengths), sweep(told), work(told), *_waiting(told)]
        found += [telling(told, signs.get(SENDER)), search(told), uploads(told)]
    found += [*_disks(machine, store), _photographs(*photographs)]
    return found


def database(told: Database | Silent) -> Look:
    """PostgreSQL, and whether its schema is this version's."""
    if isinstance(told, Silent):
        said = told.why or t("health.database.silent")
        return Look("database", State.BAD, said, t("health.database.start"))
    server = told.server
    facts = (
        (t("health.database.size"), size(server["bytes"])),
        (
            t("health.database.connections"),
            t("health.of", some=number(server["connections"]), all=number(server["most_connections"])),
        ),
        (t("health.database.schema"), told.revision),
    )
    said = t("health.database.answers", version=told.version)
    if told.revision != migrate.newest():
        do = t("health.database.migrate", newest=migrate.newest())
        return Look("database", State.LOOK, said, do, facts)
    if server["connections"] > _CONNECTIONS * server["most_connections"]:
        return Look("database", State.LOOK, said, t("health.database.full"), facts)
    return Look("database", State.GOOD, said, facts=facts)


def redis(told: Broker | Silent) -> Look:
    """Redis, and how much waits on each queue."""
    if isinstance(told, Silent):
        return Look("redis", State.BAD, t("health.redis.silent"), t("health.redis.start"))
    limit = size(told.most_bytes) if told.most_bytes else t("health.redis.unlimited")
    waiting = sum(told.lengths.values())
    facts = (
        (t("health.redis.memory"), t("health.of", some=size(told.used_bytes), all=limit)),
        *((t("health.redis.queue", queue=queue), number(length)) for queue, length in told.lengths.items()),
    )
    said = t("health.redis.waiting", count=waiting, number=number(waiting))
    if told.most_bytes and told.used_bytes > _MEMORY * told.most_bytes:
        return Look("redis", State.LOOK, said, t("health.redis.full"), facts)
    return Look("redis", State.GOOD, said, facts=facts)


def workers(told: Database, signs: dict[str, float | None], lengths: Mapping[str, int]) -> Look:
    """Who works: signs of life on this machine, and who holds segments anywhere."""
    states = [_worker(role, told, signs.get(role), lengths) for role in WORKERS]
    worst = max((state for state, _, _ in states), key=list(State).index)
    do = next((do for state, _, do in states if do and state is worst), "")
    hands = sum(row["segments"] for row in told.at_work)
    said = t("health.workers.busy", count=hands) if hands else t("health.workers.idle")
    details = tuple(
        _at_work(row["state"], row["worker"] or "?", row["segments"]) for row in told.at_work[:_MOST_WORKERS]
    )
    facts = tuple((t(f"health.workers.role.{role}"), fact) for role, (_, fact, _) in zip(WORKERS, states, strict=True))
    return Look("workers", worst, said, do, facts, details)


def _at_work(state: str, worker: str, segments: int) -> str:
    return t(f"health.workers.at_work.{state}", worker=worker, number=segments)


def _worker(role: str, told: Database, age_s: float | None, lengths: Mapping[str, int]) -> tuple[State, str, str]:
    """A role's state, what is known of it, and what to do."""
    busy = sum(row["segments"] for row in told.at_work if row["state"] == _DOING.get(role))
    waiting = sum(lengths.get(queue, 0) for queue in ROLES[role])
    if age_s is not None and age_s <= MAX_AGE_S:
        return State.GOOD, t("health.workers.here"), ""
    if age_s is not None and not busy:
        fact = t("health.workers.gone", time=duration(age_s))
        return State.LOOK, fact, t("health.workers.see_log", role=role)
    if busy:
        return State.GOOD, t("health.workers.elsewhere"), ""
    if waiting and role in _DOING:
        return State.BAD, t("health.workers.none"), t("health.workers.start", role=role)
    return State.GOOD, t("health.workers.unseen"), ""


def sweep(told: Database) -> Look:
    """Whether lost work is found, which any control worker sees to."""
    age_s = told.sweep_age_s
    if age_s is None:
        return Look("sweep", State.LOOK, t("health.sweep.never"), t("health.sweep.start"))
    said = t("health.sweep.ago", time=duration(age_s)) if age_s >= 1 else t("health.sweep.now")
    if age_s > _NO_SWEEP_S:
        return Look("sweep", State.BAD, said, t("health.sweep.start"))
    if age_s > _SWEEP_LATE_S:
        return Look("sweep", State.LOOK, said, t("health.sweep.late"))
    return Look("sweep", State.GOOD, said)


def work(told: Database) -> Look:
    """What is left of jobs that have not finished."""
    flying = {row["state"]: row["segments"] for row in told.in_flight}
    left = max(sum(row["segments"] for row in told.jobs), sum(flying.values()))
    jobs = sum(row["jobs"] for row in told.jobs)
    if not jobs:
        return Look("work", State.GOOD, t("health.work.none"))
    said = t("health.work.left", count=jobs, footage=duration(max(0.0, sum(row["footage_s"] for row in told.jobs))))
    facts = (
        (t("health.work.unopened"), number(sum(row["videos_registered"] for row in told.jobs))),
        (t("health.work.pending"), number(max(0, left - sum(flying.values())))),
        *((t(f"health.work.in_flight.{state}"), number(flying.get(state, 0))) for state in IN_FLIGHT),
    )
    oldest_s = max((row["oldest_s"] for row in told.in_flight if row["state"] in _DOING.values()), default=0.0)
    if oldest_s > _HANGS_S:
        return Look("work", State.LOOK, said, t("health.work.hangs", time=duration(oldest_s)), facts)
    return Look("work", State.GOOD, said, facts=facts)


def _waiting(told: Database) -> Iterator[Look]:
    """What waits for something, and for what."""
    if told.away["videos"]:
        longest_s = told.away["longest_s"]
        said = t("health.away.videos", count=told.away["videos"], time=duration(longest_s))
        names = tuple(t("health.away.named", name=file_name(row["path"]), job=row["job"]) for row in told.videos_away)
        state = State.BAD if longest_s > _AWAY_S else State.LOOK
        yield Look("away", state, said, t("health.away.mend"), details=names)
    if told.delayed:
        said = t("health.delayed.segments", count=told.delayed)
        reasons = tuple(
            t("health.delayed.named", problem=row["problem"] or t("common.unknown"), number=row["segments"])
            for row in told.why_delayed
        )
        yield Look("delayed", State.LOOK, said, t("health.delayed.wait"), details=reasons)
    if told.tasks["failing"]:
        said = t("health.failing.tasks", count=told.tasks["failing"])
        reasons = tuple(
            t("health.failing.named", name=file_name(row["path"] or "?"), problem=row["problem"] or t("common.unknown"))
            for row in told.failing
        )
        yield Look("failing", State.LOOK, said, t("health.failing.see"), details=reasons)
    if told.others["undeleted"]:
        said = t("health.undeleted.files", count=told.others["undeleted"])
        yield Look("undeleted", State.LOOK, said, t("health.undeleted.mend"))


def telling(told: Database, sender_s: float | None) -> Look:
    """Whether endpoints hear what they are owed."""
    owed = told.telling
    here = t("health.telling.here") if sender_s is not None and sender_s <= MAX_AGE_S else t("health.telling.unseen")
    facts = (
        (t("health.telling.pending"), number(owed["pending"])),
        (t("health.telling.dead"), number(owed["dead"])),
        (t("health.telling.off"), number(owed["switched_off"])),
        (t("health.telling.sender"), here),
    )
    if owed["overdue_s"] > _OVERDUE_S:
        said = t("health.telling.overdue", time=duration(owed["overdue_s"]))
        return Look("telling", State.BAD, said, t("health.telling.start"), facts)
    if owed["dead"] or owed["switched_off"]:
        return Look("telling", State.LOOK, t("health.telling.failed"), t("health.telling.resend"), facts)
    return Look("telling", State.GOOD, t("health.telling.well"), facts=facts)


def search(told: Database) -> Look:
    """Whether what was found can be searched for."""
    notes, sightings = told.others["notes"], told.others["unsearchable"]
    if notes >= MOST:
        said = t("health.search.many", number=number(sightings))
        return Look("search", State.LOOK, said, t("health.search.wait"))
    said = t("health.search.some", count=sightings, number=number(sightings)) if notes else t("health.search.well")
    return Look("search", State.GOOD, said)


def uploads(told: Database) -> Look:
    """What is being sent in."""
    count = told.others["uploads"]
    said = t("health.uploads.some", count=count, size=size(told.others["upload_bytes"]))
    return Look("uploads", State.GOOD, said if count else t("health.uploads.none"))


def _disks(machine: Machine | Silent, store: str) -> Iterator[Look]:
    if isinstance(machine, Silent):
        yield Look("store", State.BAD, t("health.store.silent"), t("health.store.mend"))
        return
    if machine.store is None:
        yield Look("store", State.GOOD, t("health.store.elsewhere", place=store))
    else:
        yield _disk("store", machine.store, store)
    if machine.data is not None and machine.data != machine.store:
        yield _disk("data", machine.data, "")


def _disk(key: str, found: Room, place: str) -> Look:
    said = t("health.store.free", free=size(found.free_bytes), size=size(found.size_bytes))
    facts = ((t("health.store.place"), place),) if place else ()
    if found.free_bytes < 2 * RESERVE_BYTES:
        return Look(key, State.BAD, said, t("health.store.full"), facts)
    if found.free_bytes < _LITTLE_ROOM_BYTES:
        return Look(key, State.LOOK, said, t("health.store.little"), facts)
    return Look(key, State.GOOD, said, facts=facts)


def _photographs(waiting: int, most: int) -> Look:
    said = t("health.photographs.waiting", count=waiting, number=waiting, most=most)
    if waiting >= most:
        return Look("photographs", State.LOOK, said, t("health.photographs.full"))
    return Look("photographs", State.GOOD, said)
