"""SHA-256 of files that need not fit into memory."""

from __future__ import annotations

import hashlib
from typing import BinaryIO

_PIECE_BYTES = 1 << 20


def sha256_of(file: BinaryIO) -> str:
    """Of all bytes from where the file stands, hexadecimal."""
    digest = hashlib.sha256()
    while piece := file.read(_PIECE_BYTES):
        digest.update(piece)
    return digest.hexdigest()
