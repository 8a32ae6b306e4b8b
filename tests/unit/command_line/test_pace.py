"""How fast a job goes and when it will be done: what is not known is not said."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from dashplate.pace import Outlook, outlook, span

#: A `job_progress` row: half of 200 s done, at 4 s of footage a second.
RUNNING = {
    "state": "running", "open": False, "finished_at": None, "pace": 4.0, "videos": 2, "videos_opened": 2,
    "footage_expected_s": 200.0, "footage_done_s": 100.0,
}  # fmt: skip


def of(**changes: Any) -> Outlook:
    row: Any = RUNNING | changes
    return outlook(row)


def test_the_rest_takes_its_footage_at_the_pace_of_the_last_minutes() -> None:
    assert of() == Outlook(4.0, 25.0, False)
    assert str(of()) == "4.0× real time, 25 s left"


def test_files_that_nobody_has_opened_make_it_an_estimate() -> None:
    found = of(videos_opened=1)
    assert found == Outlook(4.0, 25.0, True)
    assert str(found) == "4.0× real time, about 25 s left"


def test_more_done_than_expected_is_no_time_before_now() -> None:
    assert of(footage_done_s=201.0).remaining_s == 0.0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pace": None}, ""),
        ({"pace": 0.0}, ""),
        ({"footage_expected_s": None}, "4.0× real time"),
        ({"open": True}, "4.0× real time"),
        ({"state": "paused"}, ""),
        ({"state": "cancelled"}, ""),
        ({"state": "finished", "finished_at": datetime(2026, 3, 1, tzinfo=UTC)}, ""),
    ],
)
def test_what_cannot_be_told_is_left_out(changes: dict[str, Any], said: str) -> None:
    found = of(**changes)
    assert found.remaining_s is None
    assert str(found) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.0, "0 s"), (0.4, "0 s"), (89.4, "89 s"), (90.0, "2 min"), (150.0, "2 min"), (3569.0, "59 min"),
        (3571.0, "1 h"), (3600.0, "1 h"), (12_000.0, "3 h 20 min"), (86_369.0, "23 h 59 min"), (86_371.0, "1 d"),
        (86_400.0, "1 d"), (187_200.0, "2 d 4 h"), (172_799.0, "2 d"),
    ],
)  # fmt: skip
def test_spans_have_two_units_at_most(seconds: float, said: str) -> None:
    assert span(seconds) == said
