"""A store, a key, and what writes packages with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from dashplate.evidence.case import Exhibit
from dashplate.evidence.models_used import models_used
from dashplate.evidence.package import Contents, write_package
from dashplate.evidence.page import Made
from dashplate.evidence.signing import Signer, short
from pipeline.job_options import JobOptions
from pipeline.run import ModelConfig
from store import Store
from tests.support.evidence_package import NOW, uncut


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def key() -> Signer:
    return Signer(Ed25519PrivateKey.generate())


@pytest.fixture
def pack(tmp_path: Path, store: Store, key: Signer) -> Callable[..., Path]:
    """Writes a package of these exhibits."""

    def write(*exhibits: Exhibit, signing: Signer | None = key) -> Path:
        out = tmp_path / "case.zip"
        made = Made("somebody", "a-machine", NOW, "0.1.0", short(signing.public) if signing else None)
        used = [models_used(ModelConfig(), JobOptions()) for _ in exhibits]
        with out.open("wb") as file:
            write_package(file, Contents(exhibits, used, "a case", made), store, uncut, signing, lambda: None)
        return out

    return write
