"""`python -m bench.fleet`."""

from __future__ import annotations

from bench.fleet.command import main

main()
