"""What belongs into an evidence package: of each sighting what is stored, its pictures, its clip, its video's hash."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from dashplate.evidence import clocks
from dashplate.evidence.hashing import sha256_of
from dashplate.footage.clips import clip_of
from dashplate.typed.durations import CLIP_S
from db.findings.evidence import SightingKept, TrackletKept
from pipeline.errors import DashplateError, MediaError
from pipeline.sources.fingerprints import check_same
from pipeline.sources.source import source_of
from pipeline.video.clip import ClipRequest
from pipeline.video.container import open_source
from store import Store
from workers.allowed import allowed


@dataclass(slots=True)
class Original:
    """The file that was processed, as it is now."""

    sha256: str | None = None
    size: int | None = None
    #: Why it was not hashed.
    problem: str | None = None


@dataclass(slots=True)
class Exhibit:
    """A sighting on its way into a package."""

    kept: SightingKept
    clip: ClipRequest | None
    original: Original = field(default_factory=Original)
    #: (what, why) of what should be there and is not.
    left_out: list[tuple[str, str]] = field(default_factory=list)

    @property
    def folder(self) -> str:
        return f"sighting-{self.kept.row['sighting']}"

    def files(self, store: Store, cut: Callable[[ClipRequest], bytes]) -> Iterator[tuple[str, bytes]]:
        """Its pictures and its clip by their names in the package, each read when it is its turn."""
        frame = self.kept.row["frame"]
        if frame is None:
            self.left_out.append(("frame", "No frame of it was kept."))
        else:
            yield from self._stored(store, frame, self.kept.row["frame_sha256"], self.frame_file)
        for tracklet in self.kept.tracklets:
            for crop in tracklet.crops:
                yield from self._stored(store, crop["name"], crop["sha256"], self.crop_file(tracklet.row, crop))
        if self.clip is not None:
            try:
                yield f"{self.folder}/clip.mp4", cut(self.clip)
            except DashplateError as error:
                self.left_out.append(("clip", str(error)))

    @property
    def frame_file(self) -> str:
        return f"{self.folder}/frame.jpg"

    def crop_file(self, tracklet: RowMapping, crop: RowMapping) -> str:
        return f"{self.folder}/crop-{tracklet['segment']}-{tracklet['tracklet']}-{crop['rank']}.png"

    @property
    def best_crop(self) -> tuple[TrackletKept, RowMapping] | None:
        """The crop that its reading rests on, else the best that is left."""
        crops = [(tracklet, crop) for tracklet in self.kept.tracklets for crop in tracklet.crops]
        at_best = [pair for pair in crops if pair[1]["observation"]["pts"] == self.kept.row["best_pts"]]
        return next(iter(at_best or sorted(crops, key=lambda pair: -pair[1]["quality"])), None)

    def _stored(self, store: Store, name: str, sha256: str | None, as_file: str) -> Iterator[tuple[str, bytes]]:
        try:
            yield as_file, store.get_checked(name, sha256)
        except DashplateError as error:
            self.left_out.append((as_file, str(error)))


def exhibit(db: Session, kept: SightingKept, *, with_clip: bool) -> Exhibit:
    """A sighting, and the clip around the frame that was read."""
    made = Exhibit(kept, None)
    if with_clip:
        try:
            made.clip = clip_of(db, kept.row["sighting"], CLIP_S, CLIP_S)
        except DashplateError as error:
            made.left_out.append(("clip", str(error)))
    return made


def look_at_original(row: RowMapping) -> Original:
    """The processed file, hashed from end to end. What keeps it from that is told, and is no error."""
    try:
        source = allowed(source_of(row["video"]))
        check_same(source, row["content"], row["fingerprint"])
        with open_source(source) as file:
            digest = sha256_of(file)
            return Original(digest, file.tell())
    except (MediaError, OSError) as error:
        return Original(problem=str(error))


def originals(exhibits: list[Exhibit], on_each: Callable[[], None]) -> None:
    """Look at each video once, however many sightings it has."""
    seen: dict[int, Original] = {}
    for one in exhibits:
        video = one.kept.row["video_id"]
        if video not in seen:
            seen[video] = look_at_original(one.kept.row)
        one.original = seen[video]
        on_each()


def facts(one: Exhibit, models: dict[str, Any]) -> dict[str, Any]:
    """All that is known of a sighting, as JSON."""
    row = one.kept.row
    left_out = {what for what, _ in one.left_out}
    return {
        "sighting": row["sighting"], "plate": row["plate"], "read_as": row["read_as"], "shown": row["shown"],
        "country": row["country"], "confidence": row["confidence"], "confirmed": row["confirmed"],
        "agreeing_crops": row["reads"], "characters": row["characters"], "runners_up": row["alternatives"],
        "correction": _correction(row),
        "recorded_at": clocks.recorded(row["recorded_at"], row["clock_zone"]),
        "place": _place(row), "movement": row["movement"],
        "first_s": row["first_s"], "best_s": row["best_s"], "last_s": row["last_s"],
        "first_pts": row["first_pts"], "best_pts": row["best_pts"], "last_pts": row["last_pts"],
        "box": [row["x1"], row["y1"], row["x2"], row["y2"]],
        "job": {"id": row["job"], "name": row["job_name"], "options": row["options"]},
        "video": {
            "id": row["video_id"], "path": row["video"], "kind": row["kind"], "codec": row["codec"],
            "width": row["width"], "height": row["height"], "frame_rate": row["frame_rate"],
            "duration_s": row["duration_s"], "camera": row["camera"], **clocks.of_video(row),
            "submitted_at": _at(row["submitted_at"]), "processed_at": _at(row["processed_at"]),
            "fingerprint": row["fingerprint"], "size": one.original.size, "sha256": one.original.sha256,
            "not_hashed": one.original.problem,
        },
        "frame": None if row["frame"] is None or one.frame_file in left_out else {
            "file": one.frame_file, "pts": row["frame_pts"], "sha256_when_stored": row["frame_sha256"],
        },
        "tracklets": [_tracklet(one, tracklet, left_out) for tracklet in one.kept.tracklets],
        "models": models,
        "left_out": [{"what": what, "why": why} for what, why in one.left_out],
    }  # fmt: skip


def _tracklet(one: Exhibit, tracklet: TrackletKept, left_out: set[str]) -> dict[str, Any]:
    row = tracklet.row
    reading = None if row["text"] is None else {
        "text": row["text"], "confidence": row["confidence"], "country": row["country"],
        "characters": row["characters"], "runners_up": row["alternatives"],
        "agreeing_crops": row["reads"], "crops_read": row["crops_read"],
    }  # fmt: skip
    return {
        "segment": row["segment"], "tracklet": row["tracklet"], "frames_seen": row["seen"],
        "first": row["first"], "last": row["last"], "reading": reading,
        "crops": [
            {"file": file, "observation": crop["observation"], "plate_in_picture": crop["plate"],
             "quality": crop["quality"], "read_best": crop["rank"] == row["best_crop"],
             "sha256_when_stored": crop["sha256"]}
            for crop in tracklet.crops if (file := one.crop_file(row, crop)) not in left_out
        ],
    }  # fmt: skip


def _place(row: RowMapping) -> dict[str, Any] | None:
    """Where the camera was at the frame that was read, WGS 84; None where no track says so."""
    if row["lat"] is None:
        return None
    told = ("lat", "lon", "place_error_m", "bearing_deg", "speed_mps")
    return {**{name: row[name] for name in told}, "named": row["place"]}


def _correction(row: RowMapping) -> dict[str, Any] | None:
    """What a person says of a sighting; `plate` is null where that is no plate."""
    if row["corrected"] is None:
        return None
    said = {"plate": row["corrected"] or None, "is_plate": row["corrected"] != ""}
    return said | {"by": row["corrected_by"], "at": _at(row["corrected_at"]), "note": row["correction_note"]}


def _at(moment: dt.datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(dt.UTC).isoformat()
