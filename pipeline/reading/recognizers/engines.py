"""Loads a PaddleOCR text recogniser and hands out what PaddleOCR's public result hides: every step's probabilities.

`TextRecognition.predict` pads each crop to 320 pixels and returns a text with one mean score. Fusion and the
confidence of each character need the matrix before decoding, so the network under the predictor is called directly.
That reaches into PaddleX (`paddlex_predictor.runner`, `.config`, `.post_op`), whose version is pinned for it.
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
from numpy.typing import NDArray

from pipeline.errors import MissingDependency, ModelError
from pipeline.offline import silence
from pipeline.reading.recognizers.model_folder import BUNDLED_MODEL, bundled_folder

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


#: Compiled for any shape, OpenVINO prepares the network anew whenever the shape changes, which costs a quarter of the
#: time. A shape that has come so often gets a network of its own, for 0.15 s and some megabytes; at most so many do.
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
    recognition = _text_recognition(None if folder else name_or_folder, folder, engine, threads)
    predictor = recognition.paddlex_predictor
    height_px = _operation(predictor.config, "RecResizeImg").get("image_shape", [0, 0])[1]
    if not height_px:
        raise ModelError(f"The reader {name_or_folder} does not say how high its input is: RecResizeImg.image_shape.")
    if engine is Engine.OPENVINO:
        predictor.runner = _openvino_runner(Path(predictor.model_dir) / "inference.onnx", threads)
    return LoadedModel(
        name=str(predictor.model_name),
        network=lambda batch: np.asarray(predictor.runner(x=[batch])[0]),
        charset=tuple(predictor.post_op.character),
        input_height_px=height_px,
        wants_rgb=_operation(predictor.config, "DecodeImage").get("img_mode") == "RGB",
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
        raise MissingDependency("Reading plates needs PaddleOCR: pip install 'dashplate[read]'") from error
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
    import yaml

    assert folder is not None
    described = yaml.safe_load((folder / "inference.yml").read_text(encoding="utf-8"))
    try:
        return str(described["Global"]["model_name"])
    except (KeyError, TypeError) as error:
        raise ModelError(f"{folder}/inference.yml does not name its model under Global.model_name.") from error


def _openvino_runner(onnx_file: Path, threads: int | None) -> Callable[..., list[NDArray[np.float32]]]:
    try:
        import openvino
    except ImportError as error:
        raise MissingDependency("The engine openvino is not installed: pip install 'dashplate[read]'") from error
    limits = {"INFERENCE_NUM_THREADS": threads} if threads else {}
    core = openvino.Core()
    options = {"PERFORMANCE_HINT": "LATENCY", **limits}
    for_any = core.compile_model(core.read_model(onnx_file), "CPU", options)
    came: Counter[tuple[int, ...]] = Counter()

    @lru_cache(maxsize=_MOST_SHAPES)
    def compiled_for(shape: tuple[int, ...]) -> Any:
        model = core.read_model(onnx_file)
        model.reshape(list(shape))
        return core.compile_model(model, "CPU", options)

    def run(x: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        shape = x[0].shape
        came[shape] += 1
        network = compiled_for(shape) if came[shape] > _OFTEN else for_any
        return [np.asarray(network(x[0])[0])]

    return run


def _operation(config: dict[str, Any], name: str) -> dict[str, Any]:
    for operation in config["PreProcess"]["transform_ops"]:
        if name in operation:
            return dict(operation[name] or {})
    return {}
