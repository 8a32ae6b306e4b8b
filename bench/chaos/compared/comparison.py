"""Holds the jobs of a scene against undisturbed ones: rows, files, and what was told of them."""

from __future__ import annotations

from sqlalchemy.orm import Session

from bench.chaos.compared import telling
from bench.chaos.compared.tables import Difference, Tables, difference, files_difference, left_of, readable, tables_of
from bench.chaos.compared.telling import Told
from bench.chaos.disturbed.fleet import ChaosFleet
from bench.chaos.faults.wiped_sources import is_card
from bench.chaos.footage import FLEETS
from bench.chaos.scene import MAIN, Scene


class Comparison:
    """What undisturbed jobs gave, by their drives, and what is wrong with others."""

    def __init__(self, fleet: ChaosFleet) -> None:
        self._fleet = fleet
        self._rows: dict[str, Tables] = {}
        #: What was told of each.
        self.told: dict[str, Told] = {}

    def expect(self, content: str, job_id: int) -> None:
        """From now on, jobs of these drives are to be as this one is."""
        self._rows[content] = self._fleet.look(lambda db: tables_of(db, job_id))
        self.told[content] = telling.told(self._fleet.receiver.heard(job_id))

    def knows(self, content: str) -> bool:
        return content in self._rows

    def compare(self, scene: Scene) -> Difference:
        """What is wrong with all jobs of a scene now."""
        wrong = sum(scene.found, scene.wrong + self.shown(scene) + self._fleet.look(telling.unsearchable))
        for name in scene.submissions:
            wrong += self._compare_rows(scene, name) + self._compare_told(scene, name)
        if scene.watched:
            heard = self._fleet.receiver.heard()
            wrong += self._fleet.look(lambda db: telling.watched_wrongly(db, scene.key, heard))
        return wrong

    def compare_job(self, content: str, job_id: int) -> Difference:
        """A job's rows and files against those of the undisturbed run."""
        return self._fleet.look(lambda db: self.compare_job_in(db, content, job_id))

    def compare_job_in(self, db: Session, content: str, job_id: int) -> Difference:
        """The same inside a transaction."""
        rows = difference(self._rows[content], tables_of(db, job_id))
        return rows + files_difference(db, job_id, self._fleet.store_folder)

    def shown(self, scene: Scene) -> Difference:
        """Plates that the job shows and must not."""
        fleet = FLEETS[scene.content]
        if not fleet.hashed:
            return Difference()
        return self._fleet.look(lambda db: readable(db, scene.job_id, fleet.plates))

    def untidy(self, job_id: int) -> Difference:
        """What is left of a job's work."""
        left = self._fleet.look(lambda db: tables_of(db, job_id))
        steps = tuple(f"{table}: {key} is left" for table in ("outbox", "deletions") for key in left[table])
        store = self._fleet.store_folder
        return Difference(doubled=steps) + self._fleet.look(lambda db: files_difference(db, job_id, store))

    def untold(self, job_id: int) -> Difference:
        """What the receiver has not heard of a job yet."""
        heard = self._fleet.receiver.heard(job_id)
        return self._fleet.look(lambda db: telling.unsearchable(db) + telling.owed(db, job_id, heard))

    def _compare_rows(self, scene: Scene, name: str) -> Difference:
        if name in scene.purged:
            job_id, forgotten = scene.purged[name]
            left = self._fleet.look(lambda db: left_of(db, job_id, forgotten=forgotten))
            return left + self.untidy(job_id)
        found = scene.job(name)
        assert found is not None
        # A job that was given up has to be tidy, whatever its rows; of a card it was seen what it lost.
        if name == "given up" or is_card(name):
            return self.untidy(found.id)
        return self.compare_job(_drives(scene, name), found.id)

    def _compare_told(self, scene: Scene, name: str) -> Difference:
        purged, found = scene.purged.get(name), scene.job(name)
        job_id = purged[0] if purged else found.id if found else 0
        heard = self._fleet.receiver.heard(job_id)
        wrong = telling.forged(heard)
        # What a purge has taken is told no more.
        if not purged:
            wrong += self._fleet.look(lambda db: telling.owed(db, job_id, heard))
        told, drives = telling.told(heard), _drives(scene, name)
        if drives in self.told:
            wrong += telling.difference(self.told[drives], told, scene.turns[name])
        else:
            wrong += telling.repeated(told, scene.turns[name])
        if drives in FLEETS and not FLEETS[drives].alerts:
            wrong += telling.unasked(told)
        if drives in FLEETS and FLEETS[drives].hashed:
            wrong += telling.readable(heard, FLEETS[drives].plates)
        return wrong


def _drives(scene: Scene, name: str) -> str:
    """What a submission of the scene shows; of a card, its name."""
    return scene.content if name == MAIN else name
