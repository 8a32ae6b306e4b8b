"""Checks an evidence package: that its manifest is signed, and that its files are those that the manifest lists."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashplate.evidence.hashing import sha256_of
from dashplate.evidence.package import FORMAT, MANIFEST, PUBLIC_KEY, SIGNATURE, UNLISTED
from dashplate.evidence.signing import is_signed_by, public_of_pem
from pipeline.errors import UsageError

#: A manifest lists some hundred files; a signature has 64 bytes. More is not read.
_MOST_BYTES = 50_000_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of a package."""

    #: Sentences; none where all is as it was written.
    wrong: tuple[str, ...]
    #: The public key that it says to be signed with; None for one that is not signed.
    signed_with: str | None
    #: Its manifest, as far as it can be read.
    manifest: dict[str, Any]


def verify(package: Path, public: str | None = None) -> Verdict:
    """Check a package; with a public key (hexadecimal), also that it was signed with that one.

    Raises UsageError for a file that is no package.
    """
    try:
        with zipfile.ZipFile(package) as file:
            return _checked(file, public)
    except (OSError, zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise UsageError(f"{package} is no evidence package, or is damaged: {error}.") from error


def _checked(file: zipfile.ZipFile, public: str | None) -> Verdict:
    names = [info.filename for info in file.infolist()]
    wrong = [f"{name} is in the package twice." for name in sorted({name for name in names if names.count(name) > 1})]
    written = _small(file, MANIFEST)
    manifest = _read(written)
    if manifest is None:
        return Verdict((*wrong, f"{MANIFEST} is missing, or is none of an evidence package."), None, {})
    wrong += _of_signature(file, written or b"", manifest["signed_with"], public)
    listed = {one["name"]: one for one in manifest["files"]}
    wrong += [f"{name} is not in the manifest: it was added." for name in names if name not in {*listed, *UNLISTED}]
    for name, one in listed.items():
        if name not in names:
            wrong.append(f"{name} is missing.")
            continue
        with file.open(name) as opened:
            if file.getinfo(name).file_size != one["size"] or sha256_of(opened) != one["sha256"]:  # type: ignore[arg-type]
                wrong.append(f"{name} was changed: its bytes are not those that the manifest lists.")
    return Verdict(tuple(wrong), manifest["signed_with"], manifest)


def _of_signature(file: zipfile.ZipFile, written: bytes, claimed: str | None, public: str | None) -> list[str]:
    signature = _small(file, SIGNATURE)
    if claimed is None:
        return ["It is not signed: nothing shows who made it, or that it was not changed."]
    if signature is None:
        return [f"{SIGNATURE} is missing."]
    wrong = []
    if not is_signed_by(public or claimed, signature, written):
        wrong.append(f"{MANIFEST} was changed, or is signed with another key.")
    if public is not None and public != claimed:
        wrong.append("It says to be signed with another key than the one that was given.")
    try:
        told = public_of_pem(_small(file, PUBLIC_KEY) or b"")
    except ValueError:
        told = None
    if told != claimed:
        wrong.append(f"{PUBLIC_KEY} is not the key that the manifest names.")
    return wrong


def _small(file: zipfile.ZipFile, name: str) -> bytes | None:
    try:
        info = file.getinfo(name)
    except KeyError:
        return None
    if info.file_size > _MOST_BYTES:
        return None
    with file.open(info) as opened:
        return opened.read(_MOST_BYTES)


def _read(written: bytes | None) -> dict[str, Any] | None:
    """The manifest, where it is one."""
    try:
        manifest: Any = json.loads(written or b"")
        claimed = manifest["signed_with"]
        bytes.fromhex(claimed or "")
        files = [(str(one["name"]), int(one["size"]), str(one["sha256"])) for one in manifest["files"]]
    except (ValueError, TypeError, KeyError):
        return None
    known = manifest["format"] == FORMAT and len(claimed or "0" * 64) == 64 and len(files) == len({f[0] for f in files})
    return manifest if known else None
