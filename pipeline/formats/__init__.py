"""What a plate may say, country by country: data in YAML beside this file, used as a prior and never as a filter.

A recogniser's probabilities already contain what it saw in training; a format multiplies them by how much likelier a
text is for being a plate of some country than for being any text of that length. A text that fits nothing keeps its
reading and gets no country.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from pipeline.errors import UsageError
from pipeline.formats.confusions import CONFUSED_WITH
from pipeline.formats.country import CountryFormat, all_countries
from pipeline.formats.looks import NO_LOOKS, Looks, likelihood
from pipeline.formats.table import Entry, Table

#: Characters an unknown plate draws from: the catch-all's yardstick.
_POOL = 36
#: Rare scripts count for more than one character of the Latin pool.
_RARE_POOL = 400
#: Share of the prior that goes to texts of no known form, so that no reading is ever impossible.
_FORMLESS_SHARE = 0.15
#: A country is named where it holds at least this share of a text's probability: LL DDD LL alone is French, Italian
#: or Argentine and names none, until `--country` says which of them to expect.
_SURE_SHARE = 0.7
#: How much likelier a country becomes as a video's home. Of texts that name no country, 37% get their own by it, and
#: 1.4% of foreign ones get the video's; at 5 these are 11% and .5%, at 20 they are 53% and 2.4%.
_AT_HOME = 10.0
#: The catch-all weighs this much of itself once countries were asked for.
_CATCH_ALL_WHEN_ASKED = 0.1
#: A fix changes at most this many characters: beyond that it is another plate.
_MOST_EDITS = 3
#: Fixes of one text towards one shape; more than this means that the shape says little.
_MOST_FIXES = 24
#: Trust in the prior over all countries at once, and over those asked for. Over all, full trust bends plates of
#: unlisted forms towards listed ones (US dev crops 1.000 -> .988), while 0.75 costs none.
_TRUST_IN_ALL, _TRUST_IN_ASKED = 0.75, 1.0
#: Texts whose probabilities are kept.
_REMEMBERED = 4096


class Match(NamedTuple):
    """The country that a plate is of."""

    country: str
    #: Probability that it is, if the text is right: at least `_SURE_SHARE`.
    confidence: float


class Formats:
    """The prior over texts of the countries asked for."""

    def __init__(self, countries: Sequence[CountryFormat], asked: bool) -> None:
        total = sum(country.weight for country in countries)
        weighed: dict[int, list[Entry]] = defaultdict(list)
        for country in countries:
            for shape, share, region in country.forms:
                density = (1 - _FORMLESS_SHARE) * country.weight / total * share / shape.texts
                weighed[shape.length].append(Entry(country.code, region, shape, density))
        self._tables = {length: Table(length, entries) for length, entries in weighed.items()}
        self._looks = {country.code: country.looks for country in countries}
        #: Codes of the countries asked for, or of all.
        self.countries = tuple(country.code for country in countries if country.code)
        #: How far the prior may be followed, 0 to 1.
        self.trust = _TRUST_IN_ASKED if asked else _TRUST_IN_ALL
        self._asked = asked
        #: Several crops and runners-up of a plate ask for the same texts.
        self._densities = lru_cache(maxsize=_REMEMBERED)(self._looked_up)

    def gain(self, text: str) -> float:
        """Nats by which being a plate makes this text likelier than any text of its length; the prior of fusion."""
        return math.log(sum(self._densities(text).values()) / _any(text) + _FORMLESS_SHARE)

    def match(self, text: str, looks: Looks = NO_LOOKS, home: str | None = None) -> Match | None:
        """The country that a plate belongs to, or None where its text fits none, or several about equally well.

        Countries that were asked for compete with each other; otherwise with the forms of the rest of the world too.
        What the picture shows and the country that most vehicles are of decide between countries where the text has a
        form, and make no plate of one that has none.
        """
        if not self.has_form(text):
            looks, home = NO_LOOKS, None
        densities = self._densities(text)
        named = {code: density for code, density in densities.items() if code is not None}
        if not named:
            return None
        total = sum(named.values())
        formed = 1.0 if self._asked else total / self._everywhere(text)
        weighed = {code: density * self._weight(code, looks, home) for code, density in named.items()}
        likeliest = max(weighed, key=lambda code: (weighed[code], code))
        share = formed * weighed[likeliest] / sum(weighed.values())
        return Match(likeliest, share) if share >= _SURE_SHARE else None

    def _weight(self, code: str, looks: Looks, home: str | None) -> float:
        """How much likelier what is known beside the text makes a country."""
        return likelihood(looks, self._looks[code], self._looks[None]) * (_AT_HOME if code == home else 1.0)

    def has_form(self, text: str, country: str | None = None) -> bool:
        """Whether a text that was read as a plate of `country` is likely one, of it or of any country.

        All countries together hold nearly all that it may be.
        """
        if self._may_be_any_number(text):
            return False
        named = sum(density for code, density in self._densities(text).items() if code is not None)
        return country is not None or named >= _SURE_SHARE * self._everywhere(text)

    def against_a_sign(self, text: str) -> float:
        """Nats by which a text speaks for a plate and not for a sign, as far as the prior may be followed."""
        gain = self.gain(text)
        return self.trust * (min(gain, 0.0) if self._may_be_any_number(text) else gain)

    def _may_be_any_number(self, text: str) -> bool:
        """Whether a text is digits alone while no country is expected: dates, clocks and telephone numbers fit too."""
        return text.isdigit() and not self._asked

    def _everywhere(self, text: str) -> float:
        """Probability of a text among all texts of its length, plates of every country and none."""
        return sum(self._densities(text).values()) + _FORMLESS_SHARE * _any(text)

    def regions(self, text: str, country: str | None) -> dict[str, float]:
        """The states or provinces of a country that may have issued a text of its, likeliest first.

        Probabilities by name, given the country; they sum to at most 1, and the rest is the country's forms that tell
        no region. Empty where no country is given, or the text fits none of its forms that tell one. A guess from the
        form alone: most forms are issued by several.
        """
        if country is None or not (found := self._table(text).regions(text, country)):
            return {}
        total = self._densities(text)[country]
        likeliest = sorted(found.items(), key=lambda region: -region[1])
        return {region: density / total for region, density in likeliest}

    def region(self, text: str, country: str | None) -> tuple[str, float] | None:
        """The likeliest of these with its probability, where it is as likely as a country that is named, else None."""
        likeliest = next(iter(self.regions(text, country).items()), None)
        return likeliest if likeliest and likeliest[1] >= _SURE_SHARE else None

    def fixes(self, text: str) -> set[str]:
        """Texts that differ from this one in at most `_MOST_EDITS` confusable characters, and fit a format better."""
        found: set[str] = set()
        for allowed in self._table(text).near(text, _MOST_EDITS):
            places = [_stand_ins(char, chars) for char, chars in zip(text, allowed, strict=True)]
            if math.prod(map(len, places)) <= _MOST_FIXES:
                found.update(map("".join, itertools.product(*places)))
        floor = self.gain(text)
        return {fix for fix in found if self.gain(fix) > floor}

    def _table(self, text: str) -> Table:
        return self._tables.get(len(text)) or Table(len(text), [])

    def _looked_up(self, text: str) -> dict[str | None, float]:
        return self._table(text).densities(text)


def load_formats(countries: Sequence[str] | None = None) -> Formats:
    """The formats of the countries asked for (ISO 3166 codes), or of all known ones; made once for each choice.

    Raises UsageError for a code without a file.
    """
    return _formats(tuple(sorted(set(_checked(countries or ())))))


@lru_cache(maxsize=8)
def _formats(asked: tuple[str, ...]) -> Formats:
    known = {country.code: country for country in all_countries()}
    catch_all = known.pop(None)
    if not asked:
        return Formats([catch_all, *known.values()], asked=False)
    weight = _CATCH_ALL_WHEN_ASKED * sum(known[code].weight for code in asked)
    rest = replace(catch_all, weight=weight)
    return Formats([rest, *(known[code] for code in asked)], asked=True)


def _any(text: str) -> float:
    """Probability of a text among all texts of its length."""
    rare = sum(not char.isascii() for char in text)
    return float(_POOL) ** (rare - len(text)) * float(_RARE_POOL) ** -rare


def _stand_ins(char: str, allowed: Iterable[str]) -> list[str]:
    if char in allowed:
        return [char]
    return [other for other in CONFUSED_WITH.get(char, "") if other in allowed]


def known_countries() -> tuple[str, ...]:
    """ISO 3166 codes of all countries that have a format."""
    return tuple(country.code for country in all_countries() if country.code is not None)


def country_names() -> dict[str, str]:
    """The countries that have a format: their names by their codes, by name."""
    named = sorted(all_countries(), key=lambda country: country.name)
    return {country.code: country.name for country in named if country.code is not None}


def parse_countries(value: str | None) -> tuple[str, ...]:
    """`GB,fr` as codes; raises UsageError for a country without a format file."""
    return _checked(part.strip() for part in (value or "").split(",") if part.strip())


def _checked(codes: Iterable[str]) -> tuple[str, ...]:
    asked, known = tuple(code.upper() for code in codes), known_countries()
    unknown = [code for code in asked if code not in known]
    if unknown:
        raise UsageError(f"No plate format for {', '.join(unknown)}; known are {', '.join(sorted(known))}.")
    return asked
