"""Signed evidence packages: whatever is changed in one is found, and keys are never shown."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from dashplate.evidence.package import MANIFEST, PUBLIC_KEY, SIGNATURE
from dashplate.evidence.signing import Signer, is_signed_by, public_key, signer
from dashplate.evidence.verify import verify
from pipeline.errors import UsageError
from store import Store
from tests.support.evidence_package import exhibit, rewritten, text_of


def test_nothing_can_be_changed_added_or_left_out(pack: Callable[..., Path], store: Store, key: Signer) -> None:
    package = pack(exhibit(store, 7))
    assert verify(package).wrong == ()
    assert verify(package, key.public).wrong == ()

    def wrong_after(change: Callable[[dict[str, bytes]], Any]) -> str:
        return " ".join(verify(rewritten(package, lambda contents: change(contents) and None), key.public).wrong)

    def of_manifest(**changes: Any) -> Callable[[dict[str, bytes]], None]:
        def change(contents: dict[str, bytes]) -> None:
            contents[MANIFEST] = json.dumps(json.loads(contents[MANIFEST]) | changes).encode()

        return change

    assert wrong_after(lambda contents: None) == ""
    assert "frame.jpg was changed" in wrong_after(
        lambda c: c.update({"sighting-7/frame.jpg": c["sighting-7/frame.jpg"] + b"x"})
    )
    assert "sightings.json is missing" in wrong_after(lambda c: c.pop("sightings.json"))
    assert "extra.txt is not in the manifest" in wrong_after(lambda c: c.update({"extra.txt": b"x"}))
    assert "manifest.json was changed" in wrong_after(of_manifest(made_by="somebody else"))
    assert "not signed" in wrong_after(of_manifest(signed_with=None))
    assert "manifest.json is missing" in wrong_after(of_manifest(format="something else"))
    assert "manifest.json is missing" in wrong_after(lambda c: c.pop(MANIFEST))
    assert "manifest.sig is missing" in wrong_after(lambda c: c.pop(SIGNATURE))
    assert "public-key.pem is not the key" in wrong_after(lambda c: c.pop(PUBLIC_KEY))


def test_who_signs_a_changed_package_anew_needs_the_key(pack: Callable[..., Path], store: Store, key: Signer) -> None:
    package, other = pack(exhibit(store, 7)), Signer(Ed25519PrivateKey.generate())

    def forge(contents: dict[str, bytes]) -> None:
        manifest = json.loads(contents[MANIFEST]) | {"made_by": "somebody else", "signed_with": other.public}
        contents[MANIFEST] = json.dumps(manifest).encode()
        contents[SIGNATURE], contents[PUBLIC_KEY] = other.sign(contents[MANIFEST]), other.public_pem

    forged = rewritten(package, forge)
    assert verify(forged).signed_with == other.public, "without a key to compare, only the fingerprint tells"
    assert any("another key" in sentence for sentence in verify(forged, key.public).wrong)


def test_an_unsigned_package_says_so_everywhere(pack: Callable[..., Path], store: Store) -> None:
    package = pack(exhibit(store, 7), signing=None)
    assert [sentence for sentence in verify(package).wrong if "not signed" in sentence]
    with zipfile.ZipFile(package) as file:
        assert "NOT SIGNED" in file.read("README.txt").decode()
        assert not {SIGNATURE, PUBLIC_KEY} & set(file.namelist())
    assert "NOT SIGNED" in text_of(package)[0]


@pytest.mark.parametrize("content", [b"", b"PK", b"no package at all", b"\0" * 100])
def test_what_is_no_package_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(UsageError, match="no evidence package"):
        verify(tmp_path / "x.zip")


# Keys


def test_keys_are_taken_from_a_file_or_the_environment_and_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DASHPLATE_SIGNING_KEY", raising=False)
    assert signer(None) is None
    secret = "0123456789abcdef" * 4
    monkeypatch.setenv("DASHPLATE_SIGNING_KEY", secret)
    of_environment = signer(None)
    (tmp_path / "hex").write_text(f"{secret}\n")
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))
    (tmp_path / "pem").write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    of_files = [signer(tmp_path / name) for name in ("hex", "pem")]
    assert of_environment
    assert {one.public for one in of_files if one} == {of_environment.public}
    assert secret not in repr(of_environment)
    assert is_signed_by(of_environment.public, of_environment.sign(b"x"), b"x")
    (tmp_path / "public.pem").write_bytes(of_environment.public_pem)
    assert (
        public_key(str(tmp_path / "public.pem")) == public_key(of_environment.public.upper()) == of_environment.public
    )


@pytest.mark.parametrize(
    "content", ["", "abc", "0" * 63, "-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n"]
)
def test_what_is_no_key_is_refused_and_not_quoted(tmp_path: Path, content: str) -> None:
    (tmp_path / "key").write_text(content)
    with pytest.raises(UsageError) as refused:
        signer(tmp_path / "key")
    assert "secret" not in str(refused.value)
    with pytest.raises(UsageError):
        public_key(str(tmp_path / "key"))
