"""Loads a PaddleOCR text recogniser and hands out what PaddleOCR's public result hides: every step's probabilities.

`TextRecognition.predict` pads each crop to 320 pixels and returns a text with one mean score. Fusion and the
confidence of each character need the matrix before decoding, so the network under the predictor is called directly.
That reaches into PaddleX (`paddlex_predictor.runner`, `.config`, `.post_op`), whose version is pinned for it.

OpenVINO runs a model folder's files without any of it: importing PaddleOCR takes longer than reading a photograph.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from pipeline.errors import MissingDependency, ModelError
from pipeline.offline import silence
from pipeline.reading.recognizers.model_folder import BUNDLED_MODEL, bundled_folder
from pipeline.yaml_text import from_yaml

#: float32 (batch, 3, height, width) in -1..1 to probabilities (batch, steps, charset).
Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]


class Engine(enum.StrEnum):
    """What runs the network."""

    #: PaddlePaddle itself, for folders with Paddle's own files.
    PADDLE = "paddle"
    #: ONNX Runtime, through PaddleX.
    ONNXRUNTIME = "onnxruntime"
    #: OpenVINO in ONNX Runtime's place: the same file, two to three times as fast on CPUs.
    OPENVINO = "openvino"


#: Files one of which a folder needs for an engine to run it.
_FILES = {
    Engine.PADDLE: ("inference.pdiparams", "inference.pdparams", "model.safetensors", "model_state.pdparams"),
    Engine.ONNXRUNTIME: ("inference.onnx",),
    Engine.OPENVINO: ("inference.onnx",),
}


#: OpenVINO prepares a network anew whenever its input's shape changes, which costs a quarter of the time. A shape that
#: has come so often gets a copy of its own, for some megabytes; at most so many do. Copies are compiled for any shape,
#: as the first one is: compiled for one alone, they differ in the seventh digit, and rows with them.
_OFTEN, _MOST_SHAPES = 50, 16


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A recogniser ready to run."""

    name: str
    network: Network
    #: Character of each class; the first is CTC's blank.
    charset: tuple[str, ...]
    #: Height of the network's input in pixels.
    input_height_px: int
    #: Whether the network wants RGB instead of BGR.
    wants_rgb: bool


def load_model(name_or_folder: str, engine: Engine, cache_dir: Path, threads: int | None) -> LoadedModel:
    """Load a PaddleOCR recogniser by model name or folder.

    The bundled model runs offline; another PaddleOCR name is left to PaddleOCR, which may fetch it. Raises ModelError
    where the model cannot be loaded, MissingDependency where PaddleOCR is not installed.
    """
    folder = _folder(name_or_folder, engine, cache_dir)
    if folder is not None:
        require_files(folder, engine)
    if engine is Engine.OPENVINO and folder is not None:
        return _by_openvino(folder, threads)
    predictor = _text_recognition(None if folder else name_or_folder, folder, engine, threads).paddlex_predictor
    if engine is Engine.OPENVINO:
        return _by_openvino(Path(predictor.model_dir), threads)
    return LoadedModel(
        name=str(predictor.model_name),
        network=lambda batch: np.asarray(predictor.runner(x=[batch])[0]),
        charset=tuple(predictor.post_op.character),
        input_height_px=_height_px(predictor.config, name_or_folder),
        wants_rgb=_wants_rgb(predictor.config),
    )


def _by_openvino(folder: Path, threads: int | None) -> LoadedModel:
    """A model folder by its own files. PaddleOCR's conventions: CTC's blank before the characters, a space behind."""
    described = _described(folder)
    try:
        characters = described["PostProcess"]["character_dict"]
        name = str(described["Global"]["model_name"])
    except (KeyError, TypeError) as error:
        raise ModelError(f"{folder}/inference.yml does not tell the model's name or characters: {error}.") from error
    return LoadedModel(
        name=name,
        network=load_network(folder / "inference.onnx", threads),
        charset=("blank", *map(str, characters), " "),
        input_height_px=_height_px(described, folder),
        wants_rgb=_wants_rgb(described),
    )


def _folder(name_or_folder: str, engine: Engine, cache_dir: Path) -> Path | None:
    path = Path(name_or_folder)
    if path.is_dir():
        return path
    if len(path.parts) > 1:
        raise ModelError(f"The reader folder {name_or_folder} does not exist.")
    if name_or_folder == BUNDLED_MODEL and engine is not Engine.PADDLE:
        return bundled_folder(cache_dir)
    return None


def require_files(folder: Path, engine: Engine) -> None:
    """Raise ModelError where a folder is no PaddleOCR model that the engine can run."""
    if not (folder / "inference.yml").is_file():
        raise ModelError(f"{folder} is no PaddleOCR model folder: it has no inference.yml.")
    if not any((folder / name).is_file() for name in _FILES[engine]):
        raise ModelError(f"{folder} has no file that the engine {engine} can run; one of {', '.join(_FILES[engine])}.")


def _text_recognition(name: str | None, folder: Path | None, engine: Engine, threads: int | None) -> Any:
    silence()
    try:
        from paddleocr import TextRecognition
    except ImportError as error:
        raise MissingDependency("This reader or engine needs PaddleOCR: pip install 'dashplate[paddle]'") from error
    beneath = Engine.ONNXRUNTIME if engine is Engine.OPENVINO else engine
    try:
        return TextRecognition(
            model_name=name or _model_name(folder),
            model_dir=str(folder) if folder else None,
            engine=str(beneath),
            device="cpu",
            engine_config=_engine_config(beneath, threads),
        )
    except Exception as error:
        raise ModelError(f"The reader {name or folder} does not load with {engine}: {error}") from error


def _engine_config(engine: Engine, threads: int | None) -> dict[str, Any] | None:
    if engine is Engine.PADDLE:
        return {"paddle_static": {"cpu_threads": threads}} if threads else None
    return {"intra_op_num_threads": threads} if threads else None


def _model_name(folder: Path | None) -> str:
    assert folder is not None
    try:
        return str(_described(folder)["Global"]["model_name"])
    except (KeyError, TypeError) as error:
        raise ModelError(f"{folder}/inference.yml does not name its model under Global.model_name.") from error


def _described(folder: Path) -> dict[str, Any]:
    """What a model folder says of itself."""
    try:
        described = from_yaml((folder / "inference.yml").read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ModelError(f"{folder}/inference.yml cannot be read: {error}") from error
    return described if isinstance(described, dict) else {}


def load_network(onnx_file: Path, threads: int | None) -> Network:
    """Any ONNX file with one input and one output, run by OpenVINO. Raises MissingDependency without it, ModelError
    where the file cannot be loaded."""
    silence()
    try:
        import openvino
    except ImportError as error:
        raise MissingDependency("The engine openvino is not installed: pip install 'dashplate[read]'") from error
    limits = {"INFERENCE_NUM_THREADS": threads} if threads else {}
    core = openvino.Core()
    options = {"PERFORMANCE_HINT": "LATENCY", **limits}
    try:
        for_any = core.compile_model(core.read_model(onnx_file), "CPU", options)
    except RuntimeError as error:
        raise ModelError(f"OpenVINO cannot load {onnx_file}: {next(iter(str(error).splitlines()), error)}") from error
    came: Counter[tuple[int, ...]] = Counter()

    @lru_cache(maxsize=_MOST_SHAPES)
    def copy_for(_shape: tuple[int, ...]) -> Any:
        return core.compile_model(core.read_model(onnx_file), "CPU", options)

    def run(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        shape = batch.shape
        came[shape] += 1
        network = copy_for(shape) if came[shape] > _OFTEN else for_any
        return np.asarray(network(batch)[0])

    return run


def _height_px(config: dict[str, Any], model: str | Path) -> int:
    height_px = _operation(config, "RecResizeImg").get("image_shape", [0, 0])[1]
    if not height_px:
        raise ModelError(f"The reader {model} does not say how high its input is: RecResizeImg.image_shape.")
    return int(height_px)


def _wants_rgb(config: dict[str, Any]) -> bool:
    return bool(_operation(config, "DecodeImage").get("img_mode") == "RGB")


def _operation(config: dict[str, Any], name: str) -> dict[str, Any]:
    for operation in config.get("PreProcess", {}).get("transform_ops", []):
        if name in operation:
            return dict(operation[name] or {})
    return {}
