"""The files that the tests of this folder decode."""

from __future__ import annotations

import pytest

from tests.support.media_files import Files, make_all


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return make_all(tmp_path_factory.mktemp("media"))
