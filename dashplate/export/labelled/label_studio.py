"""Label Studio: `tasks.json`, the frames, and `config.xml` with the labelling interface that the tasks fit.

What a person said are annotations, what the machine read are predictions. Source:
https://labelstud.io/guide/task_format and https://labelstud.io/guide/predictions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dashplate.export.labelled.place import Place
from dashplate.export.labelled.samples import Label, Picture, Sample
from output.files import json_text
from pipeline.records import Box

#: Names of the interface's parts, by which results name them.
_IMAGE, _BOX, _TEXT = "image", "label", "text"
_PLATE = "plate"
#: Pictures as Label Studio serves them from its folder for local files, below which `images` is laid.
_SERVED = "/data/local-files/?d=images/"
_CONFIG = f"""<View>
  <Image name="{_IMAGE}" value="$image"/>
  <RectangleLabels name="{_BOX}" toName="{_IMAGE}">
    <Label value="{_PLATE}"/>
  </RectangleLabels>
  <TextArea name="{_TEXT}" toName="{_IMAGE}" perRegion="true" editable="true" displayMode="region-list"/>
</View>
"""


def write_label_studio(place: Place, samples: Iterable[Sample], version: str) -> int:
    """Write the frames and their tasks; `version` names the model. Returns how many sightings have a frame."""
    tasks: list[dict[str, Any]] = []
    boxes = 0
    for sample in samples:
        if sample.frame is None:
            continue
        image = f"{sample.name}.jpg"
        place.put(f"images/{image}", sample.frame.data)
        tasks.append(_task(image, sample, sample.frame, version))
        boxes += len(sample.labels)
    place.put("tasks.json", json_text(tasks, indent=1).encode())
    place.put("config.xml", _CONFIG.encode())
    return boxes


def _task(image: str, sample: Sample, frame: Picture, version: str) -> dict[str, Any]:
    people = [label for label in sample.labels if label.corrected]
    said = [part for label in people if label.is_plate for part in _results(label, label.text, frame)]
    read = [part for label in sample.labels for part in _results(label, label.read_as, frame, label.confidence)]
    score = min(label.confidence for label in sample.labels)
    # An annotation without results says that there is no plate: a person looked.
    annotations = [{"result": said}] if people else []
    return {
        "data": {"image": f"{_SERVED}{image}", "video": sample.video},
        "annotations": annotations,
        "predictions": [{"model_version": version, "score": round(score, 4), "result": read}],
    }


def _results(label: Label, text: str, frame: Picture, score: float | None = None) -> list[dict[str, Any]]:
    """The box and its text, which have one id."""
    place = _percent(label.box.clipped(frame.width, frame.height), frame)
    common: dict[str, Any] = {
        "id": f"s{label.sighting}", "to_name": _IMAGE, "original_width": frame.width, "original_height": frame.height,
        "image_rotation": 0,
    }  # fmt: skip
    if score is not None:
        common["score"] = round(score, 4)
    return [
        {**common, "type": "rectanglelabels", "from_name": _BOX, "value": {**place, "rectanglelabels": [_PLATE]}},
        {**common, "type": "textarea", "from_name": _TEXT, "value": {**place, "text": [text]}},
    ]


def _percent(box: Box, frame: Picture) -> dict[str, float]:
    """A box as shares of its picture, from 0 to 100."""
    across, down = 100 / frame.width, 100 / frame.height
    shares = {"x": box.x1 * across, "y": box.y1 * down, "width": box.width * across, "height": box.height * down}
    return {**{name: round(at, 4) for name, at in shares.items()}, "rotation": 0}
