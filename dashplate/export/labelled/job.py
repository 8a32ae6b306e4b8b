"""A job's labelled sightings, put together: in which form, into a folder or a ZIP."""

from __future__ import annotations

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from dashplate.export.forms import Form
from dashplate.export.job import Passing
from dashplate.export.labelled.cvat import write_cvat
from dashplate.export.labelled.label_studio import write_label_studio
from dashplate.export.labelled.place import Place
from dashplate.export.labelled.samples import Fetch, samples
from dashplate.export.labelled.training import write_training
from dashplate.export.labelled.yolo import write_yolo
from db.findings import exported
from db.models import Job
from pipeline.errors import UsageError
from pipeline.job_options import JobOptions


class LabelledExport:
    """What people read in one job's sightings, and if `confirmed`, also what more than one crop says."""

    def __init__(self, db: Session, job: RowMapping, form: Form, fetch: Fetch, *, confirmed: bool) -> None:
        """`job` is the job's progress, `db` an `exported.snapshot`.

        Raises UsageError for a hashed job: it has neither texts nor pictures.
        """
        if JobOptions.from_json(db.get_one(Job, job["job"]).options).hashed:
            raise UsageError(f"Job {job['job']} stores hashes in place of plates, and no pictures: nothing to label.")
        self._db, self._job, self._form, self._fetch = db, job, form, fetch
        self._confirmed = confirmed

    def count(self) -> int:
        """How many sightings are labelled."""
        return exported.count_labelled(self._db, self._job["job"], confirmed=self._confirmed)

    def write(self, place: Place, passing: Passing = iter) -> int:
        """Write pictures and labels; returns how many sightings there was a picture of."""
        rows = exported.labelled(self._db, self._job["job"], confirmed=self._confirmed)
        found = samples(passing(rows), self._fetch)
        match self._form:
            case Form.CVAT:
                return write_cvat(place, found, self._job["name"])
            case Form.LABEL_STUDIO:
                return write_label_studio(place, found, "dashplate")
            case Form.YOLO:
                return write_yolo(place, found)
            case _:
                return write_training(place, found)
