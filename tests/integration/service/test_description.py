"""The description holds: schemathesis finds no answer that it does not promise, and reaches every call."""

from __future__ import annotations

import pytest
from schemathesis import __version__

from bench.service.fuzz import fuzz


@pytest.mark.timeout(1200)
def test_schemathesis_finds_nothing() -> None:
    """All checks in all phases, on a service with rows; `python -m bench.service.fuzz` looks longer."""
    found = fuzz(examples=3, seed=1)
    assert __version__ in found.text
    assert found.passed, f"{found.never}\n{found.text}"
    assert sum(found.calls.values()) > 300
