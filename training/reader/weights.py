"""Lays PP-OCRv6's weights into the torch network, and trained ones back into the same ONNX graph.

The graph is kept; only its numbers and the classifier's width change. So what PaddleOCR, ONNX Runtime and OpenVINO are
given is a graph that they are known to run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from torch import nn

from pipeline.errors import ModelError
from pipeline.reading.recognizers.model_folder import bundled_folder
from training.reader.charset import CHARACTERS, columns_in
from training.reader.network import PlateNetwork

Array = NDArray[np.float32]

_CLASSIFIER = "linear_8"
#: What the two classes are called here that are no characters.
_BLANK, _SPACE = "blank", "space"
_CLASSES = (_BLANK, *CHARACTERS, _SPACE)
_NORM_EPSILON = 1e-5
_NOTHING: Array = np.zeros(0, np.float32)


@dataclass(frozen=True)
class Base:
    """The model that comes in the `rapidocr` wheel."""

    #: Its ONNX graph.
    graph: Any
    #: Its characters, blank and space not among them.
    charset: tuple[str, ...]

    @classmethod
    def load(cls, cache_dir: Path) -> Base:
        """Load it; `cache_dir` keeps the prepared folder. Raises what `bundled_folder` raises."""
        import onnx

        folder = bundled_folder(cache_dir)
        described = yaml.safe_load((folder / "inference.yml").read_text(encoding="utf-8"))
        return cls(onnx.load(folder / "inference.onnx"), tuple(described["PostProcess"]["character_dict"]))

    @property
    def classes(self) -> int:
        """Characters, blank and space."""
        return len(self.charset) + 2


def whole_network(base: Base) -> PlateNetwork:
    """Return the base model as it is, with its 18,710 classes."""
    network = PlateNetwork(base.classes)
    _lay_in(network, _numbers(base.graph), base)
    return network


def plate_network(base: Base) -> PlateNetwork:
    """Return the base model with the classes of `charset` alone."""
    network = PlateNetwork(len(CHARACTERS) + 2)
    numbers = _numbers(base.graph)
    columns = columns_in(base.charset)
    for part in ("w_0", "b_0"):
        numbers[f"{_CLASSIFIER}.{part}"] = numbers[f"{_CLASSIFIER}.{part}"][..., columns]
    _lay_in(network, numbers, base)
    return network


def shipped_network(folder: Path, base: Base) -> PlateNetwork:
    """Return the network of a model folder that `export` wrote, in FP32; classes that it lacks are the base's."""
    import onnx

    network, known = plate_network(base), _classes_of(folder)
    numbers = {name.removesuffix(".half"): n for name, n in _numbers(onnx.load(folder / "inference.onnx")).items()}
    for part, whole in (("w_0", network.classifier.weight.T), ("b_0", network.classifier.bias)):
        columns = whole.detach().numpy().copy()
        shipped = numbers[f"{_CLASSIFIER}.{part}"]
        for place, name in enumerate(_CLASSES):
            if name in known:
                columns[..., place] = shipped[..., known.index(name)]
        numbers[f"{_CLASSIFIER}.{part}"] = columns
    _lay_in(network, numbers, base)
    return network


def averaged(network: PlateNetwork, folder: Path, share: float, base: Base) -> PlateNetwork:
    """Return the mean of a network, which counts for `share`, and the one in a model folder that it went on from.

    It forgets less of what that one read. Classes which that one lacks are the network's own.
    """
    found, before, own = plate_network(base), shipped_network(folder, base).state_dict(), network.state_dict()
    mean = {name: torch.lerp(before[name], own[name], share) for name in own}
    known = _classes_of(folder)
    for place, name in enumerate(_CLASSES):
        if name not in known:
            for part in ("classifier.weight", "classifier.bias"):
                mean[part][place] = own[part][place]
    found.load_state_dict(mean)
    return found


def _classes_of(folder: Path) -> list[str]:
    described = yaml.safe_load((folder / "inference.yml").read_text(encoding="utf-8"))
    return [_BLANK, *described["PostProcess"]["character_dict"], _SPACE]


def trained_graph(network: PlateNetwork, base: Base) -> Any:
    """Return a copy of the base model's graph that holds the network's numbers; its batch norms only add."""
    import onnx

    graph = onnx.ModelProto()
    graph.CopyFrom(base.graph)
    state = {name: value.detach().float().numpy() for name, value in network.state_dict().items()}
    new: dict[str, Array] = {}
    for name, conv in zip(_names(network, nn.Conv2d), _convolutions(base.graph), strict=True):
        new[conv.weight] = state[f"{name}.weight"]
        bias = state[f"{name}.bias"]
        if conv.norm:
            ones = np.ones_like(bias)
            new.update(zip(conv.norm, (ones, bias, 0 * ones, (1 - _NORM_EPSILON) * ones), strict=True))
        else:
            new[conv.bias] = bias.reshape(1, -1, 1, 1)
    for index, name in enumerate(_names(network, nn.Linear)):
        new[f"linear_{index}.w_0"] = state[f"{name}.weight"].T
        new[f"linear_{index}.b_0"] = state[f"{name}.bias"]
    for index, name in enumerate(_names(network, nn.LayerNorm)):
        new[f"helper.reshape.{2 * index}"] = state[f"{name}.weight"]
        new[f"helper.reshape.{2 * index + 1}"] = state[f"{name}.bias"]
    for tensor in graph.graph.initializer:
        if tensor.name in new:
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.ascontiguousarray(new.pop(tensor.name)), tensor.name))
    if new:
        raise ModelError(f"The base model has no {', '.join(new)}: install rapidocr 3.10 again.")
    # What is noted there of the shapes between the nodes belongs to the old classifier.
    del graph.graph.value_info[:]
    graph.graph.output[0].type.tensor_type.shape.dim[2].dim_value = network.classifier.out_features
    return graph


@dataclass(frozen=True)
class _Convolution:
    """The names of one convolution's numbers in the graph."""

    weight: str
    #: Where an addition follows; shape (1, channels, 1, 1).
    bias: str
    #: Where a batch norm follows instead: its scale, shift, mean and variance.
    norm: tuple[str, ...]


def _convolutions(model: Any) -> list[_Convolution]:
    """List the convolutions in the order in which they run."""
    next_node = {node.input[0]: node for node in reversed(model.graph.node) if node.input}
    found = []
    for node in model.graph.node:
        if node.op_type == "Conv":
            after = next_node[node.output[0]]
            norm = tuple(after.input[1:]) if after.op_type == "BatchNormalization" else ()
            found.append(_Convolution(node.input[1], "" if norm else after.input[1], norm))
    return found


def _numbers(model: Any) -> dict[str, Array]:
    import onnx

    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def _names(network: PlateNetwork, kind: type[nn.Module]) -> list[str]:
    return [name for name, module in network.named_modules() if isinstance(module, kind)]


def _lay_in(network: PlateNetwork, numbers: dict[str, Array], base: Base) -> None:
    state: dict[str, Array] = {}
    for name, conv in zip(_names(network, nn.Conv2d), _convolutions(base.graph), strict=True):
        weight, bias = numbers[conv.weight], numbers.get(conv.bias, _NOTHING).ravel()
        if conv.norm:
            weight, bias = _folded(weight, [numbers[part] for part in conv.norm])
        state[f"{name}.weight"], state[f"{name}.bias"] = weight, bias
    for index, name in enumerate(_names(network, nn.Linear)):
        state[f"{name}.weight"] = numbers[f"linear_{index}.w_0"].T
        state[f"{name}.bias"] = numbers[f"linear_{index}.b_0"]
    for index, name in enumerate(_names(network, nn.LayerNorm)):
        state[f"{name}.weight"] = numbers[f"helper.reshape.{2 * index}"]
        state[f"{name}.bias"] = numbers[f"helper.reshape.{2 * index + 1}"]
    network.load_state_dict({name: torch.from_numpy(np.array(value, np.float32)) for name, value in state.items()})


def _folded(weight: Array, norm: Sequence[Array]) -> tuple[Array, Array]:
    """Return the kernel and bias of a convolution with the batch norm behind it."""
    scale, shift, mean, variance = norm
    gain = scale / np.sqrt(variance + _NORM_EPSILON)
    return weight * gain.reshape(-1, 1, 1, 1), shift - mean * gain
