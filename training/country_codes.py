"""Which country a label means: by its code, or by what European plates say on their bands."""

from __future__ import annotations

import re

#: The signs on bands that are not the country's code.
_SIGNS = {
    "A": "AT", "B": "BE", "D": "DE", "E": "ES", "EST": "EE", "F": "FR", "FIN": "FI", "FL": "LI", "GBJ": "JE",
    "GBM": "IM", "H": "HU", "I": "IT", "IRL": "IE", "L": "LU", "M": "MT", "MNE": "ME", "N": "NO", "P": "PT",
    "S": "SE", "SLO": "SI",
}  # fmt: skip


def country_of(label: str) -> str | None:
    """ISO 3166 code of what a label calls a country; None where it names none.

    >>> country_of("EU-NL"), country_of("SLO"), country_of("AE"), country_of("EU"), country_of("MIX")
    ('NL', 'SI', 'AE', None, None)
    """
    sign = label.removeprefix("EU-")
    if sign in _SIGNS:
        return _SIGNS[sign]
    return sign if re.fullmatch("[A-Z]{2}", sign) and sign != "EU" else None
