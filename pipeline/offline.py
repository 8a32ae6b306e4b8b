"""Keeps the libraries from calling out: a program that handles plates talks to nobody it was not told to.

Call `silence()` before the first import of ultralytics, openvino or paddleocr; it is cheap and may be repeated.
"""

from __future__ import annotations

import os
import sys

#: Ultralytics: no analytics, no downloads, no console chatter; PaddleX: no probing of model hosts; Hugging
#: Face and ModelScope: offline; Matplotlib must not look for a display.
_ENVIRONMENT = {
    "YOLO_OFFLINE": "True",
    "YOLO_AUTOINSTALL": "False",
    "YOLO_VERBOSE": "False",
    "PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK": "True",
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
