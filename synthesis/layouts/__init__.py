"""Plates of no country in any layout, drawn flat, to learn to read layouts instead of countries from.

`numbers` says what is written and where in its row each piece stands, `plan` divides the plate up, `setting` sets the
number in a typeface, `colours`, `furniture`, `printing` and `wear` make a plate of it, `plates` puts these together,
and `mounting` hangs it on a vehicle.
Imports `synthesis.lettering`, `synthesis.patches`, and of the pipeline its alphabet and records.
"""
