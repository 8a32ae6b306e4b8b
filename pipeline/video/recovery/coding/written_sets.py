"""Writes H.264 parameter sets of which only some numbers are known (ITU-T H.264, clauses 7.3.2.1 and 7.3.2.2)."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.video.recovery.coding.parameter_sets import ParameterSets
from pipeline.video.recovery.stream.bits import Written
from pipeline.video.recovery.stream.nal import H264

_BLOCK_PX = 16
#: profile_idc and level_idc: High, which contains what other progressive 4:2:0 streams use, and a level that allows
#: all.
_PROFILE, _LEVEL = 100, 52
_MOST_REFERENCES = 16


@dataclass(frozen=True, slots=True)
class Assumed:
    """The numbers that parameter sets are written with; those that are not here are what nearly all cameras write."""

    #: Pixels as shown.
    width: int = 0
    height: int = 0
    #: Bits of `frame_num`, and of `pic_order_cnt_lsb`; 0 where pictures are shown in the order of decoding.
    frame_bits: int = 4
    place_bits: int = 0
    #: Pictures that may be held back for the order of showing.
    reordered: int = 0
    #: Pictures that are kept to be referred to.
    references: int = _MOST_REFERENCES
    #: CABAC in place of CAVLC.
    cabac: bool = True
    #: Blocks may be transformed by 8 x 8.
    large_blocks: bool = False
    #: Slice headers say how edges are smoothed.
    deblocking: bool = True
    #: Quantiser that slices count from.
    quantiser: int = 26
    chroma_offset: int = 0
    #: References that a slice has if it does not say how many, in either list.
    usual_first: int = 1
    usual_second: int = 1
    weighted: bool = False
    #: weighted_bipred_idc.
    weighted_both: int = 0

    def sets(self) -> ParameterSets:
        """A sequence and a picture parameter set, both of number 0."""
        return ParameterSets(H264, (self._sequence(), self._picture()))

    def _sequence(self) -> bytes:
        bits = Written().ue(0).ue(1).ue(0).ue(0).u(2, 0).ue(self.frame_bits - 4)
        if self.place_bits:
            bits.ue(0).ue(self.place_bits - 4)
        else:
            bits.ue(2)
        wide, high = -(-self.width // _BLOCK_PX), -(-self.height // _BLOCK_PX)
        # Frames only, and motion of 8 x 8 blocks where it is derived.
        bits.ue(self.references).u(1, 0).ue(wide - 1).ue(high - 1).u(2, 0b11)
        right, below = (wide * _BLOCK_PX - self.width) // 2, (high * _BLOCK_PX - self.height) // 2
        bits.u(1, 1).ue(0).ue(right).ue(0).ue(below)
        # Of the usability information no more than how far pictures are reordered.
        bits.u(1, 1).u(8, 0).u(1, 1).u(1, 1).ue(0).ue(0).ue(16).ue(16).ue(self.reordered).ue(_MOST_REFERENCES)
        return bytes([0x67, _PROFILE, 0, _LEVEL]) + bits.payload()

    def _picture(self) -> bytes:
        bits = Written().ue(0).ue(0).u(1, self.cabac).u(1, 0).ue(0).ue(self.usual_first - 1).ue(self.usual_second - 1)
        bits.u(1, self.weighted).u(2, self.weighted_both).se(self.quantiser - 26).se(0).se(self.chroma_offset)
        bits.u(1, self.deblocking).u(2, 0)
        bits.u(1, self.large_blocks).u(1, 0).se(self.chroma_offset)
        return b"\x68" + bits.payload()
