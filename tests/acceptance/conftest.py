"""The program as a user meets it: one data folder, the command line, and one job of good and hostile files."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import av
import pytest

from tests.support import media_files
from tests.support.command_line.in_process import Here, Said, run_here
from tests.support.command_line.job_result import JobResult
from tests.support.command_line.program import GUARD, ROOT, Command, Finished, run
from tests.support.unfinished import without_index


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder that all commands share, as on a user's machine."""
    return tmp_path_factory.mktemp("dashplate") / "data"


@pytest.fixture(scope="session")
def calls_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the guard notes every attempt to reach another machine; there once somebody tried."""
    return tmp_path_factory.mktemp("network") / "calls.txt"


@pytest.fixture(scope="session")
def guarded(data_dir: Path, calls_file: Path) -> dict[str, str]:
    """The environment of a user who has set nothing, with the network denied."""
    # Some libraries behave themselves in CI alone.
    unset = ("CI", "TF_BUILD", "JENKINS_URL")
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DASHPLATE_") and k not in unset}
    path = os.pathsep.join((str(GUARD), str(ROOT)))
    return kept | {"DASHPLATE_DATA_DIR": str(data_dir), "PYTHONPATH": path, "NETWORK_GUARD_FILE": str(calls_file)}


@pytest.fixture(scope="session")
def dashplate(data_dir: Path, guarded: dict[str, str]) -> Command:
    """Run `dashplate ...` to its end."""
    data_dir.parent.mkdir(parents=True, exist_ok=True)

    def command(*arguments: object, before: tuple[str, ...] = ()) -> Finished:
        return run([str(argument) for argument in arguments], guarded, data_dir, before)

    return command


@pytest.fixture(scope="session")
def here(data_dir: Path, guarded: dict[str, str]) -> Here:
    """Run `dashplate ...` in this process, for commands that others here have tried as processes of their own."""
    data_dir.parent.mkdir(parents=True, exist_ok=True)

    def command(*words: object) -> Said:
        return run_here(words, guarded, data_dir.parent)

    return command


@pytest.fixture(scope="session")
def the_job(dashplate: Command, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> JobResult:
    """One `dashplate run` over the shared videos and all that a fleet's memory cards may hold besides."""
    folder = tmp_path_factory.mktemp("job")
    card = folder / "card"
    _fill(card, shared_data / "video/road_gb.mp4")
    csv, json = folder / "results/plates.csv", folder / "results/job.json"
    videos = sorted((shared_data / "video").glob("*.mp4"))
    finished = dashplate("run", *videos, card, folder / "gone.mp4", "--csv", csv, "--json", json, "--name", "all")
    return JobResult.read(finished, csv, json)


def _fill(card: Path, road: Path) -> None:
    """Broken, foreign and unusual files; plain clips are the unit tests' to try."""
    card.mkdir()
    for maker in (
        media_files.zero_bytes, media_files.text, media_files.audio_only, media_files.cover_art, media_files.no_moov,
        media_files.half, media_files.half_fragmented, media_files.noise, media_files.undecodable,
        media_files.variable_rate, media_files.rotated, media_files.single_frame, media_files.ten_bit,
        media_files.odd_size, media_files.size_change, media_files.late_start, media_files.raw_h264,
        media_files.starts_inside, media_files.avi_mjpeg, media_files.photo_turned, media_files.photo_cut,
    ):  # fmt: skip
        maker(card)
    (card / "photo.jpg").unlink()
    _half_of_the_road(road, card / "half_road.mp4")
    without_index(card / "never_finished_road.mp4", road.read_bytes())
    shutil.copy(card / "single_frame.mp4", card / "[bold]odd[red] name; $(x) %s.mp4")
    shutil.copy(card / "single_frame.mp4", os.fsencode(card) + b"/caf\xe9.mp4")


def _half_of_the_road(road: Path, half: Path) -> None:
    """The clip with its index first, then cut in half, as after a copy that broke off."""
    whole = half.with_suffix(".whole")
    with av.open(str(road)) as source, av.open(str(whole), "w", "mp4", options={"movflags": "faststart"}) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    data = whole.read_bytes()
    whole.unlink()
    half.write_bytes(data[: len(data) // 2])
