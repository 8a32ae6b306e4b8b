"""Puts the plate detector together: two scales and, on request, a recheck of unsure boxes."""

from __future__ import annotations

from dataclasses import replace

from pipeline.detection.multi_scale import CLOSE_UPS, WIDEST_IN_FINE_LOOK, Scale, ScaledDetector
from pipeline.detection.openvino_yolo import OpenVinoDetector, runs_directly
from pipeline.detection.recheck import Recheck, RecheckOptions
from pipeline.detection.yolo import Detector, DetectorOptions, YoloDetector

#: The square that a window of the second look is enlarged to, pixels.
WINDOW_INPUT_PX = 160


def plate_detector(options: DetectorOptions, second: RecheckOptions | None = None) -> Detector:
    """The detector of `options`, whose input size is that of the fine look; `second` adds a second look.

    Raises ModelError where the weights are missing.
    """
    if second is None:
        return _two_scales(options)
    frames = _two_scales(replace(options, threshold=min(options.threshold, second.doubtful)))
    windows = single_look(replace(options, input_px=WINDOW_INPUT_PX, square=True))
    return Recheck(frames, windows, second)


def _two_scales(options: DetectorOptions) -> ScaledDetector:
    fine = Scale(options.input_px, widest=WIDEST_IN_FINE_LOOK)
    close = replace(options, input_px=CLOSE_UPS.input_px)
    return ScaledDetector([(CLOSE_UPS, single_look(close)), (fine, single_look(options))])


def single_look(options: DetectorOptions) -> Detector:
    """The network alone, by the shortest way that its weights allow. Raises ModelError where they do not load."""
    on_cpu = options.device in (None, "cpu")
    return OpenVinoDetector(options) if on_cpu and runs_directly(options.weights) else YoloDetector(options)
