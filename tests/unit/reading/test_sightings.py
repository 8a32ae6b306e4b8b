"""Tracklets become sightings: one vehicle passing once is one row, and two vehicles stay two."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import sightings
from pipeline.formats import load_formats
from pipeline.records import FOREIGN, Box, Candidate, Character, MediaKind, Observation, Reading, ReadTracklet, Sighting
from pipeline.sightings import LOOK_ALIKE_COST, edit_cost, stitch

TEXTS = st.text("ABKLOS0158", max_size=8)


def seen(time_s: float, x: float = 400.0, width: float = 80.0) -> Observation:
    return Observation(round(time_s * 90_000), time_s, Box(x, 300.0, x + width, 300.0 + width / 4), 0.8)


def tracklet(
    text: str,
    first_s: float = 0.0,
    last_s: float | None = None,
    *,
    x: float = 400.0,
    sure: float = 0.9,
    reads: int = 3,
    country: str | None = "GB",
    others: dict[str, float] | None = None,
    segment: int = 0,
    index: int = 0,
) -> ReadTracklet:
    """A tracklet that says `text`, seen at `x` from `first_s` on, for a second if nothing is said."""
    last_s = first_s + 1.0 if last_s is None else last_s
    reading = Reading(
        text=text,
        confidence=sure,
        characters=tuple(Character(char, sure) for char in text),
        alternatives=tuple(Candidate(other, share) for other, share in (others or {}).items()),
        country=country,
        reads=reads,
        crops=max(reads, 1),
        best_crop=0,
    )
    middle = (first_s + last_s) / 2
    crop = f"{segment}-{index}.png"
    return ReadTracklet(segment, index, seen(first_s, x), seen(last_s, x), 8, seen(middle, x), crop, reading)


def texts(tracklets: list[ReadTracklet], kind: MediaKind = MediaKind.VIDEO) -> list[str]:
    return [sighting.text for sighting in stitch(tracklets, kind)]


def only(tracklets: list[ReadTracklet]) -> Sighting:
    (sighting,) = stitch(tracklets, MediaKind.VIDEO)
    return sighting


@given(TEXTS, TEXTS)
def test_the_cost_is_the_same_both_ways(a: str, b: str) -> None:
    assert edit_cost(a, b) == pytest.approx(edit_cost(b, a))


@given(TEXTS, TEXTS)
def test_only_equal_texts_cost_nothing(a: str, b: str) -> None:
    assert edit_cost(a, a) == 0.0
    assert (edit_cost(a, b) == 0.0) == (a == b)


@given(TEXTS, TEXTS)
def test_a_cost_is_never_above_one_a_letter(a: str, b: str) -> None:
    assert 0.0 <= edit_cost(a, b) <= max(len(a), len(b))


@pytest.mark.parametrize(
    ("a", "b", "cost"),
    [("LS15EBC", "LSI5EBC", LOOK_ALIKE_COST), ("LS15EBC", "LS15EXC", 1.0), ("AB12CDE", "AB12XYZ", 3.0)],
)
def test_look_alikes_cost_less_than_other_letters(a: str, b: str, cost: float) -> None:
    assert edit_cost(a, b) == pytest.approx(cost)


def test_a_letter_lost_at_an_end_costs_less_than_one_lost_inside() -> None:
    inside = edit_cost("LS15EBC", "LS1EBC")
    assert edit_cost("LS15EBC", "S15EBC") == pytest.approx(edit_cost("LS15EBC", "LS15EB"))
    assert edit_cost("LS15EBC", "S15EBC") < inside


def test_a_shared_prefix_earns_nothing() -> None:
    assert edit_cost("KA05MX1234", "KA05MX9871") > 3.0


def test_a_look_alike_is_the_same_vehicle_and_the_surer_text_wins() -> None:
    right = tracklet("LS15EBC", 0.0, sure=0.95, reads=4, others={"LSI5EBC": 0.04})
    wrong = tracklet("LSI5EBC", 1.5, sure=0.5, reads=2, country=None, others={"LS15EBC": 0.45}, index=1)
    sighting = only([right, wrong])
    assert sighting.text == "LS15EBC"
    assert sighting.country == "GB"
    assert sighting.reads == 6
    assert sighting.tracklets == ((0, 0), (0, 1))
    assert (sighting.first, sighting.last) == (right.first, wrong.last)
    assert (sighting.best, sighting.crop) == (right.best, right.crop)


def test_a_shared_regional_prefix_does_not_make_two_vehicles_one() -> None:
    pair = [tracklet("KA05MX1234", 0.0, country="IN"), tracklet("KA05MX9871", 0.5, country="IN", index=1)]
    assert sorted(texts(pair)) == ["KA05MX1234", "KA05MX9871"]


def test_a_vehicle_across_a_segment_cut_is_one_sighting() -> None:
    sighting = only([tracklet("LS15EBC", 2.0, 4.0), tracklet("LS15EBC", 4.0, 6.0, segment=1)])
    assert sighting.tracklets == ((0, 0), (1, 0))
    assert (sighting.first.time_s, sighting.last.time_s) == (2.0, 6.0)


def test_two_like_texts_in_two_places_at_one_time_are_two_vehicles() -> None:
    pair = [tracklet("LS15EBC", x=100.0), tracklet("LS15EBG", x=900.0, index=1)]
    assert sorted(texts(pair)) == ["LS15EBC", "LS15EBG"]


def test_the_same_plate_much_later_is_another_passing() -> None:
    assert texts([tracklet("LS15EBC", 0.0), tracklet("LS15EBC", 60.0, index=1)]) == ["LS15EBC", "LS15EBC"]


def test_like_texts_far_apart_in_time_are_two_vehicles() -> None:
    assert texts([tracklet("LS15EBC", 0.0), tracklet("LS15EBG", 10.0, index=1)]) == ["LS15EBC", "LS15EBG"]


def test_a_lone_look_at_a_plate_that_has_not_moved_is_no_other_vehicle() -> None:
    waiting = [tracklet("LS15EBC", 0.0, reads=3), tracklet("LS15EBH", 9.0, reads=1, sure=0.95, index=1)]
    assert texts(waiting) == ["LS15EBC"]
    elsewhere = [waiting[0], tracklet("LS15EBH", 9.0, reads=1, sure=0.95, x=900.0, index=1)]
    assert texts(elsewhere) == ["LS15EBC", "LS15EBH"]


def test_a_part_of_a_plate_joins_the_whole() -> None:
    half_hidden = tracklet("S15EB", 0.0, sure=0.6, reads=1, country=None)
    assert only([half_hidden, tracklet("LS15EBC", 1.2, index=1)]).text == "LS15EBC"


def test_a_single_read_is_marked_and_has_to_be_sure() -> None:
    sighting = only([tracklet("LS15EBC", reads=1, sure=0.9)])
    assert not sighting.confirmed
    assert only([tracklet("LS15EBC", reads=2)]).confirmed
    assert texts([tracklet("LS15EBC", reads=1, sure=0.5)]) == []
    assert texts([tracklet("XX1QQ2Z", reads=1, sure=0.9, country=None)]) == []
    assert texts([tracklet("XX1QQ2Z", reads=1, sure=0.97, country=None)]) == ["XX1QQ2Z"]


def test_texts_of_no_country_are_kept_where_they_are_sure_and_short_ones_where_they_are_surer() -> None:
    assert texts([tracklet("XX1QQ2Z", country=None, reads=5, sure=0.8)]) == ["XX1QQ2Z"]
    assert texts([tracklet("XX1QQ2Z", country=None, reads=5, sure=0.6)]) == []
    assert texts([tracklet("AM66", country=None, reads=5, sure=0.8)]) == []
    assert texts([tracklet("AM66", country=None, reads=5, sure=0.97)]) == ["AM66"]


def test_dates_and_telephone_numbers_must_be_as_sure_as_any_text() -> None:
    assert texts([tracklet("20231105", country="IL", reads=5, sure=0.6)]) == []
    assert texts([tracklet("20231105", country="IL", reads=1, sure=0.9)]) == []
    expected = stitch([tracklet("20231105", country="IL", reads=1, sure=0.9)], MediaKind.VIDEO, load_formats(["IL"]))
    assert [sighting.text for sighting in expected] == ["20231105"]


def with_letter(place: int, sure: float, index: int) -> ReadTracklet:
    """A tracklet that says 293306 with a letter of another script before that place."""
    plain = tracklet("293306", float(index), sure=sure, country=None, index=index)
    characters = list(plain.reading.characters)
    characters.insert(place, Character(FOREIGN, 0.9))
    return replace(plain, reading=replace(plain.reading, characters=tuple(characters)))


def test_letters_of_other_scripts_are_where_most_tracklets_have_them() -> None:
    odd = tracklet("293306", sure=0.97, country=None)
    sighting = only([odd, with_letter(2, 0.95, 1), with_letter(2, 0.9, 2)])
    assert (sighting.text, sighting.shown) == ("293306", "29·3306")
    assert [one.confidence for one in sighting.characters] == [0.97, 0.97, 0.9, 0.97, 0.97, 0.97, 0.97]


def test_a_form_of_several_countries_is_a_plates_form() -> None:
    assert texts([tracklet("AB123CD", country=None, reads=1, sure=0.8)]) == ["AB123CD"]
    assert texts([tracklet("AB123CD", country=None, reads=5, sure=0.6)]) == ["AB123CD"]
    single = tracklet("AB123CD", country=None, reads=1, sure=0.8)
    assert stitch([single], MediaKind.VIDEO, load_formats(["DE"])) == (), "none of the countries asked for has it"


def test_a_photograph_needs_no_second_look() -> None:
    assert texts([tracklet("LS15EBC", reads=1, sure=0.5)], MediaKind.PHOTO) == ["LS15EBC"]


@given(st.floats(0.4, 0.999), st.lists(st.floats(0.0, 1.0), max_size=5))
def test_a_lone_tracklet_keeps_its_own_confidences(sure: float, parts: list[float]) -> None:
    # No runner-up is surer than the text: else it would be the text.
    most = min(0.99 * sure, (1.0 - sure) * 0.9 / max(len(parts), 1))
    others = {f"LS15EB{i}": most * part for i, part in enumerate(parts)}
    sighting = only([tracklet("LS15EBC", sure=sure, others=others)])
    assert sighting.confidence == pytest.approx(sure, abs=1e-3)
    for runner_up in sighting.alternatives:
        assert runner_up.confidence == pytest.approx(others[runner_up.text], abs=1e-3)


def test_agreement_makes_surer_and_contradiction_less_sure() -> None:
    alone = only([tracklet("LS15EBC", sure=0.8)]).confidence
    agreeing = only([tracklet("LS15EBC", sure=0.8), tracklet("LS15EBC", 1.5, sure=0.8, index=1)])
    torn = stitch([tracklet("LS15EBC", sure=0.8), tracklet("LS15EBG", 1.5, sure=0.7, index=1)], None)
    assert agreeing.confidence > alone
    assert all(sighting.confidence < alone for sighting in torn)


def test_one_wrong_tracklet_cannot_veto_three_right_ones() -> None:
    right = [tracklet("LS15EBC", 1.2 * i, index=i) for i in range(3)]
    sighting = only([*right, tracklet("LS15EBG", 3.8, sure=0.99, index=3)])
    assert sighting.text == "LS15EBC"
    assert sighting.confidence > 0.5


def test_the_order_of_the_tracklets_does_not_matter() -> None:
    given_ = [
        tracklet("LS15EBC", 0.0), tracklet("LSI5EBC", 1.2, sure=0.6, index=1), tracklet("AB12CDE", 0.3, x=900, index=2),
        tracklet("AB12CDE", 5.0, segment=1), tracklet("R298OTY", 6.0, segment=1, index=1),
    ]  # fmt: skip
    wanted = stitch(given_, MediaKind.VIDEO)
    assert [sighting.index for sighting in wanted] == list(range(len(wanted)))
    for seed in range(5):
        shuffled = random.Random(seed).sample(given_, len(given_))
        assert stitch(shuffled, MediaKind.VIDEO) == wanted


def drive(*countries: str | None, text: str = "AB123{:02}") -> list[ReadTracklet]:
    """A vehicle every minute, each with a text of its own and the country that its reading names."""
    return [tracklet(text.format(i), 60.0 * i, sure=0.97, country=c, index=i) for i, c in enumerate(countries)]


def test_what_fits_several_countries_is_of_the_country_that_most_of_a_video_are_of() -> None:
    unnamed = tracklet("AB123CD", 900.0, sure=0.97, country=None, index=90)
    foreign = tracklet("皖A12345", 960.0, sure=0.97, country="CN", index=91)
    no_plate = tracklet("XX1QQ2Z", 1020.0, sure=0.97, country=None, index=92)
    everything = [*drive("IT", "IT", "IT", "IT"), unnamed, foreign, no_plate]
    found = stitch(everything, MediaKind.VIDEO)
    assert {s.text: s.country for s in found[4:]} == {"AB123CD": "IT", "皖A12345": "CN", "XX1QQ2Z": None}
    for seed in range(5):
        assert stitch(random.Random(seed).sample(everything, len(everything)), MediaKind.VIDEO) == found
    bare = [replace(s, country=None, country_confidence=None) for s in found]
    untold = [replace(t, reading=replace(t.reading, country=None)) for t in everything]
    told = stitch(untold, MediaKind.VIDEO)
    assert [replace(s, country=None, country_confidence=None) for s in told] == bare, "no row more or less"


@pytest.mark.parametrize(
    "countries",
    [("IT", "IT"), ("IT", "IT", "FR", "FR"), (None, None, None), ("BR", "BR", "BR"), ("IT",) * 3 + ("FR",) * 2],
)
def test_few_plates_mixed_ones_and_a_country_without_that_form_make_no_home(countries: tuple[str | None, ...]) -> None:
    unnamed = tracklet("AB123CD", 900.0, sure=0.97, country=None, index=90)
    assert stitch([*drive(*countries), unnamed], MediaKind.VIDEO)[-1].country is None


def test_one_car_that_passes_often_and_unsure_plates_make_no_home() -> None:
    unnamed = tracklet("AB123CD", 900.0, sure=0.97, country=None, index=90)
    often = drive("IT", "IT", "IT", "IT", text="AB12300")
    unsure = [tracklet(f"AB123{i:02}", 60.0 * i, sure=0.8, country="IT", index=i) for i in range(4)]
    assert stitch([*often, unnamed], MediaKind.VIDEO)[-1].country is None
    assert stitch([*unsure, unnamed], MediaKind.VIDEO)[-1].country is None


def test_every_character_has_its_confidence() -> None:
    sure = tracklet("LS15EBC", sure=0.9)
    shaky = replace(sure, reading=replace(sure.reading, characters=tuple(Character(c, 0.4) for c in "LS15EBC")))
    assert only([shaky]).shown == "???????"
    both = only([sure, replace(shaky, index=1)])
    assert both.shown == "LS15EBC"
    assert [c.char for c in both.characters] == list("LS15EBC")


def test_a_long_drive_takes_no_longer_for_each_of_its_plates(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is long past is not looked at again; what lasts is, however long ago it began."""
    looked = 0

    def counted(a: ReadTracklet, b: ReadTracklet) -> float | None:
        nonlocal looked
        looked += 1
        return really(a, b)

    really = sightings._kinship
    monkeypatch.setattr(sightings, "_kinship", counted)
    drive = [tracklet(f"LS{i:03d}EBC", 60.0 * i, segment=6 * i) for i in range(300)]
    parked = tracklet("R298OTY", 1.0, 60.0 * 300, x=900, index=1)
    again = tracklet("R298OTY", 60.0 * 300 + 10.0, x=900, segment=1800)
    found = stitch([*drive, parked, again], MediaKind.VIDEO)
    assert len(found) == 301
    assert looked < 3 * len(drive)


def test_nothing_gives_nothing() -> None:
    assert stitch([], MediaKind.VIDEO) == ()


@pytest.mark.parametrize("kind", MediaKind)
def test_two_cars_in_one_picture_stay_two_however_alike(kind: MediaKind) -> None:
    """In a photograph, and where a video shows both on one frame only, both are seen at one moment."""
    one = tracklet("AB12CDE", 5.0, 5.0, x=100.0, sure=0.99)
    other = tracklet("AB12CDF", 5.0, 5.0, x=900.0, sure=0.99, index=1, others={"AB12CDE": 0.005})
    assert texts([one, other], kind) == ["AB12CDE", "AB12CDF"]


def test_a_plate_that_one_track_hands_over_to_the_next_stays_one() -> None:
    first = tracklet("AB12CDE", 5.0, 6.0)
    second = tracklet("AB12C0E", 6.0, 7.0, x=410.0, index=1, others={"AB12CDE": 0.2})
    assert texts([first, second]) == ["AB12CDE"]


def test_stitching_a_parked_car_asks_no_more_for_each_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    def counted(*pair: ReadTracklet) -> float | None:
        nonlocal asked
        asked += 1
        return kinship(*pair)

    def parked(hours: int) -> int:
        nonlocal asked
        asked = 0
        looks = [tracklet("AB12CDE", 10.0 * i, 10.0 * i + 9.9, segment=i) for i in range(360 * hours)]
        assert texts(looks) == ["AB12CDE"]
        return asked

    kinship = sightings._kinship
    monkeypatch.setattr(sightings, "_kinship", counted)
    one = parked(1)
    assert one < 360 * 4
    assert parked(4) - one == pytest.approx(3 * one, rel=0.05)
