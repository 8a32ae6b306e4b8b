"""The same network under every engine: a matched filter that reads drawn digits, written out in both file formats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from pipeline.errors import ModelError
from pipeline.formats import load_formats
from pipeline.reading.reader import Reader
from pipeline.reading.recognizers import Engine, load_recognizer
from pipeline.records import Image

pytestmark = pytest.mark.filterwarnings("ignore:No ccache found:UserWarning")

DIGITS = "0123456789"
HEIGHT_PX, CELL_PX = 48, 16
#: How far the filter that fits stands out.
SHARPNESS = 40.0


def drawn(text: str) -> Image:
    """Black digits, each in a white cell of 16x48 pixels, a space an empty one; BGR. Nine fill a line."""
    image = np.full((HEIGHT_PX, CELL_PX * len(text), 3), 255, np.uint8)
    for place, char in enumerate(text):
        cv2.putText(image, char, (CELL_PX * place + 1, 34), cv2.FONT_HERSHEY_PLAIN, 1.5, (0, 0, 0), 2)
    return image


def filters() -> NDArray[np.float32]:
    """One kernel for a space and one for each digit, (11, 3, 48, 16), of length 1 and with no answer to plain grey."""
    found = []
    for char in f" {DIGITS}":
        cell = drawn(char).astype(np.float32).transpose(2, 0, 1) / 127.5 - 1.0
        found.append(cell - cell.mean())
    kernels = np.stack(found)
    lengths = np.sqrt((kernels**2).sum((1, 2, 3), keepdims=True))
    return np.asarray(kernels / np.maximum(lengths, 1.0), np.float32)


def described(folder: Path) -> None:
    folder.mkdir()
    steps = [
        {"DecodeImage": {"channel_first": False, "img_mode": "BGR"}},
        {"RecResizeImg": {"image_shape": [3, HEIGHT_PX, 320]}},
    ]
    whole = {
        "Global": {"model_name": "PP-OCRv6_small_rec"},
        "PreProcess": {"transform_ops": steps},
        "PostProcess": {"name": "CTCLabelDecode", "character_dict": list(DIGITS)},
    }
    (folder / "inference.yml").write_text(yaml.safe_dump(whole), encoding="utf-8")


@pytest.fixture(scope="module")
def onnx_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Convolution, the twelfth class that PaddleOCR adds for a space, softmax: as ONNX."""
    from onnx import TensorProto, helper, numpy_helper, save

    folder = tmp_path_factory.mktemp("onnx") / "reader"
    described(folder)
    kernels = np.concatenate([filters() * SHARPNESS / 10, np.zeros((1, 3, HEIGHT_PX, CELL_PX), np.float32)])
    bias = np.array([1.0, *[0.0] * 10, -50.0], np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "kernels", "bias"], ["map"], strides=[1, CELL_PX]),
        helper.make_node("Squeeze", ["map", "two"], ["flat"]),
        helper.make_node("Transpose", ["flat"], ["steps"], perm=[0, 2, 1]),
        helper.make_node("Softmax", ["steps"], ["y"], axis=2),
    ]
    given = [
        numpy_helper.from_array(kernels, "kernels"),
        numpy_helper.from_array(bias, "bias"),
        numpy_helper.from_array(np.array([2], np.int64), "two"),
    ]
    graph = helper.make_graph(
        nodes,
        "matched filter",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, HEIGHT_PX, "w"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", "steps", 12])],
        given,
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), folder / "inference.onnx")
    return folder


@pytest.fixture(scope="module")
def paddle_folder(tmp_path_factory: pytest.TempPathFactory, onnx_folder: Path) -> Path:
    """The same in PaddlePaddle's own format, weights taken from the ONNX file."""
    import onnx
    import paddle

    graph = onnx.load(onnx_folder / "inference.onnx").graph
    numbers = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}

    class Filter(paddle.nn.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.conv = paddle.nn.Conv2D(3, 12, (HEIGHT_PX, CELL_PX), (1, CELL_PX))
            self.conv.weight.set_value(numbers["kernels"])
            self.conv.bias.set_value(numbers["bias"])

        def forward(self, x: Any) -> Any:
            return paddle.nn.functional.softmax(self.conv(x).squeeze(2).transpose([0, 2, 1]), axis=2)

    folder = tmp_path_factory.mktemp("paddle") / "reader"
    described(folder)
    shape = paddle.static.InputSpec([None, 3, HEIGHT_PX, None], "float32")
    network = Filter()
    network.eval()
    paddle.jit.save(network, str(folder / "inference"), input_spec=[shape])
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize("engine", list(Engine))
def test_every_engine_reads_a_folder_of_its_own_format(
    engine: Engine, onnx_folder: Path, paddle_folder: Path, cache: Path
) -> None:
    folder = paddle_folder if engine is Engine.PADDLE else onnx_folder
    recognizer = load_recognizer(str(folder), engine, cache, threads=1)
    reading = Reader(recognizer, load_formats()).read_plate_image(drawn("94 0 7325"))
    assert reading is not None
    assert reading.text == "9407325"


def test_engines_agree_on_every_probability(onnx_folder: Path, paddle_folder: Path, cache: Path) -> None:
    pictures = [drawn("1 234 56"), drawn("98 765432 1"), drawn("00 1 22")]
    folders = {engine: paddle_folder if engine is Engine.PADDLE else onnx_folder for engine in Engine}
    answers = [load_recognizer(str(folders[e]), e, cache, threads=1).probabilities(pictures) for e in Engine]
    # Engines may reckon in bfloat16 where the processor has it.
    for others in answers[1:]:
        for one, other in zip(answers[0], others, strict=True):
            np.testing.assert_allclose(one, other, atol=0.05)


def test_an_engine_says_which_file_it_misses(onnx_folder: Path, paddle_folder: Path, cache: Path) -> None:
    with pytest.raises(ModelError, match=r"paddle can run; one of inference\.pdiparams"):
        load_recognizer(str(onnx_folder), Engine.PADDLE, cache)
    with pytest.raises(ModelError, match=r"openvino can run; one of inference\.onnx"):
        load_recognizer(str(paddle_folder), Engine.OPENVINO, cache)
