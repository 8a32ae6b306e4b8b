"""Keeps the libraries from calling out: a program that handles plates talks to nobody it was not told to.

Importing `pipeline` calls `silence()`, before any of them is loaded.
"""

from __future__ import annotations

import os
import sys

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


def silence() -> None:
    """Set the switches that each library reads at import; a value already in the environment stays."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    sys.modules.setdefault(_TELEMETRY, None)  # type: ignore[arg-type]
