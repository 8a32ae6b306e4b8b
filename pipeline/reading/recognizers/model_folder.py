"""PP-OCRv6's small recogniser as a PaddleOCR model folder, made from the file inside the `rapidocr` wheel."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from pipeline.errors import MissingDependency, ModelError

#: PaddleOCR's name of the model that needs no download.
BUNDLED_MODEL = "PP-OCRv6_small_rec"
_WHEEL = "rapidocr"
_FILE_IN_WHEEL = "models/PP-OCRv6_rec_small.onnx"
#: Input of the PP-OCR recognisers: channels, height, and the width below which PaddleOCR pads.
_INPUT_SHAPE = [3, 48, 320]
#: Part of the folder's name: raise it when what `description` writes changes.
_LAYOUT = 1


def bundled_folder(cache_dir: Path) -> Path:
    """A folder with `inference.onnx` and `inference.yml` that PaddleOCR loads; made once per cache folder.

    Raises MissingDependency without the wheel, ModelError where its file is not what it should be.
    """
    source = file_in_wheel(_FILE_IN_WHEEL)
    folder = cache_dir / f"{BUNDLED_MODEL}-{source.stat().st_size}-{_LAYOUT}"
    return publish(folder, source, lambda: description(_charset(source)))


def publish(folder: Path, network: Path, describe: Callable[[], str]) -> Path:
    """Make a model folder of a network's file and its description, unless it is there; returns the folder.

    Several processes may ask at once: each prepares its own and the first to rename it into place wins.
    """
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".draft-"))
    try:
        (draft / "inference.yml").write_text(describe(), encoding="utf-8")
        shutil.copyfile(network, draft / "inference.onnx")
        draft.chmod(0o755)
        os.rename(draft, folder)
    except OSError:
        if not folder.is_dir():
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def description(characters: Sequence[str]) -> str:
    """The `inference.yml` of a recogniser with these characters, in the order of its classes."""
    return yaml.safe_dump(
        {
            "Global": {"model_name": BUNDLED_MODEL},
            "PreProcess": {
                "transform_ops": [
                    {"DecodeImage": {"channel_first": False, "img_mode": "BGR"}},
                    {"RecResizeImg": {"image_shape": _INPUT_SHAPE}},
                ]
            },
            "PostProcess": {"name": "CTCLabelDecode", "character_dict": list(characters)},
        },
        allow_unicode=True,
    )


def file_in_wheel(name: str) -> Path:
    """A file inside the `rapidocr` wheel. Raises MissingDependency without the wheel, ModelError without it."""
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        raise MissingDependency(
            "PaddleOCR's models come in the rapidocr package, which is not installed: pip install 'dashplate[read]'"
        )
    path = Path(spec.origin).parent / name
    if not path.is_file():
        raise ModelError(f"{path.name} is missing from the installed rapidocr package: install rapidocr 3.10 again.")
    return path


def _charset(source: Path) -> list[str]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(source), providers=["CPUExecutionProvider"])
    characters = session.get_modelmeta().custom_metadata_map.get("character", "")
    if not characters:
        raise ModelError(f"{source.name} names no characters: install rapidocr 3.10 again.")
    return list(characters.splitlines())
