"""What a user asks for with a job: checked where it is typed, obeyed where it is worked on."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashplate.jobs import job_options
from pipeline.errors import Inaccessible, ModelError, UsageError
from pipeline.job_options import JobOptions
from workers.settings import settings
from workers.steps import stage_engine


def model(folder: Path) -> None:
    """The files of a model, empty."""
    folder.mkdir()
    for name in ("inference.yml", "inference.onnx"):
        (folder / name).touch()


def test_what_is_not_asked_for_is_left_to_the_workers() -> None:
    assert job_options(None) == JobOptions()
    config = stage_engine._models(JobOptions())
    assert config == settings().models


def test_a_reader_and_its_engine_travel_with_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model(tmp_path / "reader")
    options = job_options("gb,FR", reader="reader", engine="onnxruntime")
    assert options == JobOptions(("GB", "FR"), reader=str(tmp_path / "reader"), reader_engine="onnxruntime")
    assert options.folders == [tmp_path / "reader"]
    config = stage_engine._models(options)
    assert (config.reader, config.reader_engine) == (str(tmp_path / "reader"), "onnxruntime")


def test_a_model_s_name_stays_a_name() -> None:
    options = job_options(None, reader="PP-OCRv5_server_rec")
    assert (options.reader, options.folders) == ("PP-OCRv5_server_rec", [])
    assert stage_engine._models(options).reader == "PP-OCRv5_server_rec"


def test_jobs_from_before_readers_could_be_asked_for_are_read_as_ever() -> None:
    assert stage_engine._models(JobOptions.from_json({"countries": [], "sample_fps": 10.0})) == settings().models


def test_a_reader_outside_the_allowed_folders_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHPLATE_ROOTS", str(tmp_path / "videos"))
    settings.cache_clear()
    model(tmp_path / "reader")
    try:
        with pytest.raises(Inaccessible, match="outside the folders"):
            stage_engine._models(job_options(None, reader=str(tmp_path / "reader")))
    finally:
        monkeypatch.undo()
        settings.cache_clear()


def test_a_reader_by_a_relative_path_is_refused_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model(tmp_path / "reader")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DASHPLATE_ROOTS", str(tmp_path / "videos"))
    settings.cache_clear()
    try:
        with pytest.raises(Inaccessible, match="outside the folders"):
            stage_engine._models(JobOptions(reader="reader"))
    finally:
        monkeypatch.undo()
        settings.cache_clear()


def test_a_folder_that_the_engine_cannot_run_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    model(tmp_path / "reader")
    with pytest.raises(ModelError, match="engine paddle can run"):
        job_options(None, reader=str(tmp_path / "reader"), engine="paddle")
    (tmp_path / "reader" / "inference.yml").unlink()
    with pytest.raises(ModelError, match=r"no inference\.yml"):
        job_options(None, reader=str(tmp_path / "reader"))


@pytest.mark.parametrize(
    ("reader", "engine", "sentence"),
    [
        ("no/such/folder", None, "is no folder"),
        ("~nobody-here/x", None, "is no folder"),
        (None, "abacus", "choose one of"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_once(reader: str | None, engine: str | None, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        job_options(None, reader=reader, engine=engine)
