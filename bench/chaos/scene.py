"""What faults work on: the fleet, the jobs at hand, the commands that were typed, and what is to be undone."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Thread

from bench.chaos.compared.tables import Difference
from bench.chaos.disturbed.fleet import ChaosFleet, Job, Typed
from bench.chaos.schedule import Strike

#: The job that a schedule is about, and one that is purged beside it.
MAIN, OLD = "main", "old"


class Missed(Exception):
    """A fault that struck nothing, with the reason."""


@dataclass
class Order:
    """A command that steers a job. It is typed again until it is settled."""

    typed: Typed
    #: By its exit code, whether nothing is left to do.
    settles: Callable[[int], bool] = lambda code: code == 0
    #: Whether it makes sense to type it again now.
    sensible: Callable[[], bool] = lambda: True
    #: The submission whose job it steers.
    about: str = MAIN

    @property
    def settled(self) -> bool:
        code = self.typed.process.poll()
        return code is not None and self.settles(code)


@dataclass
class Scene:
    """One schedule's run."""

    fleet: ChaosFleet
    #: The drives of its job; see `bench.chaos.footage`.
    content: str
    key: str
    job_id: int = 0
    #: Submissions by what is submitted; faults add jobs beside the first.
    submissions: dict[str, Typed] = field(default_factory=dict)
    #: Jobs that were purged, by the same: id, and whether their videos' own rows go too.
    purged: dict[str, tuple[int, bool]] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)
    #: How often each job was begun: submitted, resumed, done again; at most, by what was typed.
    turns: Counter[str] = field(default_factory=Counter)
    #: Whether plates were put on a watch list of the scene's own, named by its key.
    watched: bool = False
    #: The order to do the job again.
    rerun: Order | None = None
    #: (moment, what to do then), for what lasts.
    due: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    #: Faults that struck.
    struck: list[str] = field(default_factory=list)
    #: Strikes that struck nothing, and in whose place nothing has been done yet.
    missed: list[Strike] = field(default_factory=list)
    #: What waits for the moment to kill a command, or for a job's end to order something.
    killers: list[Thread] = field(default_factory=list)
    #: What was found wrong on the way; from threads, in parts.
    wrong: Difference = field(default_factory=Difference)
    found: list[Difference] = field(default_factory=list)
    #: What happened when.
    story: list[str] = field(default_factory=list)
    _begun: float = field(default_factory=time.monotonic)

    def note(self, what: str) -> None:
        self.story.append(f"{time.monotonic() - self._begun:5.1f} s  {what}")

    def miss(self, one: Strike, reason: object) -> None:
        """A fault has struck nothing, though it may have seemed to."""
        self.note(f"{one.fault} struck nothing: {reason}")
        if one.fault in self.struck:
            self.struck.remove(one.fault)
        self.missed.append(one)

    def submit(self, name: str, drives: str | None = None) -> None:
        """Begin to submit drives as a job beside the others."""
        self.turns[name] += 1
        self.submissions[name] = self.fleet.submit(drives or name, f"{self.key} {name}")

    def give(self, order: Order) -> Order:
        """Have an order typed until it is settled."""
        self.turns[order.about] += 1
        self.orders.append(order)
        return order

    def job(self, name: str) -> Job | None:
        """A submitted job; None where it is not there yet."""
        return self.fleet.job(f"{self.key} {name}")

    def submitted(self) -> bool:
        """Whether all that is being submitted is in its job: no command has to look at a file any more."""
        return all(
            self.submissions[name].process.poll() in (None, 0) and (job := self.job(name)) is not None and not job.open
            for name in self.submissions
            if name not in self.purged
        )

    def ended(self, name: str) -> bool:
        """Whether a submitted job has ended, its submission too."""
        found = self.job(name)
        return self.submissions[name].process.poll() == 0 and found is not None and found.ended

    def over(self) -> bool:
        """Whether all jobs have ended, and nothing that was typed is still to come."""
        # Orders first: one that is settled has reopened its job.
        return (
            all(order.settled for order in self.orders)
            and not any(killer.is_alive() for killer in self.killers)
            and all(self.ended(name) for name in self.submissions if name not in self.purged)
        )

    def at_rest(self) -> bool:
        """Whether no job is being done at the moment."""
        jobs = [self.job(name) for name in self.submissions if name not in self.purged]
        return all(job is None or job.ended for job in jobs)

    def unfinished(self) -> list[str]:
        """What has not ended, in words."""
        jobs = [
            f"{name} has not ended" for name in self.submissions if name not in self.purged and not self.ended(name)
        ]
        orders = [one.typed.words[0] for one in self.orders if not one.settled]
        return jobs + [f"{order} has not done its work" for order in orders]

    def about_to_run_again(self) -> bool:
        """Whether the job has been ordered to be done again and stands still."""
        return self.rerun is not None and not self.rerun.settled and self.ended(MAIN)

    def keep_typing(self) -> None:
        """Type again whatever ended before it had done its work."""
        for name, submission in self.submissions.items():
            # What is not there when it is submitted might be misspelt: nobody waits for it.
            if submission.process.poll() not in (None, 0) and not self.fleet.videos_are_away:
                self.turns[name] += 1
                self.submissions[name] = self.fleet.type(*submission.words)
        for order in self.orders:
            code = order.typed.process.poll()
            if code is not None and not order.settles(code) and order.sensible():
                self.note(f"{order.typed.words[0]} ended with {code} and is typed again")
                self.turns[order.about] += 1
                order.typed = self.fleet.type(*order.typed.words)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        self.due.append((time.monotonic() + seconds, act))

    def carry_out(self, *, all_of_them: bool = False) -> None:
        """Do what is due."""
        now = time.monotonic()
        ripe = [act for at, act in self.due if all_of_them or at <= now]
        self.due = [(at, act) for at, act in self.due if not all_of_them and at > now]
        for act in ripe:
            act()
