"""Keeps the libraries from calling out: a program that handles plates talks to nobody it was not told to.

It also bounds the pictures that OpenCV decodes, which OpenCV asks for at import as well. Entry points call `silence()`
before any of them is loaded: `dashplate`, `evaluation`, `training`, `synthesis` and `bench` when they are imported, and
the Celery application. The two places of `pipeline` that load Ultralytics and PaddleOCR do so too; a program of others
that imports `pipeline`, `store` or `output` alone calls it first, or OpenCV has no bound.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from pipeline.video.image_size import PHOTO_PIXELS

#: Ultralytics: no analytics, no downloads, no console chatter; PaddleX: no probing of model hosts; ONNX Runtime:
#: no telemetry; Matplotlib must not look for a display. OpenVINO's telemetry package is left out of the pins.
_ENVIRONMENT = {
    "YOLO_OFFLINE": "True",
    "YOLO_AUTOINSTALL": "False",
    "YOLO_VERBOSE": "False",
    "PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK": "True",
    "ORT_DISABLE_TELEMETRY": "1",
    "DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "MPLBACKEND": "Agg",
}


#: OpenVINO reports each import to Google Analytics through this package and heeds no switch; where the package cannot
#: be imported, it does without.
_TELEMETRY = "openvino_telemetry"


#: PaddleX imports this one only to fetch models by name, and it brings torch along: 2 s and 500 MB for every reader.
_UNUSED = "modelscope"


class _Unread(ModuleType):
    """Stands for a library until somebody asks it for something: then it is imported."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__spec__ = ModuleSpec(name, None)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def silence() -> None:
    """Set the switches that each library reads at import; a value already in the environment stays, the bound aside."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(PHOTO_PIXELS)
    sys.modules.setdefault(_TELEMETRY, None)  # type: ignore[arg-type]
    if _UNUSED not in sys.modules and importlib.util.find_spec(_UNUSED) is not None:
        sys.modules[_UNUSED] = _Unread(_UNUSED)
