"""Evidence packages: what is known of some sightings in one ZIP, with a signed list of its files and pages to print.

`case` says what belongs into one and spells it as JSON, `page` as PDF; `models_used` names what read it; `package`
writes the ZIP, `signing` signs it, `verify` checks one.
"""
