"""Colours of watch lists: anybody may write one, and a page draws it."""

from __future__ import annotations

import pytest

from dashplate.web.shown import drawable


@pytest.mark.parametrize("colour", ["red", "rebeccapurple", "#f00", "#1F5FD0"])
def test_colours_that_browsers_know_are_drawn(colour: str) -> None:
    assert drawable(colour) == colour


@pytest.mark.parametrize("colour", [None, "", "url(//x)", 'red" onload="x', "#12", "#gggggg", "light red", "red\n"])
def test_what_is_no_colour_is_not(colour: str | None) -> None:
    assert drawable(colour) == ""
