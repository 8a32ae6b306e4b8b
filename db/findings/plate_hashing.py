"""Keyed hashes in place of plates: they can be matched and not read; readings are sealed until they are stitched.

Both come from one secret, the plate key. Who has it can hash any text and compare, and open what is sealed; who has
only the database can do neither. Plates are few enough to try them all, so everything rests on the key.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pipeline.errors import DashplateError
from pipeline.formats.confusions import folded
from pipeline.records import Candidate, Character, Reading, Sighting

#: Begins every hash; no plate has it.
MARK = "#"
#: Shorter secrets could be tried out.
LEAST_KEY_CHARS = 16
#: Hexadecimal digits of a hash: 128 bits, so that no two plates of a fleet meet by chance.
_HASH_CHARS = 32
#: The same of what names a key without giving it away.
_NAME_CHARS = 16


class PlateKeyError(DashplateError):
    """The plate key is not there, or not the one that is needed. The work itself is fine, and can be done with it."""

    exit_code = 2


class PlateKey:
    """The hash and the seal that come from one secret; its text shows neither."""

    def __init__(self, secret: str) -> None:
        self._hash_key = _derived(secret, "plate hash")
        self._fernet = Fernet(base64.urlsafe_b64encode(_derived(secret, "sealed reading")))
        #: Tells keys apart; a job remembers the one that it was submitted with.
        self.name = _derived(secret, "name of the key").hex()[:_NAME_CHARS]

    def __repr__(self) -> str:
        return f"PlateKey({self.name})"

    def hashed(self, text: str) -> str:
        """The hash of a plate's text; texts that no picture tells apart have the same."""
        digest = hmac.new(self._hash_key, folded(text).encode(), hashlib.sha256).hexdigest()
        return MARK + digest[:_HASH_CHARS]

    def hide_reading(self, reading: Reading) -> tuple[Reading, str]:
        """A reading that shows only its hash, and the sealed whole that `open_reading` needs."""
        whole = {
            "text": reading.text,
            "characters": [[c.char, c.confidence] for c in reading.characters],
            "alternatives": [[c.text, c.confidence] for c in reading.alternatives],
        }
        sealed = self._fernet.encrypt(json.dumps(whole).encode()).decode()
        return replace(reading, text=self.hashed(reading.text), characters=(), alternatives=()), sealed

    def open_reading(self, hidden: Reading, sealed: str | None) -> Reading:
        """What `hide_reading` hid.

        Raises PlateKeyError where another key sealed it, DashplateError where the seal was wiped after stitching.
        """
        if sealed is None:
            raise DashplateError("A hashed reading was wiped when its video ended; only detection can bring it back.")
        try:
            whole = json.loads(self._fernet.decrypt(sealed.encode()))
        except InvalidToken:
            raise PlateKeyError("A reading was sealed with another DASHPLATE_PLATE_KEY than this worker's.") from None
        return replace(
            hidden,
            text=whole["text"],
            characters=tuple(Character(char, confidence) for char, confidence in whole["characters"]),
            alternatives=tuple(Candidate(text, confidence) for text, confidence in whole["alternatives"]),
        )

    def hide_sightings(self, sightings: Sequence[Sighting]) -> list[Sighting]:
        """Sightings that show only hashes. Runners-up are hashed too, so that they can be matched."""
        return [
            replace(
                one,
                text=self.hashed(one.text),
                characters=(),
                alternatives=tuple(Candidate(self.hashed(c.text), c.confidence) for c in one.alternatives),
            )
            for one in sightings
        ]


@lru_cache(maxsize=4)
def plate_key(secret: str) -> PlateKey:
    """The key of a secret; raises PlateKeyError for one that is too short."""
    if len(secret) < LEAST_KEY_CHARS:
        raise PlateKeyError(f"DASHPLATE_PLATE_KEY has fewer than {LEAST_KEY_CHARS} characters; make a longer one.")
    return PlateKey(secret)


def _derived(secret: str, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"dashplate {purpose}".encode()).derive(secret.encode())
