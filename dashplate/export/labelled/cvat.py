"""CVAT for images 1.1: `annotations.xml` and the frames, as CVAT imports them.

Source: https://docs.cvat.ai/docs/manual/advanced/xml_format/.
"""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from dashplate.export.labelled.place import Place
from dashplate.export.labelled.samples import Label, Picture, Sample
from pipeline.sources.source import spelled

#: Labels of boxes: a plate, and what the machine took for one.
_PLATE, _NO_PLATE = "plate", "no plate"
#: Of a plate: what it says, what the machine read, and its country.
_ATTRIBUTES = ("text", "read_as", "country")


def write_cvat(place: Place, samples: Iterable[Sample], name: str) -> int:
    """Write the frames and their annotations, as a task called `name`; returns how many sightings have a frame."""
    root = Element("annotations")
    SubElement(root, "version").text = "1.1"
    size = _task(root, name)
    frames = boxes = 0
    for sample in samples:
        if sample.frame is None:
            continue
        image = f"{sample.name}.jpg"
        place.put(f"images/{image}", sample.frame.data)
        _image(root, frames, image, sample.frame, sample.labels)
        frames += 1
        boxes += len(sample.labels)
    size.text = str(frames)
    indent(root)
    place.put("annotations.xml", tostring(root, encoding="utf-8", xml_declaration=True))
    return boxes


def _task(root: Element, name: str) -> Element:
    """The description of the task; returns the element for its number of pictures."""
    task = SubElement(SubElement(root, "meta"), "task")
    SubElement(task, "name").text = spelled(name)
    size = SubElement(task, "size")
    SubElement(task, "mode").text = "annotation"
    labels = SubElement(task, "labels")
    for word, attributes in ((_PLATE, _ATTRIBUTES), (_NO_PLATE, ("read_as",))):
        label = SubElement(labels, "label")
        SubElement(label, "name").text = word
        SubElement(label, "type").text = "rectangle"
        kinds = SubElement(label, "attributes")
        for attribute in attributes:
            kind = SubElement(kinds, "attribute")
            for tag, said in (("name", attribute), ("mutable", "False"), ("input_type", "text")):
                SubElement(kind, tag).text = said
            SubElement(kind, "default_value")
            SubElement(kind, "values")
    return size


def _image(root: Element, number: int, name: str, frame: Picture, labels: Iterable[Label]) -> None:
    size = {"width": str(frame.width), "height": str(frame.height)}
    image = SubElement(root, "image", {"id": str(number), "name": name, **size})
    for label in labels:
        box = label.box.clipped(frame.width, frame.height)
        corners = zip(("xtl", "ytl", "xbr", "ybr"), box.as_tuple(), strict=True)
        source = "manual" if label.corrected else "auto"
        word = _PLATE if label.is_plate else _NO_PLATE
        about = {"label": word, "source": source, "occluded": "0", **{name: f"{at:.2f}" for name, at in corners}}
        shape = SubElement(image, "box", {**about, "z_order": "0"})
        said = {"text": label.text, "read_as": label.read_as, "country": label.country}
        for attribute in _ATTRIBUTES if label.is_plate else ("read_as",):
            SubElement(shape, "attribute", {"name": attribute}).text = said[attribute]
