"""Words and libraries of the pages: what templates ask for is there, and nothing else; libraries are as given."""

from __future__ import annotations

import hashlib
import re

import pytest

from dashplate.web.texts import t, texts
from pipeline.camera.movement import Movement
from tests.conftest import ROOT

WEB = ROOT / "dashplate" / "web"
SOURCES = [path for path in WEB.rglob("*") if path.suffix in (".html", ".py")]


def wanted() -> tuple[set[str], set[str]]:
    """Keys that pages ask for, and the beginnings of those whose end is known only when the page is made."""
    whole, begun = set(), set()
    for path in SOURCES:
        source = path.read_text(encoding="utf-8")
        for call in re.finditer(r"""\bt\(\s*f?['"]([a-z0-9_.]+)(\{|['"]\s*~)?""", source):
            (begun if call[2] else whole).add(call[1])
    return whole, begun | {"navigation."}


def test_each_text_that_is_asked_for_is_there() -> None:
    whole, begun = wanted()
    known = set(texts())
    assert {key for key in whole if key not in known and f"{key}.other" not in known} == set()
    assert all(any(key.startswith(start) for key in known) for start in begun)


def test_no_text_is_left_over() -> None:
    whole, begun = wanted()
    unused = {
        key
        for key in texts()
        if key.removesuffix(".one").removesuffix(".other") not in whole and not key.startswith(tuple(begun))
    }
    assert unused == set()


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 unsure readings"), (1, "1 unsure reading"), (7, "7 unsure readings")]
)
def test_numbers_have_their_form(count: int, said: str) -> None:
    assert t("home.unsure", count=count) == said


def test_libraries_of_others_are_as_they_were_given() -> None:
    vendor = WEB / "static" / "vendor"
    sums = dict(reversed(line.split()) for line in (vendor / "SHA256SUMS").read_text().splitlines())
    assert sums == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in vendor.iterdir()
        if path.suffix in (".js", ".bin")
    }
    readme = (vendor / "README.md").read_text()
    assert all(name in readme for name in sums)


def test_no_page_writes_scripts_or_styles_into_itself() -> None:
    # The browser would not run them.
    for path in WEB.rglob("*.html"):
        source = path.read_text(encoding="utf-8")
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style|<script(?![^>]*\ssrc=)|javascript:|hx-on", source), path


def test_every_movement_has_its_words() -> None:
    for movement in Movement:
        assert t(f"sighting.moved.{movement.replace(' ', '_')}")
