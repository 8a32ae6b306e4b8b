"""A schedule of faults: a pure function of its seed, so that a failure can be replayed."""

from __future__ import annotations

import random
from dataclasses import dataclass

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
    "freeze-long": (2, 1),
    "redis-restart": (3, 0),
    "redis-lost": (3, 0),
    "redis-flush": (4, 0),
    "redis-away": (2, 0),
    "postgres-fast": (3, 0),
    "postgres-kill": (3, 0),
    "postgres-away": (2, 1),
    "resend": (4, 0),
    "resend-old": (3, 0),
    "resend-steps": (3, 0),
    "store-flaky": (3, 0),
    "store-rotten": (3, 0),
    "store-full": (3, 0),
    "pause": (3, 0),
    "small-job": (3, 0),
    "cancel-beside": (3, 0),
}
#: Drawn at most once a schedule: a second one would only make it longer.
_ONCE = frozenset(
    {"kill-submit", "freeze-long", "store-flaky", "store-full", "pause", "small-job", "cancel-beside", "redis-away",
     "postgres-away"}
)  # fmt: skip
#: Only where the store is one that can be made to fail.
_STORE = frozenset({"store-flaky", "store-rotten", "store-full"})
_MOST_LOSSES = 3
#: What is in the drives themselves (see `bench.chaos.drives`), and how often. Stretches that take their workers down
#: need five losses to be given up, so they are rarer.
CONTENTS = {"plain": 38, "poisoned": 34, "bare": 13, "deadly": 9, "stuck": 6}
#: How long each fault that lasts does so, seconds from and to: past the lease of 2 s; past Redis's visibility timeout;
#: an outage.
_LASTS: dict[str, tuple[float, float]] = {
    "freeze-detect": (2.2, 3.6),
    "freeze-detect-child": (2.2, 3.6),
    "freeze-read": (2.2, 3.6),
    "freeze-control": (1.0, 3.6),
    "freeze-long": (7.5, 9.0),
    "redis-away": (0.8, 2.0),
    "postgres-away": (0.8, 2.5),
    "store-rotten": (1.0, 2.0),
    "store-full": (1.0, 2.5),
    "pause": (0.4, 1.5),
}


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault and its moment."""

    fault: str
    #: Share of the job's segments that have ended when it strikes, 0 to 1; sooner where nothing moves for long.
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

    @property
    def faults(self) -> tuple[str, ...]:
        """All faults by name, those in the drives among them."""
        inside = (self.content,) if self.content in ("poisoned", "deadly", "stuck") else ()
        return (*inside, *(strike.fault for strike in self.strikes))


def schedule_of(seed: int, least: int = 5, most: int = 8) -> Schedule:
    """The schedule of a seed, with `least` to `most` strikes."""
    rng = random.Random(f"dashplate chaos {seed}")
    content = rng.choices(list(CONTENTS), list(CONTENTS.values()))[0]
    # By tens, because another store needs other workers.
    store = "folder" if seed // 10 % 3 == 2 else "flaky"
    names = _draw(rng, rng.randint(least, most), store)
    moments = sorted(rng.uniform(0.0, 0.8) for _ in names)
    strikes = tuple(_strike(rng, name, at) for name, at in zip(names, moments, strict=True))
    return Schedule(seed, content, store, strikes)


def _draw(rng: random.Random, count: int, store: str) -> list[str]:
    names: list[str] = []
    while len(names) < count:
        name = rng.choices(list(FAULTS), [weight for weight, _ in FAULTS.values()])[0]
        losses = FAULTS[name][1] + sum(FAULTS[other][1] for other in names)
        if losses > _MOST_LOSSES or (name in _ONCE and name in names) or (name in _STORE and store == "folder"):
            continue
        names.append(name)
    # A submission is only killed while there is one.
    return sorted(names, key=lambda name: name != "kill-submit")


def _strike(rng: random.Random, name: str, at: float) -> Strike:
    shortest, longest = _LASTS.get(name, (0.0, 0.0))
    return Strike(
        fault=name,
        at=0.0 if name == "kill-submit" else round(at, 3),
        wait_s=0.0 if name == "kill-submit" else round(rng.uniform(0.0, 0.2), 3),
        lasts_s=round(rng.uniform(shortest, longest), 2),
        seed=rng.randrange(1_000_000),
    )
