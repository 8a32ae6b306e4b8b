"""What the names of recordings say, make by make, and what is no date."""

from __future__ import annotations

import datetime as dt
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.camera.file_names import CAMERAS, KINDS, Form, all_makes, container_is_local, named

FORMS = [form for make in all_makes() for form in make.forms]
EXAMPLES = [(form, name, says) for form in FORMS for name, says in form.examples.items()]


def said(name: str) -> str:
    found = named(name)
    return f"{'-' if found.at is None else found.at.isoformat()} {found.camera or '-'} {found.kind or '-'}"


@pytest.mark.parametrize(("form", "name", "says"), EXAMPLES, ids=[name for _, name, _ in EXAMPLES])
def test_every_example_says_what_its_file_says(form: Form, name: str, says: str) -> None:
    assert form.pattern.fullmatch(name)
    for path in (f"{name}.MP4", f"card/{name.lower()}.ts", f"{name} (1).mp4", f"{name} - Copy.MP4"):
        assert said(path) == says
        assert named(path).make == (form.make if form.alone else None)


def test_every_file_names_its_source_and_known_meanings() -> None:
    for make in all_makes():
        assert len(make.source) > 20, make.name
        assert make.forms, make.name
    for form in FORMS:
        assert form.examples, form.text
        assert set(form.cameras.values()) <= set(CAMERAS), form.text
        assert set(form.kinds.values()) <= set(KINDS), form.text


@pytest.mark.parametrize(
    "name",
    ["AB12CDE", "20260231_120000_NF", "20260131_240000_NF", "20261331_120000", "1234520260131120005", "20260131",
     "202601311200051", "IMG-20260101-WA0003", "MOV_0581", "NO19991231-120000-000001F", "2026_0131_126000_001",
     "0123456789", "NOTES", "plate-20-26-01-31", "GH010123x", "", "9" * 400, "FILE261331-120000"],
)  # fmt: skip
def test_what_is_no_time_is_none(name: str) -> None:
    assert named(f"{name}.mp4").at is None


@pytest.mark.parametrize(
    ("name", "at"),
    [("trip-2026-01-31 at 12.00.05", "2026-01-31T12:00:05"), ("dashcam_2026-01-31T12-00-05Z", "2026-01-31T12:00:05"),
     ("20260131T120005_van7", "2026-01-31T12:00:05"), ("cam2-20260131120005", "2026-01-31T12:00:05"),
     ("2026-01-31_12-00-05 to 2026-01-31_12-05-05", "2026-01-31T12:00:05"),
     ("Front Door 2026.01.31 12h00m05s", "2026-01-31T12:00:05")],
)  # fmt: skip
def test_a_date_with_a_time_is_found_in_other_names(name: str, at: str) -> None:
    assert named(f"{name}.mp4").at == dt.datetime.fromisoformat(at)


def test_folders_say_what_a_name_does_not() -> None:
    assert said("card/Event/Rear/20260131_120005.mp4") == "2026-01-31T12:00:05 rear event"
    # The letter in the name is the camera's own word.
    assert said("card/Front/20260131_120005_NR.mp4") == "2026-01-31T12:00:05 rear normal"


def test_files_of_one_moment_share_a_name_but_for_the_camera() -> None:
    front, rear = named("20260131_120005_NF.mp4"), named("20260131_120005_NR.mp4")
    assert front.moment == rear.moment != named("20260131_120105_NF.mp4").moment


def test_makes_that_write_local_time_into_containers_are_known() -> None:
    assert container_is_local("gopro") is True
    assert container_is_local("Canon") is None
    assert container_is_local(None) is None


@given(st.datetimes(dt.datetime(2001, 1, 1), dt.datetime(2098, 1, 1)))
def test_any_second_is_read_back(at: dt.datetime) -> None:
    at = at.replace(microsecond=0)
    for name in (f"{at:%Y%m%d_%H%M%S}_NF", f"{at:%y%m%d_%H%M%S}_007_FH", f"NO{at:%Y%m%d-%H%M%S}-000001F",
                 f"REC_{at:%Y_%m_%d_%H_%M_%S}_F", f"{at:%Y_%m%d_%H%M%S}_001",
                 f"x {at:%Y-%m-%d %H-%M-%S} y"):  # fmt: skip
        assert named(f"{name}.mp4").at == at, name


@given(st.text(string.digits + "_-.TFRNEP ", max_size=40))
def test_any_name_says_a_time_of_its_own_digits_or_none(stem: str) -> None:
    found = named(f"{stem}.mp4")
    if found.at is not None:
        digits = "".join(filter(str.isdigit, stem))
        assert f"{found.at:%y%m%d%H%M}" in digits


@given(st.sampled_from([name for _, name, _ in EXAMPLES]), st.data())
def test_a_name_with_one_character_changed_says_as_much_or_less(name: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(name) - 1))
    changed = name[:place] + data.draw(st.characters(codec="utf-8")) + name[place + 1 :]
    found = named(changed)
    assert found.camera in {None, *CAMERAS}
    assert found.kind in {None, *KINDS}
