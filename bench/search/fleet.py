"""Loads the sightings of a fleet in one region: many vehicles once, some every day, each with runners-up."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from itertools import accumulate

import psycopg

from pipeline.formats.alphabet import CHINESE, DIGITS, LATIN
from pipeline.formats.confusions import CONFUSED_WITH, folded

#: Sightings of one video, and videos of one job.
A_VIDEO, A_JOB = 200, 250
#: Plates by form: `9` for a digit, `a` for a letter, `p` for a province; with how many of a hundred have it.
FORMS = (
    ("IN", "KA05aa9999", 25), ("IN", "KA99a9999", 15), ("IN", "MH12aa9999", 10), ("GB", "aa99aaa", 20),
    ("IT", "aa999aa", 15), ("HK", "aa9999", 10), ("CN", "pa99999", 5),
)  # fmt: skip
_DRAWN = {"9": DIGITS, "a": LATIN, "p": CHINESE[:31]}
_SIGHTING = (
    "video_id, plate_id, index, text, shown, country, confidence, characters, alternatives, first_s, last_s, best_s,"
    " first_pts, last_pts, best_pts, x1, y1, x2, y2, reads, confirmed, tracklets, lat, lon"
)
#: Where videos are recorded: south, west, north, east, with how many of a hundred are: a city of 10 km, the country
#: around it, islands on 180°.
AREAS = (((12.93, 77.55, 13.02, 77.64), 60), ((11.5, 75.0, 15.0, 78.5), 35), ((-18.2, 178.0, -16.0, 181.5), 5))
#: A video's camera goes on by so many degrees from one sighting to the next, at most.
_STEP_DEG = 0.0002
#: Videos of one drive, a minute each.
A_DRIVE = 10


class Fleet:
    """The plates of a region, and how often each passes."""

    def __init__(self, plates: int, seed: int = 1) -> None:
        self._rng = random.Random(seed)
        made: dict[str, tuple[str, str]] = {}
        while len(made) < plates:
            (country, form, _), *_ = self._rng.choices(FORMS, [share for *_, share in FORMS])
            said = "".join(self._rng.choice(_DRAWN.get(kind, kind)) for kind in form)
            made.setdefault(folded(said), (said, country))
        #: Text and country.
        self.plates = list(made.values())
        # Every plate a little more often than the next.
        self._roads = random.Random(seed)
        self._passes = list(accumulate(1 / (rank + 50) for rank in range(plates)))

    def passing(self) -> int:
        """The number of a plate that passes next."""
        return self._rng.choices(range(len(self.plates)), cum_weights=self._passes)[0]

    def runners_up(self, said: str) -> list[dict[str, object]]:
        """What else it may have been: look-alikes mostly."""
        others = {self._misread(said) for _ in range(self._rng.randrange(5))} - {said}
        return [{"text": other, "confidence": round(0.2 / (rank + 2), 3)} for rank, other in enumerate(sorted(others))]

    def _misread(self, said: str) -> str:
        place = self._rng.randrange(len(said))
        likes = CONFUSED_WITH.get(said[place]) or DIGITS
        return said[:place] + self._rng.choice(likes) + said[place + 1 :]

    def sightings(self, number: int, first_plate: int, first_video: int) -> Iterator[tuple[object, ...]]:
        """Rows for `_SIGHTING`'s columns, video by video."""
        at = (0.0, 0.0)
        for place in range(number):
            at = self._further(at) if place % A_VIDEO else self._somewhere()
            plate = self.passing()
            said, country = self.plates[plate]
            video, index = divmod(place, A_VIDEO)
            sure = round(1 - self._rng.random() ** 3 / 2, 3)
            characters = json.dumps([{"char": char, "confidence": 0.95} for char in said])
            yield (
                first_video + video, first_plate + plate, index, said, said, country, sure, characters,
                json.dumps(self.runners_up(said)), index * 3.0, index * 3.0 + 2, index * 3.0 + 1,
                index * 3000, index * 3000 + 2000, index * 3000 + 1000, 100.0, 200.0, 220.0, 230.0,
                self._rng.randrange(1, 9), True, "[]", at[0], at[1] - 360 if at[1] > 180 else at[1],
            )  # fmt: skip

    def _somewhere(self) -> tuple[float, float]:
        (south, west, north, east), _ = self._roads.choices(AREAS, [share for _, share in AREAS])[0]
        return self._roads.uniform(south, north), self._roads.uniform(west, east)

    def _further(self, at: tuple[float, float]) -> tuple[float, float]:
        lat, lon = at
        return lat + self._roads.uniform(-_STEP_DEG, _STEP_DEG), lon + self._roads.uniform(-_STEP_DEG, _STEP_DEG)

    def place(self) -> tuple[float, float]:
        """Somewhere where videos are recorded."""
        lat, lon = self._somewhere()
        return lat, lon - 360 if lon > 180 else lon


def load(connection: psycopg.Connection, fleet: Fleet, sightings: int) -> None:
    """Jobs, videos, plates and sightings as rows, by COPY."""
    videos = -(-sightings // A_VIDEO)
    jobs = -(-videos // A_JOB)
    connection.execute(
        "INSERT INTO jobs (name, options, state, finished_at, created_at) SELECT 'day ' || n, '{}', 'finished', at, at"
        " FROM (SELECT n, now() - make_interval(days => %s - n) AS at FROM generate_series(1, %s) n) days",
        (jobs, jobs),
    )
    connection.execute(
        "INSERT INTO videos (job_id, path, fingerprint, state, finished_at, kind, duration_s, recorded_at,"
        " recorded_from)"
        " SELECT j.id, '/cards/' || n || '.mp4', n, 'done', j.finished_at, 'video', 60,"
        "        j.finished_at - make_interval(mins => 300 - (n - 1) %% %s), 'gps' FROM generate_series(1, %s) n"
        " JOIN jobs j ON j.id = (SELECT min(id) FROM jobs) + (n - 1) / %s",
        (A_JOB, videos, A_JOB),
    )
    connection.execute(
        "INSERT INTO drives (job_id, began_at, ended_at)"
        " SELECT job_id, min(recorded_at), max(recorded_at) FROM videos"
        " GROUP BY job_id, (id - (SELECT min(id) FROM videos)) / %s ORDER BY min(id)",
        (A_DRIVE,),
    )
    connection.execute(
        "UPDATE videos v SET drive_id = d.id FROM drives d"
        " WHERE d.job_id = v.job_id AND v.recorded_at BETWEEN d.began_at AND d.ended_at"
    )
    with connection.cursor().copy("COPY plates (key, text, country) FROM STDIN") as copy:
        for said, country in fleet.plates:
            copy.write_row((folded(said), said, country))
    ((first_plate, first_video),) = connection.execute(
        "SELECT (SELECT min(id) FROM plates), (SELECT min(id) FROM videos)"
    )
    with connection.cursor().copy(f"COPY sightings ({_SIGHTING}) FROM STDIN") as copy:
        for row in fleet.sightings(sightings, first_plate, first_video):
            copy.write_row(row)
    connection.commit()
