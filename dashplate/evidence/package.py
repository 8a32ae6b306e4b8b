"""Writes an evidence package: a ZIP of pictures, clips, facts and pages, with a signed list of its files."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from dashplate.evidence.case import Exhibit, facts
from dashplate.evidence.page import Made, Pages, Pictures
from dashplate.evidence.signing import Signer
from output.files import json_text
from pipeline.video.clip import ClipRequest
from store import Store

#: What the manifest calls itself; a later form gets another number.
FORMAT = "dashplate evidence 1"
MANIFEST, SIGNATURE, PUBLIC_KEY = "manifest.json", "manifest.sig", "public-key.pem"
#: Files that no manifest can list: itself, what signs it, and what that is checked with.
UNLISTED = frozenset({MANIFEST, SIGNATURE, PUBLIC_KEY})
_README = """Evidence package of Dashplate

evidence.pdf     a page for each sighting, to print
sightings.json   all that is known of each
sighting-N/      the frame that was read, the pictures of the plate, and some seconds of the video
manifest.json    who made the package and when, and the size and SHA-256 of every other file
{signed}
To check it: dashplate evidence --verify PACKAGE.zip
Without Dashplate: unzip it, compare `sha256sum` of the files with manifest.json{by_hand}
Whoever made the package can tell you the fingerprint of their key. Without that, the signature shows only that the
package was not changed after somebody signed it.
"""
_SIGNED = "manifest.sig     the Ed25519 signature of manifest.json\npublic-key.pem   the key that it is checked with\n"
_UNSIGNED = "THIS PACKAGE IS NOT SIGNED: nothing shows who made it, or that it was not changed since.\n"
_BY_HAND = """, then
openssl pkeyutl -verify -pubin -inkey public-key.pem -rawin -in manifest.json -sigfile manifest.sig"""
#: Pictures and videos are compressed already.
_PACKED = (".json", ".txt")


@dataclass
class _Zip:
    file: zipfile.ZipFile
    made: Made
    listed: list[dict[str, Any]] = field(default_factory=list)

    def add(self, name: str, data: bytes) -> None:
        """Write a file, and list it unless it is one that cannot be."""
        info = zipfile.ZipInfo(name, self.made.at.timetuple()[:6])
        info.compress_type = zipfile.ZIP_DEFLATED if name.endswith(_PACKED) else zipfile.ZIP_STORED
        info.external_attr = 0o644 << 16
        self.file.writestr(info, data)
        if name not in UNLISTED:
            self.listed.append({"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()})


@dataclass(frozen=True, slots=True)
class Contents:
    """What goes into a package."""

    exhibits: Sequence[Exhibit]
    #: Of each, what `models_used` says.
    models: Sequence[dict[str, Any]]
    #: What was asked for, in words.
    case: str
    made: Made


def write_package(
    file: IO[bytes], contents: Contents, store: Store, cut: Callable[[ClipRequest], bytes], signer: Signer | None,
    on_each: Callable[[], None],
) -> None:  # fmt: skip
    """Write the package; `cut` makes clips. Raises OSError where it cannot be written."""
    with zipfile.ZipFile(file, "w") as opened:
        out = _Zip(opened, contents.made)
        told = _write_exhibits(out, contents, store, cut, on_each)
        out.add("sightings.json", f"{json_text(told, indent=2)}\n".encode())
        words = {"signed": _SIGNED, "by_hand": _BY_HAND} if signer else {"signed": _UNSIGNED, "by_hand": "."}
        out.add("README.txt", _README.format(**words).encode())
        manifest = f"{json_text(_manifest(out, contents.case, told, signer), indent=2)}\n".encode()
        out.add(MANIFEST, manifest)
        if signer is not None:
            out.add(SIGNATURE, signer.sign(manifest))
            out.add(PUBLIC_KEY, signer.public_pem)


def _write_exhibits(
    out: _Zip, contents: Contents, store: Store, cut: Callable[[ClipRequest], bytes], on_each: Callable[[], None]
) -> list[dict[str, Any]]:
    """Files and pages of all sightings; returns what is known of each."""
    pages, told = Pages(contents.made, len(contents.exhibits)), []
    for one, used in zip(contents.exhibits, contents.models, strict=True):
        best = one.best_crop
        shown = {one.frame_file, one.crop_file(best[0].row, best[1]) if best else ""}
        pictures: dict[str, bytes] = {}
        for name, data in one.files(store, cut):
            out.add(name, data)
            if name in shown:
                pictures[name] = data
        told.append(facts(one, used))
        frame = pictures.pop(one.frame_file, None)
        pages.add(told[-1], Pictures(frame, next(iter(pictures.values()), None)))
        on_each()
    out.add("evidence.pdf", pages.pdf())
    return told


def _manifest(out: _Zip, case: str, told: Sequence[dict[str, Any]], signer: Signer | None) -> dict[str, Any]:
    made = out.made
    return {
        "format": FORMAT,
        "case": case,
        "made_by": made.by, "made_on": made.host, "made_at": made.at.isoformat(), "dashplate": made.version,
        "signed_with": signer.public if signer else None,
        "sightings": [one["sighting"] for one in told],
        "originals": [
            {"path": path, "sha256": sha256, "size": size}
            for path, sha256, size in sorted({
                (one["video"]["path"], one["video"]["sha256"], one["video"]["size"])
                for one in told if one["video"]["sha256"]
            })
        ],
        "files": out.listed,
    }  # fmt: skip
