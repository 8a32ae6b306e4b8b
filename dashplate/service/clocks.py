"""How a caller writes moments and time zones, as patterns that OpenAPI can tell: what fits one can be meant."""

from __future__ import annotations

from pipeline.camera.clock.zones import names

_LONG, _SHORT = "(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])", "(0[469]|11)-(0[1-9]|[12][0-9]|30)"
_DATE = (
    rf"(20[0-9][0-9]-({_LONG}|{_SHORT}|02-(0[1-9]|1[0-9]|2[0-8]))"
    r"|20([02468][048]|[13579][26])-02-29)"
)
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?"
_OFFSET = r"[+-]((0[0-9]|1[0-3]):[0-5][0-9]|14:00)"
_NAMES = "|".join(name.replace("+", "[+]") for name in names())

#: ISO 8601, with the offset from UTC where it is known.
MOMENT = rf"^{_DATE}T{_TIME}(Z|{_OFFSET})?$"
#: An offset from UTC, or a name of the tz database.
ZONE = rf"^({_OFFSET}|{_NAMES})$"
