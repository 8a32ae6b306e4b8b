"""A schedule of faults: a pure function of its seed, so that a failure can be replayed.

Faults are dealt to ten seeds at a time, 0 to 9, 10 to 19 and so on: between them these have all drives and
all faults, but for those of the store where theirs is a plain folder. Each has two more that strike while the job's
events are told.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache

from bench.chaos.footage import FLEETS

#: Seeds that share one deal.
TEN = 10
#: Fault → (weight in the draw, losses it may cost a segment). A segment is given up at the fifth loss, so that a
#: schedule may only cost it three: it must end as if nothing had been.
FAULTS: dict[str, tuple[int, int]] = {
    "kill-detect": (4, 1),
    "kill-detect-child": (3, 1),
    "kill-detect-parent": (2, 1),
    "kill-read": (4, 1),
    "kill-read-child": (2, 1),
    "kill-control": (3, 0),
    "kill-control-child": (2, 0),
    "kill-sweeper": (4, 0),
    "kill-submit": (5, 0),
    "freeze-detect": (4, 1),
    "freeze-detect-child": (2, 1),
    "freeze-read": (3, 1),
    "freeze-control": (3, 0),
    "freeze-long": (1, 1),
    "redis-restart": (3, 0),
    "redis-lost": (3, 0),
    "redis-flush": (4, 0),
    "redis-away": (2, 0),
    "redis-full": (3, 0),
    "postgres-fast": (3, 0),
    "postgres-kill": (3, 0),
    "postgres-away": (2, 1),
    "cut-redis": (3, 0),
    "cut-postgres": (3, 0),
    "silence-redis": (2, 0),
    "silence-postgres": (2, 1),
    "resend": (4, 0),
    "resend-old": (3, 0),
    "resend-steps": (3, 0),
    "store-flaky": (3, 0),
    "store-rotten": (3, 0),
    "store-full": (3, 0),
    "share-away": (3, 0),
    "share-opening": (2, 0),
    "pause": (3, 0),
    "retry": (1, 0),
    "rerun-early": (1, 0),
    "rerun-read": (1, 0),
    "rerun-detect": (1, 0),
    "purge": (1, 0),
    "small-job": (3, 0),
    "cancel-beside": (3, 0),
    "card-retry": (1, 0),
    "card-read": (1, 0),
    "card-detect": (1, 0),
    "card-cancel": (1, 0),
    "card-frames": (1, 0),
}
#: What strikes those who tell and are told. Ten seeds have all of them.
TELLING_FAULTS = ("kill-sender", "freeze-sender", "kill-service", "receiver-away", "receiver-error", "receiver-slow")
#: And what else strikes while events are told; none of them costs a segment a loss.
_BESIDE_TELLING = ("postgres-fast", "postgres-kill", "cut-postgres", "redis-lost", "kill-control", "kill-sweeper")
#: A job beside is done again, its files gone for good or its frames torn: at most one a schedule.
CARDS = frozenset(name for name in FAULTS if name.startswith("card-"))
#: Drawn at most once a schedule: a second one would only make it longer.
_ONCE = frozenset(
    {"kill-submit", "freeze-long", "store-flaky", "store-full", "pause", "small-job", "cancel-beside", "redis-away",
     "redis-full", "postgres-away", "silence-redis", "silence-postgres", "share-away", "share-opening", "retry",
     "rerun-early", "purge"}
)  # fmt: skip
#: The job is done a second time; what comes after it in a schedule strikes then.
RERUNS = frozenset({"rerun-read", "rerun-detect"})
#: Strikes at once: a command that submits, files that are being opened. At most one of them: when the command has been
#: typed again, the files have been opened.
_FIRST = frozenset({"kill-submit", "share-opening"})
#: Add a job beside the first.
SUBMITTING = frozenset({"small-job", "cancel-beside"}) | CARDS
#: At most one of these: each takes some seconds.
_EITHER = RERUNS | {"freeze-long"}
#: Only where the store is one that can be made to fail.
STORE_FAULTS = frozenset({"store-flaky", "store-rotten", "store-full"})
#: Five losses take their time; doing the same again would take it twice.
_LONG = frozenset({"deadly"})
_NOT_WHERE_LONG = _EITHER | {"retry"}
_MOST_LOSSES = 3
#: What is in the drives themselves (see `bench.chaos.footage`), for ten seeds.
CONTENTS = ("plain", "plain", "plain", "plain", "poisoned", "poisoned", "poisoned", "bare", "hashed", "deadly")
#: How long each fault that lasts does so, seconds from and to: past the lease of 2 s; past Redis's visibility timeout;
#: an outage.
_LASTS: dict[str, tuple[float, float]] = {
    "freeze-detect": (2.2, 3.6),
    "freeze-detect-child": (2.2, 3.6),
    "freeze-read": (2.2, 3.6),
    "freeze-control": (1.0, 3.6),
    "freeze-long": (7.5, 9.0),
    "redis-away": (0.8, 2.0),
    "redis-full": (0.8, 2.5),
    "postgres-away": (0.8, 2.5),
    "silence-redis": (0.8, 2.5),
    "silence-postgres": (0.8, 3.0),
    "store-rotten": (1.0, 2.0),
    "store-full": (1.0, 2.5),
    "share-away": (1.0, 3.0),
    "share-opening": (1.0, 3.0),
    "pause": (0.4, 1.5),
    "freeze-sender": (2.2, 3.6),
    "receiver-away": (1.0, 3.0),
    "receiver-error": (1.0, 3.0),
    "receiver-slow": (1.0, 3.0),
}


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault and its moment."""

    fault: str
    #: Share of the job's segments that have ended when it strikes, 0 to 1; sooner where nothing moves for long. Of
    #: those that strike telling, the share of its events that are there.
    at: float
    #: And this many seconds later.
    wait_s: float
    #: How long it lasts, where it does.
    lasts_s: float
    #: For what is chosen when it strikes: which worker, which messages.
    seed: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """Everything about one run but the luck of its processes."""

    seed: int
    #: One of `CONTENTS`.
    content: str
    #: `flaky` for a store that can be made to fail, behind fsspec; `folder` for the usual one.
    store: str
    #: In the order of their moments.
    strikes: tuple[Strike, ...]
    #: Those that strike while its events are told, likewise.
    telling: tuple[Strike, ...]

    @property
    def inside(self) -> tuple[str, ...]:
        """The fault that is in the drives themselves, if any."""
        return (self.content,) if FLEETS[self.content].given_up else ()


@dataclass(frozen=True, slots=True)
class Hand:
    """What one seed has been dealt."""

    content: str
    store: str
    size: int
    names: list[str]

    def takes(self, name: str) -> bool:
        """Whether the fault goes with the drives, the store and the other faults."""
        losses = FAULTS[name][1] + sum(FAULTS[other][1] for other in self.names)
        return not (
            losses > _MOST_LOSSES
            or (name in _ONCE and name in self.names)
            or (name in _EITHER and not _EITHER.isdisjoint(self.names))
            or (name in CARDS and not CARDS.isdisjoint(self.names))
            or (name in _FIRST and not _FIRST.isdisjoint(self.names))
            or (name in STORE_FAULTS and self.store == "folder")
            or (name in _NOT_WHERE_LONG and self.content in _LONG)
            or (name == "rerun-read" and not FLEETS[self.content].pictures)
        )


def schedule_of(seed: int, least: int = 5, most: int = 7) -> Schedule:
    """The schedule of a seed, with `least` to `most` strikes."""
    hand = deal(seed // TEN, least, most)[seed % TEN]
    rng = random.Random(f"dashplate chaos {seed}")
    names = list(hand.names)
    rng.shuffle(names)
    names.sort(key=lambda name: name not in _FIRST)
    names = _rerun_in_the_middle(rng, names)
    again = next((number for number, name in enumerate(names) if name in RERUNS), len(names))
    moments = [*_moments(rng, again), *_moments(rng, len(names) - again)]
    strikes = tuple(_strike(rng, name, at) for name, at in zip(names, moments, strict=True))
    return Schedule(seed, hand.content, hand.store, strikes, _telling(seed))


@lru_cache(maxsize=64)
def deal(ten: int, least: int, most: int) -> tuple[Hand, ...]:
    """What ten seeds are dealt, `ten` times ten and the following."""
    rng = random.Random(f"dashplate chaos ten {ten}")
    # By tens, because another store needs other workers.
    store = "folder" if ten % 3 == 2 else "flaky"
    hands = [Hand(content, store, rng.randint(least, most), []) for content in rng.sample(CONTENTS, TEN)]
    # What goes with few drives first, while there is room.
    names = sorted(rng.sample(list(FAULTS), len(FAULTS)), key=lambda name: sum(hand.takes(name) for hand in hands))
    for name in names:
        able = [hand for hand in hands if len(hand.names) < hand.size and hand.takes(name)]
        if able:
            rng.choice(able).names.append(name)
    for hand in hands:
        while len(hand.names) < hand.size:
            name = rng.choices(list(FAULTS), [weight for weight, _ in FAULTS.values()])[0]
            if hand.takes(name):
                hand.names.append(name)
    return tuple(hands)


def _telling(seed: int) -> tuple[Strike, ...]:
    """Two strikes while events are told: one of those who tell and are told, and one of what else there is."""
    shuffled = random.Random(f"dashplate chaos telling {seed // TEN}").sample(TELLING_FAULTS, len(TELLING_FAULTS))
    rng = random.Random(f"dashplate chaos telling of seed {seed}")
    names = [shuffled[seed % TEN % len(shuffled)], rng.choice(_BESIDE_TELLING)]
    rng.shuffle(names)
    return tuple(_strike(rng, name, at) for name, at in zip(names, _moments(rng, len(names)), strict=True))


def _rerun_in_the_middle(rng: random.Random, names: list[str]) -> list[str]:
    """Something strikes while the job is done for the first time, and something while it is done again."""
    for name in RERUNS & set(names):
        others = [other for other in names if other != name]
        place = rng.randint(1, len(others) - 1) if len(others) > 1 else len(others)
        return [*others[:place], name, *others[place:]]
    return names


def _moments(rng: random.Random, count: int) -> list[float]:
    return sorted(rng.uniform(0.0, 0.8) for _ in range(count))


def _strike(rng: random.Random, name: str, at: float) -> Strike:
    shortest, longest = _LASTS.get(name, (0.0, 0.0))
    return Strike(
        fault=name,
        at=0.0 if name in _FIRST else round(at, 3),
        wait_s=0.0 if name in _FIRST else round(rng.uniform(0.0, 0.2), 3),
        lasts_s=round(rng.uniform(shortest, longest), 2),
        seed=rng.randrange(1_000_000),
    )
