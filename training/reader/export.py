"""Writes the trained network as a PaddleOCR model folder: `inference.onnx`, weights in FP16, and `inference.yml`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pipeline.reading.recognizers.model_folder import description
from training.reader.charset import CHARACTERS
from training.reader.train import load_trained
from training.reader.weights import Base, averaged, trained_graph

#: Smaller tensors stay as they are: they weigh nothing.
_LEAST_HALVED = 256


def export(checkpoint: Path, folder: Path, cache_dir: Path, start: Path | None = None, share: float = 1.0) -> Path:
    """Write the model folder of a checkpoint, and return it.

    Where `start` is the folder that training went on from, the mean of both is written; the checkpoint has `share`.
    """
    import onnx

    base = Base.load(cache_dir)
    network = load_trained(checkpoint, cache_dir)
    graph = trained_graph(averaged(network, start, share, base) if start else network, base)
    _halve(graph)
    del graph.metadata_props[:]
    onnx.helper.set_model_props(graph, {"character": "\n".join(CHARACTERS)})
    onnx.checker.check_model(graph)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(graph, folder / "inference.onnx")
    (folder / "inference.yml").write_text(description(CHARACTERS), encoding="utf-8")
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
