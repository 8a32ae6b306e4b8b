"""The models that an installation reads with: names, hashes of their files, versions of what runs them."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import models
from dashplate.evidence.hashing import sha256_of
from pipeline.job_options import JobOptions
from pipeline.run import ModelConfig

#: Packages whose version may change what is read.
_PACKAGES = ("ultralytics", "openvino", "onnxruntime", "paddleocr", "paddlex", "opencv-python-headless", "av")


def models_used(config: ModelConfig, options: JobOptions) -> dict[str, Any]:
    """As this installation has them now; a job stores a reader that it was submitted with, and no other model."""
    reader = config.reading_with(options.reader, options.reader_engine)
    detector = config.detector or models.plate_detector_int8()
    return {
        "note": "Those of the installation that made this package, at that time; the job's reader where it named one.",
        "detector": {"name": detector.name, "sha256": _hashed(detector)},
        "reader": {
            "name": Path(reader.reader_name).name, "sha256": _hashed(Path(reader.reader_name)),
            "engine": reader.reader_engine, "named_by_the_job": options.reader is not None,
        },
        "packages": {name: version for name in _PACKAGES if (version := _version(name))},
    }  # fmt: skip


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


@lru_cache(maxsize=16)
def _hashed(path: Path) -> str | None:
    """Of a file; of a folder, of the names and hashes of its files; as this process found them. None for nothing."""
    if path.is_file():
        with path.open("rb") as file:
            return sha256_of(file)
    if not path.is_dir():
        return None
    lines = []
    for file_path in sorted(path.rglob("*")):
        if file_path.is_file():
            with file_path.open("rb") as file:
                lines.append(f"{sha256_of(file)}  {file_path.relative_to(path).as_posix()}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()
