"""The next portion is made while the last one is in use."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from pipeline.ahead import made_ahead


def test_the_next_item_is_made_before_it_is_asked_for() -> None:
    made = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        made.set()
        yield 2

    with made_ahead(items()) as coming:
        assert next(coming) == 1
        assert made.wait(10)
        assert list(coming) == [2]


def test_an_error_comes_where_its_item_would_have_come() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    with made_ahead(items()) as coming:
        assert next(coming) == 1
        with pytest.raises(ValueError, match="broken"):
            next(coming)


def test_no_thread_is_left_when_the_items_are_not_all_taken() -> None:
    before = threading.active_count()
    with made_ahead(iter(range(10**9))) as coming:
        assert next(coming) == 0
    assert threading.active_count() == before
