"""Which reader is asked for what: one line adds a format."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pipeline.camera.embedded.readers import atoms, gpmf, ssmd, telemetry, text
from pipeline.camera.embedded.readers.novatek.blocks import freegps_reading
from pipeline.camera.embedded.readers.reading import BytesReader, Reading, StreamReader
from pipeline.camera.embedded.readers.trailers import read_trailer

#: Asked for every track that is neither pictures nor sound; each knows its own.
STREAM_READERS: tuple[StreamReader, ...] = (
    gpmf.read,
    telemetry.read_camm,
    telemetry.read_rvmi,
    telemetry.read_txet,
    telemetry.read_pndm,
    telemetry.read_fmas,
    telemetry.read_ligogps,
    telemetry.read_xored,
    ssmd.read,
    ssmd.read_rove,
    telemetry.read_wolfbox,
    text.read,
)

#: For outermost boxes of these kinds, and some of them in `moov` and its `udta`.
BOX_READERS: dict[bytes, BytesReader] = {
    b"gps0": atoms.read_gps0,
    b"GPS ": atoms.read_mai,
    b"udat": atoms.read_log,
    b"nbmt": atoms.read_log,
    b"gdat": atoms.read_gdat,
}

#: For `freeGPS ` blocks, each with the seconds since the first frame where they are known.
BLOCKS_READER: Callable[[Sequence[tuple[float | None, bytes]]], Reading | None] = freegps_reading

#: For what lies behind the last box.
TRAILER_READER: BytesReader = read_trailer
