"""The signature of an evidence package: Ed25519 over the bytes of its manifest."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from pipeline.errors import UsageError

#: What `openssl rand -hex 32` prints.
_HEX = re.compile(r"[0-9a-fA-F]{64}")
_KEYS = "Give 64 hexadecimal digits (`openssl rand -hex 32`), or a PEM file (`openssl genpkey -algorithm ed25519`)."


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs with a secret key; its text does not show it."""

    _key: Ed25519PrivateKey

    def __repr__(self) -> str:
        return f"Signer({self.public})"

    @property
    def public(self) -> str:
        """The public key, 64 hexadecimal digits."""
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()

    @property
    def public_pem(self) -> bytes:
        """The public key as OpenSSL reads it."""
        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def sign(self, data: bytes) -> bytes:
        """The signature, 64 bytes."""
        return self._key.sign(data)


def signer(key_file: Path | None) -> Signer | None:
    """Signs with the key of a file, else of DASHPLATE_SIGNING_KEY; None where there is neither. Raises UsageError."""
    if key_file is not None:
        try:
            secret = key_file.read_bytes()
        except OSError as error:
            raise UsageError(f"{key_file} cannot be read: {error.strerror}.") from error
    else:
        secret = os.environ.get("DASHPLATE_SIGNING_KEY", "").encode()
    return Signer(_private(secret.strip())) if key_file is not None or secret.strip() else None


def is_signed_by(public: str, signature: bytes, data: bytes) -> bool:
    """Whether the signature of these bytes was made with the secret half of this public key, hexadecimal."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(signature, data)
    except InvalidSignature:
        return False
    return True


def public_key(words: str) -> str:
    """A public key as a person gives it, 64 hexadecimal digits or a PEM file, as 64 digits. Raises UsageError."""
    if _HEX.fullmatch(words):
        return words.lower()
    try:
        return public_of_pem(Path(words).read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"{words} is no public key: give 64 hexadecimal digits, or a PEM file.") from error


def public_of_pem(pem: bytes) -> str:
    """Raises ValueError for what is no Ed25519 key."""
    key = load_pem_public_key(pem)
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("no Ed25519 key")
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def short(public: str) -> str:
    """A public key's fingerprint, for people to compare: the beginning of its SHA-256 in groups of four."""
    digits = hashlib.sha256(bytes.fromhex(public)).hexdigest()[:32]
    return " ".join(digits[start : start + 4] for start in range(0, len(digits), 4))


def _private(secret: bytes) -> Ed25519PrivateKey:
    # Neither the secret nor what a library says of it may reach a terminal.
    if _HEX.fullmatch(secret.decode("ascii", "replace")):
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret.decode()))
    try:
        key = load_pem_private_key(secret, password=None)
    except (ValueError, TypeError):
        raise UsageError(f"The signing key cannot be read. {_KEYS}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"The signing key is of another kind than Ed25519. {_KEYS}")
    return key
