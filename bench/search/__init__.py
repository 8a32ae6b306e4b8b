"""What search costs at a million sightings: `python -m bench.search`.

`fleet` loads a fleet's sightings into a database of its own, `questions` are what is asked of it, `plans` tells which
indexes answer, `command` measures and prints.
"""
