"""Many calls at once, and processes that end in the midst of them: `python -m bench.service.load` in small."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.service import faults
from bench.service.flood import Flood, flood
from bench.service.pictures import frames, photographs
from bench.service.running import Service, service
from db.access.scopes import Scope

QUEUE = 4


@pytest.fixture(scope="module")
def here() -> Iterator[Service]:
    """A service of these tests alone: they kill it."""
    with service(queue=QUEUE) as started:
        yield started


@pytest.fixture(scope="module")
def pictures() -> list[bytes]:
    sized = photographs(frames(2))
    return [*sized["small"], sized["medium"][0]]


@pytest.fixture(scope="module")
def token(here: Service) -> str:
    return here.token("load", Scope.READ)


def is_whole(found: Flood) -> bool:
    return (found.lost, found.different, found.statuses[200]) == (0, 0, found.calls)


def test_the_queue_holds_exactly_its_bound(here: Service, token: str, pictures: list[bytes]) -> None:
    assert faults.beyond_the_bound(here, token, pictures[0], QUEUE, more=5) == {200: QUEUE, 429: 5}


def test_many_at_once_are_all_answered_as_one_alone(here: Service, token: str, pictures: list[bytes]) -> None:
    found = flood(here, token, pictures, calls=24, at_once=24)
    assert is_whole(found), found
    assert set(found.statuses) - {408} == {200, 429}, found.cuts


def test_calls_outlive_the_process_that_reads(here: Service, token: str, pictures: list[bytes]) -> None:
    before = here.reader()
    found = faults.reader_killed(here, token, pictures, calls=8)
    assert is_whole(found), found
    assert set(found.statuses) <= {200, 408, 429}, found.cuts
    assert here.reader() != before


def test_calls_repeated_after_a_kill_are_answered_and_no_process_stays(
    here: Service, token: str, pictures: list[bytes]
) -> None:
    found, _ = faults.service_killed(here, token, pictures, calls=8)
    assert is_whole(found), found


def test_a_submission_that_was_killed_and_repeated_is_one_job_with_all_its_files(here: Service) -> None:
    submitter = here.token("submitter", Scope.SUBMIT)
    assert faults.submission_killed(here, submitter, files=1500, key="killed") == (1, 1500)


def test_uploads_that_break_off_leave_nothing(here: Service, token: str) -> None:
    before, after, files = faults.hung_up(here, token, 20)
    assert after <= before + 2
    assert files == 0


def test_the_end_leaves_no_process_and_no_call_unanswered_without_a_word(
    here: Service, token: str, pictures: list[bytes]
) -> None:
    statuses, _, left = faults.ended(here, token, pictures[0], 4)
    assert left == 0
    assert set(statuses) <= {0, 200, 503}
    here.start()
