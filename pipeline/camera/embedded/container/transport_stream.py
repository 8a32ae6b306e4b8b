"""MPEG transport streams: the payloads of packets that carry neither pictures nor sound, and what lies behind the last.

Some cameras write a record a second into a private stream that no table names. Reading them all would read the whole
file: the beginning and the end are looked at. Source: ISO/IEC 13818-1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.camera.embedded.container.bounded import BoundedFile

PACKET_BYTES = 188
#: Some eight seconds of a dashcam's 1080p; smaller files are seen whole.
STRETCH_BYTES = 4 << 20
#: A private stream's unit is no larger.
MOST_UNIT_BYTES = 64 << 10
#: Streams of pictures and sound by the byte behind the unit's start code.
_FILM = range(0xC0, 0xF0)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a stream: the units of private streams in it, and the bytes behind the file's last packet."""

    units: list[bytes]
    tail: bytes = b""


def is_transport_stream(file: BoundedFile) -> bool:
    """Packets of 188 bytes, or of 192 with a time before each."""
    return _packet_bytes(file) > 0


def stretches(file: BoundedFile) -> Iterator[Stretch]:
    """The beginning, then the end where the file is longer than that."""
    width = _packet_bytes(file)
    head = file.read(0, min(file.size, STRETCH_BYTES))
    whole = len(head) == file.size
    yield _stretch(head, width, ends=whole)
    if not whole:
        start = max(STRETCH_BYTES, file.size - STRETCH_BYTES) // width * width
        yield _stretch(file.read(start, file.size - start), width, ends=True)


def _packet_bytes(file: BoundedFile) -> int:
    data = file.read(0, 5 * 192)
    for width in (PACKET_BYTES, 192):
        lead = width - PACKET_BYTES
        marks = data[lead::width]
        if len(marks) >= 3 and set(marks) == {0x47}:
            return width
    return 0


def _stretch(data: bytes, width: int, *, ends: bool) -> Stretch:
    open_units: dict[int, bytearray] = {}
    found: list[bytes] = []
    at, lead = 0, width - PACKET_BYTES
    while at + width <= len(data) and data[at + lead] == 0x47:
        packet = data[at + lead : at + width]
        at += width
        stream = (packet[1] & 0x1F) << 8 | packet[2]
        payload = packet[4:] if packet[3] & 0x20 == 0 else packet[5 + packet[4] :]
        if packet[1] & 0x40:
            found += [bytes(open_units.pop(stream))] if stream in open_units else []
            if payload[:3] == b"\0\0\1" and payload[3:4] and payload[3] not in _FILM:
                open_units[stream] = bytearray(payload)
        elif stream in open_units and len(open_units[stream]) < MOST_UNIT_BYTES:
            open_units[stream] += payload
    found += [bytes(unit) for unit in open_units.values()]
    return Stretch([_payload(unit) for unit in found], data[at:] if ends else b"")


def _payload(unit: bytes) -> bytes:
    """A unit without its header; private stream 2 has a short one."""
    return unit[6:] if unit[3] == 0xBF else unit[9 + (unit[8] if len(unit) > 8 else 0) :]
