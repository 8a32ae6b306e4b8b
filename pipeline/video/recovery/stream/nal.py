"""What the first bytes of a NAL unit say, and whether they can be those of one at all.

Sources: ITU-T H.264 (clause 7.3) and H.265 (clause 7.3). Units of scalable and multiview streams are none here: no
camera of a car writes them.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.video.recovery.stream.bits import Bits

#: Bytes of a unit, its header included, that `Codec.look` wants.
HEAD_BYTES = 24
#: Macroblocks of the largest picture of any level of H.264.
_MOST_MACROBLOCKS = 139_264
#: Smaller slices are none: a 640 x 360 picture in which nothing moves takes some 10 bytes.
_LEAST_SLICE_BYTES = 5
#: Parameter sets of real streams take 4 to 200 bytes.
_MOST_SET_BYTES = 2048
#: profile_idc of H.264.
_PROFILES = frozenset({44, 66, 77, 83, 86, 88, 100, 110, 118, 122, 128, 134, 135, 138, 139, 144, 244})
#: Type of an SEI message that says where decoding may begin.
_RECOVERY_POINT = 6


class Role(enum.Enum):
    """What a unit is for."""

    #: The first slice of a picture.
    FIRST = enum.auto()
    #: Another slice of the same picture.
    MORE = enum.auto()
    #: A parameter set: a new access unit begins with it, where a picture came before.
    SET = enum.auto()
    #: Delimiters and messages that a new access unit begins with.
    BEFORE = enum.auto()
    #: What may follow a picture: filler, messages, ends.
    AFTER = enum.auto()


@dataclass(frozen=True, slots=True)
class Nal:
    """A unit, as far as its first bytes tell."""

    role: Role
    #: nal_unit_type.
    kind: int
    #: Decoding may begin here.
    key: bool = False
    #: A slice of nothing but intra blocks.
    intra: bool = False
    #: An SEI message that says that decoding may begin at its picture.
    recovers: bool = False


@dataclass(frozen=True, slots=True)
class Codec:
    """One way to code video."""

    #: As FFmpeg calls it.
    name: str
    #: The unit that begins with these bytes and is so many long; None where there is none.
    look: Callable[[bytes, int], Nal | None]
    #: Which first header bytes are possible: 256 booleans.
    first_bytes: NDArray[np.bool_]
    #: nal_unit_type of parameter sets, in the order in which a decoder wants them.
    sets: tuple[int, ...]

    def kind(self, unit: bytes) -> int:
        """nal_unit_type of a unit."""
        return unit[0] & 0x1F if self.name == "h264" else unit[0] >> 1 & 0x3F


def _h264(head: bytes, size: int) -> Nal | None:
    if not head or not _H264_FIRST[head[0]]:
        return None
    kind = head[0] & 0x1F
    try:
        if kind in (1, 5):
            return _h264_slice(head, size, kind)
        return _h264_other(head, size, kind)
    except (ValueError, IndexError):
        return None


def _h264_slice(head: bytes, size: int, kind: int) -> Nal | None:
    bits = Bits(head[1:])
    first, slice_type, pps = bits.ue(), bits.ue(), bits.ue()
    if size < _LEAST_SLICE_BYTES or first >= _MOST_MACROBLOCKS or slice_type > 9 or pps > 255:
        return None
    intra = slice_type % 5 in (2, 4)
    if kind == 5 and not intra:
        return None
    return Nal(Role.MORE if first else Role.FIRST, kind, key=kind == 5, intra=intra)


def _h264_other(head: bytes, size: int, kind: int) -> Nal | None:
    if kind == 9:
        return Nal(Role.BEFORE, kind) if size == 2 and head[1] & 0x1F == 0x10 else None
    if kind == 7:
        return Nal(Role.SET, kind) if 4 <= size <= _MOST_SET_BYTES and head[1] in _PROFILES else None
    if kind == 8:
        bits = Bits(head[1:])
        fits = 3 <= size <= _MOST_SET_BYTES and bits.ue() <= 255 and bits.ue() <= 31
        return Nal(Role.SET, kind) if fits else None
    if kind == 6:
        return _message(head[1:], size - 1, kind, Role.BEFORE)
    if kind == 12:
        return Nal(Role.AFTER, kind) if set(head[1 : size - 1]) <= {0xFF} else None
    return Nal(Role.AFTER, kind) if size == 1 else None


def _message(head: bytes, size: int, kind: int, role: Role) -> Nal | None:
    """A unit of SEI messages, the first of which has to fit into it."""
    payload_type, at = _sum(head, 0)
    payload_size, at = _sum(head, at)
    if at + payload_size >= size or payload_type > 255:
        return None
    return Nal(role, kind, recovers=payload_type == _RECOVERY_POINT)


def _sum(head: bytes, at: int) -> tuple[int, int]:
    """A number written as a run of 255 and a rest; and where what follows it begins."""
    total = 0
    while head[at] == 0xFF:
        total, at = total + 255, at + 1
    return total + head[at], at + 1


def _h265(head: bytes, size: int) -> Nal | None:
    if len(head) < 3 or not _H265_FIRST[head[0]] or head[1] >> 3 or not 1 <= head[1] & 7 <= 7:
        return None
    kind, base_layer = head[0] >> 1, head[1] & 7 == 1
    try:
        if kind < 32:
            return _h265_slice(head, size, kind, base_layer)
        return _h265_other(head, size, kind, base_layer)
    except (ValueError, IndexError):
        return None


def _h265_slice(head: bytes, size: int, kind: int, base_layer: bool) -> Nal | None:
    bits = Bits(head[2:])
    first, key = bits.flag(), 16 <= kind <= 21
    if key:
        bits.flag()
    pps = bits.ue()
    if size < _LEAST_SLICE_BYTES or pps > 63 or (key and not base_layer):
        return None
    return Nal(Role.FIRST if first else Role.MORE, kind, key=key, intra=key)


def _h265_other(head: bytes, size: int, kind: int, base_layer: bool) -> Nal | None:
    if kind in (32, 33, 34):
        fits = 4 <= size <= _MOST_SET_BYTES and base_layer
        # What a video parameter set says in its next two bytes that are fixed.
        fits = fits and (kind != 32 or head[4:6] == b"\xff\xff")
        return Nal(Role.SET, kind) if fits else None
    if kind == 35:
        return Nal(Role.BEFORE, kind) if size == 3 and head[2] & 0x1F == 0x10 else None
    if kind in (39, 40):
        return _message(head[2:], size - 2, kind, Role.BEFORE if kind == 39 else Role.AFTER)
    if kind == 38:
        return Nal(Role.AFTER, kind) if set(head[2 : size - 1]) <= {0xFF} else None
    return Nal(Role.AFTER, kind) if size == 2 else None


def _h264_first_byte(byte: int) -> bool:
    kind, reference = byte & 0x1F, byte >> 5
    if byte >> 7:
        return False
    return kind == 1 or (kind in (5, 7, 8) and reference > 0) or (kind in (6, 9, 10, 11, 12) and not reference)


def _h265_first_byte(byte: int) -> bool:
    kind = byte >> 1
    # The lowest bit belongs to the layer, which is 0.
    return not byte & 1 and (kind <= 9 or 16 <= kind <= 21 or 32 <= kind <= 40)


_H264_FIRST = np.array([_h264_first_byte(byte) for byte in range(256)])
_H265_FIRST = np.array([_h265_first_byte(byte) for byte in range(256)])

H264 = Codec("h264", _h264, _H264_FIRST, (7, 8))
H265 = Codec("hevc", _h265, _H265_FIRST, (32, 33, 34))
CODECS = (H264, H265)
