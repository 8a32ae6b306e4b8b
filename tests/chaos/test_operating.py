"""What an operator does in the middle of a job: nothing is lost, nothing is there twice, nothing is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from bench.chaos.disturbed.fleet import ChaosFleet, wait_for
from bench.chaos.operating import actions, upgrading
from bench.chaos.run import Chaos
from pipeline.errors import MissingDependency
from tests.conftest import ROOT, missing

#: Videos that ended and that nobody has put into a drive, or will.
_FORGOTTEN = """
    SELECT path, state, to_join FROM videos WHERE kind = 'video' AND finished_at IS NOT NULL AND purged_at IS NULL
                                  AND recorded_at IS NOT NULL AND drive_id IS NULL
"""


@pytest.fixture(scope="module")
def chaos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chaos]:
    try:
        with ChaosFleet(tmp_path_factory.mktemp("operating") / "data") as up:
            yield Chaos(up)
    except MissingDependency as error:
        missing(str(error))


_ACTS = (actions.renew_one_by_one, actions.restore, actions.scale_to_zero_and_move_the_store)


@pytest.mark.parametrize("act", _ACTS)
def test_in_the_middle_of_a_job(chaos: Chaos, act: actions.Act) -> None:
    wrong = actions.operate(chaos, act.__name__, act)
    assert not wrong, "\n".join(wrong.lines)


def test_the_page_has_the_options_that_were_tried() -> None:
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    assert f"pg_restore {' '.join(actions.RESTORE)} -d dashplate dashplate.dump" in page


def test_old_and_new_workers_beside_each_other(chaos: Chaos, tmp_path: Path) -> None:
    try:
        previous = upgrading.previous_release(tmp_path / "previous")
    except MissingDependency as error:
        missing(str(error))
    wrong = upgrading.upgrade_while_it_runs(chaos, previous)
    assert not wrong, "\n".join(wrong.lines)
    with suppress(TimeoutError):
        wait_for("every video's drive", lambda: not chaos.fleet.ask(_FORGOTTEN), 30.0)
    forgotten = chaos.fleet.ask(_FORGOTTEN)
    assert not forgotten, f"not in a drive: {forgotten}"
