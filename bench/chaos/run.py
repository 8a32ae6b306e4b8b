"""Runs schedules: submits a job, lets the faults strike, waits for its end, and compares its rows."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from bench.chaos.compared import telling
from bench.chaos.compared.comparison import Comparison
from bench.chaos.compared.tables import Difference
from bench.chaos.disturbed.fleet import ChaosFleet, wait_for
from bench.chaos.faults.infrastructure import strike
from bench.chaos.footage import FLEETS
from bench.chaos.scene import MAIN, OLD, Scene
from bench.chaos.schedule import RERUNS, SUBMITTING, Schedule, Strike
from db.jobs import cancel

#: A schedule of which nothing ends for this long has come to a standstill; a busy machine takes half a minute to start
#: a command. And one that takes this long altogether, whatever it still does.
STANDSTILL_S, LONGEST_S = 120.0, 1200.0
_LOOK_EVERY_S = 5.0
#: For what nobody disturbs.
_UNDISTURBED_S = 300.0
#: What is left lying once rows are final, such as a late worker's pictures, is to be gone by then.
_SETTLE_S = 60.0
#: After a frozen worker goes on, it is given this long to do harm.
_HARM_S = 1.0
_POLL_S = 0.03
#: The next fault does not wait longer than this for its moment: then it strikes in the middle of a recovery.
_LONGEST_CALM_S = 1.2

#: A strike that struck nothing is aimed again so much later, while something runs.
_AGAIN_S = 0.3
_MOST_AIMS = 4
#: In place of one that cannot be aimed again: it always finds its victim, and costs no segment a loss. Where all has
#: ended, it strikes while one of these is done.
_INSTEAD = "kill-control"
_BESIDE = ("small", OLD)
#: What needs no job that is being done.
_BEGINS = frozenset({"retry", "rerun", "purge", "small", "cancel", "card", "kill-service"})
#: What can happen once only: a command has been typed, and what it does is done.
_TYPED = frozenset({"submit", "retry", "rerun", "purge"})

_PROGRESS = "SELECT count(*) AS ended FROM segments WHERE job_id = :job AND state IN ('done', 'quarantined')"
#: Of a schedule's jobs; one that is done again begins anew.
_ENDED = """
    SELECT j.id, j.finished_at, count(v.finished_at) AS videos,
           sum(v.segments_done + v.segments_quarantined) AS segments
    FROM jobs j LEFT JOIN videos v ON v.job_id = j.id WHERE j.key LIKE :key GROUP BY j.id ORDER BY j.id
"""
_GIVEN_UP = "SELECT segments_quarantined AS segments, videos_with_problem AS videos FROM jobs WHERE id = :job"
_SEEN = """
    SELECT coalesce(sum(greatest(attempt - 1, 0)), 0)::int AS attempts, coalesce(sum(failures), 0)::int AS failures,
           coalesce(sum(losses), 0)::int AS losses
    FROM segments WHERE job_id = :job
"""
_EVENTS = "SELECT count(*) AS events FROM events WHERE job_id = :job"
#: Whether something is to be told yet, or may turn out to be.
_STILL_OWED = "SELECT 1 FROM search_backlog UNION ALL SELECT 1 FROM deliveries WHERE state = 'pending' LIMIT 1"
_OPEN = """
    SELECT v.path || ': ' || v.state || ' '
           || coalesce(string_agg(DISTINCT s.state || ' ' || s.index, ', '), '') AS line
    FROM videos v LEFT JOIN segments s ON s.video_id = v.id AND s.state NOT IN ('done', 'quarantined')
    WHERE v.job_id = :job AND v.finished_at IS NULL GROUP BY v.id
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a schedule ended."""

    schedule: Schedule
    seconds: float
    #: Sent out again, failed and lost, over all segments of its job.
    attempts: int = 0
    failures: int = 0
    losses: int = 0
    #: Workers that were started again.
    restarts: int = 0
    #: Faults that struck, by name; those in the drives come first.
    struck: tuple[str, ...] = ()
    difference: Difference = field(default_factory=Difference)
    #: What happened when: seconds, segments ended by then, what.
    story: tuple[str, ...] = ()
    #: What stood still, where it did not end.
    standstill: tuple[str, ...] = ()

    @property
    def identical(self) -> bool:
        return not self.difference and not self.standstill


class Progress:
    """Tells a schedule that is slow from one that stands still: something of its jobs ends again and again."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._begun = self._looked = self._moved = time.monotonic()
        self._ended: object = None

    def check(self) -> None:
        """Raises TimeoutError for a standstill."""
        now = time.monotonic()
        if now - self._begun > LONGEST_S:
            raise TimeoutError(f"not ended after {LONGEST_S:.0f} s")
        if now - self._looked < _LOOK_EVERY_S:
            return
        ended = [tuple(row.values()) for row in self._scene.fleet.ask(_ENDED, key=f"{self._scene.key} %")]
        self._looked, self._moved = now, self._moved if ended == self._ended else now
        self._ended = ended
        if now - self._moved > STANDSTILL_S:
            raise TimeoutError(f"nothing has ended for {STANDSTILL_S:.0f} s")


class Chaos:
    """Schedules on one fleet, each held against an undisturbed run of the same drives."""

    def __init__(self, fleet: ChaosFleet) -> None:
        self.fleet = fleet
        self.comparison = Comparison(fleet)
        self._undisturbed: dict[str, int] = {}
        self._begun = time.strftime("%H%M%S")

    def undisturbed(self, contents: Sequence[str]) -> dict[str, int]:
        """The undisturbed jobs of these drives; what has not been run is run now, side by side."""
        new = [name for name in contents if not self.comparison.knows(name)]
        keys = {name: self._submitted(name) for name in new}
        for name, key in keys.items():
            job_id = wait_for(f"the undisturbed run of {name}", partial(self._ended, key), _UNDISTURBED_S)
            wait_for(f"the tidy end of {name}", partial(self._tidy, job_id), _SETTLE_S)
            self.comparison.expect(name, job_id)
            self._undisturbed[name] = job_id
        return {name: self._undisturbed[name] for name in contents}

    def run(self, schedule: Schedule) -> Outcome:
        """Run a schedule and compare."""
        fleet = self.fleet
        fleet.ready(schedule.store)
        fleet.look(telling.forget)
        self.undisturbed([schedule.content, "small"])
        restarts, begun = fleet.processes.restarts(), time.monotonic()
        scene = Scene(fleet, schedule.content, f"{self._begun} {begun:.0f} seed {schedule.seed}")
        scene.submit(MAIN, schedule.content)
        if any(_kind(one) == "purge" for one in schedule.strikes):
            scene.submit(OLD)
        try:
            self._disturb(scene, schedule)
        except TimeoutError as error:
            scene.carry_out(all_of_them=True)
            open_videos = fleet.ask(_OPEN, job=scene.job_id)
            return Outcome(
                schedule, time.monotonic() - begun,
                struck=(*schedule.inside, *scene.struck), story=tuple(scene.story),
                standstill=(str(error), *scene.unfinished(), *(row["line"] for row in open_videos)),
            )  # fmt: skip
        wrong = self.compare(scene)
        seen = fleet.ask(_SEEN, job=scene.job_id)[0]
        return Outcome(
            schedule, time.monotonic() - begun, seen["attempts"], seen["failures"], seen["losses"],
            fleet.processes.restarts() - restarts, (*schedule.inside, *scene.struck), wrong, tuple(scene.story),
        )  # fmt: skip

    def _disturb(self, scene: Scene, schedule: Schedule) -> None:
        progress = Progress(scene)
        waiting, while_told = list(schedule.strikes), list(schedule.telling)
        aims = Counter[int]()
        last_thaw, last_strike = 0.0, time.monotonic()
        # What ended may have been missed: last of all that is looked at.
        while waiting or while_told or scene.due or not self._all_ended(scene) or scene.missed:
            progress.check()
            before = len(scene.due)
            scene.carry_out()
            last_thaw = time.monotonic() if len(scene.due) < before else last_thaw
            scene.keep_typing()
            if not scene.job_id:
                found = scene.job(MAIN)
                scene.job_id = found.id if found else 0
            # What is struck instead may be a job that has to be submitted first.
            while scene.missed and not self.fleet.videos_are_away:
                missed = scene.missed.pop()
                aims[missed.seed] += 1
                waiting[:0] = self._instead(scene, missed, aims[missed.seed])
            if not scene.job_id or scene.about_to_run_again():
                last_strike = time.monotonic()
            elif waiting and self._is_time(scene, waiting[0], time.monotonic() - last_strike > _LONGEST_CALM_S):
                self._strike(scene, waiting.pop(0))
                last_strike = time.monotonic()
            if scene.job_id and while_told and self._is_told(scene, while_told[0].at):
                self._strike(scene, while_told.pop(0))
            time.sleep(_POLL_S)
        scene.note("all ended")
        self.fleet.calm()
        time.sleep(max(0.0, last_thaw + _HARM_S - time.monotonic()))

    def _is_time(self, scene: Scene, one: Strike, late: bool) -> bool:
        """Whether the moment of the next strike has come; `late`, nothing moves for long."""
        fleet = FLEETS[scene.content]
        if _kind(one) == "share":
            return scene.submitted() and not self.fleet.videos_are_away and self._is_its_turn(scene, one, late)
        # What is not there when it is submitted might be misspelt: nobody waits for it.
        if one.fault in SUBMITTING and self.fleet.videos_are_away:
            return False
        if one.fault in RERUNS:
            return scene.ended(MAIN)
        if _kind(one) == "retry":
            given_up = self.fleet.ask(_GIVEN_UP, job=scene.job_id)[0]
            return bool(given_up["segments" if fleet.given_up else "videos"]) or scene.ended(MAIN)
        if _kind(one) == "purge" and not scene.ended(OLD):
            return False
        # Nothing is being done, but it will be.
        if not _begins(one) and scene.at_rest() and not scene.over():
            return False
        return self._is_its_turn(scene, one, late)

    def _is_its_turn(self, scene: Scene, one: Strike, late: bool) -> bool:
        return late or self.progress(scene.job_id) >= one.at * FLEETS[scene.content].segments

    def _is_told(self, scene: Scene, share: float) -> bool:
        """Whether that share of the job's events is there."""
        there = self.fleet.ask(_EVENTS, job=scene.job_id)[0]["events"]
        return there >= share * len(self.comparison.told[scene.content]) or scene.ended(MAIN)

    def _instead(self, scene: Scene, missed: Strike, aims: int) -> list[Strike]:
        """What takes the place of a strike that struck nothing: the same again, or one that always strikes."""
        over = scene.over()
        if _TYPED.isdisjoint(missed.fault.split("-")) and aims < _MOST_AIMS and not over:
            return [replace(missed, wait_s=_AGAIN_S)]
        if over:
            more = [name for name in _BESIDE if name not in scene.submissions]
            if not more:
                return []
            scene.submit(more[0])
        return [replace(missed, fault=_INSTEAD, wait_s=0.0)]

    def _strike(self, scene: Scene, one: Strike) -> None:
        time.sleep(one.wait_s)
        scene.note(f"{one.fault} after {self.progress(scene.job_id)} segments")
        if not _begins(one) and scene.over() and not self.fleet.ask(_STILL_OWED):
            scene.miss(one, "all had ended")
        else:
            strike(scene, one)
        scene.wrong += self.comparison.shown(scene)

    def _all_ended(self, scene: Scene) -> bool:
        """Whether all is over; a job that is to be cancelled is cancelled as soon as something of it is done.

        And it has been submitted: one that is interrupted is typed again, and a cancelled job would refuse it.
        """
        submission = scene.submissions.get("given up")
        if submission is not None and submission.process.poll() == 0:
            given_up = scene.job("given up")
            if given_up and not given_up.ended and self.progress(given_up.id):
                self.fleet.steer(cancel.cancel, given_up.id)
        return scene.over()

    def compare(self, scene: Scene) -> Difference:
        """Once what was left lying had time to go."""
        end = time.monotonic() + _SETTLE_S
        while True:
            wrong = self.comparison.compare(scene)
            if not wrong or time.monotonic() > end:
                return wrong
            time.sleep(0.2)

    def _submitted(self, content: str) -> str:
        """Submit an undisturbed job; returns its key."""
        key = f"{self._begun} undisturbed {content}"
        submission = self.fleet.submit(content, key)
        status = submission.process.wait(timeout=_UNDISTURBED_S)
        if status != 0:
            raise RuntimeError(f"submitting {content} failed with status {status}; see logs/commands.log")
        return key

    def _ended(self, key: str) -> int | None:
        job = self.fleet.job(key)
        return job.id if job is not None and job.ended else None

    def _tidy(self, job_id: int) -> bool:
        return not self.comparison.untidy(job_id) and not self.comparison.untold(job_id)

    def progress(self, job_id: int) -> int:
        """How many of a job's segments have ended."""
        return int(self.fleet.ask(_PROGRESS, job=job_id)[0]["ended"])


def _begins(one: Strike) -> bool:
    return not _BEGINS.isdisjoint((one.fault, _kind(one)))


def _kind(one: Strike) -> str:
    return one.fault.partition("-")[0]
