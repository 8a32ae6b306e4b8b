"""The result store: a folder that every machine sees, with the crops that readings come from."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import cv2
import numpy as np

from pipeline.errors import DashplateError
from pipeline.records import Image, Tracklet


def crop_name(job_id: int, video_id: int, segment: int, tracklet: int, rank: int) -> str:
    """Where a crop lies in the store; the same work always gives the same name."""
    return f"crops/{job_id}/{video_id}/{segment:05d}/{tracklet:04d}-{rank}.png"


#: Drafts are private; a finished crop is as readable as the folder that it lies in.
_MODE = 0o644


class Store:
    """Pictures by name. Writing is atomic: a name either holds a whole picture or nothing."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, name: str) -> Path:
        """The file behind a name; raises DashplateError for a name that leads out of the store."""
        path = (self._root / name).resolve()
        if not path.is_relative_to(self._root.resolve()):
            raise DashplateError(f"{name!r} does not lie in the result store.")
        return path

    def put(self, name: str, image: Image) -> None:
        """Write a BGR image losslessly, replacing what was there."""
        encoded, data = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 3])
        if not encoded:
            raise DashplateError(f"The crop {name} could not be encoded as PNG.")
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data.tobytes())
                file.flush()
                # On the disk before the row that names it, and readable to workers that run as another user.
                os.fsync(handle)
                os.fchmod(handle, _MODE)
            Path(draft).replace(path)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise

    def get(self, name: str) -> Image:
        """The BGR image of that name; raises DashplateError where it is missing or broken."""
        try:
            data = np.frombuffer(self.path(name).read_bytes(), np.uint8)
        except OSError as error:
            raise DashplateError(f"The crop {name} is not in the result store: {error.strerror}.") from error
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
        if image is None:
            raise DashplateError(f"The crop {name} in the result store is damaged.")
        return np.asarray(image, np.uint8)

    def put_crops(
        self, job_id: int, video_id: int, segment: int, tracklets: tuple[Tracklet, ...]
    ) -> dict[tuple[int, int], str]:
        """Write every crop of a segment; return their names by (tracklet index, rank)."""
        names: dict[tuple[int, int], str] = {}
        for tracklet in tracklets:
            for rank, crop in enumerate(tracklet.crops):
                name = crop_name(job_id, video_id, segment, tracklet.index, rank)
                self.put(name, crop.image)
                names[tracklet.index, rank] = name
        return names
