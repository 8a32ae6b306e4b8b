"""The naive way: PaddleOCR's whole pipeline on whole frames, in a process of its own.

`python -m bench.naive CLIP --json FILE` writes a `NaiveReading`; `bench.runs` starts it and watches it.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from bench.texts import TextSpan, spans
from pipeline.decode import decode
from pipeline.errors import MissingDependency
from pipeline.look import SAMPLE_FPS
from pipeline.media import probe
from pipeline.offline import silence
from pipeline.recognizers.model_folder import BUNDLED_MODEL, bundled_folder
from pipeline.records import Frame, SegmentSpan

_DETECTOR = "PP-OCRv6_small_det"
_DETECTOR_FILE = "models/PP-OCRv6_det_small.onnx"
#: As PaddleOCR publishes its detectors: ImageNet's colours, and the thresholds of its OCR pipeline.
_DETECTOR_DESCRIPTION = {
    "Global": {"model_name": _DETECTOR},
    "PreProcess": {
        "transform_ops": [
            {"DecodeImage": {"channel_first": False, "img_mode": "BGR"}},
            {"DetResizeForTest": None},
            {"NormalizeImage": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "order": "hwc"}},
            {"ToCHWImage": None},
        ]
    },
    "PostProcess": {
        "name": "DBPostProcess", "thresh": 0.3, "box_thresh": 0.6, "max_candidates": 1000, "unclip_ratio": 1.5
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class NaiveReading:
    """What whole-frame OCR made of a clip."""

    #: Frames that were read.
    frames: int
    #: Seconds to load both networks.
    load_s: float
    #: Seconds to decode and read the frames.
    reading_s: float
    #: Every text of a plate's length, those of one frame too.
    texts: tuple[TextSpan, ...]


def read_clip(clip: Path, sample_fps: float, until_s: float | None, cache_dir: Path) -> NaiveReading:
    """Read the frames that the road looks at, whole; those from `until_s` on are left out."""
    began = time.monotonic()
    ocr = _load(cache_dir)
    loaded = time.monotonic()
    read = [(frame.time_s, _texts(ocr, frame)) for frame in _frames(clip, sample_fps, until_s)]
    ended = time.monotonic()
    return NaiveReading(len(read), loaded - began, ended - loaded, tuple(spans(read)))


def _frames(clip: Path, sample_fps: float, until_s: float | None) -> Iterator[Frame]:
    info = probe(clip)
    frames = decode(info, SegmentSpan(0, info.start_pts, info.end_pts), sample_fps)
    return frames if until_s is None else takewhile(lambda frame: frame.time_s < until_s, frames)


def _texts(ocr: Any, frame: Frame) -> list[str]:
    return [str(text) for page in ocr.predict(frame.image) for text in page["rec_texts"]]


def _load(cache_dir: Path) -> Any:
    silence()
    from paddleocr import PaddleOCR

    return PaddleOCR(
        text_detection_model_name=_DETECTOR,
        text_detection_model_dir=str(_detector_folder(cache_dir)),
        text_recognition_model_name=BUNDLED_MODEL,
        text_recognition_model_dir=str(bundled_folder(cache_dir)),
        use_doc_orientation_classify=False,
        use_doc_unwarping=False,
        use_textline_orientation=False,
        engine="onnxruntime",
        device="cpu",
    )


def _detector_folder(cache_dir: Path) -> Path:
    """The detector inside the rapidocr wheel as a folder that PaddleOCR loads."""
    spec = importlib.util.find_spec("rapidocr")
    if spec is None or spec.origin is None:
        raise MissingDependency("The OCR models come in the rapidocr package: pip install 'dashplate[read]'")
    folder = cache_dir / _DETECTOR
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(Path(spec.origin).parent / _DETECTOR_FILE, folder / "inference.onnx")
    (folder / "inference.yml").write_text(yaml.safe_dump(_DETECTOR_DESCRIPTION), encoding="utf-8")
    return folder


def main(
    clip: Path,
    json_file: Annotated[Path, typer.Option("--json", help="Write the reading here.")],
    cache: Annotated[Path, typer.Option(help="Folder for the prepared models.")],
    sample_fps: float = SAMPLE_FPS,
    until_s: Annotated[float | None, typer.Option(help="Stop at this second of the video.")] = None,
) -> None:
    """Read a clip and write what was found."""
    reading = read_clip(clip, sample_fps, until_s, cache)
    json_file.write_text(json.dumps(asdict(reading)), encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
