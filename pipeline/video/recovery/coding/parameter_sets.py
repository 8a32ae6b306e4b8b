"""Parameter sets: what a decoder has to know of a stream before its first picture, and what times need of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from pipeline.video.recovery.stream.bits import Bits
from pipeline.video.recovery.stream.nal import H264, Codec

_START = b"\0\0\0\1"
#: profile_idc whose sequence parameter sets say more of colours (H.264, clause 7.3.2.1.1).
_HIGH = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
#: Bytes of an hvcC box before its arrays.
_HVCC_BYTES = 22


@dataclass(frozen=True)
class ParameterSets:
    """Those of one stream, as NAL units without lengths or start codes."""

    codec: Codec
    #: In the order in which a decoder wants them.
    units: tuple[bytes, ...]

    @property
    def whole(self) -> bool:
        """Whether there is one of each kind."""
        return {self.codec.kind(unit) for unit in self.units} >= set(self.codec.sets)

    @property
    def start_coded(self) -> bytes:
        """With start codes, as a bare stream holds them."""
        return b"".join(_START + unit for unit in self.units)

    @property
    def configuration(self) -> bytes:
        """The content of an MP4's avcC or hvcC box (ISO/IEC 14496-15); lengths take four bytes."""
        return self._avcc() if self.codec is H264 else self._hvcc()

    def _avcc(self) -> bytes:
        sequences = [unit for unit in self.units if self.codec.kind(unit) == 7]
        pictures = [unit for unit in self.units if self.codec.kind(unit) == 8]
        head = bytes([1, *sequences[0][1:4], 0xFF, 0xE0 | len(sequences)])
        return head + _counted(sequences) + bytes([len(pictures)]) + _counted(pictures)

    def _hvcc(self) -> bytes:
        # What FFmpeg reads are the lengths' size and the arrays; the profile stands in the sets as well.
        head = b"\1" + bytes(_HVCC_BYTES - 2) + b"\3"
        arrays = [(kind, list(units)) for kind, units in groupby(self.units, self.codec.kind)]
        parts = [bytes([0x80 | kind]) + len(units).to_bytes(2, "big") + _counted(units) for kind, units in arrays]
        return head + bytes([len(parts)]) + b"".join(parts)

    @cached_property
    def order(self) -> Order:
        """How slice headers say a picture's place. Raises ValueError where the sets make no sense."""
        return _h264_order(self) if self.codec is H264 else _h265_order(self)


def of_units(codec: Codec, units: Iterable[bytes]) -> ParameterSets:
    """The sets among these units, each distinct one once."""
    distinct = dict.fromkeys(unit for unit in units if unit and codec.kind(unit) in codec.sets)
    # More than 31 sequence parameter sets of one stream there are not, and avcC holds no more.
    return ParameterSets(codec, tuple(sorted(distinct, key=codec.kind)[:_MOST_SETS]))


#: Sets that are handed to a decoder.
_MOST_SETS = 31


def of_configuration(codec: Codec, data: bytes) -> ParameterSets:
    """The sets in an avcC or hvcC box, whole or cut, or in a stream's extradata with start codes."""
    if data.startswith((b"\0\0\1", b"\0\0\0\1")):
        return of_units(codec, (unit.strip(b"\0") for unit in data.split(b"\0\0\1")))
    return of_units(codec, _avcc_units(data) if codec is H264 else _hvcc_units(data))


def _avcc_units(data: bytes) -> Iterator[bytes]:
    at = 5
    for mask in (0x1F, 0xFF):
        count, at = data[at] & mask if at < len(data) else 0, at + 1
        for _ in range(count):
            unit, at = _sized(data, at)
            yield unit


def _hvcc_units(data: bytes) -> Iterator[bytes]:
    at = _HVCC_BYTES + 1
    for _ in range(data[_HVCC_BYTES] if len(data) > _HVCC_BYTES else 0):
        count, at = int.from_bytes(data[at + 1 : at + 3], "big"), at + 3
        for _ in range(count):
            unit, at = _sized(data, at)
            if not unit:
                return
            yield unit


def _sized(data: bytes, at: int) -> tuple[bytes, int]:
    end = at + 2 + int.from_bytes(data[at : at + 2], "big")
    return (data[at + 2 : end] if end <= len(data) else b""), end


def _counted(units: list[bytes]) -> bytes:
    return b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)


@dataclass(frozen=True, slots=True)
class Order:
    """How slice headers say a picture's place in the order of showing."""

    #: Bits of `pic_order_cnt_lsb`; 0 where pictures are shown in the order of `frame_num` (H.264).
    place_bits: int
    #: Bits of `frame_num` (H.264).
    frame_bits: int = 0
    #: Whether pictures may be fields (H.264).
    fields: bool = False
    #: Bits before the place that picture parameter sets announce (H.265).
    extra_bits: int = 0
    output_flag: bool = False
    #: Whether colours are coded as pictures of their own.
    planes: bool = False


def _h264_order(sets: ParameterSets) -> Order:
    sequence = next(unit for unit in sets.units if sets.codec.kind(unit) == 7)
    bits = Bits(sequence[4:])
    bits.ue()
    planes = _skip_high(bits) if sequence[1] in _HIGH else False
    frame_bits = bits.ue() + 4
    place_type = bits.ue()
    place_bits = bits.ue() + 4 if place_type == 0 else 0
    if place_type == 1:
        raise ValueError("pictures are ordered by cycles")
    bits.ue(), bits.flag(), bits.ue(), bits.ue()
    return Order(place_bits, frame_bits, fields=not bits.flag(), planes=planes)


def _skip_high(bits: Bits) -> bool:
    """Passes over what high profiles say of colours; whether these are coded apart."""
    planes = bits.ue() == 3 and bits.flag()
    bits.ue(), bits.ue(), bits.flag()
    if bits.flag():
        raise ValueError("scaling lists of its own")
    return planes


def _h265_order(sets: ParameterSets) -> Order:
    of_kind = {sets.codec.kind(unit): unit for unit in reversed(sets.units)}
    bits = Bits(of_kind[33][2:])
    bits.u(4)
    layers = bits.u(3)
    bits.flag()
    _skip_profile(bits, layers)
    bits.ue()
    planes = bits.ue() == 3 and bits.flag()
    bits.ue(), bits.ue()
    if bits.flag():
        bits.ue(), bits.ue(), bits.ue(), bits.ue()
    bits.ue(), bits.ue()
    place_bits = bits.ue() + 4
    picture = Bits(of_kind[34][2:])
    picture.ue(), picture.ue(), picture.flag()
    return Order(place_bits, output_flag=picture.flag(), extra_bits=picture.u(3), planes=planes)


def _skip_profile(bits: Bits, layers: int) -> None:
    """Passes over profile_tier_level (H.265, clause 7.3.3)."""
    bits.u(96)
    present = [(bits.flag(), bits.flag()) for _ in range(layers)]
    if layers:
        bits.u(2 * (8 - layers))
    for profile, level in present:
        bits.u(88 * profile + 8 * level)
