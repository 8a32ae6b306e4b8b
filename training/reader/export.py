"""Writes the trained network as a PaddleOCR model folder: `inference.onnx`, weights in FP16, and `inference.yml`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from training.reader.charset import CHARACTERS
from training.reader.network import HEIGHT_PX
from training.reader.train import load_trained
from training.reader.weights import Base, trained_graph

#: The layout that PaddleX knows; it decides how the folder is loaded, not what the model is.
_PADDLE_NAME = "PP-OCRv6_small_rec"
#: PaddleOCR's own `predict` pads up to this width; `pipeline.reading.recognizers` does not.
_PADDLE_WIDTH_PX = 320
#: Smaller tensors stay as they are: they weigh nothing.
_LEAST_HALVED = 256


def export(checkpoint: Path, folder: Path, cache_dir: Path) -> Path:
    """Write the model folder of a checkpoint, and return it."""
    import onnx

    base = Base.load(cache_dir)
    graph = trained_graph(load_trained(checkpoint, cache_dir), base)
    _halve(graph)
    del graph.metadata_props[:]
    onnx.helper.set_model_props(graph, {"character": "\n".join(CHARACTERS)})
    onnx.checker.check_model(graph)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(graph, folder / "inference.onnx")
    (folder / "inference.yml").write_text(_described(), encoding="utf-8")
    return folder


def _halve(model: Any) -> None:
    """Store weights as FP16, and widen them again in the graph: engines do that once, when they load it."""
    import onnx

    widened = []
    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < _LEAST_HALVED:
            continue
        name = tensor.name
        tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        widened.append(onnx.helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*widened, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _described() -> str:
    return yaml.safe_dump(
        {
            "Global": {"model_name": _PADDLE_NAME},
            "PreProcess": {
                "transform_ops": [
                    {"DecodeImage": {"channel_first": False, "img_mode": "BGR"}},
                    {"RecResizeImg": {"image_shape": [3, HEIGHT_PX, _PADDLE_WIDTH_PX]}},
                ]
            },
            "PostProcess": {"name": "CTCLabelDecode", "character_dict": list(CHARACTERS)},
        },
        allow_unicode=True,
    )
