"""What annotation tools publish of their formats, written down as checks: CVAT for images 1.1, Label Studio's tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import jsonschema

#: From https://docs.cvat.ai/docs/manual/advanced/xml_format/.
_INPUT_TYPES = {"select", "radio", "checkbox", "number", "text"}
_SOURCES = {"manual", "auto", "semi-auto", "file"}
_BOX = {"label", "source", "occluded", "xtl", "ytl", "xbr", "ybr", "z_order"}

_PLACE = ("x", "y", "width", "height")
_PERCENT = {"type": "number", "minimum": 0, "maximum": 100}


def _result(kind: str, value: dict[str, Any]) -> dict[str, Any]:
    properties = {**dict.fromkeys(_PLACE, _PERCENT), "rotation": {"type": "number"}, **value}
    return {
        "type": "object",
        "required": ["id", "type", "from_name", "to_name", "value", "original_width", "original_height"],
        "properties": {
            "id": {"type": "string", "minLength": 1},
            "type": {"const": kind},
            "from_name": {"type": "string"},
            "to_name": {"type": "string"},
            "original_width": {"type": "integer", "minimum": 1},
            "original_height": {"type": "integer", "minimum": 1},
            "image_rotation": {"type": "number"},
            "score": {"type": "number", "minimum": 0, "maximum": 1},
            "value": {
                "type": "object", "required": [*properties], "properties": properties, "additionalProperties": False,
            },
        },
        "additionalProperties": False,
    }  # fmt: skip


_WORDS = {"type": "array", "items": {"type": "string"}, "minItems": 1}
_RESULTS = {
    "type": "array",
    "items": {
        "oneOf": [_result("rectanglelabels", {"rectanglelabels": _WORDS}), _result("textarea", {"text": _WORDS})]
    },
}
#: From https://labelstud.io/guide/task_format and https://labelstud.io/guide/predictions.
LABEL_STUDIO_TASKS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["data"],
        "properties": {
            "data": {"type": "object", "required": ["image"], "properties": {"image": {"type": "string"}}},
            "annotations": {
                "type": "array",
                "items": {"type": "object", "required": ["result"], "properties": {"result": _RESULTS}},
            },
            "predictions": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["result"],
                    "properties": {
                        "model_version": {"type": "string"}, "score": {"type": "number"}, "result": _RESULTS,
                    },
                },
            },
        },
        "additionalProperties": False,
    },
}  # fmt: skip


def check_label_studio(tasks: Any, config: str) -> None:
    """The tasks are as the schema has them, and fit the labelling interface that comes with them."""
    jsonschema.validate(tasks, LABEL_STUDIO_TASKS)
    view = ElementTree.fromstring(config)
    controls = {part.get("name"): part for part in view.iter() if part.get("toName")}
    objects = {
        part.get("name"): part.get("value", "") for part in view.iter() if (part.get("value") or "").startswith("$")
    }
    labels = {part.get("value") for part in view.iter("Label")}
    for task in tasks:
        assert all(value.removeprefix("$") in task["data"] for value in objects.values())
        for said in (*task["annotations"], *task["predictions"]):
            boxes: dict[str, Mapping[str, Any]] = {}
            for result in said["result"]:
                control = controls[result["from_name"]]
                assert control.get("toName") == result["to_name"]
                assert result["to_name"] in objects
                assert control.tag.lower() == result["type"]
                place = {name: result["value"][name] for name in _PLACE}
                assert place["x"] + place["width"] <= 100.01
                assert place["y"] + place["height"] <= 100.01
                assert boxes.setdefault(result["id"], place) == place, "a text belongs to the box of its id"
                assert set(result["value"].get("rectanglelabels", [])) <= labels


def check_cvat(root: Element) -> None:
    """The file is as the format's description has it: for images, version 1.1."""
    assert (root.tag, root.findtext("version")) == ("annotations", "1.1")
    assert [child.tag for child in root[:2]] == ["version", "meta"]
    task = root.find("meta/task")
    assert task is not None
    assert task.findtext("name") is not None
    assert task.findtext("mode") == "annotation"
    images = root.findall("image")
    assert task.findtext("size") == str(len(images))
    known: dict[str, set[str]] = {}
    for label in task.findall("labels/label"):
        attributes = label.findall("attributes/attribute")
        for attribute in attributes:
            tags = ["name", "mutable", "input_type", "default_value", "values"]
            assert [part.tag for part in attribute] == tags
            assert attribute.findtext("input_type") in _INPUT_TYPES
            assert attribute.findtext("mutable") in ("True", "False")
        known[label.findtext("name") or ""] = {attribute.findtext("name") or "" for attribute in attributes}
    assert [image.get("id") for image in images] == [str(number) for number in range(len(images))]
    assert len({image.get("name") for image in images}) == len(images)
    for image in images:
        assert set(image.attrib) == {"id", "name", "width", "height"}
        for box in image:
            _check_box(box, known, float(image.attrib["width"]), float(image.attrib["height"]))


def _check_box(box: Element, known: Mapping[str, set[str]], width: float, height: float) -> None:
    assert (box.tag, set(box.attrib)) == ("box", _BOX)
    assert box.attrib["source"] in _SOURCES
    assert box.attrib["occluded"] in ("0", "1")
    assert int(box.attrib["z_order"]) >= 0
    left, top, right, bottom = (float(box.attrib[corner]) for corner in ("xtl", "ytl", "xbr", "ybr"))
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert {part.tag for part in box} <= {"attribute"}
    assert {part.attrib["name"] for part in box} == known[box.attrib["label"]]
